-- orchestrator.find_suspects(cluster_id, seen) -> observation[]
-- Objects whose owned fields differ both from what we applied and from what was last judged. Older than our apply is no news.
CREATE OR REPLACE FUNCTION orchestrator.find_suspects(p_cluster_id integer, p_seen orchestrator.observation[]) RETURNS orchestrator.observation[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(o), '{}')
      FROM unnest(p_seen) o
      JOIN orchestrator.deployment_resources r
        ON r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
      JOIN orchestrator.deployments d ON d.id = o.deployment_id
     WHERE r.managed AND r.uid = o.uid AND o.resource_version > r.applied_resource_version
       AND o.fields_hash <> r.applied_fields_hash AND o.fields_hash IS DISTINCT FROM r.fields_hash
       AND d.desired_state <> 'Deleted'
$$;
COMMENT ON FUNCTION orchestrator.find_suspects IS 'Observations that may be drift.';
