-- orchestrator.find_user(name) -> users
-- The user of a name, locked for the change that follows, or a refusal.
CREATE OR REPLACE FUNCTION orchestrator.find_user(p_name text) RETURNS orchestrator.users
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_user orchestrator.users;
BEGIN
    SELECT * INTO v_user FROM orchestrator.users u WHERE u.name = p_name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no user "%s"', p_name), 'user',
            'SELECT name FROM users lists them; SELECT create_user(name, role) makes one.');
    END IF;
    RETURN v_user;
END
$$;
COMMENT ON FUNCTION orchestrator.find_user IS 'The user of a name.';
