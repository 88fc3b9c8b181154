-- orchestrator.request_unless_paused(ids, reason) -> void
-- Queues deployments for what was seen at the cluster. Paused ones are only recorded.
CREATE OR REPLACE FUNCTION orchestrator.request_unless_paused(p_ids uuid[], p_reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids uuid[] := ARRAY(SELECT d.id FROM orchestrator.deployments d
                           WHERE d.id = ANY (p_ids) AND d.desired_state <> 'Paused' AND d.finalised_at IS NULL);
BEGIN
    IF v_ids <> '{}' THEN
        PERFORM orchestrator.request_reconcile(v_ids, p_reason, 'orchestrator');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.request_unless_paused IS 'Queues deployments that are not paused.';
