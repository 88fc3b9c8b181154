-- orchestrator.events_after(xid, id, limit, deployment) -> setof deployment_events
-- Events after a cursor, in an order that never changes: only those below the oldest running transaction,
-- since a row with a smaller cursor may still commit above it. Resume with the last row's (xid, id); SO410 if what came after it was
-- dropped by retention.
CREATE OR REPLACE FUNCTION orchestrator.events_after(
    p_xid xid8 DEFAULT '0', p_id bigint DEFAULT 0, p_limit integer DEFAULT 100, p_deployment_id uuid DEFAULT NULL
) RETURNS SETOF orchestrator.deployment_events
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Two ways, so that either has an index of its own whatever the plan was made for.
    (SELECT * FROM orchestrator.deployment_events e
      WHERE p_deployment_id IS NULL AND (e.xid, e.id) > (p_xid, p_id)
        AND e.xid < pg_snapshot_xmin(pg_current_snapshot()) AND (SELECT orchestrator.require_kept(p_xid, p_id))
      ORDER BY e.xid, e.id LIMIT least(p_limit, 1000))
    UNION ALL
    (SELECT * FROM orchestrator.deployment_events e
      WHERE e.deployment_id = p_deployment_id AND (e.xid, e.id) > (p_xid, p_id)
        AND e.xid < pg_snapshot_xmin(pg_current_snapshot()) AND (SELECT orchestrator.require_kept(p_xid, p_id))
      ORDER BY e.xid, e.id LIMIT least(p_limit, 1000))
$$;
COMMENT ON FUNCTION orchestrator.events_after IS 'Events after a cursor, none skipped and none twice.';
GRANT EXECUTE ON FUNCTION orchestrator.events_after TO orchestrator_viewer;
