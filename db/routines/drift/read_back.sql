-- orchestrator.read_back(deployment_id, kind, object, path) -> (adopts, refusal, hint)
-- What adopting one drifted path would set: {"memory": {"from": "2Gi", "to": "4Gi"}}; or why it cannot be adopted.
-- path: one of deployment_resources.drift, empty for the object itself. The value is read back into parameters, which then
-- pass every check that a change of them would, and rendered again: only what gives the very value that stands there is adopted.
-- Acts as the owner to read the compiled template, and so takes no row or value that its caller could make up. Our own processes are
-- no people (adopt_automatically), and get here through their doors only.
CREATE OR REPLACE FUNCTION orchestrator.read_back(
    p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_ours CONSTANT text := '^metadata\.(ownerReferences|labels(\[app\.kubernetes\.io/managed-by\])?$)|\[server-orchestrator\.io/';
    v_deployment orchestrator.deployments;
    v_change jsonb;
    v_live jsonb;
    v_spec jsonb;
    v_manifest jsonb;
    v_number bigint;
    v_path text[];
    v_program orchestrator.template_programs;
    v_parameters jsonb;
    v_rendered jsonb;
BEGIN
    IF orchestrator.acting_role() IS NOT NULL THEN
        PERFORM orchestrator.require_deployment(p_deployment_id);
    END IF;
    SELECT * INTO v_deployment FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
    v_spec := v_deployment.desired_spec_json;
    v_change := (SELECT c FROM orchestrator.deployment_resources r, jsonb_array_elements(r.drift) c
                  WHERE r.cluster_id = v_deployment.cluster_id AND r.kind = p_kind AND r.namespace = v_deployment.namespace AND r.name = p_object
                    AND r.deployment_id = p_deployment_id AND c ->> 'path' = p_path LIMIT 1);
    v_live := v_change -> 'live';
    hint := 'Put it back, change the template, or have a rule ignore it.';
    refusal := CASE
        WHEN v_deployment.desired_state = 'Deleted' THEN 'the server is deleted'
        WHEN v_change IS NULL THEN 'the object itself is gone, or another has taken its name'
        WHEN p_path = 'metadata.managedFields' THEN 'the record of who owns its fields was erased, and no value differs'
        WHEN p_kind = 'Secret' AND p_path ~ '^(data|stringData)\M' THEN 'it is a secret, and those are never read'
        WHEN p_path ~ c_ours THEN 'server-orchestrator sets it for itself'
        WHEN v_change -> 'absent' = 'true' OR coalesce(v_live, 'null') = 'null' THEN 'it was removed, and no value of a parameter leaves it out'
        WHEN v_change -> 'cut' = 'true' THEN 'the value is too long, or of no text, to be kept whole'
        WHEN v_deployment.desired_state = 'Stopped' AND p_path = 'spec.replicas' AND p_kind IN ('Deployment', 'StatefulSet')
            THEN 'the server is stopped, so it has no replicas whatever its parameters say' END;
    IF refusal IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT m, o - 1 INTO v_manifest, v_number FROM jsonb_array_elements(v_spec) WITH ORDINALITY t (m, o)
     WHERE m ->> 'kind' = p_kind AND m #>> '{metadata,name}' = p_object;
    v_path := orchestrator.locate(v_manifest, p_path);
    IF v_path IS NULL THEN
        refusal := 'no parameter fills this place';
        RETURN;
    ELSIF v_manifest #> v_path = v_live THEN
        refusal := 'it has the wanted value already';
        RETURN;
    END IF;
    v_program := orchestrator.find_program(v_deployment.template_id, v_deployment.template_version);
    v_parameters := orchestrator.invert_spec(v_program, v_manifest #> v_path, v_live, v_deployment.parameters,
        v_deployment.name, v_deployment.namespace, v_deployment.id, v_number::text || v_path);
    PERFORM orchestrator.check_parameters(v_program.properties, v_program.required, v_parameters, v_deployment.parameters);
    v_rendered := orchestrator.render_program(v_program, v_parameters, v_deployment.name, v_deployment.namespace, v_deployment.id);
    IF v_program.guarded THEN
        PERFORM orchestrator.check_policy(v_rendered);
    END IF;
    PERFORM orchestrator.check_storage(v_spec, v_rendered);
    IF orchestrator.manifest_of(orchestrator.wanted_manifests(v_rendered, v_deployment.desired_state, v_deployment.restarted_at), p_kind, p_object)
       #> v_path IS DISTINCT FROM v_live THEN
        refusal := 'what is read back from it would be written otherwise';
        RETURN;
    END IF;
    hint := NULL;
    adopts := (SELECT jsonb_object_agg(key, jsonb_build_object('from', coalesce(v_deployment.parameters -> key, v_program.defaults -> key), 'to', value))
                 FROM jsonb_each(v_parameters) WHERE value IS DISTINCT FROM v_deployment.parameters -> key);
EXCEPTION WHEN SQLSTATE 'SO422' OR SQLSTATE 'SO409' THEN
    GET STACKED DIAGNOSTICS refusal = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END
$$;
COMMENT ON FUNCTION orchestrator.read_back(uuid, text, text, text) IS 'What adopting one drifted path would set, or why it cannot be adopted.';
GRANT EXECUTE ON FUNCTION orchestrator.read_back(uuid, text, text, text) TO orchestrator_viewer;
