-- What people ask a cluster before they ask for it: its API server is sent every object with dryRun=All, by a worker.
CREATE TABLE orchestrator.dry_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment_id uuid REFERENCES orchestrator.deployments (id),
    cluster_id integer NOT NULL REFERENCES orchestrator.clusters (id),
    namespace text NOT NULL,
    name text NOT NULL,
    generation bigint NOT NULL,
    proposal jsonb NOT NULL,
    asked_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'queued',
    message text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    worker text,
    leased_until timestamptz,
    answers jsonb NOT NULL DEFAULT '[]',
    refused boolean NOT NULL GENERATED ALWAYS AS (answers @? '$[*] ? (@.verdict == "refused")') STORED,
    finished_at timestamptz,
    CONSTRAINT dry_runs_state_is_known CHECK (state IN ('queued', 'running', 'done', 'failed'))
);
CREATE INDEX dry_runs_unfinished ON orchestrator.dry_runs (cluster_id, id) WHERE finished_at IS NULL;
CREATE INDEX dry_runs_by_deployment ON orchestrator.dry_runs (deployment_id, id);
CREATE INDEX dry_runs_by_age ON orchestrator.dry_runs (created_at);
COMMENT ON TABLE orchestrator.dry_runs IS 'What a cluster was asked before it was asked for: no object is written. Ask with request_dry_run(id) or request_new_dry_run(name, template). Kept for a day.';
COMMENT ON COLUMN orchestrator.dry_runs.id IS 'Rises.';
COMMENT ON COLUMN orchestrator.dry_runs.deployment_id IS 'Of which deployment; NULL for one that is not made yet.';
COMMENT ON COLUMN orchestrator.dry_runs.cluster_id IS 'Which cluster is asked.';
COMMENT ON COLUMN orchestrator.dry_runs.namespace IS 'Of the objects.';
COMMENT ON COLUMN orchestrator.dry_runs.name IS 'Of the deployment, or what it would be called.';
COMMENT ON COLUMN orchestrator.dry_runs.generation IS 'What the change would become.';
COMMENT ON COLUMN orchestrator.dry_runs.proposal IS 'What would be wanted: id, template_version, desired_state, manifests.';
COMMENT ON COLUMN orchestrator.dry_runs.asked_by IS 'Who asked.';
COMMENT ON COLUMN orchestrator.dry_runs.created_at IS 'When.';
COMMENT ON COLUMN orchestrator.dry_runs.expires_at IS 'Until when a cluster that does not answer is waited for.';
COMMENT ON COLUMN orchestrator.dry_runs.state IS 'queued, running, done (the cluster answered, see refused) or failed (it did not, see message).';
COMMENT ON COLUMN orchestrator.dry_runs.message IS 'Why it waits or failed.';
COMMENT ON COLUMN orchestrator.dry_runs.attempts IS 'How often a worker took it.';
COMMENT ON COLUMN orchestrator.dry_runs.worker IS 'Who took it last.';
COMMENT ON COLUMN orchestrator.dry_runs.leased_until IS 'After that another worker may take it.';
COMMENT ON COLUMN orchestrator.dry_runs.answers IS 'Object by object: kind, name, verdict (ok, refused, unchanged), category, message, warnings, altered.';
COMMENT ON COLUMN orchestrator.dry_runs.refused IS 'The cluster would refuse one at least.';
COMMENT ON COLUMN orchestrator.dry_runs.finished_at IS 'When it was done or failed.';
ALTER TABLE orchestrator.dry_runs ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON orchestrator.dry_runs TO orchestrator_viewer;
