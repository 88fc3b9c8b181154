-- Who works for a cluster, as told by workers and watchers themselves every few seconds.
CREATE TABLE orchestrator.processes (
    cluster_id integer NOT NULL REFERENCES orchestrator.clusters (id),
    kind text NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, kind, name),
    CONSTRAINT processes_kind_is_known CHECK (kind IN ('worker', 'watcher'))
) WITH (fillfactor = 50);
COMMENT ON TABLE orchestrator.processes IS 'Workers and watchers that were seen lately. Read the views workers and watchers.';
COMMENT ON COLUMN orchestrator.processes.cluster_id IS 'Which cluster it serves.';
COMMENT ON COLUMN orchestrator.processes.kind IS 'worker or watcher.';
COMMENT ON COLUMN orchestrator.processes.name IS 'What it was started with: its host and process id unless told otherwise.';
COMMENT ON COLUMN orchestrator.processes.active IS 'It works; a watcher that does not stands by for the one that does.';
COMMENT ON COLUMN orchestrator.processes.started_at IS 'Since when it runs.';
COMMENT ON COLUMN orchestrator.processes.last_seen_at IS 'When it last said so.';
GRANT SELECT ON orchestrator.processes TO orchestrator_viewer;
