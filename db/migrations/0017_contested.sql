-- Fights: paths that are put back again and again, because another keeps setting them.
CREATE TABLE orchestrator.put_backs (
    deployment_id uuid NOT NULL REFERENCES orchestrator.deployments (id),
    cluster_id integer NOT NULL REFERENCES orchestrator.clusters (id),
    kind text NOT NULL,
    name text NOT NULL,
    path text NOT NULL,
    manager text,
    put_backs integer NOT NULL,
    recent timestamptz[] NOT NULL,
    last_at timestamptz NOT NULL,
    contested_since timestamptz,
    next_at timestamptz,
    PRIMARY KEY (deployment_id, kind, name, path)
) WITH (fillfactor = 50);
CREATE INDEX put_backs_by_age ON orchestrator.put_backs (cluster_id, last_at);
CREATE INDEX put_backs_contested ON orchestrator.put_backs (cluster_id, next_at) WHERE contested_since IS NOT NULL;
ALTER TABLE orchestrator.put_backs ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON orchestrator.put_backs TO orchestrator_viewer;
COMMENT ON TABLE orchestrator.put_backs IS 'Paths that were put back lately, and how often. Read the view contested.';
COMMENT ON COLUMN orchestrator.put_backs.deployment_id IS 'Whose object it is.';
COMMENT ON COLUMN orchestrator.put_backs.cluster_id IS 'Where it is.';
COMMENT ON COLUMN orchestrator.put_backs.kind IS 'Of the object.';
COMMENT ON COLUMN orchestrator.put_backs.name IS 'Of the object.';
COMMENT ON COLUMN orchestrator.put_backs.path IS 'The field, with the keys of lists; empty for the object itself.';
COMMENT ON COLUMN orchestrator.put_backs.manager IS 'Who changed it last, as far as that is known.';
COMMENT ON COLUMN orchestrator.put_backs.put_backs IS 'How often it was put back: in the time that counts, and once contested since that began.';
COMMENT ON COLUMN orchestrator.put_backs.recent IS 'When: within the time that counts, and once contested those that made it so.';
COMMENT ON COLUMN orchestrator.put_backs.last_at IS 'When it was put back last.';
COMMENT ON COLUMN orchestrator.put_backs.contested_since IS 'Since when somebody else is said to contest it; NULL while it was not put back too often.';
COMMENT ON COLUMN orchestrator.put_backs.next_at IS 'Contested, it is not put back before then, unless a person asks.';

ALTER TABLE orchestrator.clusters
    ADD COLUMN contested_after integer NOT NULL DEFAULT 3,
    ADD COLUMN contested_within_seconds integer NOT NULL DEFAULT 600,
    ADD COLUMN contested_wait_seconds integer NOT NULL DEFAULT 60,
    ADD COLUMN contested_longest_wait_seconds integer NOT NULL DEFAULT 3600;
COMMENT ON COLUMN orchestrator.clusters.contested_after IS 'A path that is put back this often is contested,';
COMMENT ON COLUMN orchestrator.clusters.contested_within_seconds IS 'if it was within so many seconds; so many without another put-back end it.';
COMMENT ON COLUMN orchestrator.clusters.contested_wait_seconds IS 'What is contested waits so long before it is put back again, then twice that, and so on; some random time more each time.';
COMMENT ON COLUMN orchestrator.clusters.contested_longest_wait_seconds IS 'The wait doubles up to this.';
GRANT INSERT (contested_after, contested_within_seconds, contested_wait_seconds, contested_longest_wait_seconds),
      UPDATE (contested_after, contested_within_seconds, contested_wait_seconds, contested_longest_wait_seconds)
    ON orchestrator.clusters TO orchestrator_admin;
