-- orchestrator.window_is_open(window, at) -> boolean
-- Whether a window is open at a moment: from its opening on, and no longer when it closes.
CREATE OR REPLACE FUNCTION orchestrator.window_is_open(p_window orchestrator.maintenance_windows, p_at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM orchestrator.window_spans(p_window, p_at, 1) s WHERE s.opens <= p_at)
$$;
COMMENT ON FUNCTION orchestrator.window_is_open IS 'Whether a window is open: SELECT name, window_is_open(w) FROM maintenance_windows w.';
GRANT EXECUTE ON FUNCTION orchestrator.window_is_open TO orchestrator_viewer;
