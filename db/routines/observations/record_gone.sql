-- orchestrator.record_gone(cluster_id, gone) -> uuid[] deployments that must be looked at
-- Objects that no longer exist. What is still wanted is marked missing, with an event; the rest leaves the inventory.
CREATE OR REPLACE FUNCTION orchestrator.record_gone(p_cluster_id integer, p_gone orchestrator.observation[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_missing uuid[];
    v_removed uuid[];
BEGIN
    -- Gone once more, after a worker made it again: no news, but newer than that worker's settlement may think.
    UPDATE orchestrator.deployment_resources r SET resource_version = o.resource_version
      FROM unnest(p_gone) o
     WHERE r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name AND r.missing_since IS NOT NULL;
    WITH missing AS (
        UPDATE orchestrator.deployment_resources r
           SET missing_since = now(), resource_version = o.resource_version, health = 'Progressing', reason = 'Missing',
               message = 'deleted from outside', drift = NULL, drifted_at = NULL
          FROM unnest(p_gone) o JOIN orchestrator.deployments d ON d.id = o.deployment_id
         WHERE r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
           AND r.managed AND r.missing_since IS NULL AND orchestrator.is_wanted(d, r.kind, r.name)
        RETURNING d.id, d.generation, r.kind, r.namespace, r.name, r.uid
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT m.id, m.generation, 'k8s_watch', 'ResourceDeletedExternally',
               jsonb_build_object('kind', m.kind, 'namespace', m.namespace, 'name', m.name, 'uid', m.uid), 'kubernetes' FROM missing m
    )
    SELECT array_agg(DISTINCT m.id) INTO v_missing FROM missing m;
    WITH removed AS (
        DELETE FROM orchestrator.deployment_resources r
         USING unnest(p_gone) o, orchestrator.deployments d
         WHERE d.id = o.deployment_id
           AND r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
           AND NOT (r.managed AND orchestrator.is_wanted(d, r.kind, r.name))
        RETURNING d.id
    )
    SELECT array_agg(DISTINCT r.id) INTO v_removed FROM removed r;
    -- A pod that went needs no worker, except where a deletion waits for it.
    PERFORM orchestrator.refresh_status(v_removed);
    IF v_missing IS NOT NULL THEN
        v_missing := ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(p_gone) o
                            WHERE o.deployment_id = ANY (v_missing) AND EXISTS (
                        SELECT FROM orchestrator.judge_object(p_cluster_id, o.kind, o.namespace, o.name) j WHERE j.path = '' AND j.held IS NULL));
        PERFORM orchestrator.refresh_status(ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(p_gone) o WHERE o.deployment_id <> ALL (v_missing)));
    END IF;
    RETURN coalesce(v_missing, '{}') || ARRAY(
        SELECT d.id FROM orchestrator.deployments d WHERE d.id = ANY (v_removed) AND d.desired_state = 'Deleted' AND d.finalised_at IS NULL);
END
$$;
COMMENT ON FUNCTION orchestrator.record_gone IS 'Writes which objects no longer exist.';
