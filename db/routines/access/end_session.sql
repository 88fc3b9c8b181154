-- orchestrator.end_session(id) -> void
-- Signs a session out at once: one's own, or as an admin of everything anybody's. Safe to repeat.
CREATE OR REPLACE FUNCTION orchestrator.end_session(id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM orchestrator.sessions s USING orchestrator.users u
     WHERE s.id = end_session.id AND u.id = s.user_id
       AND (u.name = orchestrator.current_actor() OR (orchestrator.acting_role() = 'admin' AND orchestrator.sees_everything()));
END
$$;
COMMENT ON FUNCTION orchestrator.end_session IS 'Ends a session of the page.';
GRANT EXECUTE ON FUNCTION orchestrator.end_session TO orchestrator_viewer;
