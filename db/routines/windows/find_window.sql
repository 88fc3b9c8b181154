-- orchestrator.find_window(name, namespace) -> maintenance_windows
-- The window that a deployment of a namespace means by a name: its namespace's or everybody's, never both. NULL where there is none.
CREATE OR REPLACE FUNCTION orchestrator.find_window(p_name text, p_namespace text) RETURNS orchestrator.maintenance_windows
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w FROM orchestrator.maintenance_windows w WHERE w.name = p_name AND (w.namespace IS NULL OR w.namespace = p_namespace)
$$;
COMMENT ON FUNCTION orchestrator.find_window IS 'The window that a name means to a namespace.';
GRANT EXECUTE ON FUNCTION orchestrator.find_window TO orchestrator_viewer;
