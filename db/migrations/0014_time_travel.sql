-- Who changed what, when, from where, and whether it was a way back.
ALTER TABLE orchestrator.deployment_revisions
    ADD COLUMN rolled_back_to bigint,
    ADD COLUMN client text;
COMMENT ON COLUMN orchestrator.deployment_revisions.rolled_back_to IS 'The generation whose intent was taken up again by rollback(), if this one was.';
COMMENT ON COLUMN orchestrator.deployment_revisions.client IS 'Where it was asked for: address (none on a local socket) and application_name of the session. Over HTTP those are the API''s.';
-- It is called diff() now, as people say; its file makes it anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.compare_revisions(uuid, bigint, bigint);
