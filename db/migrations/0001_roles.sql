-- The roles everything is granted to. Roles belong to the whole server, so another database may have made them already.
DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['owner', 'viewer', 'operator', 'admin', 'api', 'worker', 'watcher'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'orchestrator_' || v_role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

GRANT orchestrator_viewer TO orchestrator_operator;
GRANT orchestrator_operator TO orchestrator_admin;
-- The API acts for operators and admins; what each person may do is narrowed again by who is signed in.
GRANT orchestrator_admin TO orchestrator_api;

-- pgmq's installer creates its schema itself.
DO $$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO orchestrator_owner', current_database());
END
$$;

ALTER DEFAULT PRIVILEGES FOR ROLE orchestrator_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA orchestrator AUTHORIZATION orchestrator_owner;
GRANT USAGE ON SCHEMA orchestrator TO orchestrator_viewer, orchestrator_worker, orchestrator_watcher;

-- Whoever migrates must be able to act as the owner; a superuser always can.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'orchestrator_owner', 'MEMBER') THEN
        EXECUTE format('GRANT orchestrator_owner TO %I', current_user);
    END IF;
END
$$;

CREATE TABLE orchestrator.schema_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE orchestrator.schema_migrations OWNER TO orchestrator_owner;
COMMENT ON TABLE orchestrator.schema_migrations IS 'Which migrations, routines and views this database has, by checksum.';
