-- orchestrator.window_users(window, plans) -> text, NULL for nothing
-- What names a window, the first ten: rules, by its name; and planned restarts (plans), which follow it when it is renamed.
CREATE OR REPLACE FUNCTION orchestrator.window_users(p_window orchestrator.maintenance_windows, p_plans boolean) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH naming AS (
        SELECT jsonb_build_array(jsonb_build_object('window', (p_window).name)) AS rules
    ), users AS (
        SELECT format('the planned restart of %s/%s', d.namespace, d.name) AS what
          FROM orchestrator.planned_restarts p JOIN orchestrator.deployments d ON d.id = p.deployment_id
         WHERE p_plans AND p.window_id = (p_window).id AND p.state = 'planned'
        UNION ALL
        SELECT format('a drift rule of %s/%s', d.namespace, d.name)
          FROM naming n JOIN orchestrator.deployments d ON d.drift_rules @> n.rules
         WHERE d.finalised_at IS NULL AND d.namespace = coalesce((p_window).namespace, d.namespace)
        UNION ALL
        SELECT format('a drift rule of version %s of the template %s', t.version, t.name)
          FROM naming n JOIN orchestrator.templates t ON t.drift_rules_json @> n.rules
         WHERE (p_window).namespace IS NULL
    )
    SELECT string_agg(u.what, ', ') FROM (SELECT u.what FROM users u ORDER BY u.what LIMIT 10) u
$$;
COMMENT ON FUNCTION orchestrator.window_users IS 'What names a window.';
