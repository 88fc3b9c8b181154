-- It takes a place too now; its file makes it anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.invert_spec(orchestrator.template_programs, jsonb, jsonb, jsonb, text, text, uuid);
