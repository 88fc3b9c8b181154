-- orchestrator.next_windows(n, after) -> setof (window_id, name, opens, closes, is_open, opens_there, closes_there)
-- The next n times each window is open, the one that is now among them, in their order; as moments, and by the clocks of its zone.
CREATE OR REPLACE FUNCTION orchestrator.next_windows(p_each integer DEFAULT 3, p_after timestamptz DEFAULT now())
RETURNS TABLE (
    window_id bigint, name text, opens timestamptz, closes timestamptz, is_open boolean, opens_there timestamp, closes_there timestamp
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w.id, w.name, s.opens, s.closes, s.opens <= p_after, s.opens AT TIME ZONE w.zone, s.closes AT TIME ZONE w.zone
      FROM orchestrator.maintenance_windows w
     CROSS JOIN LATERAL (SELECT * FROM orchestrator.window_spans(w, p_after, 7 * least(p_each, 100) + 1) s ORDER BY s.opens LIMIT p_each) s
     ORDER BY s.opens, w.name, w.id
$$;
COMMENT ON FUNCTION orchestrator.next_windows IS 'When each window is open next, and how often so many times later.';
GRANT EXECUTE ON FUNCTION orchestrator.next_windows TO orchestrator_viewer;
