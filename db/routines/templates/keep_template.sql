-- orchestrator.keep_template() -> trigger
-- A template in use is what its deployments were made from, so it never changes; one never used may go.
CREATE OR REPLACE FUNCTION orchestrator.keep_template() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM orchestrator.refuse('SO409', format('template %s version %s cannot change', OLD.name, OLD.version), 'templates',
            'Insert the next version and move deployments to it: UPDATE deployments SET template_version = ….');
    ELSIF EXISTS (SELECT FROM orchestrator.deployments d WHERE d.template_id = OLD.id AND d.template_version = OLD.version) THEN
        PERFORM orchestrator.refuse('SO409', format('template %s version %s is in use', OLD.name, OLD.version), 'templates',
            'Deployments keep their template for good, deleted ones too, so that their history can be read.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION orchestrator.keep_template IS 'Refuses changes of a template version.';
CREATE OR REPLACE TRIGGER keep_template BEFORE UPDATE OR DELETE ON orchestrator.templates
    FOR EACH ROW EXECUTE FUNCTION orchestrator.keep_template();
