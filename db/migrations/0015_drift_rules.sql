-- What becomes of a drift is decided path by path: rules of the template and of the deployment, and the deployment's own policy for the rest.
ALTER TABLE orchestrator.templates ADD COLUMN drift_rules_json jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN orchestrator.templates.drift_rules_json IS 'What becomes of changes from outside, path by path: see orchestrator.policy_for. "${name}" in a name is the deployment''s.';
ALTER TABLE orchestrator.deployments ADD COLUMN drift_rules jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN orchestrator.deployments.drift_rules IS 'What becomes of changes from outside, path by path, over the template''s rules: see orchestrator.policy_for.';
ALTER TABLE orchestrator.deployment_revisions ADD COLUMN drift_rules jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN orchestrator.deployment_revisions.drift_rules IS 'As in deployments.';

-- squawk-ignore ban-drop-constraint
ALTER TABLE orchestrator.deployments DROP CONSTRAINT deployments_drift_policy_is_known;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE orchestrator.deployments ADD CONSTRAINT deployments_drift_policy_is_known CHECK (drift_policy IN ('Enforce', 'Adopt', 'Ignore'));
COMMENT ON COLUMN orchestrator.deployments.drift_policy IS
    'What becomes of changes from outside that no rule is about. Enforce: put back. Adopt: they wait for a decision. Ignore: whoever made them owns the field.';

-- What orchestrator.policy_for answers.
CREATE TYPE orchestrator.drift_verdict AS (policy text, automatic boolean, maintenance_window text, source text, rule jsonb);
COMMENT ON TYPE orchestrator.drift_verdict IS 'The policy of a path, and the rule it comes from; source is deployment, template, default or fixed.';

GRANT INSERT (drift_rules), UPDATE (drift_rules) ON orchestrator.deployments TO orchestrator_operator;
GRANT INSERT (drift_rules_json) ON orchestrator.templates TO orchestrator_admin;

-- Routines whose arguments or answers have changed; their files make them anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.deploy(text, text, jsonb, text, text, integer, text, boolean);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.preview(text, text, jsonb, text, text, integer, text, boolean);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.preview_change(uuid, jsonb, text, integer, boolean);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.put_template(text, jsonb, jsonb);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.deployments_as_of(timestamptz);
