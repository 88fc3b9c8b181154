-- orchestrator.check_policy(spec) -> void
-- Refuses manifests that Pod Security "restricted" would, before the API server can only reject their pods.
-- Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
CREATE OR REPLACE FUNCTION orchestrator.check_policy(p_spec jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_volumes CONSTANT text[] := ARRAY['name', 'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
    v_number integer;
    v_manifest jsonb;
    v_pod jsonb;
    v_container jsonb;
    v_at text;
    v_where text;
    v_key text;
BEGIN
    FOR v_manifest, v_number IN SELECT e, o - 1 FROM jsonb_array_elements(p_spec) WITH ORDINALITY t (e, o) LOOP
        v_at := format('%s.spec', v_number);
        IF v_manifest ->> 'kind' = 'Service' AND v_manifest -> 'spec' ? 'externalIPs' THEN
            PERFORM orchestrator.forbid(v_at || '.externalIPs', 'externalIPs can take over the traffic of others');
        END IF;
        IF v_manifest ->> 'kind' = 'CronJob' THEN
            v_manifest := jsonb_build_object('spec', v_manifest #> '{spec,jobTemplate,spec}');
            v_at := v_at || '.jobTemplate.spec';
        END IF;
        v_pod := v_manifest #> '{spec,template,spec}';
        CONTINUE WHEN v_pod IS NULL;
        v_at := v_at || '.template.spec';
        FOREACH v_key IN ARRAY ARRAY['hostNetwork', 'hostPID', 'hostIPC'] LOOP
            IF v_pod -> v_key = 'true' THEN
                PERFORM orchestrator.forbid(v_at || '.' || v_key, v_key || ' shares the node with the pod');
            END IF;
        END LOOP;
        FOREACH v_key IN ARRAY ARRAY['serviceAccountName', 'serviceAccount'] LOOP
            IF coalesce(nullif(v_pod ->> v_key, ''), 'default') <> 'default' THEN
                PERFORM orchestrator.forbid(v_at || '.' || v_key, 'another service account lends its permissions');
            END IF;
        END LOOP;
        SELECT k INTO v_key FROM jsonb_array_elements(coalesce(v_pod -> 'volumes', '[]')) v, jsonb_object_keys(v) k WHERE k <> ALL (c_volumes) LIMIT 1;
        IF v_key IS NOT NULL THEN
            PERFORM orchestrator.forbid(v_at || '.volumes', format('volumes of type %s reach the node', v_key));
        END IF;
        PERFORM orchestrator.check_confinement(coalesce(v_pod -> 'securityContext', '{}'), v_at || '.securityContext');
        IF v_pod -> 'securityContext' ? 'sysctls' THEN
            PERFORM orchestrator.forbid(v_at || '.securityContext.sysctls', 'sysctls change the node');
        END IF;
        FOR v_container, v_where IN
            SELECT c, format('%s.%s[name=%s]', v_at, l, c ->> 'name')
            FROM unnest(ARRAY['initContainers', 'containers', 'ephemeralContainers']) l, jsonb_array_elements(coalesce(v_pod -> l, '[]')) c
        LOOP
            PERFORM orchestrator.check_container(v_container, coalesce(v_pod -> 'securityContext', '{}'), v_where);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.check_policy IS 'Refuses manifests outside Pod Security "restricted".';
