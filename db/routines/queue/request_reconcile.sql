-- orchestrator.request_reconcile(ids, reason, actor) -> void
-- Counts a request for each deployment and queues those that have no live message. In id order, so bulk requests cannot deadlock.
-- A request is a fresh start: back-off, quarantine and the error of the last run are forgotten.
-- Many at once go to the bulk queue, where they do not hold up a person's single change.
-- Each id is looked up by its index, whatever the caller joins by: a plan made while the tables were small is kept, and would
-- read them whole for each of ten thousand ids.
CREATE OR REPLACE FUNCTION orchestrator.request_reconcile(p_ids uuid[], p_reason text, p_actor text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = on SET enable_seqscan = off
AS $$
DECLARE
    c_bulk_above CONSTANT integer := 50;
    v_lane text := CASE WHEN cardinality(p_ids) > c_bulk_above THEN 'bulk' ELSE 'now' END;
    v_cluster record;
BEGIN
    FOR v_cluster IN
        SELECT locked.cluster_id, array_agg(locked.deployment_id) AS ids
          FROM (SELECT s.cluster_id, s.deployment_id, s.msg_id FROM orchestrator.reconcile_slots s
                 WHERE s.deployment_id = ANY (p_ids) ORDER BY s.deployment_id FOR UPDATE) locked
         WHERE locked.msg_id IS NULL GROUP BY locked.cluster_id
    LOOP
        PERFORM orchestrator.enqueue(v_cluster.cluster_id, v_cluster.ids, v_lane, p_reason, p_actor);
    END LOOP;
    UPDATE orchestrator.reconcile_slots s
       SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false
     WHERE s.deployment_id = ANY (p_ids);
    PERFORM orchestrator.defer(c.id, p_ids) FROM orchestrator.clusters c
      WHERE c.unreachable_since IS NOT NULL
        AND c.id IN (SELECT s.cluster_id FROM orchestrator.reconcile_slots s WHERE s.deployment_id = ANY (p_ids));
END
$$;
COMMENT ON FUNCTION orchestrator.request_reconcile IS 'Requests a reconciliation of deployments.';
