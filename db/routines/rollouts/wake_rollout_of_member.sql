-- orchestrator.wake_rollout_of_member() -> trigger
-- Wakes workers when a member of a rollout is otherwise than it was: the rollout may go on. Who is in none pays for the trigger's
-- condition alone, which is one comparison: Postgres reads a condition's text anew in each statement, for more than it takes to judge it.
CREATE OR REPLACE FUNCTION orchestrator.wake_rollout_of_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (NEW.status_summary, NEW.generation, NEW.last_applied_generation, NEW.restart_required, NEW.stale_since)
       IS DISTINCT FROM (OLD.status_summary, OLD.generation, OLD.last_applied_generation, OLD.restart_required, OLD.stale_since) THEN
        PERFORM orchestrator.nudge(NEW.cluster_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.wake_rollout_of_member IS 'Wakes workers when a member of a rollout changed.';
CREATE OR REPLACE TRIGGER wake_rollout_of_member AFTER UPDATE ON orchestrator.deployments
    FOR EACH ROW WHEN (NEW.rollout_id IS NOT NULL) EXECUTE FUNCTION orchestrator.wake_rollout_of_member();
