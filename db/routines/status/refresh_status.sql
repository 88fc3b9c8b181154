-- orchestrator.refresh_status(ids, applied) -> void
-- Writes the status where it changed, with an event for each change of summary. The caller holds these deployments locked.
-- `applied`: the generation that has just been applied whole; written along, since each UPDATE of a deployment has its price.
DROP FUNCTION IF EXISTS orchestrator.refresh_status(uuid[]);
CREATE OR REPLACE FUNCTION orchestrator.refresh_status(p_ids uuid[], p_applied bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(p_ids, '{}') = '{}' THEN
        RETURN;
    END IF;
    WITH changed AS (
        SELECT d.id, d.generation, d.status_summary AS was, a.summary, a.message, a.restart_required,
               greatest(d.last_applied_generation, p_applied) AS applied
          FROM orchestrator.assess_deployments(p_ids, p_applied) a JOIN orchestrator.deployments d ON d.id = a.id
         WHERE (d.status_summary, d.status_message, d.restart_required) IS DISTINCT FROM (a.summary, a.message, a.restart_required)
            OR d.last_applied_generation < p_applied
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT c.id, c.generation, 'system', 'StatusChanged', jsonb_build_object('from', c.was, 'to', c.summary, 'message', c.message), 'orchestrator'
          FROM changed c WHERE c.was <> c.summary
    )
    UPDATE orchestrator.deployments d SET status_summary = c.summary, status_message = c.message, restart_required = c.restart_required,
           last_applied_generation = c.applied
      FROM changed c WHERE d.id = c.id;
END
$$;
COMMENT ON FUNCTION orchestrator.refresh_status IS 'Writes the status of deployments where it changed.';
