-- What applies leave to others, and what a person wants put back all the same.
ALTER TABLE orchestrator.deployment_resources ADD COLUMN withheld text[], ADD COLUMN enforce_once text[];
COMMENT ON COLUMN orchestrator.deployment_resources.withheld IS 'Paths that our last apply left to others; NULL nearly always.';
COMMENT ON COLUMN orchestrator.deployment_resources.enforce_once IS 'Paths that put_back() asked for, whatever their policy; the next apply carries them.';

-- Routines whose arguments or answers have changed; their files make them anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.record_observations(text, jsonb);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.manifest_paths(jsonb);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.judge_status(
    uuid, integer, text, boolean, bigint, bigint, orchestrator.reconcile_slots, bigint, bigint, bigint, text, text, text[], bigint);
