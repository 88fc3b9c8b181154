-- orchestrator.check_parameters_fit(template_id, version, parameters) -> void
-- Refuses parameters that a template version does not take, in one error that names all of them.
CREATE OR REPLACE FUNCTION orchestrator.check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
    v_path text;
    v_messages text;
    v_hints text;
BEGIN
    SELECT count(*), min(p.path), string_agg(p.message, '; ' ORDER BY p.path), string_agg(DISTINCT p.hint, ' ')
      INTO v_count, v_path, v_messages, v_hints FROM orchestrator.parameter_problems(p_template_id, p_version, p_parameters) p;
    IF v_count > 0 THEN
        PERFORM orchestrator.refuse('SO422', format('version %s does not take the parameters as they are: %s', p_version, v_messages),
            CASE v_count WHEN 1 THEN v_path ELSE 'parameters' END,
            v_hints || ' Give other values along with the version; null drops one, so that the default applies.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_parameters_fit IS 'Refuses parameters that a template version does not take, naming all of them.';
GRANT EXECUTE ON FUNCTION orchestrator.check_parameters_fit TO orchestrator_operator;
