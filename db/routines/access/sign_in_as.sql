-- orchestrator.sign_in_as(name, address, user_agent) -> text
-- Signs in whom a provider that the API trusts has vouched for: the cookie of a new session. Nobody is made by this.
CREATE OR REPLACE FUNCTION orchestrator.sign_in_as(p_name text, p_address text, p_user_agent text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_user_id bigint;
BEGIN
    SELECT u.id INTO v_user_id FROM orchestrator.users u WHERE u.name = p_name AND u.disabled_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO403', format('nobody here is called "%s"', p_name), 'name', 'Ask an admin to add you under this name.');
    END IF;
    RETURN orchestrator.open_session(v_user_id, p_address, p_user_agent);
END
$$;
COMMENT ON FUNCTION orchestrator.sign_in_as IS 'Signs in whom a trusted provider has vouched for; answers the cookie.';
GRANT EXECUTE ON FUNCTION orchestrator.sign_in_as TO orchestrator_api;
