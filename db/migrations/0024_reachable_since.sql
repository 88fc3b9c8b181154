-- Since when a cluster answers was known to nobody: only since when it did not.
ALTER TABLE orchestrator.clusters ADD COLUMN reachable_since timestamptz;
COMMENT ON COLUMN orchestrator.clusters.reachable_since IS 'Since when workers reach the API server; NULL while they do not, and where they did before this was noted.';
