-- orchestrator.record_observations(cluster, batch) -> setof verdicts
-- Writes what a watcher saw, in one statement and one transaction: inventory, cache, events, status, and requests for what was
-- deleted or recreated behind our back. Answers 'busy' for deployments somebody holds (send those again shortly) and 'suspect'
-- for objects whose fields are no longer the ones we applied (look closer, then record_drift in the same transaction).
-- Generic plans: Postgres takes an array of ids for ten rows, and would plan anew at each call for the one there is.
-- Index lookups only, one an object (LATERAL … OFFSET 0 in what it calls): a plan made while the inventory was small would
-- read all of it for each batch for as long as the session lives.
CREATE OR REPLACE FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb)
RETURNS TABLE (
    verdict text, deployment_id uuid, kind text, namespace text, name text, deployment_name text, generation bigint, template_version integer,
    root_uid text, applied_fields jsonb, wanted jsonb, known jsonb
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_batch orchestrator.observation[];
    v_ids uuid[];
    v_held uuid[];
    v_gone orchestrator.observation[];
    v_seen orchestrator.observation[];
    v_suspects orchestrator.observation[];
    v_changed uuid[];
    v_lost uuid[];
BEGIN
    v_batch := orchestrator.locate_observations(v_cluster_id, p_batch);
    v_ids := ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(v_batch) o);
    v_held := orchestrator.lock_deployments(v_ids);
    -- A drift waits for each of these statements, and nearly always there is nothing for most of them to do.
    IF cardinality(v_held) < cardinality(v_ids) THEN
        RETURN QUERY SELECT 'busy', o.deployment_id, o.kind, o.namespace, o.name, NULL::text, NULL::bigint, NULL::integer, NULL::text, NULL::jsonb, NULL::jsonb, NULL::jsonb
          FROM unnest(v_batch) o WHERE o.deployment_id <> ALL (v_held);
    END IF;
    -- An older observation never overwrites a newer one; an equal one may bring the health that our own apply could not know.
    SELECT array_agg(o) FILTER (WHERE o.change = 'gone'), array_agg(o) FILTER (WHERE o.change = 'seen') INTO v_gone, v_seen
      FROM unnest(v_batch) o
      LEFT JOIN LATERAL (
          SELECT k.resource_version FROM orchestrator.deployment_resources k
           WHERE k.cluster_id = v_cluster_id AND k.kind = o.kind AND k.namespace = o.namespace AND k.name = o.name OFFSET 0) r ON true
     WHERE o.deployment_id = ANY (v_held) AND o.resource_version >= coalesce(r.resource_version, 0);
    v_suspects := orchestrator.find_suspects(v_cluster_id, v_seen);
    v_lost := orchestrator.record_gone(v_cluster_id, v_gone) || orchestrator.record_recreated(v_cluster_id, v_seen);
    v_changed := orchestrator.record_seen(v_cluster_id, v_seen) || v_lost;
    PERFORM orchestrator.record_digests(v_gone, v_seen);
    IF v_lost <> '{}' THEN
        PERFORM orchestrator.request_unless_paused(v_lost, 'observed');
    END IF;
    PERFORM orchestrator.refresh_status(v_changed);
    IF v_suspects = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'suspect', d.id, o.kind, o.namespace, o.name, d.name, r.applied_generation, d.template_version, root.uid, r.applied_fields,
           (SELECT m FROM jsonb_array_elements(orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at)) m
             WHERE m ->> 'kind' = o.kind AND m -> 'metadata' ->> 'name' = o.name LIMIT 1), r.drift
      FROM unnest(v_suspects) o
      JOIN orchestrator.deployments d ON d.id = o.deployment_id
      JOIN orchestrator.deployment_resources r ON r.cluster_id = v_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
      LEFT JOIN orchestrator.deployment_resources root
             ON root.cluster_id = v_cluster_id AND root.kind = 'ConfigMap' AND root.namespace = d.namespace AND root.name = d.name || '-root';
END
$$;
COMMENT ON FUNCTION orchestrator.record_observations IS 'Writes what a watcher saw.';
GRANT EXECUTE ON FUNCTION orchestrator.record_observations TO orchestrator_watcher;
