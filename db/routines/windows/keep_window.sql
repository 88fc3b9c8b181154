-- orchestrator.keep_window() -> trigger
-- Refuses to delete a window that this session may not write, or that something waits for.
CREATE OR REPLACE FUNCTION orchestrator.keep_window() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_named text := orchestrator.window_users(OLD, true);
BEGIN
    PERFORM orchestrator.require_window(OLD.namespace);
    IF v_named IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', format('the window %s is in use', OLD.name), 'name', format('First change what names it: %s.', v_named));
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION orchestrator.keep_window IS 'Guards a window against being deleted.';
CREATE OR REPLACE TRIGGER keep_window BEFORE DELETE ON orchestrator.maintenance_windows
    FOR EACH ROW EXECUTE FUNCTION orchestrator.keep_window();
