-- orchestrator.outlook(state, finalised, slot, unreachable_since) -> text
-- What happens to a deployment next, in a word: gone, held (paused), stuck (refused for good: waits for a change or reconcile_now),
-- away (its cluster is not reachable), retrying (at the slot's due_at), now (queued, due or in work), resting.
CREATE OR REPLACE FUNCTION orchestrator.outlook(
    p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamptz
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN p_finalised THEN 'gone'
        WHEN p_state = 'Paused' THEN 'held'
        WHEN (p_slot).quarantined_at IS NOT NULL OR (p_slot).last_error_permanent THEN 'stuck'
        WHEN p_unreachable_since IS NOT NULL THEN 'away'
        WHEN (p_slot).due_at > now() THEN 'retrying'
        WHEN (p_slot).msg_id IS NOT NULL OR (p_slot).due_at IS NOT NULL THEN 'now'
        ELSE 'resting' END
$$;
COMMENT ON FUNCTION orchestrator.outlook IS 'What happens to a deployment next: gone, held, stuck, away, now, retrying or resting.';
GRANT EXECUTE ON FUNCTION orchestrator.outlook TO orchestrator_viewer;
