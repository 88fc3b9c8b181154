-- orchestrator.render_program(program, parameters, name, namespace, id) -> jsonb
-- The manifests of one deployment: one format() each, digests of earlier ones at hand for $hash.
-- Bodies and conditions are copied out of the program: it is compressed, and each look at a field would unpack it anew.
CREATE OR REPLACE FUNCTION orchestrator.render_program(
    p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_values jsonb := p_program.defaults || p_parameters
                      || jsonb_build_object('name', p_name, 'namespace', p_namespace, 'id', p_id);
    v_arguments text[];
    v_names text[] := p_program.parameter_names;
    v_bodies text[] := p_program.bodies;
    v_conditions text[] := p_program.conditions;
    v_raw text;
    v_body text;
    v_parts text[] := '{}';
    v_count integer := cardinality(v_names);
BEGIN
    FOR i IN 1 .. v_count LOOP
        v_raw := (v_values -> v_names[i])::text;
        v_arguments[i] := v_raw;
        v_arguments[v_count + i] := CASE WHEN left(v_raw, 1) = '"' THEN substr(v_raw, 2, length(v_raw) - 2) ELSE v_raw END;
    END LOOP;
    FOR i IN 1 .. cardinality(v_bodies) LOOP
        IF v_conditions[i] IS NOT NULL AND v_values -> v_conditions[i] <> 'true' THEN
            v_arguments[2 * v_count + i] := '';
            CONTINUE;
        END IF;
        v_body := format(v_bodies[i], VARIADIC v_arguments);
        v_arguments[2 * v_count + i] := md5(v_body);
        v_parts := v_parts || v_body;
    END LOOP;
    RETURN ('[' || array_to_string(v_parts, ',') || ']')::jsonb;
END
$$;
COMMENT ON FUNCTION orchestrator.render_program IS 'Renders a compiled template for one deployment.';
