-- orchestrator.parameter_problems(template_id, version, parameters) -> setof (path, message, hint)
-- All that a template version does not allow about parameters, not only the first: who moves to it wants to know everything at once.
-- Each is judged as a write would (check_parameters), so the two cannot differ. Runs as the owner, since that is not open to people.
CREATE OR REPLACE FUNCTION orchestrator.parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb)
RETURNS TABLE (path text, message text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_program orchestrator.template_programs := orchestrator.find_program(p_template_id, p_version);
    v_given jsonb;
    v_required text[];
BEGIN
    FOR v_given, v_required IN
        SELECT jsonb_build_object(p.key, p.value), '{}'::text[] FROM jsonb_each(p_parameters) p
        UNION ALL
        SELECT '{}', ARRAY[r] FROM unnest(v_program.required) r WHERE NOT p_parameters ? r
    LOOP
        BEGIN
            PERFORM orchestrator.check_parameters(v_program.properties, v_required, v_given, '{}');
        EXCEPTION WHEN SQLSTATE 'SO422' THEN
            GET STACKED DIAGNOSTICS path = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
            RETURN NEXT;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.parameter_problems IS 'All that a template version does not allow about parameters.';
GRANT EXECUTE ON FUNCTION orchestrator.parameter_problems TO orchestrator_operator;
