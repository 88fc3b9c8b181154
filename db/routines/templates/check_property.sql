-- orchestrator.check_property(name, property) -> void
-- Refuses one parameter's schema if a keyword is unknown or its value could not be enforced: a pattern that is none would
-- otherwise fail at every deployment, not here.
CREATE OR REPLACE FUNCTION orchestrator.check_property(p_name text, p_property jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_shapes CONSTANT jsonb := '{"type": "string", "title": "string", "description": "string", "unit": "string", "default": null, "enum": "array",
        "minimum": "number", "maximum": "number", "pattern": "string", "minLength": "number", "maxLength": "number", "neverLower": "boolean"}';
    v_at text := 'allowed_mutations_json.properties.' || p_name;
    v_key text;
    v_value jsonb;
BEGIN
    IF jsonb_typeof(p_property) <> 'object' THEN
        PERFORM orchestrator.refuse('SO422', format('parameter %s is no JSON Schema', p_name), v_at, 'Write {"type": …, "default": …}.');
    END IF;
    FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_property) LOOP
        IF NOT c_shapes ? v_key THEN
            PERFORM orchestrator.refuse('SO422', format('schema keyword "%s" is not supported', v_key), v_at || '.' || v_key,
                'Allowed: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(c_shapes) k) || '.');
        ELSIF jsonb_typeof(v_value) <> c_shapes ->> v_key THEN
            PERFORM orchestrator.refuse('SO422', format('schema keyword "%s" is not of type %s', v_key, c_shapes ->> v_key), v_at || '.' || v_key,
                format('Give it a value of type %s.', c_shapes ->> v_key));
        END IF;
    END LOOP;
    IF coalesce(p_property ->> 'type', '') NOT IN ('string', 'integer', 'number', 'boolean') THEN
        PERFORM orchestrator.refuse('SO422', format('parameter %s has no known type', p_name), v_at || '.type', 'Use string, integer, number or boolean.');
    END IF;
    IF p_property ? 'neverLower' AND p_property ->> 'type' <> 'string' THEN
        PERFORM orchestrator.refuse('SO422', format('parameter %s is no version that could be lower', p_name), v_at || '.neverLower', 'Use it with the type string.');
    END IF;
    BEGIN
        PERFORM '' ~ (p_property ->> 'pattern');
    EXCEPTION WHEN invalid_regular_expression THEN
        PERFORM orchestrator.refuse('SO422', format('the pattern of %s cannot be read: %s', p_name, SQLERRM), v_at || '.pattern',
            'Write a POSIX regular expression as Postgres knows it.');
    END;
END
$$;
COMMENT ON FUNCTION orchestrator.check_property IS 'Refuses a parameter''s schema that could not be enforced.';
