-- Lists of deployments: each order has its index, so that a page costs its rows however many there are.
-- Not concurrently: a migration is one transaction, and what is written meanwhile can wait so long.
-- finalised_at stays the only condition: those that are gone are history and have a list of their own.

-- The columns beside the key let filters and row-level security be judged, and counts be taken, without the table.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_by_name ON orchestrator.deployments (name, id)
    INCLUDE (cluster_id, namespace, template_id, desired_state, status_summary) WHERE finalised_at IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_by_status ON orchestrator.deployments (status_summary, name, id) WHERE finalised_at IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_by_update ON orchestrator.deployments (updated_at, id) WHERE finalised_at IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_by_creation ON orchestrator.deployments (created_at, id) WHERE finalised_at IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_gone ON orchestrator.deployments (finalised_at, id) WHERE finalised_at IS NOT NULL;

-- Also what was replaced, and in the order in which all drift is listed.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX orchestrator.deployment_resources_drifted;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployment_resources_differing ON orchestrator.deployment_resources (cluster_id, deployment_id, kind, namespace, name)
    WHERE drift IS NOT NULL OR missing_since IS NOT NULL OR (applied_generation IS NOT NULL AND rendered_hash IS NULL);
