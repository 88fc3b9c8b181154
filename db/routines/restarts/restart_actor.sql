-- orchestrator.restart_actor() -> text, NULL for nobody
-- In whose name a planned restart is carried out in this moment: whoever planned it. The setting is believed only where this very
-- transaction has ended the plan that it names.
CREATE OR REPLACE FUNCTION orchestrator.restart_actor() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.asked_by || CASE WHEN p.in_window IS NOT NULL THEN ' in the window ' || p.in_window WHEN p.when_empty THEN ' when empty' ELSE ' at its time' END
      FROM orchestrator.planned_restarts p
     WHERE p.id = nullif(current_setting('orchestrator.planned_restart', true), '')::bigint AND p.state = 'done' AND p.ended_at = now()
$$;
COMMENT ON FUNCTION orchestrator.restart_actor IS 'In whose name a planned restart is carried out now.';
