-- orchestrator.keep_history() -> trigger
-- History is append-only for everybody, superusers included; only retention, as the owner and below a given age, may take from it.
CREATE OR REPLACE FUNCTION orchestrator.keep_history() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'orchestrator_owner' THEN
        RETURN NULL;
    END IF;
    PERFORM orchestrator.refuse('SO403', format('%s is append-only', TG_TABLE_NAME), TG_TABLE_NAME,
        'History is not rewritten; old events are dropped by SELECT orchestrator.drop_old_events(interval).');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.keep_history IS 'Refuses changes of history.';
CREATE OR REPLACE TRIGGER keep_history BEFORE UPDATE OR DELETE OR TRUNCATE ON orchestrator.deployment_events
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.keep_history();
CREATE OR REPLACE TRIGGER keep_history BEFORE UPDATE OR DELETE OR TRUNCATE ON orchestrator.deployment_revisions
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.keep_history();
CREATE OR REPLACE TRIGGER keep_history BEFORE UPDATE OR DELETE OR TRUNCATE ON orchestrator.rollout_events
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.keep_history();
