-- orchestrator.is_lower(from, to) -> boolean
-- Whether one version is below another: part by part as numbers, so 1.9 is below 1.21.4 and 1.21 is 1.21.0. A word such as LATEST is
-- above every number; one word in place of another may be lower, for all that can be known, and none at all may be too.
CREATE OR REPLACE FUNCTION orchestrator.is_lower(p_from text, p_to text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN p_from IS NULL OR p_from = p_to THEN false
        WHEN p_to IS NULL OR p_from !~ c.numbers THEN true
        WHEN p_to !~ c.numbers THEN false
        ELSE string_to_array(regexp_replace(p_to, '(\.0+)+$', ''), '.')::numeric[] < string_to_array(regexp_replace(p_from, '(\.0+)+$', ''), '.')::numeric[]
    END FROM (VALUES ('^[0-9]+(\.[0-9]+)*$')) c (numbers)
$$;
COMMENT ON FUNCTION orchestrator.is_lower IS 'Whether a version is below another.';
GRANT EXECUTE ON FUNCTION orchestrator.is_lower TO orchestrator_viewer;
