-- orchestrator.release(leases) -> integer
-- A stopping worker hands its leases back. Each gets a new message, so that a stop does not count towards quarantine.
-- Deployments that somebody holds are passed over and come back when the lease ends: waiting for one while holding others
-- could deadlock with a transaction that changes them in another order. Queue rows are locked in the order of heartbeat.
CREATE OR REPLACE FUNCTION orchestrator.release(p_leases jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lease jsonb;
    v_slot orchestrator.reconcile_slots;
    v_count integer := 0;
    v_free uuid[] := orchestrator.lock_deployments(ARRAY(SELECT (l ->> 'deployment_id')::uuid FROM jsonb_array_elements(p_leases) l));
BEGIN
    FOR v_lease IN SELECT l FROM jsonb_array_elements(p_leases) l WHERE (l ->> 'deployment_id')::uuid = ANY (v_free)
                   ORDER BY l ->> 'queue', (l ->> 'msg_id')::bigint LOOP
        CONTINUE WHEN NOT orchestrator.end_lease(v_lease);
        UPDATE orchestrator.reconcile_slots s SET msg_id = NULL WHERE s.deployment_id = (v_lease ->> 'deployment_id')::uuid RETURNING s.* INTO v_slot;
        PERFORM orchestrator.enqueue(v_slot.cluster_id, ARRAY[v_slot.deployment_id], 'now');
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION orchestrator.release IS 'Hands leases back.';
GRANT EXECUTE ON FUNCTION orchestrator.release TO orchestrator_worker;
