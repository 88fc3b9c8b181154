-- orchestrator.is_wanted(deployment, kind, name) -> boolean
-- Whether an object belongs to what a deployment asks for now: its root, or one of its manifests.
CREATE OR REPLACE FUNCTION orchestrator.is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p_deployment.desired_state <> 'Deleted'
       AND ((p_kind = 'ConfigMap' AND p_name = p_deployment.name || '-root')
            OR p_deployment.desired_spec_json @> jsonb_build_array(jsonb_build_object('kind', p_kind, 'metadata', jsonb_build_object('name', p_name))))
$$;
COMMENT ON FUNCTION orchestrator.is_wanted IS 'Whether a deployment asks for an object.';
