-- orchestrator.check_manifest(manifest, number, properties) -> void
-- Refuses a manifest of a template that we could not apply, own or clean up.
CREATE OR REPLACE FUNCTION orchestrator.check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_at text := format('base_spec_json.%s', p_number);
    v_kind text := p_manifest ->> 'kind';
    v_api text := CASE
        WHEN v_kind IN ('StatefulSet', 'Deployment') THEN 'apps/v1'
        WHEN v_kind IN ('Ingress', 'NetworkPolicy') THEN 'networking.k8s.io/v1'
        WHEN v_kind = 'CronJob' THEN 'batch/v1'
        WHEN v_kind = 'PodDisruptionBudget' THEN 'policy/v1'
        WHEN v_kind = 'HorizontalPodAutoscaler' THEN 'autoscaling/v2'
        ELSE 'v1' END;
    v_selector text := CASE v_kind WHEN 'NetworkPolicy' THEN 'podSelector' WHEN 'PodDisruptionBudget' THEN 'selector' END;
BEGIN
    IF v_kind IS NULL OR v_kind <> ALL (orchestrator.allowed_kinds()) OR p_manifest ->> 'apiVersion' IS DISTINCT FROM v_api THEN
        PERFORM orchestrator.refuse('SO422', format('a template may not hold %s %s', p_manifest ->> 'apiVersion', coalesce(v_kind, 'without kind')),
            v_at || '.kind', 'Allowed: ' || array_to_string(orchestrator.allowed_kinds(), ', ') || ', in their stable API version.');
    END IF;
    IF strpos(coalesce(p_manifest -> 'metadata' ->> 'name', ''), '${name}') <> 1 THEN
        PERFORM orchestrator.refuse('SO422', format('the name of %s does not begin with ${name}', v_kind), v_at || '.metadata.name',
            'Begin it with ${name}, so that two deployments never claim one object.');
    END IF;
    IF p_manifest -> 'metadata' ? 'namespace' THEN
        PERFORM orchestrator.refuse('SO422', 'a manifest may not choose its namespace', v_at || '.metadata.namespace',
            'Leave it out: objects go to the namespace of their deployment.');
    END IF;
    IF v_kind = 'ConfigMap' AND p_manifest -> 'metadata' ->> 'name' = '${name}-root' THEN
        PERFORM orchestrator.refuse('SO422', '${name}-root is the ConfigMap that owns the others', v_at || '.metadata.name', 'Choose another name.');
    END IF;
    IF p_manifest ? '$when' AND p_properties -> (p_manifest ->> '$when') ->> 'type' IS DISTINCT FROM 'boolean' THEN
        PERFORM orchestrator.refuse('SO422', format('$when names no boolean parameter: %s', p_manifest -> '$when'), v_at || '.$when',
            'Name a parameter of type boolean.');
    END IF;
    IF v_kind = 'Secret' AND (p_manifest ? 'data' OR EXISTS (
        SELECT FROM jsonb_each(coalesce(p_manifest -> 'stringData', '{}')) WHERE NOT (jsonb_typeof(value) = 'object' AND value ? '$generate'))) THEN
        PERFORM orchestrator.refuse('SO422', 'a template may not hold a secret value', v_at || '.stringData',
            'Write {"$generate": "password"}: it is made at the cluster and stored nowhere else.');
    END IF;
    IF v_selector IS NOT NULL AND coalesce(p_manifest #> ARRAY['spec', v_selector, 'matchLabels'], '{}') = '{}'
       AND coalesce(p_manifest #> ARRAY['spec', v_selector, 'matchExpressions'], '[]') = '[]' THEN
        PERFORM orchestrator.refuse('SO422', format('the %s of a %s is empty and would hold for all pods of the namespace', v_selector, v_kind),
            format('%s.spec.%s', v_at, v_selector), 'Select the labels of this template''s own pods.');
    END IF;
    IF v_kind = 'HorizontalPodAutoscaler' AND strpos(coalesce(p_manifest #>> '{spec,scaleTargetRef,name}', ''), '${name}') <> 1 THEN
        PERFORM orchestrator.refuse('SO422', 'an autoscaler may scale its own deployment only', v_at || '.spec.scaleTargetRef.name',
            'Name a workload of this template; its name begins with ${name}.');
    END IF;
    IF v_kind = 'StatefulSet' AND p_manifest -> 'spec' ? 'volumeClaimTemplates' THEN
        PERFORM orchestrator.refuse('SO422', 'volumeClaimTemplates are not supported', v_at || '.spec.volumeClaimTemplates',
            'Add a PersistentVolumeClaim of its own: what happens to data is then decided here.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_manifest IS 'Refuses a template manifest that could not be applied and owned.';
