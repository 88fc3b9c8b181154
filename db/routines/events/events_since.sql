-- orchestrator.events_since(at) -> (xid, id)
-- Where a reader begins who wants the events written at a time or later: before all of them, so that events_after tells every one.
-- A few earlier ones may come among them: transactions end in another order than they begin.
CREATE OR REPLACE FUNCTION orchestrator.events_since(p_at timestamptz, OUT xid xid8, OUT id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH later AS MATERIALIZED (
        SELECT e.xid, e.id FROM orchestrator.deployment_events e
         WHERE e.created_at >= p_at AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    )
    SELECT f.xid, f.id FROM (SELECT l.xid, l.id - 1 AS id FROM later l ORDER BY l.xid, l.id LIMIT 1) f
     UNION ALL
    SELECT n.xid, n.id FROM orchestrator.newest_event() n
     LIMIT 1
$$;
COMMENT ON FUNCTION orchestrator.events_since IS 'The place before the first event of a time or later: for events_after.';
GRANT EXECUTE ON FUNCTION orchestrator.events_since TO orchestrator_viewer;
