-- orchestrator.timeline(id, before, limit) -> setof (run, generation, began_at, outcome, settled_seconds, healthy_seconds, steps)
-- A deployment's history by runs, newest first: what set one off, a worker's attempt, and what followed until the next was set off.
-- Reads the newest `limit` events, those before event `before` if given; the oldest run among them may begin further back.
-- run: the id of its first event. steps: [{id, type, source, actor, at, seconds (since the step before), data}], oldest first.
-- outcome: waiting, working, succeeded, failed, deferred, or unfinished: another attempt began before this one said how it ended.
-- settled_seconds, healthy_seconds: from its beginning until the worker was done, and until all was well; NULL until then.
CREATE OR REPLACE FUNCTION orchestrator.timeline(p_id uuid, p_before bigint DEFAULT NULL, p_limit integer DEFAULT 200)
RETURNS TABLE (
    run bigint, generation bigint, began_at timestamptz, outcome text, settled_seconds numeric, healthy_seconds numeric, steps jsonb
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH recent AS (
        SELECT e.*, e.source <> 'reconciler' AND e.type IN ('DeploymentCreated', 'DeploymentChanged', 'DeploymentQueued',
                        'ResourceModifiedExternally', 'ResourceDeletedExternally', 'ResourceRecreated') AS sets_off
          FROM orchestrator.deployment_events e
         WHERE e.deployment_id = p_id AND (p_before IS NULL OR e.id < p_before)
         ORDER BY e.id DESC LIMIT least(p_limit, 1000)
    ), counted AS (
        SELECT r.*, count(*) FILTER (WHERE r.type = 'ReconcileStarted') OVER (ORDER BY r.id) AS started,
               bool_or(r.sets_off) OVER (PARTITION BY r.xid) AS with_cause,
               max(r.id) FILTER (WHERE r.sets_off) OVER (ORDER BY r.id)
                   > coalesce(max(r.id) FILTER (WHERE r.type = 'ReconcileStarted') OVER (ORDER BY r.id), 0) AS asked
          FROM recent r
    ), numbered AS (
        -- What sets a run off belongs to the attempt that is still to come, and so do a status written with it and its wait for the cluster.
        SELECT c.*, c.started + (c.sets_off OR (c.type = 'StatusChanged' AND c.with_cause)
                                 OR (c.type = 'ReconcileDeferred' AND c.asked))::integer AS attempt,
               max(c.started) OVER () AS newest
          FROM counted c
    ), timed AS (
        SELECT n.*, extract(epoch FROM n.created_at - lag(n.created_at) OVER own) AS seconds,
               extract(epoch FROM n.created_at - first_value(n.created_at) OVER own) AS since
          FROM numbered n WINDOW own AS (PARTITION BY n.attempt ORDER BY n.id)
    )
    SELECT min(t.id), max(t.generation), min(t.created_at),
           CASE WHEN bool_or(t.type IN ('ReconcileSucceeded', 'ReconcileHeld', 'DeploymentDeleted')) THEN 'succeeded'
                WHEN bool_or(t.type IN ('ReconcileFailed', 'ReconcileQuarantined')) THEN 'failed'
                WHEN bool_or(t.type = 'ReconcileDeferred') THEN 'deferred'
                WHEN NOT bool_or(t.type = 'ReconcileStarted') THEN 'waiting'
                WHEN t.attempt = min(t.newest) THEN 'working' ELSE 'unfinished' END,
           round(min(t.since) FILTER (WHERE t.type IN ('ReconcileSucceeded', 'ReconcileHeld', 'ReconcileFailed', 'DeploymentDeleted')), 3),
           round(min(t.since) FILTER (WHERE t.type = 'StatusChanged' AND t.data_json ->> 'to' IN ('Healthy', 'Stopped')), 3),
           jsonb_agg(jsonb_build_object('id', t.id, 'type', t.type, 'source', t.source, 'actor', t.actor, 'at', t.created_at,
                                        'seconds', round(t.seconds, 3), 'data', t.data_json) ORDER BY t.id)
      FROM timed t GROUP BY t.attempt ORDER BY t.attempt DESC
$$;
COMMENT ON FUNCTION orchestrator.timeline IS 'A deployment''s history by runs, newest first.';
GRANT EXECUTE ON FUNCTION orchestrator.timeline TO orchestrator_viewer;
