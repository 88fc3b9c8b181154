-- orchestrator.check_kept_data(id, cluster_id, namespace, spec) -> void
-- Refuses a data claim whose name is that of data which a deleted deployment left behind: two worlds must not be mixed up, and
-- Kubernetes would tell of it only once everything else is made.
CREATE OR REPLACE FUNCTION orchestrator.check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_kept record;
BEGIN
    SELECT r.name, r.deployment_id INTO v_kept
      FROM jsonb_array_elements(p_spec) m
      JOIN orchestrator.deployment_resources r
        ON r.cluster_id = p_cluster_id AND r.kind = 'PersistentVolumeClaim' AND r.namespace = p_namespace AND r.name = m #>> '{metadata,name}'
      JOIN orchestrator.deployments d ON d.id = r.deployment_id
     WHERE m ->> 'kind' = 'PersistentVolumeClaim' AND d.id <> p_id AND d.finalised_at IS NOT NULL LIMIT 1;
    IF FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('%s holds the data of the deleted deployment %s', v_kept.name, v_kept.deployment_id), 'name', format(
            'Set desired_state of %1$s to Active to bring it back with its data, or its keep_data to false to discard the data and start afresh; or choose another name.',
            v_kept.deployment_id));
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_kept_data IS 'Refuses to build on data that a deleted deployment left behind.';
