-- What each role may touch directly; everything else goes through routines.
GRANT SELECT ON orchestrator.clusters, orchestrator.templates, orchestrator.deployments, orchestrator.deployment_resources,
    orchestrator.deployment_observed, orchestrator.deployment_events, orchestrator.deployment_revisions, orchestrator.reconcile_slots,
    orchestrator.watch_streams TO orchestrator_viewer;

GRANT INSERT (id, name, cluster_id, namespace, template_id, template_version, parameters, desired_spec_json, desired_state, drift_policy, keep_data)
    ON orchestrator.deployments TO orchestrator_operator;
-- Also the fields that never change, so that the trigger can say why instead of "permission denied".
GRANT UPDATE (name, cluster_id, namespace, template_id, template_version, parameters, desired_spec_json, desired_state, drift_policy, keep_data)
    ON orchestrator.deployments TO orchestrator_operator;
GRANT DELETE ON orchestrator.deployments TO orchestrator_operator;

GRANT INSERT (name, version, base_spec_json, allowed_mutations_json) ON orchestrator.templates TO orchestrator_admin;
GRANT UPDATE, DELETE ON orchestrator.templates TO orchestrator_admin;
GRANT INSERT (name, resync_seconds), UPDATE (resync_seconds) ON orchestrator.clusters TO orchestrator_admin;

-- How much waits, for metrics: counts, not messages.
GRANT SELECT ON orchestrator.clusters TO orchestrator_worker, orchestrator_watcher;
