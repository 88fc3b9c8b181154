-- orchestrator.enable_user(name) -> void
-- Lets a disabled user in again, with the password and the tokens there were.
CREATE OR REPLACE FUNCTION orchestrator.enable_user(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(enable_user.name);
    UPDATE orchestrator.users u SET disabled_at = NULL WHERE u.id = v_user.id;
END
$$;
COMMENT ON FUNCTION orchestrator.enable_user IS 'Enables a user again.';
GRANT EXECUTE ON FUNCTION orchestrator.enable_user TO orchestrator_admin;
