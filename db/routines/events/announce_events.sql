-- orchestrator.announce_events() -> trigger
-- Tells at commit that history went on, with at most one announcing commit in flight: NOTIFY serialises commits.
-- The gate is the trigger's condition, so that who finds it taken does not even start a function. A skipped announcement
-- can be lost, so a reader that was woken looks again shortly after.
CREATE OR REPLACE FUNCTION orchestrator.announce_events() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('orchestrator_events', '');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.announce_events IS 'Wakes those who follow the history.';
CREATE OR REPLACE TRIGGER announce_events AFTER INSERT ON orchestrator.deployment_events
    FOR EACH STATEMENT WHEN (pg_try_advisory_xact_lock(hashtext('orchestrator.announce_events'), 0))
    EXECUTE FUNCTION orchestrator.announce_events();
