-- orchestrator.newest_event() -> (xid, id)
-- The last event that events_after can tell so far, of all deployments; (0, 0) if there is none. Whoever has read to the
-- end has read up to here, also one who may see but a few of them; and it is committed, so no crash gives its place to another.
CREATE OR REPLACE FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(max(e.xid), '0'), coalesce(max(e.id), 0)
      FROM (SELECT n.xid, n.id FROM orchestrator.deployment_events n
             WHERE n.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY n.xid DESC, n.id DESC LIMIT 1) e
$$;
COMMENT ON FUNCTION orchestrator.newest_event IS 'Where the history ends so far: a place for events_after.';
GRANT EXECUTE ON FUNCTION orchestrator.newest_event TO orchestrator_viewer, orchestrator_api;
