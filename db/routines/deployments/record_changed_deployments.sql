-- orchestrator.record_changed_deployments() -> trigger
-- Records each deployment whose generation rose, once, and queues it. A write of status finds nothing here and wakes nobody.
-- Generic plans: Postgres takes an array of ids for ten rows, and would plan anew at each call for the one there is.
-- No nested loops: a plan made for one changed row is kept, and would join ten thousand with ten thousand row by row.
CREATE OR REPLACE FUNCTION orchestrator.record_changed_deployments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_nestloop = off
AS $$
DECLARE
    v_actor text;
    v_ids uuid[] := ARRAY(SELECT a.id FROM after_rows a JOIN before_rows b USING (id) WHERE a.generation > b.generation);
BEGIN
    IF v_ids = '{}' THEN
        RETURN NULL;
    END IF;
    v_actor := orchestrator.current_actor();
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT a.id, a.generation, 'user', 'DeploymentChanged', orchestrator.describe_change(b, a), v_actor
      FROM after_rows a JOIN before_rows b USING (id) WHERE a.generation > b.generation;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT a.id, a.generation, 'system', 'StatusChanged', jsonb_build_object('from', b.status_summary, 'to', a.status_summary,
               'message', a.status_message), 'orchestrator'
      FROM after_rows a JOIN before_rows b USING (id)
     WHERE a.generation > b.generation AND a.status_summary <> b.status_summary;
    INSERT INTO orchestrator.deployment_revisions
           (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, keep_data, actor)
    SELECT a.id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.keep_data, v_actor
      FROM after_rows a JOIN before_rows b USING (id) WHERE a.generation > b.generation;
    PERFORM orchestrator.request_reconcile(v_ids, 'changed', v_actor);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.record_changed_deployments IS 'Records and queues changed deployments.';
CREATE OR REPLACE TRIGGER record_changed_deployments AFTER UPDATE ON orchestrator.deployments
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.record_changed_deployments();
