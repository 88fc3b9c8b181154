-- orchestrator.check_parameter(name, property, value) -> void
-- Refuses a value that its JSON Schema property does not allow, naming what is.
-- 1.0 is no integer here: it would be rendered as it is, and Kubernetes refuses it.
CREATE OR REPLACE FUNCTION orchestrator.check_parameter(p_name text, p_property jsonb, p_value jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_type text := jsonb_typeof(p_value);
    v_wanted text := p_property ->> 'type';
    v_text text := p_value #>> '{}';
    v_problem text;
BEGIN
    IF NOT (v_type = v_wanted OR (v_wanted = 'integer' AND v_type = 'number' AND strpos(v_text, '.') = 0)) THEN
        v_problem := format('must be of type %s, not %s', v_wanted, v_type);
    ELSIF p_property ? 'enum' AND NOT p_property -> 'enum' @> jsonb_build_array(p_value) THEN
        v_problem := 'is not one of the allowed values';
    ELSIF v_type = 'number' AND v_text::numeric < (p_property ->> 'minimum')::numeric THEN
        v_problem := format('must be at least %s', p_property ->> 'minimum');
    ELSIF v_type = 'number' AND v_text::numeric > (p_property ->> 'maximum')::numeric THEN
        v_problem := format('must be at most %s', p_property ->> 'maximum');
    ELSIF v_type = 'string' AND length(v_text) < (p_property ->> 'minLength')::integer THEN
        v_problem := format('must have at least %s characters', p_property ->> 'minLength');
    ELSIF v_type = 'string' AND length(v_text) > (p_property ->> 'maxLength')::integer THEN
        v_problem := format('must have at most %s characters', p_property ->> 'maxLength');
    ELSIF v_type = 'string' AND v_text !~ (p_property ->> 'pattern') THEN
        v_problem := format('must match %s', p_property ->> 'pattern');
    ELSE
        RETURN;
    END IF;
    PERFORM orchestrator.refuse('SO422', format('parameter %s %s', p_name, v_problem), 'parameters.' || p_name,
        format('%s allows: %s.', coalesce(p_property ->> 'title', p_name), concat_ws(', ',
            CASE WHEN p_property ? 'enum' THEN (SELECT string_agg(e #>> '{}', ', ') FROM jsonb_array_elements(p_property -> 'enum') e)
                 ELSE CASE v_wanted WHEN 'string' THEN 'text' WHEN 'integer' THEN 'an integer' WHEN 'number' THEN 'a number' ELSE 'true or false' END END,
            'at least ' || (p_property ->> 'minimum'), 'at most ' || (p_property ->> 'maximum'),
            'at least ' || (p_property ->> 'minLength') || ' characters', 'at most ' || (p_property ->> 'maxLength') || ' characters',
            'matching ' || (p_property ->> 'pattern'))));
END
$$;
COMMENT ON FUNCTION orchestrator.check_parameter IS 'Refuses a parameter value outside its schema.';
