-- orchestrator.acting_role() -> 'viewer' | 'operator' | 'admin' | NULL
-- What the session may at most now: the role taken on, or the login's own. Told by the setting, not by current_user, which is
-- the owner inside a SECURITY DEFINER door.
CREATE OR REPLACE FUNCTION orchestrator.acting_role() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r FROM unnest(ARRAY['admin', 'operator', 'viewer']) WITH ORDINALITY roles (r, o)
     WHERE pg_has_role(CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
                       'orchestrator_' || r, 'USAGE')
     ORDER BY o LIMIT 1
$$;
COMMENT ON FUNCTION orchestrator.acting_role IS 'viewer, operator or admin: what the session may now; NULL is nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.acting_role TO orchestrator_viewer;
