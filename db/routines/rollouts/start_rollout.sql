-- orchestrator.start_rollout(template, version, ids, batch_size, max_unavailable, parameters, pause_on_failure, restart, force,
--     patience_seconds) -> bigint rollout
-- Moves deployments to a version of their template, batch by batch, so that at most so many are not healthy at a time. These
-- deployments, or all on an older version if none are named. It only writes the plan: workers carry it out (advance_rollouts). What
-- would be refused is listed as refused and never touched. One that is held by another rollout is refused with that one's id.
CREATE OR REPLACE FUNCTION orchestrator.start_rollout(
    template text, version integer DEFAULT NULL, ids uuid[] DEFAULT NULL, batch_size integer DEFAULT 5, max_unavailable integer DEFAULT 1,
    parameters jsonb DEFAULT '{}', pause_on_failure boolean DEFAULT true, restart boolean DEFAULT true, force boolean DEFAULT false,
    patience_seconds integer DEFAULT 300
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_version integer;
    v_ids uuid[];
    v_held record;
    v_id bigint;
BEGIN
    PERFORM orchestrator.refuse('SO422', format('%s must be from %s to %s', c.name, c.least, c.most), c.name, format('Such as %s.', c.usual))
       FROM (VALUES ('batch_size', start_rollout.batch_size, 1, 10000, 5), ('max_unavailable', start_rollout.max_unavailable, 1, 10000, 1),
                    ('patience_seconds', start_rollout.patience_seconds, 1, 86400, 300)) c (name, value, least, most, usual)
      WHERE c.value BETWEEN c.least AND c.most IS NOT TRUE;
    IF jsonb_typeof(start_rollout.parameters) IS DISTINCT FROM 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'parameters must be a JSON object', 'parameters', 'Write {"name": value, …}.');
    END IF;
    SELECT f.template_id, f.version INTO v_template_id, v_version FROM orchestrator.find_version(start_rollout.template, start_rollout.version) f;
    v_ids := orchestrator.find_movable(v_template_id, v_version, start_rollout.ids);
    IF v_ids = '{}' THEN
        PERFORM orchestrator.refuse('SO422', format('there is nothing to move to version %s of %s', v_version, start_rollout.template), 'ids',
            'Every deployment that you see is there already, or none is made from this template.');
    END IF;
    -- Two that start at once over the same: the second waits here, and then finds them held.
    FOR v_held IN SELECT d.id, d.name, d.rollout_id FROM orchestrator.deployments d WHERE d.id = ANY (v_ids) ORDER BY d.id FOR NO KEY UPDATE LOOP
        IF v_held.rollout_id IS NOT NULL THEN
            PERFORM orchestrator.refuse('SO409', format('%s is a member of rollout %s', v_held.name, v_held.rollout_id), 'ids.' || v_held.id,
                format('Wait until rollout %s has ended, abort it, or name other deployments.', v_held.rollout_id));
        END IF;
    END LOOP;
    INSERT INTO orchestrator.rollouts (template_id, to_version, parameters, batch_size, max_unavailable, pause_on_failure, restart, force, patience_seconds, run_by, created_by)
    VALUES (v_template_id, v_version, start_rollout.parameters, start_rollout.batch_size, start_rollout.max_unavailable,
            coalesce(start_rollout.pause_on_failure, true), coalesce(start_rollout.restart, true), coalesce(start_rollout.force, false),
            start_rollout.patience_seconds, orchestrator.current_actor(), orchestrator.current_actor())
    RETURNING id INTO v_id;
    INSERT INTO orchestrator.rollout_members (rollout_id, deployment_id, position, batch, state, message, from_generation, ended_at)
    SELECT v_id, d.id, m.o, CASE WHEN r.message IS NULL THEN (count(*) FILTER (WHERE r.message IS NULL) OVER (ORDER BY m.o) - 1) / start_rollout.batch_size + 1 END,
           CASE WHEN r.message IS NULL THEN 'waiting' ELSE 'refused' END, coalesce(r.message, ''), d.generation, CASE WHEN r.message IS NOT NULL THEN now() END
      FROM unnest(v_ids) WITH ORDINALITY m (id, o)
      JOIN orchestrator.deployments d ON d.id = m.id
      LEFT JOIN (SELECT u.deployment_id, string_agg(u.message, '; ' ORDER BY u.path) AS message
                   FROM orchestrator.upgrade_refusals(start_rollout.template, v_version, v_ids, start_rollout.parameters, coalesce(start_rollout.force, false)) u
                  GROUP BY u.deployment_id) r ON r.deployment_id = m.id;
    UPDATE orchestrator.deployments d SET rollout_id = v_id
      FROM orchestrator.rollout_members m WHERE m.rollout_id = v_id AND m.state = 'waiting' AND d.id = m.deployment_id;
    PERFORM orchestrator.tell_rollout(v_id, 'RolloutStarted', format('to version %s of %s', v_version, start_rollout.template), orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(v_id);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION orchestrator.start_rollout IS 'Moves deployments to a version of their template in batches; answers the rollout.';
GRANT EXECUTE ON FUNCTION orchestrator.start_rollout TO orchestrator_operator;
