-- orchestrator.restart(id) -> bigint generation
-- Asks for a restart of everything that runs: a wish like any other, which UPDATE deployments SET restarted_at = now() makes too.
CREATE OR REPLACE FUNCTION orchestrator.restart(p_deployment_id uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_generation bigint;
BEGIN
    UPDATE orchestrator.deployments d SET restarted_at = clock_timestamp() WHERE d.id = p_deployment_id RETURNING d.generation INTO v_generation;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_deployment_id), 'id', 'SELECT id, name FROM deployments lists them.');
    END IF;
    RETURN v_generation;
END
$$;
COMMENT ON FUNCTION orchestrator.restart IS 'Restarts what a deployment runs; answers the generation that does.';
GRANT EXECUTE ON FUNCTION orchestrator.restart TO orchestrator_operator;
