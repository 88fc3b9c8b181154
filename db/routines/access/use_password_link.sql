-- orchestrator.use_password_link(secret, hash, address, user_agent) -> text
-- Sets the password of whoever holds the one-time link, and signs them in: the cookie of a new session. The link is void then.
CREATE OR REPLACE FUNCTION orchestrator.use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_user_id bigint;
BEGIN
    v_user_id := (orchestrator.find_user(orchestrator.read_password_link(p_secret))).id;
    -- Once more, now that the user is locked: of two who use one link at once the second finds it void.
    PERFORM orchestrator.read_password_link(p_secret);
    PERFORM orchestrator.replace_password(v_user_id, p_hash);
    RETURN orchestrator.open_session(v_user_id, p_address, p_user_agent);
END
$$;
COMMENT ON FUNCTION orchestrator.use_password_link IS 'Sets a password by a one-time link, once; answers the cookie of a session.';
GRANT EXECUTE ON FUNCTION orchestrator.use_password_link TO orchestrator_api;
