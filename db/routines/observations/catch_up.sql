-- orchestrator.catch_up(cluster, batch, suspects) -> setof (kind, namespace, name) to send again
-- What could wait of a batch of observations until its drift was told of: the cache of live status, and the status of the suspects'
-- deployments. Should it never come, their settlement writes the status, and the next relist the cache. Deployments that somebody
-- holds are left out, and their objects answered.
-- Index lookups only, as in record_observations.
CREATE OR REPLACE FUNCTION orchestrator.catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[])
RETURNS TABLE (kind text, namespace text, name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_batch orchestrator.observation[] := orchestrator.locate_observations(v_cluster_id, p_batch);
    v_held uuid[] := orchestrator.lock_deployments(ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(v_batch) o));
    v_gone orchestrator.observation[];
    v_seen orchestrator.observation[];
BEGIN
    -- What an apply has been answered with meanwhile is newer, and is seen in its turn.
    SELECT coalesce(array_agg(o) FILTER (WHERE o.change = 'gone'), '{}'), coalesce(array_agg(o) FILTER (WHERE o.change = 'seen'), '{}')
      INTO v_gone, v_seen
      FROM unnest(v_batch) o
     WHERE o.deployment_id = ANY (v_held) AND o.resource_version >= coalesce((
           SELECT r.resource_version FROM orchestrator.deployment_resources r
            WHERE r.cluster_id = v_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name), 0);
    PERFORM orchestrator.record_digests(v_gone, v_seen);
    PERFORM orchestrator.refresh_status(ARRAY(SELECT s FROM unnest(p_suspects) s WHERE s = ANY (v_held)));
    RETURN QUERY SELECT o.kind, o.namespace, o.name FROM unnest(v_batch) o WHERE o.deployment_id <> ALL (v_held);
END
$$;
COMMENT ON FUNCTION orchestrator.catch_up IS 'Writes what could wait of what a watcher saw.';
GRANT EXECUTE ON FUNCTION orchestrator.catch_up TO orchestrator_watcher;
