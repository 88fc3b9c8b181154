-- orchestrator.shut_until(deployment_id, window) -> timestamptz
-- When the window opens that a rule of a deployment names; NULL if it is open now, or the rule names none.
CREATE OR REPLACE FUNCTION orchestrator.shut_until(p_deployment_id uuid, p_window text) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.opens
      FROM orchestrator.deployments d
     CROSS JOIN LATERAL orchestrator.find_window(p_window, d.namespace) w
     CROSS JOIN LATERAL (SELECT min(s.opens) AS opens FROM orchestrator.window_spans(w, now()) s) s
     WHERE d.id = p_deployment_id AND s.opens > now()
$$;
COMMENT ON FUNCTION orchestrator.shut_until IS 'When the window opens that a rule of a deployment names; NULL if it is open.';
GRANT EXECUTE ON FUNCTION orchestrator.shut_until TO orchestrator_viewer;
