-- orchestrator.move_window() -> trigger
-- What waits for a window waits for it as it is now.
CREATE OR REPLACE FUNCTION orchestrator.move_window() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_opens timestamptz := (SELECT s.opens FROM orchestrator.window_spans(NEW, now()) s ORDER BY s.opens LIMIT 1);
BEGIN
    WITH moved AS (
        UPDATE orchestrator.planned_restarts p
           SET in_window = NEW.name, opens = v_opens, due = CASE WHEN p.when_empty AND p.due < v_opens THEN p.due ELSE v_opens END
         WHERE p.window_id = NEW.id AND p.state = 'planned'
        RETURNING p.cluster_id
    )
    SELECT NULL FROM (SELECT DISTINCT m.cluster_id FROM moved m) c CROSS JOIN LATERAL orchestrator.nudge(c.cluster_id) INTO v_opens;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.move_window IS 'Moves what waits for a window that was changed.';
CREATE OR REPLACE TRIGGER move_window AFTER UPDATE ON orchestrator.maintenance_windows
    FOR EACH ROW EXECUTE FUNCTION orchestrator.move_window();
