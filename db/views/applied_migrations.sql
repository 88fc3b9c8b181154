-- orchestrator.applied_migrations: which migrations, routines and views this database has, for a process that asks whether it is current.
CREATE OR REPLACE VIEW orchestrator.applied_migrations AS
SELECT m.name, m.checksum FROM orchestrator.schema_migrations m;
COMMENT ON VIEW orchestrator.applied_migrations IS 'Which migrations, routines and views this database has, by checksum.';
COMMENT ON COLUMN orchestrator.applied_migrations.name IS 'Of the file, without its ending.';
COMMENT ON COLUMN orchestrator.applied_migrations.checksum IS 'SHA-256 of its text.';
GRANT SELECT ON orchestrator.applied_migrations TO orchestrator_viewer, orchestrator_api, orchestrator_worker, orchestrator_watcher;
