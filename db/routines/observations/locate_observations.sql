-- orchestrator.locate_observations(cluster_id, batch) -> observation[]
-- Gives each observation the deployment it belongs to: the inventory knows best, since labels can be edited; a label of
-- ours decides only for objects not yet known. What belongs to nobody is left out.
CREATE OR REPLACE FUNCTION orchestrator.locate_observations(p_cluster_id integer, p_batch jsonb) RETURNS orchestrator.observation[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(ROW(o.change, o.api_version, o.kind, o.namespace, o.name, o.uid, o.resource_version,
                                  coalesce(r.deployment_id, d.id), o.generation, o.ours, coalesce(o.fields_hash, 'none'), o.deleting,
                                  CASE WHEN o.deleting THEN 'Progressing' ELSE o.health END,
                                  CASE WHEN o.deleting THEN 'Terminating' ELSE coalesce(o.reason, '') END,
                                  coalesce(o.message, ''), o.digest)::orchestrator.observation), '{}')
      FROM jsonb_populate_recordset(NULL::orchestrator.observation, p_batch) o
      LEFT JOIN LATERAL (
          SELECT k.deployment_id FROM orchestrator.deployment_resources k
           WHERE k.cluster_id = p_cluster_id AND k.kind = o.kind AND k.namespace = o.namespace AND k.name = o.name OFFSET 0) r ON true
      LEFT JOIN LATERAL (
          SELECT k.id FROM orchestrator.deployments k WHERE k.id = o.deployment_id AND k.cluster_id = p_cluster_id OFFSET 0) d ON true
     WHERE coalesce(r.deployment_id, d.id) IS NOT NULL
$$;
COMMENT ON FUNCTION orchestrator.locate_observations IS 'Finds the deployment of each observation.';
