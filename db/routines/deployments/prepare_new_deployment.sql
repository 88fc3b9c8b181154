-- orchestrator.prepare_new_deployment() -> trigger
-- Completes, checks and renders a new deployment; it starts at generation 1 whatever was written.
-- No sequential scans: a plan made while the tables were small, a foreign key's too, is kept for the rows that come later.
CREATE OR REPLACE FUNCTION orchestrator.prepare_new_deployment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
    v_program orchestrator.template_programs;
    v_rendered jsonb;
BEGIN
    IF NEW.cluster_id IS NULL THEN
        SELECT c.id INTO NEW.cluster_id FROM orchestrator.clusters c ORDER BY c.name <> 'default', c.id LIMIT 1;
    END IF;
    IF NOT EXISTS (SELECT FROM orchestrator.clusters c WHERE c.id = NEW.cluster_id) THEN
        PERFORM orchestrator.refuse('SO404', format('there is no cluster %s', coalesce(NEW.cluster_id::text, '(any)')), 'cluster_id',
            'Known: ' || coalesce((SELECT string_agg(format('%s = %s', c.id, c.name), ', ' ORDER BY c.name) FROM orchestrator.clusters c), 'none') || '.');
    END IF;
    NEW.id := coalesce(NEW.id, gen_random_uuid());
    NEW.namespace := coalesce(NEW.namespace, 'default');
    NEW.parameters := coalesce(NEW.parameters, '{}');
    PERFORM orchestrator.check_identity(NEW);
    PERFORM orchestrator.check_drift_rules(NEW.drift_rules, false);
    PERFORM orchestrator.check_rule_windows(NEW.drift_rules, NEW.namespace);
    PERFORM orchestrator.require_namespace(NEW.namespace);
    IF NEW.desired_state = 'Deleted' THEN
        PERFORM orchestrator.refuse('SO422', 'a new deployment cannot be Deleted', 'desired_state', 'Begin with Active, Stopped or Paused.');
    END IF;
    PERFORM orchestrator.check_name_is_free(NEW);
    IF NEW.template_version IS NULL THEN
        SELECT max(t.version) INTO NEW.template_version FROM orchestrator.templates t WHERE t.id = NEW.template_id;
    END IF;
    v_program := orchestrator.find_program(NEW.template_id, NEW.template_version);
    PERFORM orchestrator.check_parameters(v_program.properties, v_program.required, NEW.parameters, '{}');
    v_rendered := orchestrator.render_program(v_program, NEW.parameters, NEW.name, NEW.namespace, NEW.id);
    IF NEW.desired_spec_json IS NOT NULL AND NEW.desired_spec_json <> v_rendered THEN
        PERFORM orchestrator.refuse('SO422', 'a new deployment takes its spec from its template', 'desired_spec_json', 'Leave it out and set parameters.');
    END IF;
    IF v_program.guarded THEN
        PERFORM orchestrator.check_policy(v_rendered);
    END IF;
    PERFORM orchestrator.check_kept_data(NEW.id, NEW.cluster_id, NEW.namespace, v_rendered);
    NEW.desired_spec_json := v_rendered;
    NEW.generation := 1;
    NEW.last_applied_generation := 0;
    NEW.restarted_at := NULL;
    NEW.restart_required := false;
    NEW.status_summary := CASE NEW.desired_state WHEN 'Paused' THEN 'Paused' ELSE 'Progressing' END;
    NEW.status_message := CASE NEW.desired_state WHEN 'Paused' THEN 'Held by request: nothing is changed at the cluster.'
                          ELSE orchestrator.waiting_message(NEW.cluster_id, NEW.generation) END;
    NEW.stale_since := NULL;
    NEW.finalised_at := NULL;
    NEW.created_at := clock_timestamp();
    NEW.updated_at := NEW.created_at;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION orchestrator.prepare_new_deployment IS 'Completes, checks and renders a new deployment.';
CREATE OR REPLACE TRIGGER prepare_new_deployment BEFORE INSERT ON orchestrator.deployments
    FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_new_deployment();
