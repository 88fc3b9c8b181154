-- orchestrator.form_secret() -> text
-- What the page's forms are signed with, the same for every API process of this database. Theirs alone: in somebody's name it is closed.
CREATE OR REPLACE FUNCTION orchestrator.form_secret() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.secret FROM orchestrator.form_secrets s
$$;
COMMENT ON FUNCTION orchestrator.form_secret IS 'What the page''s forms are signed with.';
GRANT EXECUTE ON FUNCTION orchestrator.form_secret TO orchestrator_api;
