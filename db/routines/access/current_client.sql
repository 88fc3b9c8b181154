-- orchestrator.current_client() -> text
-- Where a wish comes from: the session's address, none on a local socket, and what the program calls itself. For who asks over HTTP
-- the API tells the address; it alone is believed, since any session can set a setting.
CREATE OR REPLACE FUNCTION orchestrator.current_client() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN concat_ws(' ', CASE WHEN coalesce(current_setting('orchestrator.client', true), '') <> ''
                                    AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER')
                               THEN current_setting('orchestrator.client', true)
                               ELSE host(inet_client_addr()) END,
                     nullif(current_setting('application_name'), ''));
END
$$;
COMMENT ON FUNCTION orchestrator.current_client IS 'The address and program written to revisions.';
