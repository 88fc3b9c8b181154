-- orchestrator.prepare_changed_deployment() -> trigger
-- Checks a change of intent, renders it and raises the generation by one; a change of nothing stays at its generation.
CREATE OR REPLACE FUNCTION orchestrator.prepare_changed_deployment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_program orchestrator.template_programs;
    v_spec_edited boolean := true;
    v_given boolean := NEW.parameters IS DISTINCT FROM OLD.parameters;
    v_moved boolean := (NEW.template_id, NEW.template_version) IS DISTINCT FROM (OLD.template_id, OLD.template_version);
    v_otherwise boolean := (NEW.desired_state, NEW.drift_policy, NEW.drift_rules, NEW.keep_data, NEW.name, NEW.namespace, NEW.cluster_id, NEW.restarted_at)
        IS DISTINCT FROM (OLD.desired_state, OLD.drift_policy, OLD.drift_rules, OLD.keep_data, OLD.name, OLD.namespace, OLD.cluster_id, OLD.restarted_at);
    v_name text;
BEGIN
    NEW.generation := OLD.generation;
    -- A spec that was not written is the same chunks of the toast table, which needs no look into them. Before Postgres 17 they cannot be
    -- asked for; PL/pgSQL reads an expression only when it comes to it. Where there are none, or others, the spec itself is compared.
    IF current_setting('server_version_num')::integer >= 170000 THEN
        v_spec_edited := (pg_column_toast_chunk_id(NEW.desired_spec_json) = pg_column_toast_chunk_id(OLD.desired_spec_json)) IS NOT TRUE;
    END IF;
    v_spec_edited := v_spec_edited AND NEW.desired_spec_json IS DISTINCT FROM OLD.desired_spec_json;
    IF NOT (v_given OR v_spec_edited OR v_moved OR v_otherwise) THEN
        RETURN NEW;
    END IF;
    -- What did not change was judged when it was written. Asking only where it did also saves fetching the spec from its
    -- toast table: a whole row that is passed to a function takes it along, for more than the checks themselves cost.
    IF v_otherwise OR v_moved OR OLD.desired_state = 'Deleted' THEN
        IF (NEW.name, NEW.namespace, NEW.cluster_id, NEW.template_id) IS DISTINCT FROM (OLD.name, OLD.namespace, OLD.cluster_id, OLD.template_id)
           OR OLD.desired_state = 'Deleted' THEN
            PERFORM orchestrator.check_unmoved(OLD, NEW);
        END IF;
        IF (NEW.desired_state, NEW.drift_policy, NEW.keep_data) IS DISTINCT FROM (OLD.desired_state, OLD.drift_policy, OLD.keep_data) THEN
            PERFORM orchestrator.check_identity(NEW);
        END IF;
        IF NEW.drift_rules IS DISTINCT FROM OLD.drift_rules THEN
            PERFORM orchestrator.check_drift_rules(NEW.drift_rules, false);
            PERFORM orchestrator.check_rule_windows(NEW.drift_rules, NEW.namespace);
        END IF;
    END IF;
    IF v_given OR v_spec_edited OR v_moved THEN
        SELECT * INTO v_program FROM orchestrator.template_programs p WHERE p.template_id = NEW.template_id AND p.template_version = NEW.template_version;
        IF NOT FOUND THEN
            PERFORM orchestrator.find_program(NEW.template_id, NEW.template_version);  -- refuses
        END IF;
        IF v_spec_edited THEN
            IF v_given OR v_moved THEN
                PERFORM orchestrator.refuse('SO422', 'the spec and what it is made from cannot change in one statement', 'desired_spec_json',
                    'Change parameters or template_version first, then the spec.');
            END IF;
            NEW.parameters := orchestrator.invert_spec(v_program, OLD.desired_spec_json, NEW.desired_spec_json, OLD.parameters, NEW.name, NEW.namespace, NEW.id);
        END IF;
        PERFORM orchestrator.check_parameters(v_program.properties, v_program.required, NEW.parameters,
                                              CASE WHEN v_moved THEN '{}' ELSE OLD.parameters END);
        NEW.desired_spec_json := orchestrator.render_program(v_program, NEW.parameters, NEW.name, NEW.namespace, NEW.id);
        IF v_program.guarded THEN
            PERFORM orchestrator.check_policy(NEW.desired_spec_json);
        END IF;
        IF v_moved OR v_program.claim_parameters IS NULL THEN
            PERFORM orchestrator.check_storage(OLD.desired_spec_json, NEW.desired_spec_json);
        ELSE
            -- No other parameter reaches a claim, so what was rendered before need not be fetched to be looked at.
            FOREACH v_name IN ARRAY v_program.claim_parameters LOOP
                IF NEW.parameters -> v_name IS DISTINCT FROM OLD.parameters -> v_name THEN
                    PERFORM orchestrator.check_storage(OLD.desired_spec_json, NEW.desired_spec_json);
                    EXIT;
                END IF;
            END LOOP;
        END IF;
        IF v_moved THEN
            PERFORM orchestrator.check_kept_data(NEW.id, NEW.cluster_id, NEW.namespace, NEW.desired_spec_json);
            PERFORM orchestrator.check_not_lowered_unseen(NEW.template_id, OLD.template_version, OLD.parameters, NEW.template_version, NEW.parameters);
        END IF;
    END IF;
    IF v_otherwise AND NEW.restarted_at IS DISTINCT FROM OLD.restarted_at THEN
        NEW.restarted_at := orchestrator.check_restart(NEW.name, NEW.desired_state, OLD.restarted_at, NEW.restarted_at);
        PERFORM orchestrator.end_planned_restart(NEW.id, 'cancelled', 'it is restarted now');
    END IF;
    NEW.generation := OLD.generation + 1;
    NEW.restart_required := false;
    NEW.updated_at := clock_timestamp();
    -- Back again, or only to discard what it left behind: anything else was refused.
    IF OLD.finalised_at IS NOT NULL THEN
        NEW.finalised_at := NULL;
        NEW.last_applied_generation := 0;
    END IF;
    NEW.status_summary := CASE WHEN NEW.desired_state = 'Paused' THEN 'Paused'
                               WHEN NEW.desired_state = 'Deleted' THEN 'Deleting' ELSE 'Progressing' END;
    NEW.status_message := CASE NEW.desired_state WHEN 'Paused' THEN 'Held by request: nothing is changed at the cluster.'
                          ELSE orchestrator.waiting_message(NEW.cluster_id, NEW.generation) END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION orchestrator.prepare_changed_deployment IS 'Checks, renders and counts a change of intent.';
-- Named columns only: a write of status or of what was applied never comes here.
CREATE OR REPLACE TRIGGER prepare_changed_deployment
    BEFORE UPDATE OF name, namespace, cluster_id, template_id, template_version, parameters, desired_spec_json,
                     desired_state, drift_policy, drift_rules, keep_data, restarted_at, generation
    ON orchestrator.deployments
    FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_changed_deployment();
