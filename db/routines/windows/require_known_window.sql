-- orchestrator.require_known_window(name, namespace, path) -> maintenance_windows
-- The window of a name, or a refusal that names those there are.
CREATE OR REPLACE FUNCTION orchestrator.require_known_window(p_name text, p_namespace text, p_path text) RETURNS orchestrator.maintenance_windows
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_window orchestrator.maintenance_windows := orchestrator.find_window(p_name, p_namespace);
BEGIN
    IF v_window.id IS NULL THEN
        PERFORM orchestrator.refuse('SO404', format('the namespace %s has no window "%s"', p_namespace, p_name), p_path,
            coalesce((SELECT format('There are: %s.', string_agg(w.name, ', ' ORDER BY w.name)) FROM orchestrator.maintenance_windows w
                       WHERE w.namespace IS NULL OR w.namespace = p_namespace),
                     'There is none yet: an admin inserts one into maintenance_windows.'));
    END IF;
    RETURN v_window;
END
$$;
COMMENT ON FUNCTION orchestrator.require_known_window IS 'The window of a name, or a refusal.';
