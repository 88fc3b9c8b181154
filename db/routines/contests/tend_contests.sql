-- orchestrator.tend_contests(cluster, most) -> integer
-- Ends fights that are over, and asks for what may be put back again; answers how many rows it saw to. One worker at a time is enough.
-- Of more than it sees to at once, half are those that are due, the longest waiting first, and half any, so that none stands behind the
-- others for ever.
-- Over is one whose path was not put back for the time that counts and stands as wanted, that a rule leaves to others by now, or whose
-- object is wanted no longer.
CREATE OR REPLACE FUNCTION orchestrator.tend_contests(p_cluster text, p_most integer DEFAULT 1000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster orchestrator.clusters;
    v_since timestamptz;
    v_held uuid[];
    v_due uuid[];
    v_count integer;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    IF NOT pg_try_advisory_xact_lock(hashtext('orchestrator.tend_contests'), v_cluster.id) THEN
        RETURN 0;
    END IF;
    v_since := now() - make_interval(secs => v_cluster.contested_within_seconds);
    -- What was put back now and then is no fight.
    DELETE FROM orchestrator.put_backs p
     WHERE (p.deployment_id, p.kind, p.name, p.path) IN (
           SELECT b.deployment_id, b.kind, b.name, b.path FROM orchestrator.put_backs b
            WHERE b.cluster_id = v_cluster.id AND b.last_at < v_since AND b.contested_since IS NULL LIMIT p_most FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_held := orchestrator.lock_deployments(ARRAY(
        (SELECT c.deployment_id FROM orchestrator.contested c
           JOIN orchestrator.reconcile_slots s ON s.deployment_id = c.deployment_id
          WHERE c.cluster_id = v_cluster.id AND c.next_at <= now() AND c.differs AND s.msg_id IS NULL AND s.due_at IS NULL
          ORDER BY c.next_at LIMIT p_most / 2)
        UNION
        (SELECT p.deployment_id FROM orchestrator.put_backs p
          WHERE p.cluster_id = v_cluster.id AND p.contested_since IS NOT NULL ORDER BY random() LIMIT p_most / 2)));
    IF v_held = '{}' THEN
        RETURN v_count;
    END IF;
    WITH over AS (
        SELECT c.deployment_id, c.kind, c.object, c.path,
               CASE WHEN NOT orchestrator.is_wanted(d, c.kind, c.object) THEN 'gone'
                    WHEN j.policy = 'Ignore' THEN 'ignored' WHEN j.policy = 'Adopt' THEN 'undecided'
                    WHEN p.last_at < v_since AND NOT c.differs THEN 'quiet' END AS why
          FROM orchestrator.contested c
          JOIN orchestrator.put_backs p ON p.deployment_id = c.deployment_id AND p.kind = c.kind AND p.name = c.object AND p.path = c.path
          JOIN orchestrator.deployments d ON d.id = c.deployment_id
         CROSS JOIN LATERAL orchestrator.judge_contest(c.deployment_id, c.kind, c.object, c.path) j
         WHERE c.deployment_id = ANY (v_held)
    )
    SELECT v_count + count(orchestrator.end_contest(o.deployment_id, o.kind, o.object, o.path, o.why)) INTO v_count FROM over o WHERE o.why IS NOT NULL;
    -- What rests only: a run that is due or under way tries it anyway.
    v_due := ARRAY(
        SELECT DISTINCT c.deployment_id FROM orchestrator.contested c
          JOIN orchestrator.reconcile_slots s ON s.deployment_id = c.deployment_id
         CROSS JOIN LATERAL orchestrator.judge_contest(c.deployment_id, c.kind, c.object, c.path) j
         WHERE c.deployment_id = ANY (v_held) AND c.differs AND j.held IS NULL AND s.msg_id IS NULL AND s.due_at IS NULL);
    PERFORM orchestrator.request_unless_paused(v_due, 'contested');
    RETURN v_count + cardinality(v_due);
END
$$;
COMMENT ON FUNCTION orchestrator.tend_contests IS 'Ends fights that are over, and asks for what may be put back again.';
GRANT EXECUTE ON FUNCTION orchestrator.tend_contests TO orchestrator_worker;
