-- orchestrator.locate(manifest, path) -> text[]
-- Where a path with list keys, as drift spells it, leads in a manifest: keys and indices, as #> takes them. NULL where it leads nowhere.
-- Walks the manifest, since only that tells a list from an object and where a key with dots ends. An item that leaves a key to
-- Kubernetes' default fits too.
CREATE OR REPLACE FUNCTION orchestrator.locate(p_manifest jsonb, p_path text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rest text := CASE WHEN p_path ~ '^\[' OR p_path = '' THEN p_path ELSE '.' || p_path END;
    v_node jsonb := p_manifest;
    v_path text[] := '{}';
    v_step text;
    v_spelt text;
BEGIN
    WHILE v_rest <> '' LOOP
        v_step := NULL;
        IF jsonb_typeof(v_node) = 'object' THEN
            SELECT k, s INTO v_step, v_spelt
              FROM jsonb_object_keys(v_node) k, LATERAL (SELECT CASE WHEN k ~ '[./]' THEN '[' || k || ']' ELSE '.' || k END) t (s)
             WHERE starts_with(v_rest, s) AND substr(v_rest, length(s) + 1, 1) IN ('', '.', '[');
        ELSIF jsonb_typeof(v_node) = 'array' THEN
            v_spelt := substring(v_rest FROM '^\[[^\]]*=[^\]]*\]');
            SELECT (o - 1)::text INTO v_step
              FROM jsonb_array_elements(v_node) WITH ORDINALITY t (e, o)
             WHERE jsonb_typeof(e) = 'object' AND e ?| ARRAY(
                       SELECT split_part(pair, '=', 1) FROM regexp_split_to_table(substr(v_spelt, 2, length(v_spelt) - 2), ',(?=[A-Za-z]+=)') pair)
               AND NOT EXISTS (
                       SELECT FROM regexp_split_to_table(substr(v_spelt, 2, length(v_spelt) - 2), ',(?=[A-Za-z]+=)') pair
                        WHERE e ->> split_part(pair, '=', 1) <> substr(pair, strpos(pair, '=') + 1))
             ORDER BY o LIMIT 1;
        END IF;
        IF v_step IS NULL THEN
            RETURN NULL;
        END IF;
        v_path := v_path || v_step;
        v_node := v_node #> ARRAY[v_step];
        v_rest := substr(v_rest, length(v_spelt) + 1);
    END LOOP;
    RETURN v_path;
END
$$;
COMMENT ON FUNCTION orchestrator.locate IS 'Where a path with list keys leads in a manifest.';
