-- orchestrator.end_request(key, status, headers, body) -> void
-- Keeps the answer under the key that begin_request took in this transaction.
CREATE OR REPLACE FUNCTION orchestrator.end_request(p_key text, p_status integer, p_headers jsonb, p_body text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE orchestrator.answered_requests a SET status = p_status, headers = p_headers, body = p_body
     WHERE a.actor = orchestrator.current_actor() AND a.key = p_key AND a.status IS NULL
$$;
COMMENT ON FUNCTION orchestrator.end_request IS 'Keeps an answer for repeats of the request.';
GRANT EXECUTE ON FUNCTION orchestrator.end_request TO orchestrator_operator;
