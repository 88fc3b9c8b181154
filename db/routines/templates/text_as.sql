-- orchestrator.text_as(text, type) -> jsonb
-- The typed value that was interpolated into a string; text that is no such value stays text, for the schema to refuse.
CREATE OR REPLACE FUNCTION orchestrator.text_as(p_text text, p_type text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN p_type = 'boolean' AND p_text IN ('true', 'false') THEN p_text::jsonb
        WHEN p_type IN ('integer', 'number') AND p_text ~ '^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$' THEN p_text::jsonb
        ELSE to_jsonb(p_text)
    END
$$;
COMMENT ON FUNCTION orchestrator.text_as IS 'Reads an interpolated text back as a JSON value.';
