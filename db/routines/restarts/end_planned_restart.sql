-- orchestrator.end_planned_restart(deployment_id, state, why) -> bigint id
-- Ends the live plan of a deployment, with an event unless the restart itself tells it; answers NULL where there is none.
CREATE OR REPLACE FUNCTION orchestrator.end_planned_restart(p_deployment_id uuid, p_state text, p_why text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_plan orchestrator.planned_restarts;
BEGIN
    UPDATE orchestrator.planned_restarts p SET state = p_state, why = p_why, due = NULL, ended_at = now()
     WHERE p.deployment_id = p_deployment_id AND p.state = 'planned' RETURNING * INTO v_plan;
    IF v_plan.id IS NOT NULL AND (p_state, p_why) <> ('done', '') THEN
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, CASE p_state WHEN 'cancelled' THEN 'user' ELSE 'system' END,
               CASE p_state WHEN 'done' THEN 'RestartNotNeeded' WHEN 'missed' THEN 'RestartMissed' ELSE 'RestartCancelled' END,
               orchestrator.describe_plan(v_plan) || jsonb_build_object('why', p_why),
               CASE p_state WHEN 'cancelled' THEN orchestrator.current_actor() ELSE 'orchestrator' END
          FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
    END IF;
    RETURN v_plan.id;
END
$$;
COMMENT ON FUNCTION orchestrator.end_planned_restart IS 'Ends the live plan to restart a deployment.';
