-- orchestrator.record_relist(cluster, kind, present) -> setof (namespace, name, uid, deployment_id, generation)
-- After a full list of one kind: everything listed was seen just now; what the inventory has beside it may be gone, and is
-- answered for the watcher to make sure of (an object that lost its label is not in the list, yet exists).
-- No nested loops: nobody knows how long the list is when the plan is made.
-- Dropped first: a function that exists cannot be given another row type.
DROP FUNCTION IF EXISTS orchestrator.record_relist(text, text, bigint, jsonb);
CREATE OR REPLACE FUNCTION orchestrator.record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb)
RETURNS TABLE (namespace text, name text, uid text, deployment_id uuid, generation bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
AS $$
#variable_conflict use_column
DECLARE
    v_cluster orchestrator.clusters;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    -- Rows somebody holds are being written this moment, which is as good as seen.
    WITH present AS (
        SELECT * FROM jsonb_to_recordset(p_present) AS p (namespace text, name text, uid text)
    ), seen AS (
        SELECT r.namespace, r.name FROM orchestrator.deployment_resources r JOIN present p USING (namespace, name, uid)
         WHERE r.cluster_id = v_cluster.id AND r.kind = p_kind AND r.last_seen_at < now() - make_interval(secs => v_cluster.resync_seconds * 0.4)
           FOR NO KEY UPDATE OF r SKIP LOCKED
    )
    UPDATE orchestrator.deployment_resources r SET last_seen_at = now()
      FROM seen s WHERE r.cluster_id = v_cluster.id AND r.kind = p_kind AND r.namespace = s.namespace AND r.name = s.name;
    INSERT INTO orchestrator.watch_streams AS w (cluster_id, kind, state, synced_at) VALUES (v_cluster.id, p_kind, 'synced', now())
    ON CONFLICT (cluster_id, kind) DO UPDATE SET state = 'synced', error = NULL, synced_at = now(),
           changed_at = CASE WHEN w.state = 'synced' THEN w.changed_at ELSE now() END;
    RETURN QUERY
    SELECT r.namespace, r.name, r.uid, r.deployment_id, r.applied_generation FROM orchestrator.deployment_resources r
      LEFT JOIN jsonb_to_recordset(p_present) AS p (namespace text, name text, uid text) USING (namespace, name)
     WHERE r.cluster_id = v_cluster.id AND r.kind = p_kind AND r.missing_since IS NULL AND r.resource_version <= p_resource_version
       -- An edit that was seen before its apply was settled could not be judged then: have it looked at now.
       AND (p.name IS NULL OR (r.managed AND r.drift IS NULL AND r.uid = p.uid AND r.fields_hash <> r.applied_fields_hash));
END
$$;
COMMENT ON FUNCTION orchestrator.record_relist IS 'Writes that a kind was listed in full; answers what it lacked.';
GRANT EXECUTE ON FUNCTION orchestrator.record_relist TO orchestrator_watcher;
