-- orchestrator.reconcile_now(id) -> void
-- Asks for a reconciliation now: clears back-off and quarantine, and lets what is contested wait no longer. Changes no intent.
CREATE OR REPLACE FUNCTION orchestrator.reconcile_now(p_deployment_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM orchestrator.require_deployment(p_deployment_id);
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = p_deployment_id AND d.finalised_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_deployment_id), 'id',
            'SELECT id, name FROM deployments lists them; deleted ones have nothing to reconcile.');
    END IF;
    UPDATE orchestrator.put_backs p SET next_at = now() WHERE p.deployment_id = p_deployment_id AND p.next_at > now();
    PERFORM orchestrator.request_reconcile(ARRAY[p_deployment_id], 'reconcile_now', orchestrator.current_actor());
END
$$;
COMMENT ON FUNCTION orchestrator.reconcile_now IS 'Queues a deployment now, whatever its back-off.';
GRANT EXECUTE ON FUNCTION orchestrator.reconcile_now TO orchestrator_operator;
