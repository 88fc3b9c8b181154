-- orchestrator.check_unmoved(before, after) -> void
-- Refuses a change of what identifies a deployment, and changes of one that is gone.
CREATE OR REPLACE FUNCTION orchestrator.check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_field text := CASE
        WHEN p_after.name IS DISTINCT FROM p_before.name THEN 'name'
        WHEN p_after.namespace IS DISTINCT FROM p_before.namespace THEN 'namespace'
        WHEN p_after.cluster_id IS DISTINCT FROM p_before.cluster_id THEN 'cluster_id'
        WHEN p_after.template_id IS DISTINCT FROM p_before.template_id THEN 'template_id' END;
BEGIN
    IF v_field IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', format('%s cannot change', v_field), v_field,
            'Its objects and data are found by it. Make a new deployment instead.');
    END IF;
    IF p_before.desired_state = 'Deleted' THEN
        IF p_after.desired_state = 'Deleted' AND p_before.finalised_at IS NOT NULL AND NOT (p_before.keep_data AND NOT p_after.keep_data) THEN
            PERFORM orchestrator.refuse('SO409', format('%s is deleted', p_before.name), 'desired_state',
                'Set desired_state to Active to bring it back, with its data if that was kept.');
        ELSIF p_after.desired_state <> 'Deleted' OR p_before.finalised_at IS NOT NULL THEN
            PERFORM orchestrator.check_name_is_free(p_after);
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_unmoved IS 'Refuses changes of a deployment''s identity.';
