-- orchestrator.queue_dry_run(preview, deployment_id) -> bigint id
-- Keeps what a preview rendered for a worker to ask the cluster, and wakes one. Old ones go twenty at a time with each that comes.
CREATE OR REPLACE FUNCTION orchestrator.queue_dry_run(p_preview jsonb, p_deployment_id uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_most_unfinished CONSTANT integer := 50;
    c_waits CONSTANT interval := '2 minutes';
    v_target jsonb := p_preview -> 'target';
    v_cluster orchestrator.clusters;
    v_id bigint;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.id = (v_target ->> 'cluster_id')::integer;
    IF v_target ->> 'desired_state' = 'Deleted' THEN
        PERFORM orchestrator.refuse('SO409', 'nothing is applied for what is deleted, so there is nothing to ask the cluster', 'desired_state',
            'SELECT * FROM plan(id) tells what goes and what is kept.');
    END IF;
    PERFORM orchestrator.end_dry_runs(v_cluster.name);
    IF (SELECT count(*) FROM orchestrator.dry_runs r WHERE r.cluster_id = v_cluster.id AND r.finished_at IS NULL) >= c_most_unfinished THEN
        PERFORM orchestrator.refuse('SO409', format('%s dry runs wait for cluster %s already', c_most_unfinished, v_cluster.name), 'cluster',
            'Wait for those: each ends within two minutes.');
    END IF;
    INSERT INTO orchestrator.dry_runs (deployment_id, cluster_id, namespace, name, generation, proposal, asked_by, expires_at, message)
    VALUES (p_deployment_id, v_cluster.id, v_target ->> 'namespace', v_target ->> 'name', (p_preview ->> 'generation')::bigint,
            v_target || jsonb_build_object('manifests', jsonb_path_query_array(p_preview, '$.objects[*] ? (@.change != "removed").manifest')),
            orchestrator.current_actor(), now() + c_waits,
            CASE WHEN v_cluster.unreachable_since IS NULL THEN ''
                 ELSE format('cluster %s does not answer: %s', v_cluster.name, v_cluster.unreachable_reason) END)
    RETURNING id INTO v_id;
    PERFORM orchestrator.nudge(v_cluster.id);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION orchestrator.queue_dry_run IS 'Keeps a preview for a worker to ask the cluster.';
