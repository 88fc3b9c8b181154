-- orchestrator.invert_spec(program, rendered, edited, parameters, name, namespace, id, at) -> jsonb parameters
-- Reads an edited spec back into parameters: every changed path must be one that a parameter fills.
-- The same parameter may fill several places; editing one of them is enough, the others follow. at: where in the spec the two stand,
-- if they are no whole specs. A text that is read as a number must be written as that text again.
CREATE OR REPLACE FUNCTION orchestrator.invert_spec(
    p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid,
    p_at text[] DEFAULT '{}'
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_parameters jsonb := p_parameters;
    v_numbers integer[];
    v_change record;
    v_binding jsonb;
    v_path text[];
    v_text text;
    v_value jsonb;
    v_name text;
    v_seen jsonb := '{}';
BEGIN
    -- Conditions leave manifests out, so the n-th rendered one need not be the n-th of the template.
    v_numbers := ARRAY(SELECT i - 1 FROM generate_subscripts(p_program.bodies, 1) i
                       WHERE p_program.conditions[i] IS NULL OR (p_program.defaults || p_parameters) -> p_program.conditions[i] = 'true');
    FOR v_change IN SELECT * FROM orchestrator.changed_paths(p_rendered, p_edited, p_at) LOOP
        v_path := CASE WHEN cardinality(v_change.path) > 0
                       THEN ARRAY[v_numbers[v_change.path[1]::integer + 1]::text] || v_change.path[2:] ELSE v_change.path END;
        SELECT b INTO v_binding FROM jsonb_array_elements(p_program.bindings) b
         WHERE b -> 'path' = to_jsonb(v_path) AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id') LIMIT 1;
        IF v_binding IS NULL OR v_binding ->> 'mode' = 'mixed' OR v_change.after IS NULL THEN
            PERFORM orchestrator.refuse('SO422',
                CASE WHEN v_binding IS NULL THEN 'no parameter fills this place'
                     WHEN v_binding ->> 'mode' = 'mixed' THEN 'this text is made of several parameters'
                     ELSE 'a parameter fills this place, which cannot be left out' END, 'desired_spec_json.' || array_to_string(v_change.path, '.'),
                'Change parameters instead. Places that may be edited: ' || coalesce((
                    SELECT string_agg(DISTINCT b ->> 'parameter', ', ') FROM jsonb_array_elements(p_program.bindings) b
                    WHERE b ->> 'mode' <> 'mixed' AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id')), 'none') || ' (by parameter).');
        END IF;
        v_name := v_binding ->> 'parameter';
        v_value := v_change.after;
        IF v_binding ->> 'mode' = 'text' THEN
            v_text := v_change.after #>> '{}';
            IF jsonb_typeof(v_change.after) <> 'string' OR length(v_text) < length(v_binding ->> 'prefix') + length(v_binding ->> 'suffix')
               OR NOT starts_with(v_text, v_binding ->> 'prefix') OR right(v_text, length(v_binding ->> 'suffix')) <> v_binding ->> 'suffix' THEN
                PERFORM orchestrator.refuse('SO422', 'this text no longer has its fixed part', 'desired_spec_json.' || array_to_string(v_change.path, '.'),
                    format('Keep "%s…%s" and change what stands between.', v_binding ->> 'prefix', v_binding ->> 'suffix'));
            END IF;
            v_text := substr(v_text, length(v_binding ->> 'prefix') + 1,
                             length(v_text) - length(v_binding ->> 'prefix') - length(v_binding ->> 'suffix'));
            v_value := orchestrator.text_as(v_text, p_program.properties -> v_name ->> 'type');
            IF v_value #>> '{}' <> v_text THEN
                PERFORM orchestrator.refuse('SO422', format('"%s" would be written as %s', v_text, v_value), 'desired_spec_json.' || array_to_string(v_change.path, '.'),
                    'Write the number as it is written here.');
            END IF;
        END IF;
        IF v_seen ? v_name AND v_seen -> v_name <> v_value THEN
            PERFORM orchestrator.refuse('SO422', format('two places ask for different values of %s', v_name),
                'desired_spec_json.' || array_to_string(v_change.path, '.'), 'Give both the same value, or change parameters instead.');
        END IF;
        v_seen := v_seen || jsonb_build_object(v_name, v_value);
    END LOOP;
    RETURN v_parameters || v_seen;
END
$$;
COMMENT ON FUNCTION orchestrator.invert_spec IS 'Parameters that would render an edited spec.';
