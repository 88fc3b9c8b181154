-- orchestrator.waiting: the work of each cluster that is not done, counted for metrics and people.
CREATE OR REPLACE VIEW orchestrator.waiting WITH (security_invoker = true) AS
SELECT c.name AS cluster,
       count(*) FILTER (WHERE s.msg_id IS NOT NULL) AS queued,
       count(*) FILTER (WHERE s.due_at IS NOT NULL) AS waiting,
       count(*) FILTER (WHERE s.quarantined_at IS NOT NULL) AS quarantined,
       count(*) FILTER (WHERE s.last_error IS NOT NULL) AS failing
  FROM orchestrator.clusters c LEFT JOIN orchestrator.reconcile_slots s ON s.cluster_id = c.id
 GROUP BY c.name;
COMMENT ON VIEW orchestrator.waiting IS 'How many deployments of each cluster are queued, waiting for a time, quarantined or failing.';
COMMENT ON COLUMN orchestrator.waiting.cluster IS 'Its name.';
COMMENT ON COLUMN orchestrator.waiting.queued IS 'With a live message.';
COMMENT ON COLUMN orchestrator.waiting.waiting IS 'For a time to come.';
COMMENT ON COLUMN orchestrator.waiting.quarantined IS 'Taken too often without an answer.';
COMMENT ON COLUMN orchestrator.waiting.failing IS 'Whose last run failed.';
GRANT SELECT ON orchestrator.waiting TO orchestrator_viewer;
