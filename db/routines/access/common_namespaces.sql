-- orchestrator.common_namespaces(namespaces, namespaces) -> text[]
-- What both allow; NULL is all.
CREATE OR REPLACE FUNCTION orchestrator.common_namespaces(p_one text[], p_other text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_one IS NULL THEN p_other WHEN p_other IS NULL THEN p_one
                ELSE ARRAY(SELECT n FROM unnest(p_one) n WHERE n = ANY (p_other)) END
$$;
COMMENT ON FUNCTION orchestrator.common_namespaces IS 'The namespaces that two limits both allow.';
