-- orchestrator.end_session(id) -> void
-- Signs a session out at once: one's own, or as an admin of everything anybody's. Safe to repeat. A session allows all that its
-- user may, so a token ends it only where that is no more than the token allows.
CREATE OR REPLACE FUNCTION orchestrator.end_session(id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_user record;
BEGIN
    SELECT u.name, u.role, u.namespaces INTO v_user
      FROM orchestrator.sessions s JOIN orchestrator.users u ON u.id = s.user_id
     WHERE s.id = end_session.id
       AND (u.name = orchestrator.current_actor() OR (orchestrator.acting_role() = 'admin' AND orchestrator.sees_everything()));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT orchestrator.is_within_token(v_user.role, v_user.namespaces) THEN
        PERFORM orchestrator.refuse('SO403', format('the session of %s allows more than the token you use', v_user.name), 'id',
            'Sign out on the page.');
    END IF;
    DELETE FROM orchestrator.sessions s WHERE s.id = end_session.id;
END
$$;
COMMENT ON FUNCTION orchestrator.end_session IS 'Ends a session of the page.';
GRANT EXECUTE ON FUNCTION orchestrator.end_session TO orchestrator_viewer;
