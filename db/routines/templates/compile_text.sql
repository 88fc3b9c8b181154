-- orchestrator.compile_text(text, path, names) -> body, bindings
-- Turns a string with ${name} into the inside of a JSON string with format() placeholders.
-- One placeholder can be read back by cutting prefix and suffix; several cannot, so they are bound as not invertible.
CREATE OR REPLACE FUNCTION orchestrator.compile_text(
    p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rest text := p_text;
    v_start integer;
    v_end integer;
    v_name text;
    v_literal text;
    v_index integer;
    v_names text[] := '{}';
    v_prefix text;
BEGIN
    body := '';
    LOOP
        v_start := strpos(v_rest, '${');
        v_literal := CASE WHEN v_start = 0 THEN v_rest ELSE left(v_rest, v_start - 1) END;
        v_prefix := coalesce(v_prefix, v_literal);
        v_literal := to_json(v_literal)::text;
        body := body || replace(substr(v_literal, 2, length(v_literal) - 2), '%', '%%');
        EXIT WHEN v_start = 0;
        v_end := strpos(substr(v_rest, v_start), '}');
        v_name := CASE WHEN v_end > 0 THEN substr(v_rest, v_start + 2, v_end - 3) ELSE substr(v_rest, v_start) END;
        v_index := array_position(p_names, v_name);
        IF v_index IS NULL THEN
            PERFORM orchestrator.refuse('SO422', format('${%s} names no parameter', v_name),
                'base_spec_json.' || array_to_string(p_path, '.'), 'Known: ' || array_to_string(p_names, ', ') || '.');
        END IF;
        body := body || format('%%%s$s', cardinality(p_names) + v_index);
        v_names := v_names || v_name;
        v_rest := substr(v_rest, v_start + v_end);
    END LOOP;
    SELECT coalesce(jsonb_agg(jsonb_build_object('path', to_jsonb(p_path), 'parameter', n, 'mode',
               CASE WHEN cardinality(v_names) = 1 THEN 'text' ELSE 'mixed' END, 'prefix', v_prefix, 'suffix', v_rest)), '[]')
      INTO bindings FROM unnest(v_names) n;
END
$$;
COMMENT ON FUNCTION orchestrator.compile_text IS 'Compiles one interpolated string of a template.';
