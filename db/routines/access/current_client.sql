-- orchestrator.current_client() -> text
-- Where a wish comes from: the session's address, none on a local socket, and what the program calls itself.
CREATE OR REPLACE FUNCTION orchestrator.current_client() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat_ws(' ', host(inet_client_addr()), nullif(current_setting('application_name'), ''))
$$;
COMMENT ON FUNCTION orchestrator.current_client IS 'The address and program written to revisions.';
