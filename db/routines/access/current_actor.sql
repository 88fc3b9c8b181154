-- orchestrator.current_actor() -> text
-- Who is acting: the person the API names, otherwise the login. Only the API is believed, since any session can set a setting.
CREATE OR REPLACE FUNCTION orchestrator.current_actor() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN coalesce(current_setting('orchestrator.actor', true), '') <> ''
             AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER')
        THEN current_setting('orchestrator.actor', true)
        ELSE session_user::text
    END;
END
$$;
COMMENT ON FUNCTION orchestrator.current_actor IS 'The identity written to events and revisions.';
GRANT EXECUTE ON FUNCTION orchestrator.current_actor TO orchestrator_viewer;
