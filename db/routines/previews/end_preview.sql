-- orchestrator.end_preview() -> trigger
-- Ends a write of intent that is only tried, after every check and before anything follows from it: the error undoes the write, and
-- hands what was rendered to whoever tried (orchestrator.preview, preview_change). So no preview can leave a trace, or be sent.
-- orchestrator.preview is 'on', or 'check' for whoever only wants to know whether it would be refused: a plan costs more than the rest.
CREATE OR REPLACE FUNCTION orchestrator.end_preview() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.refuse('SO200', 'nothing was written: this session only previews', jsonb_build_object(
        'generation', NEW.generation, 'template_id', NEW.template_id, 'template_version', NEW.template_version, 'parameters', NEW.parameters,
        'before', CASE WHEN TG_OP = 'UPDATE' THEN orchestrator.wanted_manifests(OLD.desired_spec_json, OLD.desired_state, OLD.restarted_at) END,
        'after', orchestrator.wanted_manifests(NEW.desired_spec_json, NEW.desired_state, NEW.restarted_at),
        'target', jsonb_build_object('id', NEW.id, 'name', NEW.name, 'namespace', NEW.namespace, 'cluster_id', NEW.cluster_id,
                      'template_id', NEW.template_id, 'template_version', NEW.template_version, 'desired_state', NEW.desired_state,
                      'drift_policy', NEW.drift_policy, 'drift_rules', NEW.drift_rules),
        'plan', CASE WHEN current_setting('orchestrator.preview') = 'on' THEN (SELECT jsonb_agg(to_jsonb(p)) FROM orchestrator.plan(NEW.id) p) END)::text,
        'RESET orchestrator.preview to write.');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.end_preview IS 'Ends a write that is only tried.';
-- Row triggers fire before the statement's own, which record and queue.
CREATE OR REPLACE TRIGGER end_preview
    AFTER INSERT OR UPDATE OF name, namespace, cluster_id, template_id, template_version, parameters, desired_spec_json,
                              desired_state, drift_policy, drift_rules, keep_data, restarted_at
    ON orchestrator.deployments
    FOR EACH ROW WHEN (current_setting('orchestrator.preview', true) IN ('on', 'check'))
    EXECUTE FUNCTION orchestrator.end_preview();
