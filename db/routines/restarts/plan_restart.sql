-- orchestrator.plan_restart(id, in_window, when_empty, at, only_if_required) -> planned_restarts
-- Plans a restart: in a window, when nobody plays, or at a time; when_empty with one of the others is "when empty, at the latest then".
-- It takes the place of one that was planned before. restart(id) restarts now.
CREATE OR REPLACE FUNCTION orchestrator.plan_restart(
    id uuid, in_window text DEFAULT NULL, when_empty boolean DEFAULT false, at timestamptz DEFAULT NULL, only_if_required boolean DEFAULT true
) RETURNS orchestrator.planned_restarts
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_deployment record;
    v_window orchestrator.maintenance_windows;
    v_plan orchestrator.planned_restarts;
BEGIN
    PERFORM orchestrator.require_deployment(plan_restart.id);
    IF plan_restart.in_window IS NULL AND plan_restart.at IS NULL AND plan_restart.when_empty IS NOT TRUE THEN
        PERFORM orchestrator.refuse('SO422', 'a plan needs something to wait for', 'in_window',
            'Name a window (in_window), say when_empty, or give a time (at). restart(id) restarts now.');
    ELSIF plan_restart.in_window IS NOT NULL AND plan_restart.at IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO422', 'a restart waits for a window or for a time, not for both', 'at', 'Leave one of them out.');
    ELSIF plan_restart.at NOT BETWEEN now() AND now() + interval '1 year' THEN
        PERFORM orchestrator.refuse('SO422', format('a restart cannot be planned for %s', plan_restart.at), 'at',
            'Give a time within the year to come. restart(id) restarts now.');
    END IF;
    SELECT d.name, d.namespace, d.cluster_id, d.generation, d.desired_state INTO v_deployment
      FROM orchestrator.deployments d WHERE d.id = plan_restart.id FOR NO KEY UPDATE;
    PERFORM orchestrator.check_restart(v_deployment.name, v_deployment.desired_state, NULL, now());
    IF plan_restart.in_window IS NOT NULL THEN
        v_window := orchestrator.require_known_window(plan_restart.in_window, v_deployment.namespace, 'in_window');
    END IF;
    PERFORM orchestrator.end_planned_restart(plan_restart.id, 'cancelled', 'replaced by a newer plan');
    INSERT INTO orchestrator.planned_restarts (deployment_id, cluster_id, window_id, in_window, when_empty, only_if_required, opens, asked_by)
    VALUES (plan_restart.id, v_deployment.cluster_id, v_window.id, v_window.name, plan_restart.when_empty IS TRUE, plan_restart.only_if_required IS NOT FALSE,
            coalesce(plan_restart.at, (SELECT s.opens FROM orchestrator.window_spans(v_window, now()) s ORDER BY s.opens LIMIT 1)), orchestrator.current_actor())
    RETURNING * INTO v_plan;
    UPDATE orchestrator.planned_restarts p
       SET due = CASE WHEN p.when_empty AND orchestrator.players_online(p.deployment_id) = 0 THEN now() ELSE p.opens END
     WHERE p.id = v_plan.id RETURNING * INTO v_plan;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    VALUES (v_plan.deployment_id, v_deployment.generation, 'user', 'RestartPlanned', orchestrator.describe_plan(v_plan), v_plan.asked_by);
    PERFORM orchestrator.nudge(v_plan.cluster_id);
    RETURN v_plan;
END
$$;
COMMENT ON FUNCTION orchestrator.plan_restart IS 'Plans a restart in a window, when nobody plays, or at a time.';
GRANT EXECUTE ON FUNCTION orchestrator.plan_restart TO orchestrator_operator;

DROP POLICY IF EXISTS by_deployment ON orchestrator.planned_restarts;
CREATE POLICY by_deployment ON orchestrator.planned_restarts FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
