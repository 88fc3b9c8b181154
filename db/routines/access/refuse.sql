-- orchestrator.refuse(code, message, path, hint) -> never returns
-- Refuses what a user asked for, with our SQLSTATE, the offending path as DETAIL and what to do next as HINT.
-- One door, so that every refusal has all four.
CREATE OR REPLACE FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = p_message, DETAIL = p_path, HINT = p_hint;
END
$$;
COMMENT ON FUNCTION orchestrator.refuse IS 'Raises an error with SQLSTATE, message, path (DETAIL) and hint.';
