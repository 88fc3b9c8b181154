-- orchestrator.require_deployment(id) -> void
-- Refuses a deployment that is not there, or not to be seen by this session: for doors that run as the owner, whom no policy binds.
CREATE OR REPLACE FUNCTION orchestrator.require_deployment(p_deployment_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
BEGIN
    IF NOT EXISTS (SELECT FROM orchestrator.deployments d
                    WHERE d.id = p_deployment_id AND (v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))) THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_deployment_id), 'id',
            'SELECT id, name FROM deployments lists those you may see.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.require_deployment IS 'Refuses a deployment that this session does not see.';
