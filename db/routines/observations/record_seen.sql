-- orchestrator.record_seen(cluster_id, seen) -> void
-- Inventory of objects that exist: uid, version, health. An object that carries our label but was never applied by us is only observed.
-- It answered once whose status may have changed, and a function cannot change what it answers.
DROP FUNCTION IF EXISTS orchestrator.record_seen(integer, orchestrator.observation[]);
CREATE OR REPLACE FUNCTION orchestrator.record_seen(p_cluster_id integer, p_seen orchestrator.observation[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO orchestrator.deployment_resources AS r
           (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, fields_hash, health, reason, message,
            revision, last_seen_at, managed)
    SELECT o.deployment_id, p_cluster_id, o.api_version, o.kind, o.namespace, o.name, o.uid, o.resource_version, o.fields_hash,
           o.health, o.reason, o.message, o.digest ->> 'revision', now(), o.ours AND o.kind <> 'Pod'
      FROM unnest(p_seen) o
    ON CONFLICT (cluster_id, kind, namespace, name) DO UPDATE
       SET uid = excluded.uid, resource_version = excluded.resource_version, fields_hash = excluded.fields_hash, health = excluded.health,
           reason = excluded.reason, message = excluded.message, revision = excluded.revision, last_seen_at = excluded.last_seen_at, missing_since = NULL,
           -- What our own apply was answered with (rewritten) reads the same to us as no drift.
           drift = CASE WHEN r.withheld IS NOT NULL OR excluded.fields_hash IS DISTINCT FROM r.applied_fields_hash OR r.drift @> '[{"reason": "rewritten"}]' THEN r.drift END,
           drifted_at = CASE WHEN r.withheld IS NOT NULL OR excluded.fields_hash IS DISTINCT FROM r.applied_fields_hash OR r.drift @> '[{"reason": "rewritten"}]' THEN r.drifted_at END;
END
$$;
COMMENT ON FUNCTION orchestrator.record_seen IS 'Writes which objects exist, and how they are.';
