-- orchestrator.make_password_link(name) -> text
-- The secret of a one-time link, <API's address>/welcome/<secret>, where the user chooses a password. A second link voids the first.
CREATE OR REPLACE FUNCTION orchestrator.make_password_link(name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    c_lasts CONSTANT interval := '7 days';
    v_secret text := orchestrator.random_secret();
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(make_password_link.name);
    IF v_user.disabled_at IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', format('%s is disabled', v_user.name), 'name', 'SELECT enable_user(name) first.');
    END IF;
    UPDATE orchestrator.users u SET link_expires_at = now() + c_lasts WHERE u.id = v_user.id;
    UPDATE orchestrator.user_secrets s SET link_hash = sha256(convert_to(v_secret, 'UTF8')) WHERE s.user_id = v_user.id;
    RETURN v_secret;
END
$$;
COMMENT ON FUNCTION orchestrator.make_password_link IS 'A secret for /welcome/<secret>, where the user chooses a password; good once, for seven days.';
GRANT EXECUTE ON FUNCTION orchestrator.make_password_link TO orchestrator_admin;
