-- orchestrator.list_leases() -> setof (cluster_id, deployment_id, worker, since)
-- The deployments in work this moment, and whose they are: the messages under a lease, by the index on its end, and the event
-- that each claim writes. So a claim need not write a second time for it. Only what this session may see.
CREATE OR REPLACE FUNCTION orchestrator.list_leases()
RETURNS TABLE (cluster_id integer, deployment_id uuid, worker text, since timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
    v_cluster_id integer;
    v_lane text;
BEGIN
    FOR v_cluster_id, v_lane IN SELECT c.id, l.lane FROM orchestrator.clusters c CROSS JOIN (VALUES ('now'), ('bulk')) l (lane) LOOP
        RETURN QUERY EXECUTE format(
            'SELECT $1, d.id, e.worker, e.since
               FROM pgmq.%I q
               JOIN orchestrator.deployments d ON d.id = (q.message ->> ''id'')::uuid
              CROSS JOIN LATERAL (
                  SELECT e.data_json ->> ''worker'' AS worker, e.created_at AS since FROM orchestrator.deployment_events e
                   WHERE e.deployment_id = d.id AND e.type = ''ReconcileStarted'' ORDER BY e.id DESC LIMIT 1) e
              WHERE q.vt > now() AND ($2 IS NULL OR d.namespace = ANY ($2))', 'q_' || orchestrator.queue_name(v_cluster_id, v_lane)) USING v_cluster_id, v_namespaces;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.list_leases IS 'The deployments in work, and with which worker.';
GRANT EXECUTE ON FUNCTION orchestrator.list_leases TO orchestrator_viewer;
