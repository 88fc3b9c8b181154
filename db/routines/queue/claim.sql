-- orchestrator.claim(cluster, worker, limit, lease_seconds) -> setof claimed deployments
-- Takes up to that many deployments under a lease by database time, with all a worker needs: intent, manifests, inventory.
-- Only queue rows are locked, so a claim cannot deadlock. (msg_id, token) fences: a later claim of the message has another token.
-- Generic plans: Postgres takes an array of ids for ten rows, and would plan anew at each call for the one there is.
-- Nested loops only: Postgres takes a JSON document for a hundred rows and a function for a thousand, and would read whole
-- tables to look up the one there is.
-- Its inventory was jsonb once, and a function cannot change what it answers.
DROP FUNCTION IF EXISTS orchestrator.claim(text, text, integer, integer);
CREATE OR REPLACE FUNCTION orchestrator.claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer)
RETURNS TABLE (
    deployment_id uuid, queue text, msg_id bigint, token integer, seen bigint, name text, namespace text, generation bigint,
    last_applied_generation bigint, desired_state text, keep_data boolean, template_version integer, failures integer,
    manifests jsonb, inventory json
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    c_most_reads CONSTANT integer := 5;
    v_handed_out bigint;
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_taken jsonb := orchestrator.take_messages(v_cluster_id, p_limit, p_lease_seconds);
BEGIN
    IF v_taken IS NULL THEN
        RETURN;
    END IF;
    -- A new statement, so a new snapshot: intent committed before the read is seen.
    RETURN QUERY
    WITH taken AS (
        SELECT t.queue, t.msg_id, t.token, t.id, s.requested, s.failures
          FROM jsonb_to_recordset(v_taken) AS t (queue text, msg_id bigint, token integer, id uuid)
          JOIN orchestrator.reconcile_slots s ON s.deployment_id = t.id AND s.msg_id = t.msg_id AND s.queue = t.queue
         WHERE t.token <= c_most_reads
    ), started AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'reconciler', 'ReconcileStarted', jsonb_build_object('worker', p_worker, 'attempt', t.token), 'orchestrator'
          FROM taken t JOIN orchestrator.deployments d ON d.id = t.id
    )
    SELECT d.id, t.queue, t.msg_id, t.token, t.requested, d.name, d.namespace, d.generation, d.last_applied_generation,
           d.desired_state, d.keep_data, d.template_version, t.failures, orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at),
           coalesce(i.inventory, '[]')
      FROM taken t
      JOIN orchestrator.deployments d ON d.id = t.id
      JOIN orchestrator.templates m ON m.id = d.template_id AND m.version = d.template_version
      LEFT JOIN LATERAL (
          -- As text: building jsonb for each would cost more than the rest of the claim. Nearly always nobody has taken anything, and nobody may.
          SELECT json_agg(CASE WHEN NOT r.differs AND r.enforce_once IS NULL AND m.drift_rules_json = '[]' AND d.drift_rules = '[]' AND d.drift_policy = 'Enforce' THEN b.item
                               ELSE (b.item::jsonb || orchestrator.withhold(d.id, d.name, d.desired_state, m.drift_rules_json, d.drift_rules, d.drift_policy,
                                         orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at),
                                         r.kind, r.name, coalesce(r.drift, '[]'), r.applied_generation, r.enforce_once))::json END) AS inventory
            FROM orchestrator.deployment_resources r
           CROSS JOIN LATERAL (SELECT json_build_object(
                     'api_version', r.api_version, 'kind', r.kind, 'namespace', r.namespace, 'name', r.name, 'uid', r.uid,
                     'resource_version', r.resource_version, 'rendered_hash', r.rendered_hash, 'applied_generation', r.applied_generation,
                     'managed', r.managed, 'missing', r.missing_since IS NOT NULL, 'yielded', r.withheld) AS item) b
           WHERE r.deployment_id = t.id AND r.kind <> 'Pod'
      ) i ON true;
    GET DIAGNOSTICS v_handed_out = ROW_COUNT;
    IF v_handed_out < jsonb_array_length(v_taken) THEN
        PERFORM orchestrator.put_away(v_taken, c_most_reads);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.claim IS 'Takes deployments to reconcile under a lease.';
GRANT EXECUTE ON FUNCTION orchestrator.claim TO orchestrator_worker;
