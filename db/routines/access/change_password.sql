-- orchestrator.change_password(name, old_hash, new_hash, address, user_agent) -> text
-- Sets another password for whose old one fits the hash that begin_sign_in told: the cookie of a new session, all others end.
CREATE OR REPLACE FUNCTION orchestrator.change_password(
    p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.finish_sign_in(p_name, p_old_hash, p_address, p_user_agent);
    PERFORM orchestrator.replace_password((orchestrator.find_user(p_name)).id, p_new_hash);
    RETURN orchestrator.open_session((orchestrator.find_user(p_name)).id, p_address, p_user_agent);
END
$$;
COMMENT ON FUNCTION orchestrator.change_password IS 'Changes a password after the old one was found right; answers the cookie of a new session.';
GRANT EXECUTE ON FUNCTION orchestrator.change_password TO orchestrator_api;
