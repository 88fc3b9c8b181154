-- orchestrator.finish_sign_in(name, hash, address, user_agent) -> text
-- Signs in whose password fits the hash that begin_sign_in told, if it is still theirs: the cookie of a new session. The attempt
-- then was no failure.
CREATE OR REPLACE FUNCTION orchestrator.finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_user_id bigint;
BEGIN
    -- Locked against a change of the password or the user meanwhile, which would have ended this session too.
    SELECT u.id INTO v_user_id FROM orchestrator.users u JOIN orchestrator.user_secrets s ON s.user_id = u.id
     WHERE u.name = p_name AND u.disabled_at IS NULL AND s.password_hash = p_hash FOR NO KEY UPDATE OF u, s;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO401', 'name or password is wrong', 'password', 'Try again, or ask an admin for a new link.');
    END IF;
    UPDATE orchestrator.sign_in_attempts a SET failures = greatest(a.failures - 1, 0) WHERE a.subject = 'address ' || left(p_address, 100);
    DELETE FROM orchestrator.sign_in_attempts a WHERE a.subject = 'user ' || p_name;
    RETURN orchestrator.open_session(v_user_id, p_address, p_user_agent);
END
$$;
COMMENT ON FUNCTION orchestrator.finish_sign_in IS 'Signs in after the password was found right; answers the cookie.';
GRANT EXECUTE ON FUNCTION orchestrator.finish_sign_in TO orchestrator_api;
