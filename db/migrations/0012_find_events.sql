-- The history of one deployment, and of the time since, without reading all the others'.
-- Not concurrently: a migration is one transaction, and what is written meanwhile can wait so long.

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployment_events_of_deployment ON orchestrator.deployment_events (deployment_id, xid, id);
-- Events are written in the order of their times, so a few pages tell where a time begins.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployment_events_by_time ON orchestrator.deployment_events USING brin (created_at) WITH (pages_per_range = 32);
