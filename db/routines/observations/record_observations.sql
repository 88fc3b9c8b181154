-- orchestrator.record_observations(cluster, batch) -> setof verdicts
-- Writes what a watcher saw, in one statement and one transaction: inventory, cache, events, status, and requests for what was
-- deleted or recreated behind our back. Answers 'busy' for deployments somebody holds (send those again shortly) and 'suspect'
-- for objects whose fields are no longer the ones we applied: look closer, then record_drift in the same transaction, with the
-- deployments that are `unjudged` (their status is still to be written), and catch_up in one of its own.
-- It told less of suspects once, and a function cannot change what it answers.
-- Generic plans: Postgres takes an array of ids for ten rows, and would plan anew at each call for the one there is.
-- Index lookups only, one an object (LATERAL … OFFSET 0 in what it calls): a plan made while the inventory was small would
-- read all of it for each batch for as long as the session lives.
DROP FUNCTION IF EXISTS orchestrator.record_observations(text, jsonb);
CREATE OR REPLACE FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb)
RETURNS TABLE (
    verdict text, deployment_id uuid, kind text, namespace text, name text, deployment_name text, generation bigint, template_version integer,
    root_uid text, applied_fields jsonb, wanted jsonb, known jsonb, unjudged boolean
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
    v_suspected uuid[];
    v_recreated boolean;
    v_lost uuid[] := '{}';
BEGIN
    v_batch := orchestrator.locate_observations(v_cluster_id, p_batch);
    v_ids := ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(v_batch) o);
    v_held := orchestrator.lock_deployments(v_ids);
    -- A drift waits for each of these statements, and nearly always there is nothing for most of them to do.
    IF cardinality(v_held) < cardinality(v_ids) THEN
        RETURN QUERY SELECT 'busy', o.deployment_id, o.kind, o.namespace, o.name, NULL::text, NULL::bigint, NULL::integer, NULL::text, NULL::jsonb, NULL::jsonb, NULL::jsonb, NULL::boolean
          FROM unnest(v_batch) o WHERE o.deployment_id <> ALL (v_held);
    END IF;
    -- All that the inventory has to say of these objects is asked for at once. An older observation never overwrites a newer one; an
    -- equal one may bring the health that our own apply could not know.
    -- Suspects are objects whose owned fields differ from what we applied. Older than our apply is no news. One that was judged before is
    -- judged again: the fields lost may be the same and their values others, and what was seen before its apply was settled was not
    -- judged. So is one that leaves fields to others: those may have other values by now, and ours tell nothing of it. A newer
    -- generation with the same fields is an apply of ours that is not settled yet: its other values are no news.
    SELECT coalesce(array_agg(o) FILTER (WHERE o.change = 'gone'), '{}'),
           coalesce(array_agg(o) FILTER (WHERE o.change = 'seen'), '{}'),
           coalesce(array_agg(o) FILTER (WHERE o.change = 'seen' AND r.managed AND r.uid = o.uid AND o.resource_version > r.applied_resource_version
               AND (r.withheld IS NOT NULL OR (o.fields_hash <> r.applied_fields_hash
                    AND NOT (coalesce(o.generation > r.applied_generation, false) AND left(o.fields_hash, 16) = left(r.applied_fields_hash, 16))))
               AND d.desired_state <> 'Deleted'), '{}'),
           coalesce(array_agg(DISTINCT o.deployment_id) FILTER (WHERE o.change = 'seen' AND (r.kind IS NULL OR r.missing_since IS NOT NULL
               OR (r.health, r.reason, r.message, r.revision) IS DISTINCT FROM (o.health, o.reason, o.message, o.digest ->> 'revision')
               OR (r.drift IS NOT NULL AND r.withheld IS NULL AND o.fields_hash = r.applied_fields_hash))), '{}'),
           coalesce(bool_or(o.change = 'seen' AND r.uid <> o.uid AND NOT o.ours), false)
      INTO v_gone, v_seen, v_suspects, v_changed, v_recreated
      FROM unnest(v_batch) o
      LEFT JOIN LATERAL (
          SELECT k.kind, k.uid, k.managed, k.resource_version, k.applied_resource_version, k.applied_generation, k.applied_fields_hash, k.withheld,
                 k.missing_since, k.health, k.reason, k.message, k.revision, k.drift
            FROM orchestrator.deployment_resources k
           WHERE k.cluster_id = v_cluster_id AND k.kind = o.kind AND k.namespace = o.namespace AND k.name = o.name OFFSET 0) r ON true
      LEFT JOIN LATERAL (SELECT k.desired_state FROM orchestrator.deployments k WHERE k.id = o.deployment_id OFFSET 0) d ON true
     WHERE o.deployment_id = ANY (v_held) AND o.resource_version >= coalesce(r.resource_version, 0);
    IF v_gone <> '{}' THEN
        v_lost := orchestrator.record_gone(v_cluster_id, v_gone);
    END IF;
    IF v_recreated THEN
        v_lost := v_lost || orchestrator.record_recreated(v_cluster_id, v_seen);
    END IF;
    IF v_seen <> '{}' THEN
        PERFORM orchestrator.record_seen(v_cluster_id, v_seen);
    END IF;
    IF v_lost <> '{}' THEN
        PERFORM orchestrator.request_unless_paused(v_lost, 'observed');
        v_changed := v_changed || v_lost;
    END IF;
    IF v_suspects = '{}' THEN
        PERFORM orchestrator.record_digests(v_gone, v_seen);
        PERFORM orchestrator.refresh_status(v_changed);
        RETURN;
    END IF;
    -- Somebody waits for a drift to be told of, and nobody for the status of a deployment that is put right at once.
    v_suspected := ARRAY(SELECT o.deployment_id FROM unnest(v_suspects) o);
    IF NOT v_changed <@ v_suspected THEN
        PERFORM orchestrator.refresh_status(ARRAY(SELECT c FROM unnest(v_changed) c WHERE c <> ALL (v_suspected)));
    END IF;
    RETURN QUERY
    SELECT 'suspect', d.id, o.kind, o.namespace, o.name, d.name, r.applied_generation, d.template_version, root.uid, r.applied_fields,
           (SELECT m FROM jsonb_array_elements(orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at)) m
             WHERE m ->> 'kind' = o.kind AND m -> 'metadata' ->> 'name' = o.name LIMIT 1), r.drift, d.id = ANY (v_changed)
      FROM unnest(v_suspects) o
      JOIN orchestrator.deployments d ON d.id = o.deployment_id
      JOIN orchestrator.deployment_resources r ON r.cluster_id = v_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
      LEFT JOIN orchestrator.deployment_resources root
             ON root.cluster_id = v_cluster_id AND root.kind = 'ConfigMap' AND root.namespace = d.namespace AND root.name = d.name || '-root';
END
$$;
COMMENT ON FUNCTION orchestrator.record_observations IS 'Writes what a watcher saw.';
GRANT EXECUTE ON FUNCTION orchestrator.record_observations TO orchestrator_watcher;
-- What is asked along with all else by now.
DROP FUNCTION IF EXISTS orchestrator.find_suspects(integer, orchestrator.observation[]);
