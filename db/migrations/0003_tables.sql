-- The tables of intent, observation and history. Names and columns are the ones asked for in the design.

CREATE TABLE orchestrator.clusters (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    resync_seconds integer NOT NULL DEFAULT 60,
    unreachable_since timestamptz DEFAULT now(),
    unreachable_reason text DEFAULT 'no worker has reached this cluster yet',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT clusters_name_is_a_label CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT clusters_resync_is_bounded CHECK (resync_seconds BETWEEN 5 AND 3600)
);
COMMENT ON TABLE orchestrator.clusters IS 'Kubernetes clusters. Credentials never live here: workers and watchers hold their own.';
COMMENT ON COLUMN orchestrator.clusters.id IS 'Names its queues and its channel.';
COMMENT ON COLUMN orchestrator.clusters.name IS 'What workers and watchers are started with.';
COMMENT ON COLUMN orchestrator.clusters.unreachable_reason IS 'What the last worker that tried was told; NULL while the API server answers.';
COMMENT ON COLUMN orchestrator.clusters.created_at IS 'When it was made known.';
COMMENT ON COLUMN orchestrator.clusters.resync_seconds IS 'How often the watcher lists everything again; a deployment not seen for two of these is stale.';
COMMENT ON COLUMN orchestrator.clusters.unreachable_since IS 'Since when no worker reaches the API server; NULL while it answers.';

CREATE TABLE orchestrator.templates (
    id bigint NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    base_spec_json jsonb NOT NULL,
    allowed_mutations_json jsonb NOT NULL DEFAULT '{"type": "object", "properties": {}}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version),
    UNIQUE (name, version)
);
CREATE SEQUENCE orchestrator.template_ids OWNED BY orchestrator.templates.id;
COMMENT ON TABLE orchestrator.templates IS 'Manifests with parameters, and the JSON Schema those parameters must satisfy. A version never changes; write the next one.';
COMMENT ON COLUMN orchestrator.templates.name IS 'What deploy() is given.';
COMMENT ON COLUMN orchestrator.templates.version IS 'Counts from 1.';
COMMENT ON COLUMN orchestrator.templates.created_at IS 'When this version was written.';
COMMENT ON COLUMN orchestrator.templates.id IS 'The same for every version of one name.';
COMMENT ON COLUMN orchestrator.templates.base_spec_json IS 'A list of Kubernetes manifests holding {"$param": …}, "${…}", $when, $hash and $generate.';
COMMENT ON COLUMN orchestrator.templates.allowed_mutations_json IS 'JSON Schema of the parameters: the only things a deployment may change.';

-- What orchestrator.compile_template made of a template: rendering is one format() a manifest.
CREATE TABLE orchestrator.template_programs (
    template_id bigint NOT NULL,
    template_version integer NOT NULL,
    parameter_names text[] NOT NULL,
    properties jsonb NOT NULL,
    required text[] NOT NULL,
    defaults jsonb NOT NULL,
    bodies text[] NOT NULL,
    conditions text[] NOT NULL,
    bindings jsonb NOT NULL,
    guarded boolean NOT NULL,
    PRIMARY KEY (template_id, template_version),
    FOREIGN KEY (template_id, template_version) REFERENCES orchestrator.templates (id, version) ON DELETE CASCADE
);
COMMENT ON TABLE orchestrator.template_programs IS 'Compiled templates; private to the routines.';
COMMENT ON COLUMN orchestrator.template_programs.guarded IS 'A parameter reaches a place that the policy judges, so each rendering is checked, not only the template.';

CREATE TABLE orchestrator.deployments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    cluster_id integer NOT NULL REFERENCES orchestrator.clusters (id),
    namespace text NOT NULL DEFAULT 'default',
    template_id bigint NOT NULL,
    template_version integer NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    desired_spec_json jsonb NOT NULL,
    desired_state text NOT NULL DEFAULT 'Active',
    drift_policy text NOT NULL DEFAULT 'Enforce',
    keep_data boolean NOT NULL DEFAULT true,
    generation bigint NOT NULL DEFAULT 1,
    last_applied_generation bigint NOT NULL DEFAULT 0,
    status_summary text NOT NULL DEFAULT 'Progressing',
    status_message text NOT NULL DEFAULT '',
    stale_since timestamptz,
    finalised_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (template_id, template_version) REFERENCES orchestrator.templates (id, version),
    CONSTRAINT deployments_desired_state_is_known CHECK (desired_state IN ('Active', 'Stopped', 'Paused', 'Deleted')),
    CONSTRAINT deployments_drift_policy_is_known CHECK (drift_policy IN ('Enforce')),
    CONSTRAINT deployments_status_is_known CHECK (status_summary IN
        ('Healthy', 'Progressing', 'Degraded', 'Error', 'Stopped', 'Paused', 'Deleting', 'Deleted'))
) WITH (fillfactor = 80);
-- The embedded server has no lz4, and pglz costs more than the three chunks it would save.
ALTER TABLE orchestrator.deployments ALTER COLUMN desired_spec_json SET STORAGE EXTERNAL;
-- finalised_at, not the status, so that a change of status stays a heap-only update.
CREATE UNIQUE INDEX deployments_name_is_unique ON orchestrator.deployments (cluster_id, namespace, name)
    WHERE finalised_at IS NULL;
CREATE INDEX deployments_by_template ON orchestrator.deployments (template_id, template_version);
COMMENT ON TABLE orchestrator.deployments IS 'What people want to run. UPDATE a row and the cluster follows.';
COMMENT ON COLUMN orchestrator.deployments.id IS 'Its objects carry it as a label.';
COMMENT ON COLUMN orchestrator.deployments.name IS 'Begins the names of its objects.';
COMMENT ON COLUMN orchestrator.deployments.cluster_id IS 'Where it runs.';
COMMENT ON COLUMN orchestrator.deployments.namespace IS 'The Kubernetes namespace of its objects.';
COMMENT ON COLUMN orchestrator.deployments.template_id IS 'What it is made from, for good.';
COMMENT ON COLUMN orchestrator.deployments.template_version IS 'Which version of that; may be changed.';
COMMENT ON COLUMN orchestrator.deployments.status_summary IS 'Healthy, Progressing, Degraded, Error, Stopped, Paused, Deleting or Deleted.';
COMMENT ON COLUMN orchestrator.deployments.status_message IS 'Why, in words to act on.';
COMMENT ON COLUMN orchestrator.deployments.stale_since IS 'When it was last seen, if that is more than two resyncs ago.';
COMMENT ON COLUMN orchestrator.deployments.created_at IS 'When it was asked for.';
COMMENT ON COLUMN orchestrator.deployments.updated_at IS 'When its intent last changed.';
COMMENT ON COLUMN orchestrator.deployments.parameters IS 'Values for the template''s parameters; what is left out takes the template''s default.';
COMMENT ON COLUMN orchestrator.deployments.desired_spec_json IS 'The manifests rendered from template and parameters. Editing a place a parameter fills changes that parameter.';
COMMENT ON COLUMN orchestrator.deployments.desired_state IS 'Active, Stopped (no replicas, all else kept), Paused (held: drift is recorded, nothing is put back) or Deleted.';
COMMENT ON COLUMN orchestrator.deployments.drift_policy IS 'Enforce: what changes behind our back is put back.';
COMMENT ON COLUMN orchestrator.deployments.keep_data IS 'Whether persistent volume claims outlive a delete. They do unless this says false.';
COMMENT ON COLUMN orchestrator.deployments.generation IS 'Rises by one with each change of intent and with nothing else.';
COMMENT ON COLUMN orchestrator.deployments.last_applied_generation IS 'The newest generation that was applied whole.';
COMMENT ON COLUMN orchestrator.deployments.finalised_at IS 'When the last object of a deleted deployment was seen gone; its name is free again.';

CREATE TABLE orchestrator.deployment_resources (
    deployment_id uuid NOT NULL REFERENCES orchestrator.deployments (id),
    cluster_id integer NOT NULL,
    api_version text NOT NULL,
    kind text NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    uid text,
    resource_version bigint NOT NULL DEFAULT 0,
    fields_hash text,
    applied_generation bigint,
    applied_resource_version bigint,
    applied_fields jsonb,
    applied_fields_hash text,
    rendered_hash text,
    health text,
    reason text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    drift jsonb,
    drifted_at timestamptz,
    missing_since timestamptz,
    last_seen_at timestamptz,
    managed boolean NOT NULL,
    PRIMARY KEY (cluster_id, kind, namespace, name)
) WITH (fillfactor = 60);
CREATE INDEX deployment_resources_by_deployment ON orchestrator.deployment_resources (deployment_id);
COMMENT ON TABLE orchestrator.deployment_resources IS 'Inventory: every object of a deployment, what we applied to it and what was last seen of it.';
COMMENT ON COLUMN orchestrator.deployment_resources.deployment_id IS 'Whose it is.';
COMMENT ON COLUMN orchestrator.deployment_resources.cluster_id IS 'Where it is.';
COMMENT ON COLUMN orchestrator.deployment_resources.api_version IS 'Of the object.';
COMMENT ON COLUMN orchestrator.deployment_resources.kind IS 'Of the object.';
COMMENT ON COLUMN orchestrator.deployment_resources.namespace IS 'Of the object.';
COMMENT ON COLUMN orchestrator.deployment_resources.name IS 'Of the object.';
COMMENT ON COLUMN orchestrator.deployment_resources.resource_version IS 'Of the newest observation or apply; an older one is never written.';
COMMENT ON COLUMN orchestrator.deployment_resources.applied_generation IS 'The generation that last changed it.';
COMMENT ON COLUMN orchestrator.deployment_resources.applied_resource_version IS 'What our last apply left behind; only an observation above it can be drift.';
COMMENT ON COLUMN orchestrator.deployment_resources.applied_fields IS 'The fields our manager owned right after our last apply.';
COMMENT ON COLUMN orchestrator.deployment_resources.health IS 'Healthy, Progressing, Degraded or Suspended; NULL until seen.';
COMMENT ON COLUMN orchestrator.deployment_resources.reason IS 'One word for the health.';
COMMENT ON COLUMN orchestrator.deployment_resources.message IS 'A sentence for the health.';
COMMENT ON COLUMN orchestrator.deployment_resources.drifted_at IS 'Since when it differs.';
COMMENT ON COLUMN orchestrator.deployment_resources.missing_since IS 'Since when it is gone though wanted.';
COMMENT ON COLUMN orchestrator.deployment_resources.last_seen_at IS 'When it was last observed, listed or applied.';
COMMENT ON COLUMN orchestrator.deployment_resources.uid IS 'Tells the object apart from another that later takes its name.';
COMMENT ON COLUMN orchestrator.deployment_resources.fields_hash IS 'Hash of the fields our manager owned when last seen.';
COMMENT ON COLUMN orchestrator.deployment_resources.applied_fields_hash IS 'Hash of the fields our manager owned right after our last apply; a difference is drift.';
COMMENT ON COLUMN orchestrator.deployment_resources.rendered_hash IS 'Hash of the manifest last applied, less its generation label; equal means nothing to apply.';
COMMENT ON COLUMN orchestrator.deployment_resources.drift IS 'Paths that were changed behind our back: path, wanted, live, manager, since. Secret values never.';
COMMENT ON COLUMN orchestrator.deployment_resources.managed IS 'We applied it. Pods and copies that merely carry our label are only observed.';

CREATE TABLE orchestrator.deployment_observed (
    deployment_id uuid PRIMARY KEY REFERENCES orchestrator.deployments (id),
    observed_json jsonb NOT NULL DEFAULT '{}',
    observed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 60);
COMMENT ON TABLE orchestrator.deployment_observed IS 'A cache of selected live status by "Kind/name"; Kubernetes remains the authority.';
COMMENT ON COLUMN orchestrator.deployment_observed.deployment_id IS 'Whose status it is.';
COMMENT ON COLUMN orchestrator.deployment_observed.observed_json IS 'By "Kind/name"; Kubernetes'' own warnings under "warnings".';
COMMENT ON COLUMN orchestrator.deployment_observed.observed_at IS 'When it last changed.';

CREATE TABLE orchestrator.deployment_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    deployment_id uuid NOT NULL,
    generation bigint,
    source text NOT NULL,
    type text NOT NULL,
    data_json jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (deployment_id, id),
    CONSTRAINT deployment_events_source_is_known CHECK (source IN ('user', 'reconciler', 'k8s_watch', 'system'))
);
-- A reader's cursor is (xid, id): ids alone commit out of order. See orchestrator.events_after.
CREATE INDEX deployment_events_in_commit_order ON orchestrator.deployment_events (xid, id);
COMMENT ON TABLE orchestrator.deployment_events IS 'Append-only history of every step. Read it with orchestrator.events_after to miss nothing.';
COMMENT ON COLUMN orchestrator.deployment_events.id IS 'Rises, but not in the order of commits.';
COMMENT ON COLUMN orchestrator.deployment_events.deployment_id IS 'Whose step it was.';
COMMENT ON COLUMN orchestrator.deployment_events.generation IS 'The intent at that time.';
COMMENT ON COLUMN orchestrator.deployment_events.source IS 'user, reconciler, k8s_watch or system.';
COMMENT ON COLUMN orchestrator.deployment_events.type IS 'What happened.';
COMMENT ON COLUMN orchestrator.deployment_events.data_json IS 'The particulars; secret values never.';
COMMENT ON COLUMN orchestrator.deployment_events.actor IS 'Who did it.';
COMMENT ON COLUMN orchestrator.deployment_events.created_at IS 'When it was written.';
COMMENT ON COLUMN orchestrator.deployment_events.xid IS 'The transaction that wrote it: with id the cursor of a reader.';

CREATE TABLE orchestrator.deployment_revisions (
    deployment_id uuid NOT NULL,
    generation bigint NOT NULL,
    template_id bigint NOT NULL,
    template_version integer NOT NULL,
    parameters jsonb NOT NULL,
    desired_state text NOT NULL,
    drift_policy text NOT NULL,
    keep_data boolean NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (deployment_id, generation)
);
COMMENT ON TABLE orchestrator.deployment_revisions IS 'Append-only: the intent of every generation, and who asked for it.';
COMMENT ON COLUMN orchestrator.deployment_revisions.deployment_id IS 'Whose intent it was.';
COMMENT ON COLUMN orchestrator.deployment_revisions.generation IS 'Which.';
COMMENT ON COLUMN orchestrator.deployment_revisions.template_id IS 'As in deployments.';
COMMENT ON COLUMN orchestrator.deployment_revisions.template_version IS 'As in deployments.';
COMMENT ON COLUMN orchestrator.deployment_revisions.parameters IS 'As in deployments.';
COMMENT ON COLUMN orchestrator.deployment_revisions.desired_state IS 'As in deployments.';
COMMENT ON COLUMN orchestrator.deployment_revisions.drift_policy IS 'As in deployments.';
COMMENT ON COLUMN orchestrator.deployment_revisions.keep_data IS 'As in deployments.';
COMMENT ON COLUMN orchestrator.deployment_revisions.actor IS 'Who asked for it.';
COMMENT ON COLUMN orchestrator.deployment_revisions.created_at IS 'When.';

CREATE TABLE orchestrator.reconcile_slots (
    deployment_id uuid PRIMARY KEY REFERENCES orchestrator.deployments (id),
    cluster_id integer NOT NULL,
    queue text,
    msg_id bigint,
    requested bigint NOT NULL DEFAULT 0,
    settled bigint NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    due_at timestamptz,
    quarantined_at timestamptz,
    deferred_since timestamptz,
    last_error text,
    last_error_permanent boolean NOT NULL DEFAULT false,
    CONSTRAINT reconcile_slots_queued_or_waiting CHECK (msg_id IS NULL OR due_at IS NULL)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
-- By cluster first: what waits for a cluster without workers must not stand in the way of another's.
CREATE INDEX reconcile_slots_due ON orchestrator.reconcile_slots (cluster_id, due_at) WHERE due_at IS NOT NULL;
COMMENT ON TABLE orchestrator.reconcile_slots IS 'One row a deployment: whether it needs a worker, since which request, and when to try again.';
COMMENT ON COLUMN orchestrator.reconcile_slots.deployment_id IS 'Whose slot it is.';
COMMENT ON COLUMN orchestrator.reconcile_slots.cluster_id IS 'Whose workers take it.';
COMMENT ON COLUMN orchestrator.reconcile_slots.queue IS 'The pgmq queue of the live message.';
COMMENT ON COLUMN orchestrator.reconcile_slots.settled IS 'The newest request that a worker answered.';
COMMENT ON COLUMN orchestrator.reconcile_slots.failures IS 'How many runs failed since the last request; the back-off doubles with it.';
COMMENT ON COLUMN orchestrator.reconcile_slots.last_error IS 'Why the last run failed; NULL after a request or a success.';
COMMENT ON COLUMN orchestrator.reconcile_slots.last_error_permanent IS 'Trying again would fail again: a change is waited for.';
COMMENT ON COLUMN orchestrator.reconcile_slots.msg_id IS 'The one live queue message, if any.';
COMMENT ON COLUMN orchestrator.reconcile_slots.requested IS 'Counts requests; a worker that settles an older count is run again.';
COMMENT ON COLUMN orchestrator.reconcile_slots.due_at IS 'When to queue again: back-off, or a second look.';
COMMENT ON COLUMN orchestrator.reconcile_slots.quarantined_at IS 'Taken five times without an answer; a change or reconcile_now revives it.';
COMMENT ON COLUMN orchestrator.reconcile_slots.deferred_since IS 'Held back by the outage of its cluster, which has been recorded once.';

CREATE TABLE orchestrator.watch_streams (
    cluster_id integer NOT NULL REFERENCES orchestrator.clusters (id),
    kind text NOT NULL,
    state text NOT NULL,
    restarts bigint NOT NULL DEFAULT 0,
    error text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    synced_at timestamptz,
    PRIMARY KEY (cluster_id, kind),
    CONSTRAINT watch_streams_state_is_known CHECK (state IN ('connected', 'synced', 'lost'))
) WITH (fillfactor = 50);
COMMENT ON TABLE orchestrator.watch_streams IS 'One row a watched kind: whether its stream is connected and when it last listed everything.';
COMMENT ON COLUMN orchestrator.watch_streams.cluster_id IS 'Which cluster is watched.';
COMMENT ON COLUMN orchestrator.watch_streams.kind IS 'Which kind.';
COMMENT ON COLUMN orchestrator.watch_streams.state IS 'connected, synced or lost.';
COMMENT ON COLUMN orchestrator.watch_streams.restarts IS 'How often the stream had to begin again.';
COMMENT ON COLUMN orchestrator.watch_streams.error IS 'Why it was lost.';
COMMENT ON COLUMN orchestrator.watch_streams.changed_at IS 'When the state changed.';
COMMENT ON COLUMN orchestrator.watch_streams.synced_at IS 'When everything of the kind was last listed.';

CREATE INDEX reconcile_slots_deferred ON orchestrator.reconcile_slots (cluster_id) WHERE deferred_since IS NOT NULL;

-- One object as a watcher saw it; the JSON a watcher sends has these keys.
CREATE TYPE orchestrator.observation AS (
    change text,
    api_version text,
    kind text,
    namespace text,
    name text,
    uid text,
    resource_version bigint,
    deployment_id uuid,
    generation bigint,
    ours boolean,
    fields_hash text,
    deleting boolean,
    health text,
    reason text,
    message text,
    digest jsonb
);
