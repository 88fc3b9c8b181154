-- orchestrator.require_window(namespace) -> void
-- Refuses to write a window of a namespace that this session may not use, or of all to who is limited to some.
CREATE OR REPLACE FUNCTION orchestrator.require_window(p_namespace text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_namespace IS NULL THEN
        PERFORM orchestrator.require_everything('windows without a namespace');
    ELSE
        PERFORM orchestrator.require_namespace(p_namespace);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.require_window IS 'Refuses a window that this session may not write.';

-- Everybody reads those of every namespace and of their own. To whom one of these is not, prepare_window says so.
DROP POLICY IF EXISTS by_namespace ON orchestrator.maintenance_windows;
CREATE POLICY by_namespace ON orchestrator.maintenance_windows
    USING (namespace IS NULL OR (SELECT orchestrator.sees_everything()) OR namespace = ANY ((SELECT orchestrator.allowed_namespaces())::text[]));
