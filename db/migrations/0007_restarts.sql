-- A restart is a wish like any other: it raises the generation, is in the revisions, and may be written as a column.
ALTER TABLE orchestrator.deployments
    ADD COLUMN restarted_at timestamptz,
    ADD COLUMN restart_required boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN orchestrator.deployments.restarted_at IS 'When a restart was last asked for; set it to now() to ask for one, or use orchestrator.restart(id).';
COMMENT ON COLUMN orchestrator.deployments.restart_required IS 'What was changed is applied, and waits for a restart of its pods (updateStrategy OnDelete).';
ALTER TABLE orchestrator.deployment_revisions ADD COLUMN restarted_at timestamptz;
COMMENT ON COLUMN orchestrator.deployment_revisions.restarted_at IS 'As in deployments.';
ALTER TABLE orchestrator.deployment_resources ADD COLUMN revision text;
COMMENT ON COLUMN orchestrator.deployment_resources.revision IS 'Of a pod: what it was made from. Of a StatefulSet that waits for restarts (updateStrategy OnDelete): what its pods should be made from.';
GRANT UPDATE (restarted_at) ON orchestrator.deployments TO orchestrator_operator;

-- Routines whose arguments or answers have changed; their files make them anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.wanted_manifests(jsonb, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.assess_deployments(uuid[]);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.judge_status(
    uuid, integer, text, boolean, bigint, bigint, orchestrator.reconcile_slots, bigint, bigint, bigint, text, text, text[]);
