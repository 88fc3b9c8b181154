-- orchestrator.record_changed_deployments() -> trigger
-- Records each deployment whose generation rose, once, and queues it. A write of status finds nothing here and wakes nobody.
-- A single row, which is nearly every statement, is read once and written by plain statements: to start a join of the transition
-- tables costs more than the rows.
-- Generic plans: Postgres takes an array of ids for ten rows, and would plan anew at each call for the one there is.
-- No nested loops: a plan made for one changed row is kept, and would join ten thousand with ten thousand row by row.
CREATE OR REPLACE FUNCTION orchestrator.record_changed_deployments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_nestloop = off
AS $$
DECLARE
    v_one record;
    v_actor text;
    v_ids uuid[];
    v_rollback bigint;
    v_adopted jsonb;
    v_automatic boolean := false;
    v_client text;
    v_more jsonb := '{}';
    v_run record;
BEGIN
    SELECT a.id, a.cluster_id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.drift_rules, a.keep_data, a.restarted_at,
           a.status_summary, a.status_message, b.generation AS old_generation, b.status_summary AS old_status,
           (b.id, b.generation, b.template_id, b.template_version, b.parameters, b.desired_state, b.drift_policy, b.keep_data, NULL, NULL, b.restarted_at, NULL, NULL, b.drift_rules, NULL)::orchestrator.deployment_revisions AS was,
           EXISTS (SELECT FROM after_rows OFFSET 1) AS of_many
      INTO v_one FROM after_rows a, before_rows b LIMIT 1;
    IF v_one.of_many THEN
        -- A generation never falls, so equal sums mean that none rose: cheaper than a join, and every write of status asks.
        IF (SELECT sum(a.generation) FROM after_rows a) = (SELECT sum(b.generation) FROM before_rows b) THEN
            RETURN NULL;
        END IF;
    ELSIF v_one.generation IS NOT DISTINCT FROM v_one.old_generation THEN
        RETURN NULL;
    END IF;
    v_actor := coalesce(CASE WHEN current_setting('orchestrator.planned_restart', true) <> '' THEN orchestrator.restart_actor() END,
                        CASE WHEN current_setting('orchestrator.rollout', true) <> '' THEN orchestrator.rollout_actor() END,
                        orchestrator.current_actor());
    v_client := orchestrator.current_client();
    v_rollback := nullif(current_setting('orchestrator.rollback', true), '');  -- by rollback()
    v_adopted := nullif(current_setting('orchestrator.adopt', true), '');  -- by adopt()
    IF v_adopted IS NOT NULL THEN
        -- By a rule only if a watcher has told of it: any session can set a setting.
        v_automatic := v_adopted ? 'automatic' AND pg_has_role(session_user, 'orchestrator_watcher', 'MEMBER');
        v_actor := format(CASE WHEN v_automatic THEN '%2$s' ELSE '%1$s (%2$s)' END, v_actor,
                          (SELECT string_agg('adopt:' || m, ', ') FROM jsonb_array_elements_text(v_adopted -> 'managers') m));
        v_more := jsonb_build_object('adopted', v_adopted);
    END IF;
    IF v_rollback IS NOT NULL THEN
        v_more := v_more || jsonb_build_object('rollback', jsonb_build_object('to', v_rollback));
    END IF;
    IF NOT v_one.of_many THEN
        v_run := orchestrator.request_run(v_one.id, v_one.cluster_id);
        INSERT INTO orchestrator.deployment_revisions
               (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, drift_rules, keep_data, restarted_at, actor, rolled_back_to, adopted, client)
        VALUES (v_one.id, v_one.generation, v_one.template_id, v_one.template_version, v_one.parameters, v_one.desired_state, v_one.drift_policy, v_one.drift_rules, v_one.keep_data, v_one.restarted_at, v_actor, v_rollback, v_adopted, v_client);
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT v_one.id, v_one.generation, e.source, e.type, e.data_json, e.actor
          FROM (VALUES (true, CASE WHEN v_automatic THEN 'system' ELSE 'user' END, 'DeploymentChanged',
                        orchestrator.describe_change(v_one.was, (v_one.id, v_one.generation, v_one.template_id, v_one.template_version, v_one.parameters, v_one.desired_state, v_one.drift_policy, v_one.keep_data, NULL, NULL, v_one.restarted_at, NULL, NULL, v_one.drift_rules, NULL)::orchestrator.deployment_revisions) || v_more, v_actor),
                       (v_one.status_summary <> v_one.old_status, 'system', 'StatusChanged',
                        jsonb_build_object('from', v_one.old_status, 'to', v_one.status_summary, 'message', v_one.status_message), 'orchestrator'),
                       (v_run.queued, 'user', 'DeploymentQueued', '{"reason": "changed"}', v_actor)) e (told, source, type, data_json, actor)
         WHERE e.told;
        IF v_run.unreachable THEN
            PERFORM orchestrator.defer(v_one.cluster_id, ARRAY[v_one.id]);
        END IF;
        RETURN NULL;
    END IF;
    -- One statement, because starting one costs more than the rows of a single change.
    WITH changed AS MATERIALIZED (
        SELECT a.id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.drift_rules, a.keep_data, a.restarted_at,
               (b.id, b.generation, b.template_id, b.template_version, b.parameters, b.desired_state, b.drift_policy, b.keep_data, NULL, NULL, b.restarted_at, NULL, NULL, b.drift_rules, NULL)::orchestrator.deployment_revisions AS was,
               b.status_summary AS old_status, a.status_summary, a.status_message
          FROM after_rows a JOIN before_rows b USING (id) WHERE a.generation > b.generation
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT c.id, c.generation, CASE WHEN v_automatic THEN 'system' ELSE 'user' END, 'DeploymentChanged', orchestrator.describe_change(c.was,
                   (c.id, c.generation, c.template_id, c.template_version, c.parameters, c.desired_state, c.drift_policy, c.keep_data, NULL, NULL, c.restarted_at, NULL, NULL, c.drift_rules, NULL)::orchestrator.deployment_revisions)
                   || v_more, v_actor
          FROM changed c
        UNION ALL
        SELECT c.id, c.generation, 'system', 'StatusChanged',
               jsonb_build_object('from', c.old_status, 'to', c.status_summary, 'message', c.status_message), 'orchestrator'
          FROM changed c WHERE c.status_summary <> c.old_status
    ), kept AS (
        INSERT INTO orchestrator.deployment_revisions
               (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, drift_rules, keep_data, restarted_at, actor, rolled_back_to, adopted, client)
        SELECT c.id, c.generation, c.template_id, c.template_version, c.parameters, c.desired_state, c.drift_policy, c.drift_rules, c.keep_data, c.restarted_at, v_actor, v_rollback, v_adopted, v_client
          FROM changed c
    )
    SELECT array_agg(c.id) INTO v_ids FROM changed c;
    PERFORM orchestrator.request_reconcile(v_ids, 'changed', v_actor);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.record_changed_deployments IS 'Records and queues changed deployments.';
CREATE OR REPLACE TRIGGER record_changed_deployments AFTER UPDATE ON orchestrator.deployments
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.record_changed_deployments();
