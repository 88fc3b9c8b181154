-- orchestrator.find_program(template_id, version) -> template_programs
-- The compiled template a deployment names, or a refusal that lists the ones there are.
CREATE OR REPLACE FUNCTION orchestrator.find_program(p_template_id bigint, p_version integer) RETURNS orchestrator.template_programs
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_program orchestrator.template_programs;
BEGIN
    SELECT * INTO v_program FROM orchestrator.template_programs p
     WHERE p.template_id = p_template_id AND p.template_version = p_version;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no template %s version %s', coalesce(p_template_id::text, '(none)'), coalesce(p_version::text, '(newest)')),
            'template_id', 'Known: ' || coalesce((SELECT string_agg(format('%s = %s version %s', t.id, t.name, t.version), ', ' ORDER BY t.name, t.version)
                                                  FROM orchestrator.templates t), 'none; load some with: orchestrator templates load') || '.');
    END IF;
    RETURN v_program;
END
$$;
COMMENT ON FUNCTION orchestrator.find_program IS 'The compiled form of a template version.';
