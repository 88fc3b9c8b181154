-- orchestrator.narrower_role(role, role) -> role
-- The one that may less.
CREATE OR REPLACE FUNCTION orchestrator.narrower_role(p_one text, p_other text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (ARRAY['viewer', 'operator', 'admin'])[least(array_position(ARRAY['viewer', 'operator', 'admin'], p_one),
                                                        array_position(ARRAY['viewer', 'operator', 'admin'], p_other))]
$$;
COMMENT ON FUNCTION orchestrator.narrower_role IS 'The lesser of two roles.';
