-- orchestrator.find_version(template, version) -> (template_id, version)
-- A version of a template by the name people know, the newest if none is named; or a refusal that lists those there are.
CREATE OR REPLACE FUNCTION orchestrator.find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    SELECT t.id, coalesce(p_version, max(t.version)) INTO template_id, version FROM orchestrator.templates t WHERE t.name = p_template GROUP BY t.id;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no template "%s"', p_template), 'template', 'Known: ' || coalesce((
            SELECT string_agg(DISTINCT t.name, ', ') FROM orchestrator.templates t), 'none; load some with: orchestrator templates load') || '.');
    ELSIF NOT EXISTS (SELECT FROM orchestrator.templates t WHERE t.name = p_template AND t.version = p_version) AND p_version IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO404', format('template %s has no version %s', p_template, p_version), 'version', 'There are: '
            || (SELECT string_agg(t.version::text, ', ' ORDER BY t.version) FROM orchestrator.templates t WHERE t.name = p_template) || '.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.find_version IS 'A version of a template by name.';
GRANT EXECUTE ON FUNCTION orchestrator.find_version TO orchestrator_operator;
