-- What is done now and then must stay cheap however many deployments there are.
-- Not concurrently: a migration is one transaction, and what is written meanwhile can wait so long.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_stale ON orchestrator.deployments (cluster_id) WHERE stale_since IS NOT NULL;
-- Its file makes it anew, with a bound.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.drop_old_events(interval);
