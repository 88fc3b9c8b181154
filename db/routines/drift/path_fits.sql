-- orchestrator.path_fits(pattern, path) -> boolean
-- Whether a path, given as steps, is one that a pattern means, or lies below one. * is any one step; of a list item it is enough to
-- name some of its keys: [containerPort=25565] is [containerPort=25565,protocol=TCP] too, and [name=*] whatever has a name.
CREATE OR REPLACE FUNCTION orchestrator.path_fits(p_pattern text[], p_path text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT cardinality(p_pattern) <= cardinality(p_path) AND NOT EXISTS (
        SELECT FROM unnest(p_pattern, p_path[:cardinality(p_pattern)]) s (wanted, found)
         WHERE wanted <> '*' AND wanted <> found
           AND NOT (wanted LIKE '[%' AND found LIKE '[%' AND NOT EXISTS (
                    SELECT FROM unnest(string_to_array(trim(wanted, '[]'), ',')) key
                     WHERE NOT EXISTS (SELECT FROM unnest(string_to_array(trim(found, '[]'), ',')) has
                                        WHERE has = key OR (key LIKE '%=*' AND starts_with(has, left(key, -1)))))))
$$;
COMMENT ON FUNCTION orchestrator.path_fits IS 'Whether a path fits a pattern or lies below it.';
GRANT EXECUTE ON FUNCTION orchestrator.path_fits TO orchestrator_viewer;
