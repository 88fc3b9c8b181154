-- orchestrator.settle_all(settlements) -> setof (deployment_id, answer)
-- Settles what several runs ended with, in one transaction. Deployments that somebody holds are passed over and not answered:
-- waiting for one while holding others could deadlock with a transaction that changes them in another order; settle them
-- one by one. Queue rows are locked in the order of heartbeat.
-- Nested loops only: Postgres takes a JSON document for a hundred rows and a function for a thousand, and would read whole
-- tables to look up the one there is.
CREATE OR REPLACE FUNCTION orchestrator.settle_all(p_settlements jsonb) RETURNS TABLE (deployment_id uuid, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_free uuid[] := orchestrator.lock_deployments(ARRAY(SELECT (s ->> 'deployment_id')::uuid FROM jsonb_array_elements(p_settlements) s));
    v_settlement jsonb;
BEGIN
    FOR deployment_id, v_settlement IN
        SELECT (s ->> 'deployment_id')::uuid, s FROM jsonb_array_elements(p_settlements) s
         WHERE (s ->> 'deployment_id')::uuid = ANY (v_free) ORDER BY s ->> 'queue', (s ->> 'msg_id')::bigint
    LOOP
        answer := orchestrator.settle(v_settlement);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.settle_all IS 'Ends several reconciliations at once, where their leases are still held.';
GRANT EXECUTE ON FUNCTION orchestrator.settle_all TO orchestrator_worker;
