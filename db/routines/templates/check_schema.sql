-- orchestrator.check_schema(schema) -> void
-- Refuses a parameter schema with anything we would not enforce: a keyword ignored in silence is a broken guardrail.
CREATE OR REPLACE FUNCTION orchestrator.check_schema(p_schema jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_top CONSTANT text[] := ARRAY['type', 'title', 'description', 'properties', 'required', 'additionalProperties', 'order'];
    v_name text;
    v_key text;
    v_property jsonb;
BEGIN
    IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR jsonb_typeof(coalesce(p_schema -> 'properties', '{}')) <> 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'the schema is not a JSON Schema object', 'allowed_mutations_json',
            'Write {"type": "object", "properties": {…}}.');
    END IF;
    FOR v_key IN SELECT k FROM jsonb_object_keys(p_schema) k WHERE k <> ALL (c_top) LOOP
        PERFORM orchestrator.refuse('SO422', format('schema keyword "%s" is not supported', v_key), 'allowed_mutations_json.' || v_key,
            'Allowed here: ' || array_to_string(c_top, ', ') || '.');
    END LOOP;
    IF coalesce(p_schema -> 'additionalProperties', 'false') <> 'false' OR coalesce(p_schema -> 'type', '"object"') <> '"object"' THEN
        PERFORM orchestrator.refuse('SO422', 'a schema of parameters takes no others than its own', 'allowed_mutations_json',
            'Write "type": "object", and "additionalProperties": false or not at all.');
    END IF;
    -- jsonb forgets the order of keys, and a form should ask in the order that its author chose.
    IF NOT coalesce(p_schema -> 'order', '[]') <@ (SELECT coalesce(jsonb_agg(k), '[]') FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) k)
       OR jsonb_typeof(coalesce(p_schema -> 'order', '[]')) <> 'array' THEN
        PERFORM orchestrator.refuse('SO422', '"order" is no list of parameters', 'allowed_mutations_json.order', 'Write a list of parameter names.');
    END IF;
    IF jsonb_typeof(coalesce(p_schema -> 'required', '[]')) <> 'array' THEN
        PERFORM orchestrator.refuse('SO422', '"required" is no list', 'allowed_mutations_json.required', 'Write a list of parameter names.');
    END IF;
    FOR v_name, v_property IN SELECT key, value FROM jsonb_each(coalesce(p_schema -> 'properties', '{}')) LOOP
        IF v_name !~ '^[a-z][a-zA-Z0-9_]{0,62}$' OR v_name IN ('name', 'namespace', 'id') THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a parameter', v_name), 'allowed_mutations_json.properties.' || v_name,
                'Use letters, digits and _, beginning with a small letter; name, namespace and id are taken.');
        END IF;
        PERFORM orchestrator.check_property(v_name, v_property);
        IF v_property ? 'default' THEN
            PERFORM orchestrator.check_parameter(v_name, v_property, v_property -> 'default');
        ELSIF NOT coalesce(p_schema -> 'required', '[]') ? v_name THEN
            PERFORM orchestrator.refuse('SO422', format('parameter %s has neither a default nor is it required', v_name),
                'allowed_mutations_json.properties.' || v_name, 'Give it a default, or list it under "required".');
        END IF;
    END LOOP;
    FOR v_name IN SELECT r FROM jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')) r
                  WHERE NOT coalesce(p_schema -> 'properties', '{}') ? r LOOP
        PERFORM orchestrator.refuse('SO422', format('required parameter %s is not defined', v_name), 'allowed_mutations_json.required',
            'List it under "properties" as well.');
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.check_schema IS 'Refuses a parameter schema that could not be enforced whole.';
