-- orchestrator.check_parameters(properties, required, parameters, unchanged) -> void
-- Refuses unknown, missing and disallowed parameters. Values equal to "unchanged" passed before and are not judged again.
CREATE OR REPLACE FUNCTION orchestrator.check_parameters(
    p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb
) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text;
    v_property jsonb;
BEGIN
    IF jsonb_typeof(p_parameters) IS DISTINCT FROM 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'parameters must be a JSON object', 'parameters', 'Write {"name": value, …}.');
    END IF;
    FOREACH v_name IN ARRAY ARRAY(SELECT key FROM jsonb_each(p_parameters) WHERE value IS DISTINCT FROM p_unchanged -> key) LOOP
        v_property := p_properties -> v_name;
        IF v_property IS NULL THEN
            PERFORM orchestrator.refuse('SO422', format('parameter %s is not one of this template', v_name), 'parameters.' || v_name,
                'Allowed: ' || coalesce((SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(p_properties) k), 'none') || '.');
        END IF;
        PERFORM orchestrator.check_parameter(v_name, v_property, p_parameters -> v_name);
    END LOOP;
    IF NOT p_parameters ?& p_required THEN
        SELECT r INTO v_name FROM unnest(p_required) r WHERE NOT p_parameters ? r LIMIT 1;
        PERFORM orchestrator.refuse('SO422', format('parameter %s is required', v_name), 'parameters.' || v_name,
            coalesce(p_properties -> v_name ->> 'description', 'Give it a value.'));
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_parameters IS 'Refuses parameters outside a template''s schema.';
