-- Rollouts: many deployments moved to another version of their template, in batches, by workers.
CREATE TABLE orchestrator.rollouts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_id bigint NOT NULL,
    to_version integer NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    batch_size integer NOT NULL,
    max_unavailable integer NOT NULL,
    pause_on_failure boolean NOT NULL,
    restart boolean NOT NULL,
    force boolean NOT NULL,
    patience_seconds integer NOT NULL,
    state text NOT NULL DEFAULT 'running',
    back boolean NOT NULL DEFAULT false,
    message text NOT NULL DEFAULT '',
    run_by text NOT NULL,
    under_way boolean NOT NULL DEFAULT true,
    looked_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    FOREIGN KEY (template_id, to_version) REFERENCES orchestrator.templates (id, version),
    CONSTRAINT rollouts_state_is_known CHECK (state IN ('running', 'paused', 'rolling_back', 'aborted', 'done', 'rolled_back'))
) WITH (fillfactor = 70);
CREATE INDEX rollouts_by_template ON orchestrator.rollouts (template_id, to_version);
-- Every worker asks at every look whether there is one; nearly always this holds nothing.
CREATE INDEX rollouts_under_way ON orchestrator.rollouts (id) WHERE under_way;
COMMENT ON TABLE orchestrator.rollouts IS 'Moves of many deployments to another version of their template. Made by start_rollout, carried out by workers.';
COMMENT ON COLUMN orchestrator.rollouts.id IS 'What pause_rollout and the others are given.';
COMMENT ON COLUMN orchestrator.rollouts.template_id IS 'Of which template.';
COMMENT ON COLUMN orchestrator.rollouts.to_version IS 'The version that its members move to.';
COMMENT ON COLUMN orchestrator.rollouts.parameters IS 'Merged into those of each member; null drops one.';
COMMENT ON COLUMN orchestrator.rollouts.batch_size IS 'How many belong together: the next batch begins when all of one have ended.';
COMMENT ON COLUMN orchestrator.rollouts.max_unavailable IS 'How many members may not be healthy at a time for another healthy one to be touched.';
COMMENT ON COLUMN orchestrator.rollouts.pause_on_failure IS 'Whether a member that fails pauses it.';
COMMENT ON COLUMN orchestrator.rollouts.restart IS 'Whether members are restarted where the version would not be in effect otherwise.';
COMMENT ON COLUMN orchestrator.rollouts.force IS 'Also where a neverLower parameter goes down.';
COMMENT ON COLUMN orchestrator.rollouts.patience_seconds IS 'A member that is not well so long after its start has failed; outages of its cluster do not count.';
COMMENT ON COLUMN orchestrator.rollouts.state IS 'running, paused, rolling_back, aborted, done or rolled_back.';
COMMENT ON COLUMN orchestrator.rollouts.back IS 'It is on its way back: members are put to what they were before.';
COMMENT ON COLUMN orchestrator.rollouts.message IS 'Why it is in that state, in words to act on.';
COMMENT ON COLUMN orchestrator.rollouts.run_by IS 'In whose name members are changed: who started, resumed or turned it back last.';
COMMENT ON COLUMN orchestrator.rollouts.under_way IS 'Workers look at it: members are to be started, or watched.';
COMMENT ON COLUMN orchestrator.rollouts.looked_at IS 'When a worker last did.';
COMMENT ON COLUMN orchestrator.rollouts.created_by IS 'Who started it.';
COMMENT ON COLUMN orchestrator.rollouts.created_at IS 'When.';
COMMENT ON COLUMN orchestrator.rollouts.finished_at IS 'Since when nothing more happens by itself; its members may be in another rollout.';

CREATE TABLE orchestrator.rollout_members (
    rollout_id bigint NOT NULL REFERENCES orchestrator.rollouts (id),
    deployment_id uuid NOT NULL REFERENCES orchestrator.deployments (id),
    position integer NOT NULL,
    batch integer,
    state text NOT NULL,
    message text NOT NULL DEFAULT '',
    from_generation bigint NOT NULL,
    to_generation bigint,
    back_generation bigint,
    waited_seconds double precision NOT NULL DEFAULT 0,
    started_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (rollout_id, deployment_id),
    CONSTRAINT rollout_members_state_is_known CHECK (state IN ('waiting', 'refused', 'started', 'done', 'failed', 'rolled_back', 'skipped'))
) WITH (fillfactor = 70);
CREATE INDEX rollout_members_by_deployment ON orchestrator.rollout_members (deployment_id);
COMMENT ON TABLE orchestrator.rollout_members IS 'The deployments of a rollout, and how each fares.';
COMMENT ON COLUMN orchestrator.rollout_members.rollout_id IS 'Which rollout.';
COMMENT ON COLUMN orchestrator.rollout_members.deployment_id IS 'Which deployment.';
COMMENT ON COLUMN orchestrator.rollout_members.position IS 'Its turn; what is not healthy comes first, since moving it makes nothing worse.';
COMMENT ON COLUMN orchestrator.rollout_members.batch IS 'Its batch, from 1; NULL where it was refused at the start.';
COMMENT ON COLUMN orchestrator.rollout_members.state IS 'waiting, started, done, failed, rolled_back, refused, or skipped. On the way back: waiting and started of being put back.';
COMMENT ON COLUMN orchestrator.rollout_members.message IS 'Why it was refused or skipped, or has failed.';
COMMENT ON COLUMN orchestrator.rollout_members.from_generation IS 'Its generation when the rollout was started: the one that a roll back goes to.';
COMMENT ON COLUMN orchestrator.rollout_members.to_generation IS 'The generation that moved it; NULL while none did.';
COMMENT ON COLUMN orchestrator.rollout_members.back_generation IS 'The generation that put it back; NULL while none did.';
COMMENT ON COLUMN orchestrator.rollout_members.waited_seconds IS 'How long it has not been well since its start, outages not counted.';
COMMENT ON COLUMN orchestrator.rollout_members.started_at IS 'When it was changed last.';
COMMENT ON COLUMN orchestrator.rollout_members.ended_at IS 'When it came to its end.';

CREATE TABLE orchestrator.rollout_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout_id bigint NOT NULL REFERENCES orchestrator.rollouts (id),
    type text NOT NULL,
    message text NOT NULL DEFAULT '',
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX rollout_events_by_rollout ON orchestrator.rollout_events (rollout_id, id);
COMMENT ON TABLE orchestrator.rollout_events IS 'Append-only history of each rollout; what became of its members is in deployment_events.';
COMMENT ON COLUMN orchestrator.rollout_events.id IS 'Rises.';
COMMENT ON COLUMN orchestrator.rollout_events.rollout_id IS 'Which rollout.';
COMMENT ON COLUMN orchestrator.rollout_events.type IS 'RolloutStarted, RolloutPaused, RolloutResumed, RolloutAborted, RolloutTurnedBack, RolloutFinished or RolledBack.';
COMMENT ON COLUMN orchestrator.rollout_events.message IS 'The particulars, without names of members.';
COMMENT ON COLUMN orchestrator.rollout_events.actor IS 'Who did it.';
COMMENT ON COLUMN orchestrator.rollout_events.created_at IS 'When.';

-- Which rollout holds it, if one does: two over one deployment would undo each other, and a change of its status wakes that one. A
-- column, so that all others pay for nothing but its being looked at.
ALTER TABLE orchestrator.deployments ADD COLUMN rollout_id bigint;
COMMENT ON COLUMN orchestrator.deployments.rollout_id IS 'The rollout that it is a member of, while that is not finished.';
-- Not concurrently: a migration is one transaction, and the column is new and empty.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX deployments_by_rollout ON orchestrator.deployments (rollout_id) WHERE rollout_id IS NOT NULL;

GRANT SELECT ON orchestrator.rollouts, orchestrator.rollout_members, orchestrator.rollout_events TO orchestrator_viewer;
ALTER TABLE orchestrator.rollouts ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.rollout_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.rollout_events ENABLE ROW LEVEL SECURITY;
