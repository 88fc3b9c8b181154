-- orchestrator.require_namespace(namespace) -> void
-- Refuses to write into a namespace that the session does not see. The policy would refuse too, without saying what to do.
CREATE OR REPLACE FUNCTION orchestrator.require_namespace(p_namespace text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
BEGIN
    IF NOT p_namespace = ANY (v_namespaces) THEN
        PERFORM orchestrator.refuse('SO403', format('%s may not use the namespace "%s"', orchestrator.current_actor(), p_namespace), 'namespace',
            CASE cardinality(v_namespaces) WHEN 0 THEN 'Ask an admin for a namespace.'
                 ELSE format('Allowed: %s.', array_to_string(v_namespaces, ', ')) END);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.require_namespace IS 'Refuses a namespace that this session may not use.';
