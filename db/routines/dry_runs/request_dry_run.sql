-- orchestrator.request_dry_run(id, parameters, state, version, keep_data, drift_policy, drift_rules) -> bigint id
-- Asks the cluster what it would say to a change of a deployment, or to it as it stands: a worker sends its objects with dryRun=All.
-- Arguments and refusals are those of orchestrator.preview_change; the answer comes into the row of dry_runs that has this id.
CREATE OR REPLACE FUNCTION orchestrator.request_dry_run(
    p_id uuid, p_parameters jsonb DEFAULT '{}', p_desired_state text DEFAULT NULL, p_template_version integer DEFAULT NULL,
    p_keep_data boolean DEFAULT NULL, p_drift_policy text DEFAULT NULL, p_drift_rules jsonb DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.require_deployment(p_id);
    RETURN orchestrator.queue_dry_run(orchestrator.preview_change(
        p_id, p_parameters, p_desired_state, p_template_version, p_keep_data, p_drift_policy, p_drift_rules), p_id);
END
$$;
COMMENT ON FUNCTION orchestrator.request_dry_run IS 'Asks the cluster what it would say to a change; answers the id of a row in dry_runs.';
GRANT EXECUTE ON FUNCTION orchestrator.request_dry_run TO orchestrator_operator;
