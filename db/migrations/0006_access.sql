-- Who may do what: people, their sessions and API tokens, and rows that only those see who may.
-- The policies themselves stand at the foot of orchestrator.sees_everything, since they call it.

-- Until here the API had an admin's rights whoever it acted for. From here on it has none before it has entered with
-- somebody's credential (orchestrator.enter), which takes on that person's role for one transaction.
RESET ROLE;
GRANT orchestrator_viewer, orchestrator_operator, orchestrator_admin TO orchestrator_api WITH INHERIT FALSE, SET TRUE;
SET LOCAL ROLE orchestrator_owner;
GRANT USAGE ON SCHEMA orchestrator TO orchestrator_api;

CREATE TABLE orchestrator.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    role text NOT NULL,
    namespaces text[],
    password_set_at timestamptz,
    link_expires_at timestamptz,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    CONSTRAINT users_role_is_known CHECK (role IN ('viewer', 'operator', 'admin'))
);
COMMENT ON TABLE orchestrator.users IS 'People, and programs that act in their own name. A login at psql with the same name is the same person.';
COMMENT ON COLUMN orchestrator.users.id IS 'Names the user in other tables.';
COMMENT ON COLUMN orchestrator.users.name IS 'What one signs in with, and the actor in events and revisions.';
COMMENT ON COLUMN orchestrator.users.role IS 'viewer, operator or admin.';
COMMENT ON COLUMN orchestrator.users.namespaces IS 'The only namespaces the user sees; NULL is all.';
COMMENT ON COLUMN orchestrator.users.password_set_at IS 'NULL until the user has chosen a password.';
COMMENT ON COLUMN orchestrator.users.link_expires_at IS 'Until when a one-time link to choose a password is good; NULL where there is none.';
COMMENT ON COLUMN orchestrator.users.disabled_at IS 'Since when the user may do nothing; NULL is enabled.';
COMMENT ON COLUMN orchestrator.users.created_at IS 'When.';
COMMENT ON COLUMN orchestrator.users.created_by IS 'Who made the user.';

CREATE TABLE orchestrator.api_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES orchestrator.users (id),
    name text NOT NULL,
    role text NOT NULL,
    namespaces text[],
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    CONSTRAINT api_tokens_role_is_known CHECK (role IN ('viewer', 'operator', 'admin'))
) WITH (fillfactor = 80);
CREATE INDEX api_tokens_by_user ON orchestrator.api_tokens (user_id);
COMMENT ON TABLE orchestrator.api_tokens IS 'Tokens for the HTTP API. What one allows is never more than its user may, also when that is reduced later.';
COMMENT ON COLUMN orchestrator.api_tokens.id IS 'The number in the token itself.';
COMMENT ON COLUMN orchestrator.api_tokens.user_id IS 'In whose name it acts.';
COMMENT ON COLUMN orchestrator.api_tokens.name IS 'What it is for.';
COMMENT ON COLUMN orchestrator.api_tokens.role IS 'viewer, operator or admin, at most.';
COMMENT ON COLUMN orchestrator.api_tokens.namespaces IS 'The only namespaces it is good for; NULL is all of its user''s.';
COMMENT ON COLUMN orchestrator.api_tokens.expires_at IS 'Until when it is good; NULL is until revoked.';
COMMENT ON COLUMN orchestrator.api_tokens.last_used_at IS 'To the minute.';
COMMENT ON COLUMN orchestrator.api_tokens.revoked_at IS 'Since when it is good for nothing.';
COMMENT ON COLUMN orchestrator.api_tokens.created_at IS 'When.';
COMMENT ON COLUMN orchestrator.api_tokens.created_by IS 'Who made it.';

CREATE TABLE orchestrator.sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES orchestrator.users (id),
    address text NOT NULL,
    user_agent text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_user ON orchestrator.sessions (user_id);
CREATE INDEX sessions_by_expiry ON orchestrator.sessions (expires_at);
COMMENT ON TABLE orchestrator.sessions IS 'Who is signed in to the page. A session that ended has no row.';
COMMENT ON COLUMN orchestrator.sessions.id IS 'The number in the cookie.';
COMMENT ON COLUMN orchestrator.sessions.user_id IS 'Who.';
COMMENT ON COLUMN orchestrator.sessions.address IS 'From where.';
COMMENT ON COLUMN orchestrator.sessions.user_agent IS 'With which browser, as it says itself.';
COMMENT ON COLUMN orchestrator.sessions.created_at IS 'Since when.';
COMMENT ON COLUMN orchestrator.sessions.last_seen_at IS 'To the minute; one that is idle for long has ended.';
COMMENT ON COLUMN orchestrator.sessions.expires_at IS 'When it ends whatever happens.';

-- Hashes stand in tables of their own, which only the routines read: nobody who may read the others can take them along.
CREATE TABLE orchestrator.user_secrets (
    user_id bigint PRIMARY KEY REFERENCES orchestrator.users (id),
    password_hash text,
    link_hash bytea UNIQUE
);
COMMENT ON TABLE orchestrator.user_secrets IS 'argon2 of each password, SHA-256 of each one-time link; private to the routines.';
CREATE TABLE orchestrator.token_secrets (
    token_id bigint PRIMARY KEY REFERENCES orchestrator.api_tokens (id),
    hash bytea NOT NULL
);
COMMENT ON TABLE orchestrator.token_secrets IS 'SHA-256 of each token; private to the routines.';
CREATE TABLE orchestrator.session_secrets (
    session_id bigint PRIMARY KEY REFERENCES orchestrator.sessions (id) ON DELETE CASCADE,
    hash bytea NOT NULL
);
COMMENT ON TABLE orchestrator.session_secrets IS 'SHA-256 of each session''s cookie; private to the routines.';

CREATE TABLE orchestrator.sign_in_attempts (
    subject text PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0,
    last_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_attempts_by_time ON orchestrator.sign_in_attempts (last_at);
COMMENT ON TABLE orchestrator.sign_in_attempts IS 'Failures to sign in, by user and by address; private to the routines.';

GRANT SELECT ON orchestrator.users, orchestrator.api_tokens, orchestrator.sessions TO orchestrator_viewer;

-- Closed until a policy opens them, to everybody but their owner, as which workers' and watchers' doors run.
ALTER TABLE orchestrator.deployments ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.deployment_resources ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.deployment_observed ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.deployment_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.deployment_revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.reconcile_slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.clusters ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE orchestrator.sessions ENABLE ROW LEVEL SECURITY;
