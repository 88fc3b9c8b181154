-- orchestrator.schedule_next(settlement) -> void
-- What a slot does after a settled run: again at once if asked meanwhile, later if it failed or asks to look again, else rest.
CREATE OR REPLACE FUNCTION orchestrator.schedule_next(p_settlement jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_longest_seconds CONSTANT double precision := 300;
    v_id uuid := p_settlement ->> 'deployment_id';
    v_outcome text := p_settlement ->> 'outcome';
    v_seen bigint := p_settlement ->> 'seen';
    v_permanent boolean := coalesce((p_settlement ->> 'permanent')::boolean, false);
    v_look_again double precision := p_settlement ->> 'look_again_seconds';
    -- What was asked for while the last objects went has been answered by their being gone.
    v_finalised boolean := v_outcome = 'finalised' AND (SELECT d.finalised_at IS NOT NULL FROM orchestrator.deployments d WHERE d.id = v_id);
    v_slot orchestrator.reconcile_slots;
BEGIN
    UPDATE orchestrator.reconcile_slots s
       SET msg_id = NULL, queue = NULL,
           settled = CASE WHEN v_finalised THEN s.requested WHEN v_outcome IN ('failed', 'deferred') AND NOT v_permanent THEN s.settled ELSE v_seen END,
           failures = CASE WHEN v_outcome = 'failed' THEN s.failures + 1 WHEN v_outcome = 'deferred' THEN s.failures ELSE 0 END,
           last_error = CASE v_outcome WHEN 'failed' THEN coalesce(p_settlement ->> 'error', 'the worker gave no reason') WHEN 'deferred' THEN s.last_error END,
           last_error_permanent = v_outcome = 'failed' AND v_permanent,
           due_at = CASE
               -- Full jitter: a thousand that failed together must not come back together.
               WHEN v_outcome = 'failed' AND NOT v_permanent THEN now() + make_interval(secs =>
                   coalesce((p_settlement ->> 'retry_seconds')::double precision, 0)
                   + least(c_longest_seconds, 2 ^ least(s.failures + 1, 20)) * random())
               WHEN v_outcome = 'deferred' THEN now() + make_interval(secs => coalesce((p_settlement ->> 'retry_seconds')::double precision, 5))
               WHEN v_look_again IS NOT NULL THEN now() + make_interval(secs => v_look_again) END
     WHERE s.deployment_id = v_id
    RETURNING s.* INTO v_slot;
    IF v_finalised THEN
        RETURN;
    ELSIF v_slot.requested > v_seen OR orchestrator.was_overtaken(p_settlement) THEN
        PERFORM orchestrator.enqueue(v_slot.cluster_id, ARRAY[v_id], 'now');
    ELSIF v_outcome = 'deferred' THEN
        PERFORM orchestrator.defer(v_slot.cluster_id, ARRAY[v_id], p_settlement ->> 'error');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.schedule_next IS 'Decides when a settled deployment is looked at again.';
