-- orchestrator.tend_windows(cluster) -> integer
-- Asks for what waited for a window that is open by now; answers for how many deployments. What is queued, due or refused for good is
-- passed over. Looked for anew each time, so a window or a rule that is changed needs nothing of its own; where no window is open, which
-- is nearly always, that is all it looks at.
CREATE OR REPLACE FUNCTION orchestrator.tend_windows(p_cluster text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    c_most CONSTANT integer := 1000;
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_open text[] := ARRAY(SELECT w.name FROM orchestrator.maintenance_windows w WHERE orchestrator.window_is_open(w));
    v_ids uuid[];
BEGIN
    IF v_open = '{}' OR NOT pg_try_advisory_xact_lock(hashtext('orchestrator.tend_windows'), v_cluster_id) THEN
        RETURN 0;
    END IF;
    v_ids := ARRAY(
        SELECT DISTINCT d.id
          FROM orchestrator.deployment_resources r
          JOIN orchestrator.deployments d ON d.id = r.deployment_id
          JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
          JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id
         CROSS JOIN LATERAL orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j
         WHERE r.cluster_id = v_cluster_id AND r.differs AND s.msg_id IS NULL AND s.due_at IS NULL AND s.quarantined_at IS NULL
           AND NOT s.last_error_permanent AND d.desired_state <> 'Paused' AND (t.drift_rules_json || d.drift_rules) @? '$[*].window'
           AND j.held IS NULL AND j.maintenance_window = ANY (v_open)
         LIMIT c_most);
    PERFORM orchestrator.request_unless_paused(orchestrator.lock_deployments(v_ids), 'window');
    RETURN cardinality(v_ids);
END
$$;
COMMENT ON FUNCTION orchestrator.tend_windows IS 'Asks for what waited for a window that is open by now.';
GRANT EXECUTE ON FUNCTION orchestrator.tend_windows TO orchestrator_worker;
