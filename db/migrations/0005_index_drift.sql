-- What drifted is rare and asked for by every scrape; without this each would read the whole inventory.
-- Not concurrently: a migration is one transaction, and what a watcher writes can wait so long.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployment_resources_drifted ON orchestrator.deployment_resources (cluster_id, deployment_id)
    WHERE drift IS NOT NULL OR missing_since IS NOT NULL;
