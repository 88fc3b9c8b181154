-- orchestrator.window_opens(window, after) -> timestamptz
-- When a window opens next: after a moment, not at it.
CREATE OR REPLACE FUNCTION orchestrator.window_opens(p_window orchestrator.maintenance_windows, p_after timestamptz DEFAULT now()) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(s.opens) FROM orchestrator.window_spans(p_window, p_after) s WHERE s.opens > p_after
$$;
COMMENT ON FUNCTION orchestrator.window_opens IS 'When a window opens next: SELECT name, window_opens(w) FROM maintenance_windows w.';
GRANT EXECUTE ON FUNCTION orchestrator.window_opens TO orchestrator_viewer;
