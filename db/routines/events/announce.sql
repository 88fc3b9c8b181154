-- orchestrator.announce() -> trigger
-- Tells at commit that history went on, or that somebody may see it no longer, with at most one announcing commit in flight:
-- NOTIFY serialises commits. The gate is the triggers' condition, so that who finds it taken does not even start a function.
-- A skipped announcement can be lost, so a reader that was woken looks again shortly after.
CREATE OR REPLACE FUNCTION orchestrator.announce() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('orchestrator_events', '');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.announce IS 'Wakes those who follow the history.';
CREATE OR REPLACE TRIGGER announce AFTER INSERT ON orchestrator.deployment_events
    FOR EACH STATEMENT WHEN (pg_try_advisory_xact_lock(hashtext('orchestrator.announce'), 0)) EXECUTE FUNCTION orchestrator.announce();
CREATE OR REPLACE TRIGGER announce AFTER INSERT ON orchestrator.rollout_events
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();
CREATE OR REPLACE TRIGGER announce AFTER UPDATE OF role, namespaces, disabled_at ON orchestrator.users
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();
CREATE OR REPLACE TRIGGER announce AFTER UPDATE OF revoked_at ON orchestrator.api_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();
CREATE OR REPLACE TRIGGER announce AFTER DELETE ON orchestrator.sessions
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();
CREATE OR REPLACE TRIGGER announce AFTER UPDATE OF state ON orchestrator.dry_runs
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();
