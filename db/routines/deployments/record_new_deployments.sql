-- orchestrator.record_new_deployments() -> trigger
-- History, cache row, slot and queue message of new deployments, once a statement.
-- No sequential scans: a plan made while the tables were small, a foreign key's too, is kept for the rows that come later.
CREATE OR REPLACE FUNCTION orchestrator.record_new_deployments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
    v_actor text := orchestrator.current_actor();
    v_ids uuid[] := ARRAY(SELECT a.id FROM after_rows a);
BEGIN
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT a.id, a.generation, 'user', 'DeploymentCreated',
           jsonb_build_object('name', a.name, 'namespace', a.namespace, 'template', t.name, 'template_version', a.template_version,
                              'parameters', a.parameters, 'desired_state', a.desired_state), v_actor
      FROM after_rows a JOIN orchestrator.templates t ON t.id = a.template_id AND t.version = a.template_version;
    INSERT INTO orchestrator.deployment_revisions
           (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, drift_rules, keep_data, actor, client)
    SELECT a.id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.drift_rules, a.keep_data, v_actor, orchestrator.current_client()
      FROM after_rows a;
    INSERT INTO orchestrator.deployment_observed (deployment_id) SELECT unnest(v_ids);
    INSERT INTO orchestrator.reconcile_slots (deployment_id, cluster_id) SELECT a.id, a.cluster_id FROM after_rows a;
    PERFORM orchestrator.request_reconcile(v_ids, 'created', v_actor);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.record_new_deployments IS 'Records and queues new deployments.';
CREATE OR REPLACE TRIGGER record_new_deployments AFTER INSERT ON orchestrator.deployments
    REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.record_new_deployments();
