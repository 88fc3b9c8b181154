-- orchestrator.carry_out_restart(deployment_id, at) -> void
-- What becomes of a planned restart that is due: carried out if it may be now, put off if it may but cannot, moved to the next opening
-- if its window went by, ended if nothing requires it. The caller holds the deployment locked, for whom nothing was due before.
CREATE OR REPLACE FUNCTION orchestrator.carry_out_restart(p_deployment_id uuid, p_at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- A time has no end of its own; long after it, a restart would surprise.
    c_late CONSTANT interval := '1 hour';
    c_look_again CONSTANT interval := '30 seconds';
    v_plan orchestrator.planned_restarts;
    v_window orchestrator.maintenance_windows;
    v_opens timestamptz;
    v_empty boolean;
    v_deployment record;
BEGIN
    SELECT * INTO v_plan FROM orchestrator.planned_restarts p
     WHERE p.deployment_id = p_deployment_id AND p.state = 'planned' AND p.due <= p_at FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT d.desired_state, d.restart_required, d.generation, d.last_applied_generation INTO v_deployment
      FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
    IF v_deployment.desired_state NOT IN ('Active', 'Paused') THEN
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'done', format('nothing runs: it is %s', v_deployment.desired_state));
        RETURN;
    END IF;
    v_empty := v_plan.when_empty AND orchestrator.players_online(p_deployment_id, p_at) IS NOT DISTINCT FROM 0;
    v_opens := v_plan.opens;
    IF v_plan.window_id IS NOT NULL THEN
        SELECT * INTO v_window FROM orchestrator.maintenance_windows w WHERE w.id = v_plan.window_id;
        v_opens := (SELECT s.opens FROM orchestrator.window_spans(v_window, p_at) s ORDER BY s.opens LIMIT 1);
        -- The opening that it waited for came, and closed without it.
        IF v_plan.opens <= p_at AND v_opens > v_plan.opens THEN
            INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
            VALUES (p_deployment_id, v_deployment.generation, 'system', 'RestartMissed', orchestrator.describe_plan(v_plan)
                    || jsonb_build_object('next', v_opens, 'why', coalesce(nullif(v_plan.why, ''), 'no worker was there while the window was open')), 'orchestrator');
            UPDATE orchestrator.planned_restarts p SET why = '' WHERE p.id = v_plan.id;
        END IF;
    ELSIF NOT v_empty AND v_opens + c_late < p_at THEN
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'missed', coalesce(nullif(v_plan.why, ''), 'no worker was there within an hour of its time'));
        RETURN;
    END IF;
    IF NOT (v_empty OR v_opens <= p_at) IS TRUE THEN
        UPDATE orchestrator.planned_restarts p SET opens = v_opens, due = v_opens WHERE p.id = v_plan.id;
    ELSIF v_deployment.desired_state = 'Paused' THEN
        UPDATE orchestrator.planned_restarts p SET opens = v_opens, due = p_at + c_look_again, why = 'it was Paused' WHERE p.id = v_plan.id;
    ELSIF v_plan.only_if_required AND NOT v_deployment.restart_required AND v_deployment.last_applied_generation < v_deployment.generation THEN
        UPDATE orchestrator.planned_restarts p SET opens = v_opens, due = p_at + c_look_again, why = 'a change was being applied' WHERE p.id = v_plan.id;
    ELSIF v_plan.only_if_required AND NOT v_deployment.restart_required THEN
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'done', 'nothing required a restart any more');
    ELSE
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'done', '');
        -- Only for this statement: record_changed_deployments tells in whose name it is.
        PERFORM set_config('orchestrator.planned_restart', v_plan.id::text, true);
        UPDATE orchestrator.deployments d SET restarted_at = clock_timestamp() WHERE d.id = p_deployment_id;
        PERFORM set_config('orchestrator.planned_restart', '', true);
        UPDATE orchestrator.planned_restarts p SET generation = v_deployment.generation + 1, why = CASE WHEN v_empty THEN 'nobody played' ELSE '' END
         WHERE p.id = v_plan.id;
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.carry_out_restart IS 'Carries out a planned restart, or says why not.';
