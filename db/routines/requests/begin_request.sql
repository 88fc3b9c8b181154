-- orchestrator.begin_request(key, hash) -> (status, headers, body), no row if it is to be carried out
-- Takes a key for this transaction, or answers what its request was answered before. Two at once: the second waits here.
-- What is kept was answered to somebody who may so much, here: role and namespaces are part of the request, so that a narrower token of
-- the same user is not answered what only a wider one may read.
-- Each call also removes a few that are over a day old, so that they never grow and nobody has to sweep.
CREATE OR REPLACE FUNCTION orchestrator.begin_request(p_key text, p_hash text) RETURNS TABLE (status integer, headers jsonb, body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_actor text := orchestrator.current_actor();
    v_hash text := encode(sha256(convert_to(concat_ws(' ', p_hash, orchestrator.acting_role(), (
        SELECT coalesce(jsonb_agg(n ORDER BY n)::text, '[]') FROM unnest(orchestrator.allowed_namespaces()) n),
        orchestrator.allowed_namespaces() IS NULL), 'UTF8')), 'hex');
    v_found orchestrator.answered_requests;
BEGIN
    IF coalesce(p_key, '') !~ '^[!-~]{1,200}$' THEN
        PERFORM orchestrator.refuse('SO400', 'this is no key', 'Idempotency-Key', 'Send 1 to 200 printable ASCII characters without spaces, such as a UUID.');
    END IF;
    DELETE FROM orchestrator.answered_requests a USING (
        SELECT o.actor, o.key FROM orchestrator.answered_requests o
         WHERE o.created_at < now() - interval '1 day' ORDER BY o.created_at LIMIT 20 FOR UPDATE SKIP LOCKED) old
     WHERE a.actor = old.actor AND a.key = old.key;
    INSERT INTO orchestrator.answered_requests (actor, key, request_hash) VALUES (v_actor, p_key, v_hash)
        ON CONFLICT (actor, key) DO UPDATE SET request_hash = excluded.request_hash, status = NULL, created_at = excluded.created_at
        WHERE answered_requests.created_at < now() - interval '1 day';
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT v_found FROM orchestrator.answered_requests a WHERE a.actor = v_actor AND a.key = p_key;
    IF v_found.request_hash <> v_hash THEN
        PERFORM orchestrator.refuse('SO422', 'this key was used for another request', 'Idempotency-Key',
            'Take a new key for a new request, and for one with another token that may more or less; keys are kept for a day.');
    END IF;
    RETURN QUERY SELECT v_found.status, v_found.headers, v_found.body;
END
$$;
COMMENT ON FUNCTION orchestrator.begin_request IS 'Takes an idempotency key, or answers what was answered under it.';
GRANT EXECUTE ON FUNCTION orchestrator.begin_request TO orchestrator_operator;
