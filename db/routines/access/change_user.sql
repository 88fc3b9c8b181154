-- orchestrator.change_user(name, role, namespaces) -> void
-- Sets both anew, so that what is left out is not a guess. It holds at once: sessions and tokens ask at every request.
CREATE OR REPLACE FUNCTION orchestrator.change_user(name text, role text, namespaces text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(change_user.name);
    PERFORM orchestrator.check_person(v_user.name, coalesce(change_user.role, ''), change_user.namespaces);
    UPDATE orchestrator.users u SET role = change_user.role, namespaces = change_user.namespaces WHERE u.id = v_user.id;
    IF v_user.role = 'admin' AND v_user.namespaces IS NULL AND v_user.disabled_at IS NULL THEN
        PERFORM orchestrator.keep_an_admin();
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.change_user IS 'Sets role and namespaces (NULL: all) of a user.';
GRANT EXECUTE ON FUNCTION orchestrator.change_user TO orchestrator_admin;
