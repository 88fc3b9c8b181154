-- Which changes from outside a generation made its own.
ALTER TABLE orchestrator.deployment_revisions ADD COLUMN adopted jsonb;
COMMENT ON COLUMN orchestrator.deployment_revisions.adopted IS 'What was adopted with it: {"paths": […], "managers": […]}; NULL if nothing was.';
