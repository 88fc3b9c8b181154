-- orchestrator.record_drift(cluster, rows, unjudged) -> void
-- What a closer look at suspects found: the lost paths of an object, or none. All of it is kept; what is to be put back, and is news,
-- is an event and a request; what waits for a decision is an event once; what is ignored is neither.
-- rows: [{deployment_id, kind, namespace, name, drift: [{path, wanted, live, manager, since, …}]}]. Same transaction as record_observations.
-- Writes the status of all that is not put back, the `unjudged` included; of what is, its status waits for catch_up, or the settlement.
-- It took no `unjudged` once; with both, a call with two arguments would not be unique.
-- Nested loops only: Postgres takes a JSON document for a hundred rows and a function for a thousand, and would read whole
-- tables to look up the one there is.
DROP FUNCTION IF EXISTS orchestrator.record_drift(text, jsonb);
CREATE OR REPLACE FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_ids uuid[];
    v_drifted uuid[];
BEGIN
    p_rows := orchestrator.without_adopted(p_rows);
    WITH judged AS (
        UPDATE orchestrator.deployment_resources r
           SET drift = n.drift,
               drifted_at = CASE WHEN n.drift IS NOT NULL THEN coalesce(r.drifted_at, now()) END,
               -- Less what somebody undid by now: what becomes of that path later is not what a person decided about.
               enforce_once = nullif(ARRAY(SELECT p FROM unnest(r.enforce_once) p WHERE n.drift @> jsonb_build_array(jsonb_build_object('path', p))), '{}')
          FROM jsonb_to_recordset(p_rows) AS j (deployment_id uuid, kind text, namespace text, name text, drift jsonb)
          JOIN orchestrator.deployment_resources o ON o.cluster_id = v_cluster_id AND o.kind = j.kind AND o.namespace = j.namespace AND o.name = j.name
         CROSS JOIN LATERAL (SELECT nullif(orchestrator.lost_before(j.drift, o.drift), '[]') AS drift) n
         WHERE r.cluster_id = v_cluster_id AND r.kind = j.kind AND r.namespace = j.namespace AND r.name = j.name AND r.drift IS DISTINCT FROM n.drift
        RETURNING r.deployment_id, r.kind, r.namespace, r.name, r.drift, coalesce(o.drift, '[]') AS was
    ), news AS MATERIALIZED (
        SELECT d.id, d.generation, j.kind, j.namespace, j.name, n.changes, n.put_back
          FROM judged j
          JOIN orchestrator.deployments d ON d.id = j.deployment_id
          JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
         CROSS JOIN LATERAL (
               SELECT jsonb_agg(f.change) AS changes, bool_or(f.held IS NULL) AS put_back
                 FROM orchestrator.judge_drift(d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, j.kind, j.name, j.drift) f
                WHERE CASE WHEN f.held IS NULL THEN NOT j.was @> jsonb_build_array(f.change)
                           ELSE f.held <> 'ignored' AND NOT j.was @> jsonb_build_array(jsonb_build_object('path', f.path, 'manager', f.change -> 'manager')) END) n
         WHERE j.drift IS NOT NULL AND n.changes IS NOT NULL
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT n.id, n.generation, 'k8s_watch', 'ResourceModifiedExternally',
               jsonb_build_object('kind', n.kind, 'namespace', n.namespace, 'name', n.name, 'changes', n.changes),
               coalesce(n.changes -> 0 ->> 'manager', 'kubernetes')
          FROM news n
    )
    SELECT array_agg(DISTINCT j.deployment_id), (SELECT array_agg(DISTINCT n.id) FROM news n WHERE n.put_back)
      INTO v_ids, v_drifted FROM judged j;
    -- Of all that was looked at: a rule may be newer than the drift.
    PERFORM orchestrator.adopt_automatically(ARRAY(SELECT j.deployment_id FROM jsonb_to_recordset(p_rows) AS j (deployment_id uuid, drift jsonb) WHERE j.drift <> '[]'));
    v_ids := v_ids || p_unjudged;
    IF v_drifted IS NOT NULL THEN
        v_drifted := orchestrator.request_unless_paused(v_drifted, 'drift');
        v_ids := ARRAY(SELECT i FROM unnest(v_ids) i WHERE i <> ALL (v_drifted));
    END IF;
    PERFORM orchestrator.refresh_status(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.record_drift IS 'Writes what changed behind our back.';
GRANT EXECUTE ON FUNCTION orchestrator.record_drift TO orchestrator_watcher;
