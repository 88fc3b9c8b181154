-- orchestrator.watchers: who watches a cluster; one is active, the others stand by.
CREATE OR REPLACE VIEW orchestrator.watchers WITH (security_invoker = true) AS
SELECT c.name AS cluster, p.name AS watcher, p.active, p.started_at, p.last_seen_at
  FROM orchestrator.processes p JOIN orchestrator.clusters c ON c.id = p.cluster_id
 WHERE p.kind = 'watcher' AND p.last_seen_at > now() - interval '1 minute';
COMMENT ON VIEW orchestrator.watchers IS 'Watchers that were seen within the last minute.';
COMMENT ON COLUMN orchestrator.watchers.cluster IS 'Which cluster it watches.';
COMMENT ON COLUMN orchestrator.watchers.watcher IS 'Its name.';
COMMENT ON COLUMN orchestrator.watchers.active IS 'It watches; the others take over when it goes.';
COMMENT ON COLUMN orchestrator.watchers.started_at IS 'Since when it runs.';
COMMENT ON COLUMN orchestrator.watchers.last_seen_at IS 'When it last said so.';
GRANT SELECT ON orchestrator.watchers TO orchestrator_viewer;
