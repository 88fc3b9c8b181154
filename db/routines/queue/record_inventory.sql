-- orchestrator.record_inventory(deployment_id, generation, applied, pruned) -> void
-- Writes what a worker applied and pruned. An observation newer than the apply keeps its place.
CREATE OR REPLACE FUNCTION orchestrator.record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_array_length(p_applied) > 0 THEN
        INSERT INTO orchestrator.deployment_resources AS r
               (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, fields_hash, applied_generation,
                applied_resource_version, applied_fields, applied_fields_hash, rendered_hash, withheld, enforce_once, drift, drifted_at, health, reason, message, last_seen_at, managed)
        SELECT p_id, d.cluster_id, a.api_version, a.kind, a.namespace, a.name, a.uid, a.resource_version, a.fields_hash, p_generation,
               a.resource_version, a.fields, a.fields_hash, a.rendered_hash, a.withheld, a.enforced, nullif(a.drift, '[]'),
               CASE WHEN a.drift <> '[]' THEN now() END, a.health, coalesce(a.reason, ''), coalesce(a.message, ''), now(), true
          FROM jsonb_to_recordset(p_applied) AS a (api_version text, kind text, namespace text, name text, uid text, resource_version bigint,
                                                   fields jsonb, fields_hash text, rendered_hash text,
                                                   withheld text[], enforced text[], drift jsonb, health text, reason text, message text)
          JOIN orchestrator.deployments d ON d.id = p_id
        ON CONFLICT (cluster_id, kind, namespace, name) DO UPDATE
           SET deployment_id = excluded.deployment_id, api_version = excluded.api_version, uid = excluded.uid,
               resource_version = greatest(r.resource_version, excluded.resource_version),
               fields_hash = CASE WHEN r.uid = excluded.uid AND r.resource_version > excluded.resource_version THEN r.fields_hash ELSE excluded.fields_hash END,
               applied_generation = excluded.applied_generation, applied_resource_version = excluded.applied_resource_version,
               applied_fields = excluded.applied_fields, applied_fields_hash = excluded.applied_fields_hash, rendered_hash = excluded.rendered_hash,
               withheld = excluded.withheld,
               -- Only what this run knew of has been carried out.
               enforce_once = nullif(ARRAY(SELECT unnest(r.enforce_once) EXCEPT SELECT unnest(excluded.enforce_once)), '{}'),
               -- Drift seen above our own apply is news; drift from below it has just been put back, but for what was left to others.
               drift = CASE WHEN r.uid = excluded.uid AND r.resource_version > excluded.resource_version
                                 AND (r.fields_hash <> excluded.fields_hash OR excluded.withheld IS NOT NULL) THEN r.drift ELSE excluded.drift END,
               drifted_at = CASE WHEN r.uid = excluded.uid AND r.resource_version > excluded.resource_version
                                      AND (r.fields_hash <> excluded.fields_hash OR excluded.withheld IS NOT NULL) THEN r.drifted_at
                                 WHEN excluded.drift IS NOT NULL THEN coalesce(r.drifted_at, excluded.drifted_at) END,
               missing_since = CASE WHEN r.resource_version > excluded.resource_version THEN r.missing_since END,
               -- Nor is a changed workload well as it was before: until it is observed, what its own answer told.
               health = CASE WHEN excluded.health IS NULL OR (r.uid = excluded.uid AND r.resource_version >= excluded.resource_version) THEN r.health ELSE excluded.health END,
               reason = CASE WHEN excluded.health IS NULL OR (r.uid = excluded.uid AND r.resource_version >= excluded.resource_version) THEN r.reason ELSE excluded.reason END,
               message = CASE WHEN excluded.health IS NULL OR (r.uid = excluded.uid AND r.resource_version >= excluded.resource_version) THEN r.message ELSE excluded.message END,
               last_seen_at = excluded.last_seen_at, managed = true;
    END IF;
    IF jsonb_array_length(p_pruned) > 0 THEN
        DELETE FROM orchestrator.deployment_resources r
         USING jsonb_to_recordset(p_pruned) AS p (kind text, namespace text, name text)
         WHERE r.deployment_id = p_id AND r.kind = p.kind AND r.namespace = p.namespace AND r.name = p.name;
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.record_inventory IS 'Writes what a worker applied and pruned.';
