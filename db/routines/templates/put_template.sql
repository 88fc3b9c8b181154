-- orchestrator.put_template(name, base_spec, schema, drift_rules) -> integer version
-- Writes the next version of a template, unless the newest one says the same already. Safe to repeat.
CREATE OR REPLACE FUNCTION orchestrator.put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb DEFAULT '[]') RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_newest orchestrator.templates;
    v_version integer;
BEGIN
    -- As in prepare_template: a second writer of the same waits, and then finds it written.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.templates:' || p_name, 0));
    SELECT * INTO v_newest FROM orchestrator.templates t WHERE t.name = p_name ORDER BY t.version DESC LIMIT 1;
    IF v_newest.base_spec_json = p_base_spec AND v_newest.allowed_mutations_json = p_schema AND v_newest.drift_rules_json = p_drift_rules THEN
        RETURN v_newest.version;
    END IF;
    INSERT INTO orchestrator.templates (name, base_spec_json, allowed_mutations_json, drift_rules_json)
    VALUES (p_name, p_base_spec, p_schema, p_drift_rules) RETURNING version INTO v_version;
    RETURN v_version;
END
$$;
COMMENT ON FUNCTION orchestrator.put_template IS 'Writes the next version of a template unless nothing changed.';
GRANT EXECUTE ON FUNCTION orchestrator.put_template TO orchestrator_admin;
