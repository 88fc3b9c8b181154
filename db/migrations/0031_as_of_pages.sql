-- Its file makes it anew, page by page.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.deployments_as_of(timestamptz);
