-- orchestrator.store_program() -> trigger
-- Keeps the compiled form beside a new template; after the row, because of the foreign key.
CREATE OR REPLACE FUNCTION orchestrator.store_program() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_program orchestrator.template_programs := orchestrator.compile_template(NEW.base_spec_json, NEW.allowed_mutations_json);
BEGIN
    v_program.template_id := NEW.id;
    v_program.template_version := NEW.version;
    INSERT INTO orchestrator.template_programs SELECT v_program.*;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.store_program IS 'Stores the compiled form of a new template.';
CREATE OR REPLACE TRIGGER store_program AFTER INSERT ON orchestrator.templates
    FOR EACH ROW EXECUTE FUNCTION orchestrator.store_program();
