-- orchestrator.upgrade(id, version, parameters, force, restart) -> bigint generation
-- Moves a deployment to another version of its template, the newest if none is named, as one UPDATE with all its checks. Its parameters
-- are carried over; `parameters` are merged into them, and null among those drops one. What the version does not take is refused, all
-- of it in one error; a neverLower parameter goes down only by force, as in rollback(). `restart`: in the same generation, if the
-- running pods would keep the old settings otherwise. Nothing differs: the generation stays.
CREATE OR REPLACE FUNCTION orchestrator.upgrade(
    id uuid, version integer DEFAULT NULL, parameters jsonb DEFAULT '{}', force boolean DEFAULT false, restart boolean DEFAULT false
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now record;
    v_version integer;
    v_parameters jsonb;
    v_tried text;
    v_restart boolean := false;
    v_generation bigint;
BEGIN
    SELECT d.name, d.desired_state, d.template_id, d.template_version, d.parameters, d.restart_required INTO v_now
      FROM orchestrator.deployments d WHERE d.id = upgrade.id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', upgrade.id), 'id', 'SELECT id, name FROM deployments lists them.');
    ELSIF v_now.desired_state = 'Deleted' THEN
        PERFORM orchestrator.refuse('SO409', format('%s is deleted and moves to no other version', v_now.name), 'desired_state',
            'Set desired_state to Active first: that brings it back as it was, with its data if that was kept.');
    ELSIF jsonb_typeof(upgrade.parameters) IS DISTINCT FROM 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'parameters must be a JSON object', 'parameters', 'Write {"name": value, …}.');
    END IF;
    v_version := coalesce(upgrade.version, (SELECT max(t.version) FROM orchestrator.templates t WHERE t.id = v_now.template_id));
    IF NOT EXISTS (SELECT FROM orchestrator.templates t WHERE t.id = v_now.template_id AND t.version = v_version) THEN
        PERFORM orchestrator.refuse('SO404', format('its template has no version %s', v_version), 'template_version', 'There are: '
            || (SELECT string_agg(t.version::text, ', ' ORDER BY t.version) FROM orchestrator.templates t WHERE t.id = v_now.template_id) || '.');
    END IF;
    v_parameters := (SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}') FROM jsonb_each(v_now.parameters || upgrade.parameters) p WHERE p.value <> 'null');
    PERFORM orchestrator.check_parameters_fit(v_now.template_id, v_version, v_parameters);
    IF upgrade.force IS NOT TRUE THEN
        PERFORM orchestrator.check_not_lowered(v_now.template_id, v_now.template_version, v_now.parameters, v_version, v_parameters);
    END IF;
    IF upgrade.restart AND v_now.desired_state = 'Active' THEN
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.upgrade(upgrade.id, v_version, upgrade.parameters, upgrade.force);
        EXCEPTION WHEN SQLSTATE 'SO200' THEN
            GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
            v_restart := v_now.restart_required OR orchestrator.waits_for_restart(v_tried::jsonb);
        END;
    END IF;
    -- Only for this statement: what it lowers is refused above, or meant.
    PERFORM set_config('orchestrator.judged', 'upgrade', true);
    UPDATE orchestrator.deployments d
       SET parameters = v_parameters, template_version = v_version,
           restarted_at = CASE WHEN v_restart THEN clock_timestamp() ELSE d.restarted_at END
     WHERE d.id = upgrade.id RETURNING d.generation INTO v_generation;
    PERFORM set_config('orchestrator.judged', '', true);
    RETURN v_generation;
END
$$;
COMMENT ON FUNCTION orchestrator.upgrade IS 'Moves a deployment to another version of its template; answers the generation.';
GRANT EXECUTE ON FUNCTION orchestrator.upgrade TO orchestrator_operator;
