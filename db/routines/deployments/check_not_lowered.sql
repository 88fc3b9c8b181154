-- orchestrator.check_not_lowered(template_id, from_version, from_parameters, to_version, to_parameters) -> void
-- Refuses a move that lowers a parameter which its template, in whichever version, calls neverLower: a world that a newer Minecraft
-- has opened does not go back. Defaults count: they move with the version.
CREATE OR REPLACE FUNCTION orchestrator.check_not_lowered(
    p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb
) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_from jsonb := orchestrator.effective_parameters(p_template_id, p_from_version, p_from);
    v_to jsonb := orchestrator.effective_parameters(p_template_id, p_to_version, p_to);
    v_names text[];
    v_lowered text;
BEGIN
    SELECT array_agg(n.name ORDER BY n.name),
           string_agg(format('%s would go back from %s to %s', n.name, v_from ->> n.name, coalesce(v_to ->> n.name, 'none')), '; ' ORDER BY n.name)
      INTO v_names, v_lowered
      FROM (SELECT DISTINCT p.key AS name FROM orchestrator.templates t, jsonb_each(t.allowed_mutations_json -> 'properties') p
             WHERE t.id = p_template_id AND p.value -> 'neverLower' = 'true') n
     WHERE orchestrator.is_lower(v_from ->> n.name, v_to ->> n.name);
    IF v_lowered IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', v_lowered, 'parameters.' || v_names[1],
            'Worlds do not go back: what a newer version has written, an older one may not read, or destroy. If it is meant all the same, force it (upgrade and rollback take force => true), or set the value itself.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_not_lowered IS 'Refuses to lower what a template calls neverLower.';
GRANT EXECUTE ON FUNCTION orchestrator.check_not_lowered TO orchestrator_operator;
