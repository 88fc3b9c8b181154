-- orchestrator.render_program(program, parameters, name, namespace, id) -> jsonb
-- The manifests of one deployment: one format() each, digests of earlier ones at hand for $hash.
-- Only what was given is turned into arguments: those of the defaults are compiled.
-- Bodies and conditions are copied out of the program: where it is compressed, each look at a field would unpack it anew.
CREATE OR REPLACE FUNCTION orchestrator.render_program(
    p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_given jsonb := p_parameters || jsonb_build_object('name', p_name, 'namespace', p_namespace, 'id', p_id);
    v_names text[] := p_program.parameter_names;
    v_arguments text[] := p_program.arguments;
    v_bodies text[] := p_program.bodies;
    v_conditions text[] := p_program.conditions;
    v_parts text[] := '{}';
    v_count integer := cardinality(v_names);
BEGIN
    -- Few statements: in PL/pgSQL each costs about as much as what it does here.
    FOR i IN 1 .. v_count LOOP
        CONTINUE WHEN NOT v_given ? v_names[i];
        v_arguments[i] := (v_given -> v_names[i])::text;
        v_arguments[v_count + i] := CASE WHEN left(v_arguments[i], 1) = '"' THEN substr(v_arguments[i], 2, length(v_arguments[i]) - 2) ELSE v_arguments[i] END;
    END LOOP;
    FOR i IN 1 .. cardinality(v_bodies) LOOP
        -- A manifest whose condition does not hold is NULL, which array_to_string leaves out.
        v_parts[i] := CASE WHEN v_arguments[array_position(v_names, v_conditions[i])] <> 'true' THEN NULL ELSE format(v_bodies[i], VARIADIC v_arguments) END;
        v_arguments[2 * v_count + i] := coalesce(md5(v_parts[i]), '');
    END LOOP;
    RETURN ('[' || array_to_string(v_parts, ',') || ']')::jsonb;
END
$$;
COMMENT ON FUNCTION orchestrator.render_program IS 'Renders a compiled template for one deployment.';
