-- orchestrator.request_new_dry_run(name, template, parameters, namespace, cluster, version, state, keep_data, drift_policy, drift_rules) -> bigint id
-- Asks the cluster what it would say to a new deployment, as request_dry_run does; arguments and refusals are those of deploy().
CREATE OR REPLACE FUNCTION orchestrator.request_new_dry_run(
    name text, template text, parameters jsonb DEFAULT '{}', namespace text DEFAULT 'default',
    cluster text DEFAULT NULL, template_version integer DEFAULT NULL, desired_state text DEFAULT 'Active',
    keep_data boolean DEFAULT true, drift_policy text DEFAULT 'Enforce', drift_rules jsonb DEFAULT '[]'
) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT orchestrator.queue_dry_run(orchestrator.preview(
        name, template, parameters, namespace, cluster, template_version, desired_state, keep_data, drift_policy, drift_rules), NULL)
$$;
COMMENT ON FUNCTION orchestrator.request_new_dry_run IS 'Asks the cluster what it would say to a new deployment; answers the id of a row in dry_runs.';
GRANT EXECUTE ON FUNCTION orchestrator.request_new_dry_run TO orchestrator_operator;
