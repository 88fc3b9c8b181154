-- orchestrator.wake_rollout_of_member() -> trigger
-- Wakes workers when a member of a rollout is otherwise than it was: the rollout may go on. The condition stands in the trigger, so
-- that a deployment in no rollout pays for one comparison.
CREATE OR REPLACE FUNCTION orchestrator.wake_rollout_of_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.nudge(NEW.cluster_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.wake_rollout_of_member IS 'Wakes workers when a member of a rollout changed.';
CREATE OR REPLACE TRIGGER wake_rollout_of_member AFTER UPDATE ON orchestrator.deployments
    FOR EACH ROW WHEN (NEW.rollout_id IS NOT NULL AND (NEW.status_summary, NEW.generation, NEW.last_applied_generation, NEW.restart_required, NEW.stale_since)
                       IS DISTINCT FROM (OLD.status_summary, OLD.generation, OLD.last_applied_generation, OLD.restart_required, OLD.stale_since))
    EXECUTE FUNCTION orchestrator.wake_rollout_of_member();
