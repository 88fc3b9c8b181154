-- orchestrator.prepare_template() -> trigger
-- Gives a template its id and version, compiles it, and judges the result by policy with stand-in values.
CREATE OR REPLACE FUNCTION orchestrator.prepare_template() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_program orchestrator.template_programs;
    v_sample jsonb;
BEGIN
    IF NEW.name !~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a template', NEW.name), 'name',
            'Use up to 40 small letters, digits and -, beginning and ending with a letter or digit.');
    END IF;
    -- Two writers of one name must not both see it new.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.templates:' || NEW.name, 0));
    NEW.id := coalesce((SELECT t.id FROM orchestrator.templates t WHERE t.name = NEW.name LIMIT 1), nextval('orchestrator.template_ids'));
    NEW.version := coalesce(NEW.version, (SELECT max(t.version) FROM orchestrator.templates t WHERE t.name = NEW.name) + 1, 1);
    IF EXISTS (SELECT FROM orchestrator.templates t WHERE t.id = NEW.id AND t.version = NEW.version) THEN
        PERFORM orchestrator.refuse('SO409', format('template %s version %s exists', NEW.name, NEW.version), 'version',
            'A version never changes: leave the version out to write the next one.');
    END IF;
    PERFORM orchestrator.check_drift_rules(NEW.drift_rules_json, true);
    PERFORM orchestrator.check_rule_windows(NEW.drift_rules_json, NULL);
    v_program := orchestrator.compile_template(NEW.base_spec_json, NEW.allowed_mutations_json);
    SELECT coalesce(jsonb_object_agg(key, coalesce(value -> 'default', value -> 'enum' -> 0,
               CASE value ->> 'type' WHEN 'string' THEN '"x"' WHEN 'boolean' THEN 'true' ELSE coalesce(value -> 'minimum', '1') END)), '{}')
      INTO v_sample FROM jsonb_each(v_program.properties);
    v_sample := v_sample || coalesce((SELECT jsonb_object_agg(c, true) FROM unnest(v_program.conditions) c WHERE c IS NOT NULL), '{}');
    PERFORM orchestrator.check_policy(orchestrator.render_program(v_program, v_sample, 'sample', 'default', gen_random_uuid()));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION orchestrator.prepare_template IS 'Checks and numbers a new template version.';
CREATE OR REPLACE TRIGGER prepare_template BEFORE INSERT ON orchestrator.templates
    FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_template();
