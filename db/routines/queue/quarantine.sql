-- orchestrator.quarantine(queue, msg_id, deployment_id) -> void
-- Puts away a message that keeps killing its worker, and says so on the deployment. A slot that somebody holds is left
-- for the next claim: waiting here, with queue rows locked, could deadlock.
CREATE OR REPLACE FUNCTION orchestrator.quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_known boolean;
BEGIN
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = p_deployment_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = p_deployment_id) THEN
        RETURN;
    END IF;
    PERFORM 1 FROM orchestrator.reconcile_slots s WHERE s.deployment_id = p_deployment_id FOR UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM orchestrator.reconcile_slots s WHERE s.deployment_id = p_deployment_id) THEN
        RETURN;
    END IF;
    UPDATE orchestrator.reconcile_slots s
       SET msg_id = NULL, quarantined_at = now(), last_error_permanent = true,
           last_error = 'quarantined: taken five times without an answer'
     WHERE s.deployment_id = p_deployment_id AND s.msg_id = p_msg_id AND s.queue = p_queue;
    v_known := FOUND;
    PERFORM pgmq.archive(p_queue, p_msg_id);
    IF v_known THEN
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'system', 'ReconcileQuarantined', jsonb_build_object('msg_id', p_msg_id, 'queue', p_queue), 'orchestrator'
          FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
        PERFORM orchestrator.refresh_status(ARRAY[p_deployment_id]);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.quarantine IS 'Puts away a message nobody can settle.';
