-- orchestrator.applied_fields(deployment_id, kind, namespace, name) -> jsonb
-- The fieldset of our last apply to one object. Asked for only where an object was found changed, so claims stay small.
CREATE OR REPLACE FUNCTION orchestrator.applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.applied_fields FROM orchestrator.deployment_resources r
     WHERE r.deployment_id = p_deployment_id AND r.kind = p_kind AND r.namespace = p_namespace AND r.name = p_name
$$;
COMMENT ON FUNCTION orchestrator.applied_fields IS 'The fields we last applied to an object.';
GRANT EXECUTE ON FUNCTION orchestrator.applied_fields TO orchestrator_worker;
