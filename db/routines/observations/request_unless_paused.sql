-- orchestrator.request_unless_paused(ids, reason) -> uuid[]
-- Queues deployments for what was seen at the cluster, and answers which. Paused ones are only recorded.
-- It answered nothing once, and a function cannot change what it answers.
DROP FUNCTION IF EXISTS orchestrator.request_unless_paused(uuid[], text);
CREATE OR REPLACE FUNCTION orchestrator.request_unless_paused(p_ids uuid[], p_reason text) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids uuid[] := ARRAY(SELECT d.id FROM orchestrator.deployments d
                           WHERE d.id = ANY (p_ids) AND d.desired_state <> 'Paused' AND d.finalised_at IS NULL);
BEGIN
    IF v_ids <> '{}' THEN
        PERFORM orchestrator.request_reconcile(v_ids, p_reason, 'orchestrator');
    END IF;
    RETURN v_ids;
END
$$;
COMMENT ON FUNCTION orchestrator.request_unless_paused IS 'Queues deployments that are not paused.';
