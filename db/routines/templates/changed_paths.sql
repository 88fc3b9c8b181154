-- orchestrator.changed_paths(before, after) -> setof (path text[], after jsonb)
-- Every place where two documents differ, as deep as it can be named. Lists of unequal length differ as a whole.
CREATE OR REPLACE FUNCTION orchestrator.changed_paths(p_before jsonb, p_after jsonb, p_path text[] DEFAULT '{}')
RETURNS TABLE (path text[], after jsonb)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text;
BEGIN
    IF p_before IS NOT DISTINCT FROM p_after THEN
        RETURN;
    ELSIF jsonb_typeof(p_before) = 'object' AND jsonb_typeof(p_after) = 'object' THEN
        FOR v_key IN SELECT k FROM jsonb_object_keys(p_before || p_after) k LOOP
            RETURN QUERY SELECT * FROM orchestrator.changed_paths(p_before -> v_key, p_after -> v_key, p_path || v_key);
        END LOOP;
    ELSIF jsonb_typeof(p_before) = 'array' AND jsonb_typeof(p_after) = 'array'
          AND jsonb_array_length(p_before) = jsonb_array_length(p_after) THEN
        FOR i IN 0 .. jsonb_array_length(p_before) - 1 LOOP
            RETURN QUERY SELECT * FROM orchestrator.changed_paths(p_before -> i, p_after -> i, p_path || i::text);
        END LOOP;
    ELSE
        RETURN QUERY SELECT p_path, p_after;
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.changed_paths IS 'The paths at which two JSON documents differ.';
