-- When a restart that was decided on happens: in a maintenance window, when nobody plays, or at a time.

CREATE TABLE orchestrator.maintenance_windows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    namespace text,
    days text[] NOT NULL,
    starts time NOT NULL,
    lasts interval NOT NULL,
    zone text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    CONSTRAINT maintenance_windows_name_is_one UNIQUE NULLS NOT DISTINCT (name, namespace)
);
COMMENT ON TABLE orchestrator.maintenance_windows IS 'When servers may be restarted or put back. SELECT * FROM next_windows() tells when that is next.';
COMMENT ON COLUMN orchestrator.maintenance_windows.id IS 'Names the window in other tables.';
COMMENT ON COLUMN orchestrator.maintenance_windows.name IS 'What rules and plans call it. No other of its namespace, or of all namespaces, has it.';
COMMENT ON COLUMN orchestrator.maintenance_windows.namespace IS 'Whose deployments may use it; NULL is every namespace''s.';
COMMENT ON COLUMN orchestrator.maintenance_windows.days IS 'On which days it opens: Mon, Tue, Wed, Thu, Fri, Sat, Sun.';
COMMENT ON COLUMN orchestrator.maintenance_windows.starts IS 'At what time of these days, by the clocks of its zone.';
COMMENT ON COLUMN orchestrator.maintenance_windows.lasts IS 'For how long, a day at most; it may end on the next day.';
COMMENT ON COLUMN orchestrator.maintenance_windows.zone IS 'Such as Europe/Berlin: see pg_timezone_names.';
COMMENT ON COLUMN orchestrator.maintenance_windows.created_at IS 'When.';
COMMENT ON COLUMN orchestrator.maintenance_windows.created_by IS 'Who made it.';
GRANT SELECT ON orchestrator.maintenance_windows TO orchestrator_viewer;
GRANT INSERT (name, namespace, days, starts, lasts, zone), UPDATE (name, namespace, days, starts, lasts, zone), DELETE
    ON orchestrator.maintenance_windows TO orchestrator_admin;
ALTER TABLE orchestrator.maintenance_windows ENABLE ROW LEVEL SECURITY;

CREATE TABLE orchestrator.planned_restarts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment_id uuid NOT NULL REFERENCES orchestrator.deployments (id),
    cluster_id integer NOT NULL,
    window_id bigint REFERENCES orchestrator.maintenance_windows (id) ON DELETE SET NULL,
    in_window text,
    when_empty boolean NOT NULL,
    only_if_required boolean NOT NULL,
    opens timestamptz,
    due timestamptz,
    state text NOT NULL DEFAULT 'planned',
    why text NOT NULL DEFAULT '',
    generation bigint,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT planned_restarts_state_is_known CHECK (state IN ('planned', 'done', 'cancelled', 'missed'))
);
CREATE UNIQUE INDEX planned_restarts_live ON orchestrator.planned_restarts (deployment_id) WHERE state = 'planned';
CREATE INDEX planned_restarts_due ON orchestrator.planned_restarts (cluster_id, due) WHERE state = 'planned' AND due IS NOT NULL;
CREATE INDEX planned_restarts_of_deployment ON orchestrator.planned_restarts (deployment_id, id);
CREATE INDEX planned_restarts_in_window ON orchestrator.planned_restarts (window_id);
COMMENT ON TABLE orchestrator.planned_restarts IS 'Restarts that wait for a window, for an empty server or for a time, and what became of them. One a deployment is live.';
COMMENT ON COLUMN orchestrator.planned_restarts.id IS 'Rises.';
COMMENT ON COLUMN orchestrator.planned_restarts.deployment_id IS 'What is restarted.';
COMMENT ON COLUMN orchestrator.planned_restarts.cluster_id IS 'Whose workers see to it.';
COMMENT ON COLUMN orchestrator.planned_restarts.window_id IS 'The window it waits for, if any.';
COMMENT ON COLUMN orchestrator.planned_restarts.in_window IS 'Its name.';
COMMENT ON COLUMN orchestrator.planned_restarts.when_empty IS 'Also before that, once nobody plays; without a window or time only then.';
COMMENT ON COLUMN orchestrator.planned_restarts.only_if_required IS 'If nothing requires a restart by then, none is made.';
COMMENT ON COLUMN orchestrator.planned_restarts.opens IS 'The opening of the window, or the time, that it waits for; NULL waits for an empty server alone.';
COMMENT ON COLUMN orchestrator.planned_restarts.due IS 'When a worker looks at it next; NULL until somebody says that nobody plays.';
COMMENT ON COLUMN orchestrator.planned_restarts.state IS 'planned; done; cancelled; missed, if its time went by.';
COMMENT ON COLUMN orchestrator.planned_restarts.why IS 'Why it has not come, or how it ended.';
COMMENT ON COLUMN orchestrator.planned_restarts.generation IS 'The generation that restarted it.';
COMMENT ON COLUMN orchestrator.planned_restarts.asked_by IS 'Who planned it.';
COMMENT ON COLUMN orchestrator.planned_restarts.asked_at IS 'When it was planned.';
COMMENT ON COLUMN orchestrator.planned_restarts.ended_at IS 'When it was done, cancelled or missed.';
GRANT SELECT ON orchestrator.planned_restarts TO orchestrator_viewer;
ALTER TABLE orchestrator.planned_restarts ENABLE ROW LEVEL SECURITY;

CREATE TABLE orchestrator.deployment_players (
    deployment_id uuid PRIMARY KEY REFERENCES orchestrator.deployments (id),
    online integer NOT NULL,
    as_of timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE orchestrator.deployment_players IS 'How many play on a server, as last told by record_players(). players_online(id) answers it while it is fresh.';
COMMENT ON COLUMN orchestrator.deployment_players.deployment_id IS 'On which.';
COMMENT ON COLUMN orchestrator.deployment_players.online IS 'How many were online.';
COMMENT ON COLUMN orchestrator.deployment_players.as_of IS 'When.';
GRANT SELECT ON orchestrator.deployment_players TO orchestrator_viewer;
ALTER TABLE orchestrator.deployment_players ENABLE ROW LEVEL SECURITY;

ALTER TABLE orchestrator.clusters ADD COLUMN players_fresh_seconds integer NOT NULL DEFAULT 300;
COMMENT ON COLUMN orchestrator.clusters.players_fresh_seconds IS 'For how long a number of players is believed after it was told.';
GRANT UPDATE (players_fresh_seconds) ON orchestrator.clusters TO orchestrator_admin;
