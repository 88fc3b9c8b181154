-- orchestrator.window_spans(window, at, days) -> setof (opens, closes)
-- When a window is open, from the span that holds a moment, or else the next, until so many days later. It lasts by the time that
-- passes, not by the clocks; a start is found by its day, so a window that goes past midnight belongs to the day on which it began.
CREATE OR REPLACE FUNCTION orchestrator.window_spans(p_window orchestrator.maintenance_windows, p_at timestamptz, p_days integer DEFAULT 8)
RETURNS TABLE (opens timestamptz, closes timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.opens, o.opens + (p_window).lasts
      FROM generate_series(-2, p_days) n
     CROSS JOIN LATERAL (SELECT (p_at AT TIME ZONE (p_window).zone)::date + n) d (day)
     CROSS JOIN LATERAL (SELECT orchestrator.at_wall_clock(d.day + (p_window).starts, (p_window).zone)) o (opens)
     WHERE to_char(d.day, 'Dy') = ANY ((p_window).days) AND o.opens + (p_window).lasts > p_at
     ORDER BY o.opens
$$;
COMMENT ON FUNCTION orchestrator.window_spans IS 'When a window opens and closes, from a moment on.';
GRANT EXECUTE ON FUNCTION orchestrator.window_spans TO orchestrator_viewer;
