-- Templates move: rollback() takes a restart along where the way back needs one, as upgrade() does. Their files make them anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.rollback(uuid, bigint, boolean);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.preview_rollback(uuid, bigint, boolean);
