-- orchestrator.open_session(user_id, address, user_agent) -> text
-- A new session of a user: its cookie, told this once.
CREATE OR REPLACE FUNCTION orchestrator.open_session(p_user_id bigint, p_address text, p_user_agent text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_lasts CONSTANT interval := '7 days';
    v_id bigint;
    v_cookie text;
BEGIN
    DELETE FROM orchestrator.sessions s USING (
        SELECT o.id FROM orchestrator.sessions o WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT 20 FOR UPDATE SKIP LOCKED) old
     WHERE s.id = old.id;
    INSERT INTO orchestrator.sessions (user_id, address, user_agent, expires_at)
    VALUES (p_user_id, left(p_address, 100), left(p_user_agent, 300), now() + c_lasts) RETURNING id INTO v_id;
    v_cookie := format('%s_%s', v_id, orchestrator.random_secret());
    INSERT INTO orchestrator.session_secrets (session_id, hash) VALUES (v_id, sha256(convert_to(v_cookie, 'UTF8')));
    RETURN v_cookie;
END
$$;
COMMENT ON FUNCTION orchestrator.open_session IS 'Opens a session of the page; answers its cookie.';
