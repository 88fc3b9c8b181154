-- orchestrator.assess_deployments(ids, applied) -> setof (id, summary, message, restart_required)
-- The status of deployments, from intent, queue and observation. The one place that decides it. `applied` as in refresh_status.
-- ROWS 1 and nested loops: Postgres takes a function for a thousand rows and an array for ten, and would read whole tables to
-- look up the one there is.
DROP FUNCTION IF EXISTS orchestrator.assess_deployments(uuid[]);
CREATE OR REPLACE FUNCTION orchestrator.assess_deployments(p_ids uuid[], p_applied bigint DEFAULT NULL) RETURNS TABLE (id uuid, summary text, message text, restart_required boolean)
LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    SELECT d.id, a.summary,
           CASE WHEN d.stale_since IS NOT NULL THEN format('Not seen since %s; what follows may be out of date. ', to_char(d.stale_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')) ELSE '' END || a.message,
           a.restart_required
      FROM orchestrator.deployments d
      JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id
      LEFT JOIN LATERAL (
          SELECT count(*) FILTER (WHERE r.kind = 'Pod') AS pods,
                 count(*) FILTER (WHERE r.managed) AS objects,
                 array_agg(orchestrator.describe_drift(r.cluster_id, r.kind, r.namespace, r.name) ORDER BY r.kind, r.name) FILTER (WHERE r.differs) AS drift,
                 -- A pod's own words are nearer to the cause than its workload's.
                 (array_agg(ARRAY[coalesce(r.health, 'Progressing'),
                                  format('%s %s: %s', r.kind, r.name, coalesce(nullif(r.message, ''), nullif(r.reason, ''), 'not seen yet'))]
                            ORDER BY r.health = 'Degraded' DESC NULLS LAST, r.kind = 'Pod' DESC, r.kind DESC)
                  FILTER (WHERE (r.managed OR r.kind = 'Pod') AND r.health IS DISTINCT FROM 'Healthy'
                                 AND CASE WHEN r.missing_since IS NULL THEN true ELSE NOT orchestrator.is_let_be(r.cluster_id, r.kind, r.namespace, r.name) END))[1:1] AS worst,
                 min(format('%s %s: its pods are not there yet', r.kind, r.name))
                  FILTER (WHERE r.kind IN ('Deployment', 'StatefulSet') AND r.reason IN ('Ready', 'RestartRequired')) AS podless,
                 array_agg(r.revision) FILTER (WHERE r.kind = 'StatefulSet' AND r.revision IS NOT NULL) AS revisions,
                 array_agg(r.revision) FILTER (WHERE r.kind = 'Pod' AND r.reason <> 'Terminating') AS running,
                 max(r.applied_generation) FILTER (WHERE r.kind = 'StatefulSet') AS applied
            FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id
      ) r ON true
      CROSS JOIN LATERAL orchestrator.judge_status(
                     d.id, d.cluster_id, d.desired_state, d.finalised_at IS NOT NULL, d.generation, greatest(d.last_applied_generation, p_applied), s, r.pods, r.objects,
                     (SELECT min(m) FROM unnest(r.drift[:][1:1]) m), (SELECT min(m) FROM unnest(r.drift[:][2:2]) m),
                     CASE WHEN r.drift IS NOT NULL THEN orchestrator.describe_contests(d.id) END, (SELECT min(m) FROM unnest(r.drift[:][3:3]) m),
                     -- A pod that is gone is seen before its workload has noticed.
                     coalesce(r.worst, CASE WHEN r.pods = 0 AND r.podless IS NOT NULL THEN ARRAY[['Progressing', r.podless]] END),
                     -- A pod of another revision than its set wants: "lobby-5c9d" is a revision of lobby. Sets that roll by themselves tell none.
                     CASE WHEN NOT r.running <@ r.revisions AND EXISTS (
                               SELECT FROM unnest(r.revisions) w JOIN unnest(r.running) p ON p <> w AND regexp_replace(p, '-[^-]*$', '') = regexp_replace(w, '-[^-]*$', ''))
                          THEN r.applied END) a
     WHERE d.id = ANY (p_ids)
$$;
COMMENT ON FUNCTION orchestrator.assess_deployments IS 'The status of deployments.';
