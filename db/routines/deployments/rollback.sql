-- orchestrator.rollback(id, generation, force, restart) -> bigint generation
-- Makes the intent of an earlier generation a new one, as one UPDATE with all its checks. desired_state and restarts stay as they are:
-- going back on a setting must not stop or revive a server. A parameter that its template calls neverLower, in whichever version,
-- goes down only by force: a world that a newer Minecraft has opened does not go back. Nothing differs: the generation stays.
-- `restart`: in the same generation, if the running pods would keep the old settings otherwise.
CREATE OR REPLACE FUNCTION orchestrator.rollback(id uuid, generation bigint, force boolean DEFAULT false, restart boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now record;
    v_then orchestrator.deployment_revisions;
    v_tried text;
    v_restart boolean := false;
    v_generation bigint;
BEGIN
    SELECT d.name, d.desired_state, d.template_id, d.template_version, d.parameters, d.restart_required INTO v_now
      FROM orchestrator.deployments d WHERE d.id = rollback.id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', rollback.id), 'id', 'SELECT id, name FROM deployments lists them.');
    END IF;
    SELECT * INTO v_then FROM orchestrator.deployment_revisions r WHERE r.deployment_id = rollback.id AND r.generation = rollback.generation;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('deployment %s has no generation %s', rollback.id, rollback.generation), 'generation',
            'SELECT generation FROM deployment_revisions WHERE deployment_id = … lists them.');
    ELSIF v_now.desired_state = 'Deleted' THEN
        -- Its keep_data of then could discard the world that is kept now.
        PERFORM orchestrator.refuse('SO409', format('%s is deleted and cannot be rolled back', v_now.name), 'desired_state',
            'Set desired_state to Active first: that brings it back as it was, with its data if that was kept.');
    END IF;
    IF rollback.force IS NOT TRUE THEN
        PERFORM orchestrator.check_not_lowered(v_now.template_id, v_now.template_version, v_now.parameters, v_then.template_version, v_then.parameters);
    END IF;
    IF rollback.restart AND v_now.desired_state = 'Active' THEN
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.rollback(rollback.id, rollback.generation, rollback.force);
        EXCEPTION WHEN SQLSTATE 'SO200' THEN
            GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
            v_restart := v_now.restart_required OR orchestrator.waits_for_restart(v_tried::jsonb);
        END;
    END IF;
    -- Only for this statement: record_changed_deployments tells of it.
    PERFORM set_config('orchestrator.rollback', v_then.generation::text, true);
    PERFORM set_config('orchestrator.judged', 'rollback', true);
    UPDATE orchestrator.deployments d
       SET parameters = v_then.parameters, template_version = v_then.template_version, drift_policy = v_then.drift_policy, drift_rules = v_then.drift_rules,
           keep_data = v_then.keep_data,
           restarted_at = CASE WHEN v_restart THEN clock_timestamp() ELSE d.restarted_at END
     WHERE d.id = rollback.id RETURNING d.generation INTO v_generation;
    PERFORM set_config('orchestrator.rollback', '', true);
    PERFORM set_config('orchestrator.judged', '', true);
    RETURN v_generation;
END
$$;
COMMENT ON FUNCTION orchestrator.rollback IS 'Makes the intent of an earlier generation a new one; answers which.';
GRANT EXECUTE ON FUNCTION orchestrator.rollback TO orchestrator_operator;
