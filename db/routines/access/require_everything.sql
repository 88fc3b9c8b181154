-- orchestrator.require_everything(what) -> true
-- Refuses somebody limited to namespaces what concerns all of them.
CREATE OR REPLACE FUNCTION orchestrator.require_everything(p_what text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
BEGIN
    IF v_namespaces IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO403', format('%s concern every namespace, and %s is limited to %s', p_what, orchestrator.current_actor(),
                    coalesce(nullif(array_to_string(v_namespaces, ', '), ''), 'none')), p_what,
            'Ask an admin who is not limited to namespaces.');
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION orchestrator.require_everything IS 'Refuses what concerns all namespaces to somebody limited to some.';
GRANT EXECUTE ON FUNCTION orchestrator.require_everything TO orchestrator_viewer;
GRANT EXECUTE ON FUNCTION orchestrator.refuse TO orchestrator_viewer;
