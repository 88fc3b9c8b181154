-- orchestrator.list_leases() -> setof (cluster_id, deployment_id, worker, since)
-- The deployments in work this moment, and whose they are: the messages under a lease, by the index on its end, and the event
-- that each claim writes. So a claim need not write a second time for it. Only what this session may see.
CREATE OR REPLACE FUNCTION orchestrator.list_leases()
RETURNS TABLE (cluster_id integer, deployment_id uuid, worker text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.cluster_id, d.id, e.worker, e.since
      FROM orchestrator.messages q
      JOIN orchestrator.deployments d ON d.id = (q.message ->> 'id')::uuid
     CROSS JOIN LATERAL (
         SELECT e.data_json ->> 'worker' AS worker, e.created_at AS since FROM orchestrator.deployment_events e
          WHERE e.deployment_id = d.id AND e.type = 'ReconcileStarted' ORDER BY e.id DESC LIMIT 1) e
     WHERE q.vt > now() AND ((SELECT orchestrator.sees_everything()) OR d.namespace = ANY ((SELECT orchestrator.allowed_namespaces())::text[]))
$$;
COMMENT ON FUNCTION orchestrator.list_leases IS 'The deployments in work, and with which worker.';
GRANT EXECUTE ON FUNCTION orchestrator.list_leases TO orchestrator_viewer;
