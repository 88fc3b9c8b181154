-- orchestrator.random_secret() -> text
-- 64 hexadecimal digits of which 244 bits are random, from the generator of the server that makes uuids.
CREATE OR REPLACE FUNCTION orchestrator.random_secret() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;
COMMENT ON FUNCTION orchestrator.random_secret IS 'A text that nobody can guess.';
