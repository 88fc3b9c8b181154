-- orchestrator.check_name_is_free(deployment) -> void
-- Refuses a second deployment of one name with our own error. The unique index decides races.
CREATE OR REPLACE FUNCTION orchestrator.check_name_is_free(p_deployment orchestrator.deployments) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_state text;
BEGIN
    SELECT d.desired_state INTO v_state FROM orchestrator.deployments d
     WHERE d.cluster_id = p_deployment.cluster_id AND d.namespace = p_deployment.namespace AND d.name = p_deployment.name
       AND d.finalised_at IS NULL AND d.id <> p_deployment.id;
    IF FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('a deployment %s/%s exists', p_deployment.namespace, p_deployment.name), 'name',
            CASE v_state WHEN 'Deleted' THEN 'It is being deleted; the name is free once its status is Deleted.'
                         ELSE 'Choose another name, or change the one there is.' END);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_name_is_free IS 'Refuses a duplicate name.';
