-- orchestrator.window_users(window) -> text, NULL for nothing
-- What waits for a window or names it, the first ten: as the refusal to delete it tells.
CREATE OR REPLACE FUNCTION orchestrator.window_users(p_window orchestrator.maintenance_windows) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH users AS (
        SELECT format('the planned restart of %s/%s', d.namespace, d.name) AS what
          FROM orchestrator.planned_restarts p JOIN orchestrator.deployments d ON d.id = p.deployment_id
         WHERE p.window_id = (p_window).id AND p.state = 'planned'
    )
    SELECT string_agg(u.what, ', ') FROM (SELECT u.what FROM users u ORDER BY u.what LIMIT 10) u
$$;
COMMENT ON FUNCTION orchestrator.window_users IS 'What names a window.';
