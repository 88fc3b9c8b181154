-- orchestrator.cancel_restart(id) -> void
-- Takes back a restart that is planned. One that was carried out cannot be.
CREATE OR REPLACE FUNCTION orchestrator.cancel_restart(p_deployment_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.require_deployment(p_deployment_id);
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = p_deployment_id FOR NO KEY UPDATE;
    IF orchestrator.end_planned_restart(p_deployment_id, 'cancelled', 'taken back') IS NULL THEN
        PERFORM orchestrator.refuse('SO404', 'no restart is planned', 'id', 'SELECT * FROM planned_restarts tells what was, and what became of it.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.cancel_restart IS 'Takes back a planned restart.';
GRANT EXECUTE ON FUNCTION orchestrator.cancel_restart TO orchestrator_operator;
