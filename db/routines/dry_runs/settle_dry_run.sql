-- orchestrator.settle_dry_run(id, token, state, answers, message) -> text 'settled' | 'lost'
-- Writes what the cluster answered (done), why it did not (failed), or hands it back for another attempt (queued). 'lost': another
-- worker has taken it since, and nothing is changed.
CREATE OR REPLACE FUNCTION orchestrator.settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE orchestrator.dry_runs r
       SET state = p_state, answers = p_answers, message = p_message, leased_until = NULL,
           finished_at = CASE WHEN p_state <> 'queued' THEN clock_timestamp() END
     WHERE r.id = p_id AND r.attempts = p_token AND r.state = 'running';
    RETURN CASE WHEN FOUND THEN 'settled' ELSE 'lost' END;
END
$$;
COMMENT ON FUNCTION orchestrator.settle_dry_run IS 'Writes what a cluster answered to a dry run.';
GRANT EXECUTE ON FUNCTION orchestrator.settle_dry_run TO orchestrator_worker;
