-- orchestrator.workers: who works for a cluster, and what each is doing now.
CREATE OR REPLACE VIEW orchestrator.workers WITH (security_invoker = true) AS
SELECT c.name AS cluster, p.name AS worker, p.started_at, p.last_seen_at, coalesce(b.busy, '[]') AS busy
  FROM orchestrator.processes p
  JOIN orchestrator.clusters c ON c.id = p.cluster_id
  LEFT JOIN (SELECT l.cluster_id, l.worker,
                    jsonb_agg(jsonb_build_object('id', d.id, 'namespace', d.namespace, 'name', d.name, 'since', l.since) ORDER BY l.since, d.id) AS busy
               FROM orchestrator.list_leases() l JOIN orchestrator.deployments d ON d.id = l.deployment_id
              GROUP BY l.cluster_id, l.worker) b ON b.cluster_id = p.cluster_id AND b.worker = p.name
 WHERE p.kind = 'worker' AND p.last_seen_at > now() - interval '1 minute';
COMMENT ON VIEW orchestrator.workers IS 'Workers that were seen within the last minute, and the deployments in work with each.';
COMMENT ON COLUMN orchestrator.workers.cluster IS 'Which cluster it works for.';
COMMENT ON COLUMN orchestrator.workers.worker IS 'Its name in events.';
COMMENT ON COLUMN orchestrator.workers.started_at IS 'Since when it runs.';
COMMENT ON COLUMN orchestrator.workers.last_seen_at IS 'When it last said so.';
COMMENT ON COLUMN orchestrator.workers.busy IS 'What it works on now, of what you may see: id, namespace, name, since.';
GRANT SELECT ON orchestrator.workers TO orchestrator_viewer;
