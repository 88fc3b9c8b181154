-- orchestrator.disable_user(name) -> void
-- Takes everything from a user at once: sessions end, the one-time link is void, tokens are good for nothing while it lasts.
CREATE OR REPLACE FUNCTION orchestrator.disable_user(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(disable_user.name);
    UPDATE orchestrator.users u SET disabled_at = coalesce(u.disabled_at, now()), link_expires_at = NULL WHERE u.id = v_user.id;
    UPDATE orchestrator.user_secrets s SET link_hash = NULL WHERE s.user_id = v_user.id;
    DELETE FROM orchestrator.sessions s WHERE s.user_id = v_user.id;
    IF v_user.role = 'admin' AND v_user.namespaces IS NULL THEN
        PERFORM orchestrator.keep_an_admin();
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.disable_user IS 'Disables a user at once; enable_user undoes it, sessions excepted.';
GRANT EXECUTE ON FUNCTION orchestrator.disable_user TO orchestrator_admin;
