-- Whether an object differs, as a column: an index whose condition names rendered_hash keeps every apply from being a heap-only
-- update, because that changes with each. This changes only when the answer does.
-- Not concurrently, and rewriting the table: a migration is one transaction, and what a watcher writes can wait so long.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX orchestrator.deployment_resources_differing;
ALTER TABLE orchestrator.deployment_resources ADD COLUMN differs boolean NOT NULL
    -- squawk-ignore adding-field-with-default
    GENERATED ALWAYS AS (drift IS NOT NULL OR missing_since IS NOT NULL OR (applied_generation IS NOT NULL AND rendered_hash IS NULL)) STORED;
COMMENT ON COLUMN orchestrator.deployment_resources.differs IS 'It stands otherwise at the cluster than it should: changed, missing, or replaced by another.';
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployment_resources_differing ON orchestrator.deployment_resources (cluster_id, deployment_id, kind, namespace, name)
    WHERE differs;
