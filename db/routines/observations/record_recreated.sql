-- orchestrator.record_recreated(cluster_id, seen) -> uuid[] deployments that must be looked at
-- Objects of ours that another has taken the name of. Our own re-creation carries our manager and is not news.
CREATE OR REPLACE FUNCTION orchestrator.record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids uuid[];
BEGIN
    WITH recreated AS (
        UPDATE orchestrator.deployment_resources r
           SET uid = o.uid, rendered_hash = NULL, applied_fields = NULL, applied_fields_hash = NULL, applied_resource_version = NULL,
               missing_since = NULL, drift = NULL, drifted_at = NULL
          FROM unnest(p_seen) o JOIN orchestrator.deployments d ON d.id = o.deployment_id,
               LATERAL (SELECT b.uid FROM orchestrator.deployment_resources b
                         WHERE b.cluster_id = p_cluster_id AND b.kind = o.kind AND b.namespace = o.namespace AND b.name = o.name) old
         WHERE r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
           AND r.managed AND r.uid <> o.uid AND NOT o.ours AND d.desired_state <> 'Deleted'
        RETURNING d.id, d.generation, r.kind, r.namespace, r.name, old.uid AS was, r.uid
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT c.id, c.generation, 'k8s_watch', 'ResourceRecreated',
               jsonb_build_object('kind', c.kind, 'namespace', c.namespace, 'name', c.name, 'from_uid', c.was, 'to_uid', c.uid), 'kubernetes' FROM recreated c
    )
    SELECT array_agg(DISTINCT c.id) INTO v_ids FROM recreated c;
    RETURN ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(p_seen) o
                  WHERE o.deployment_id = ANY (v_ids) AND NOT o.ours AND EXISTS (
                        SELECT FROM orchestrator.judge_object(p_cluster_id, o.kind, o.namespace, o.name) j WHERE j.path = '' AND j.held IS NULL));
END
$$;
COMMENT ON FUNCTION orchestrator.record_recreated IS 'Writes which objects were replaced from outside.';
