-- orchestrator.find_suspects(cluster_id, seen) -> observation[]
-- Objects whose owned fields differ from what we applied. Older than our apply is no news. One that was judged before is judged
-- again: the fields lost may be the same and their values others, and what was seen before its apply was settled was not judged.
-- So is one that leaves fields to others: those may have other values by now, and ours tell nothing of it.
-- A newer generation with the same fields is an apply of ours that is not settled yet: its other values are no news.
CREATE OR REPLACE FUNCTION orchestrator.find_suspects(p_cluster_id integer, p_seen orchestrator.observation[]) RETURNS orchestrator.observation[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(o), '{}')
      FROM unnest(p_seen) o
      CROSS JOIN LATERAL (
          SELECT k.managed, k.uid, k.applied_generation, k.applied_resource_version, k.applied_fields_hash, k.withheld FROM orchestrator.deployment_resources k
           WHERE k.cluster_id = p_cluster_id AND k.kind = o.kind AND k.namespace = o.namespace AND k.name = o.name OFFSET 0) r
      CROSS JOIN LATERAL (SELECT k.desired_state FROM orchestrator.deployments k WHERE k.id = o.deployment_id OFFSET 0) d
     WHERE r.managed AND r.uid = o.uid AND o.resource_version > r.applied_resource_version
       AND (r.withheld IS NOT NULL OR (o.fields_hash <> r.applied_fields_hash
            AND NOT (coalesce(o.generation > r.applied_generation, false) AND left(o.fields_hash, 16) = left(r.applied_fields_hash, 16))))
       AND d.desired_state <> 'Deleted'
$$;
COMMENT ON FUNCTION orchestrator.find_suspects IS 'Observations that may be drift.';
