-- orchestrator.find_movable(template_id, version, ids) -> uuid[]
-- The deployments that a move to a version is about: these, or all on an older version if none are named. Only what the session may
-- see, asked for here since doors that run as the owner are bound by no policy. What is not healthy comes first: to move it takes
-- nothing from anybody; then by namespace and name.
CREATE OR REPLACE FUNCTION orchestrator.find_movable(p_template_id bigint, p_version integer, p_ids uuid[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
    v_found uuid[];
    v_wrong uuid;
BEGIN
    v_found := ARRAY(
        SELECT d.id FROM orchestrator.deployments d
         WHERE d.template_id = p_template_id AND d.finalised_at IS NULL AND (v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))
           AND CASE WHEN p_ids IS NULL THEN d.template_version < p_version AND d.desired_state <> 'Deleted' ELSE d.id = ANY (p_ids) END
         ORDER BY d.desired_state = 'Active' AND d.status_summary <> 'Healthy' DESC, d.namespace, d.name, d.id);
    SELECT i INTO v_wrong FROM unnest(p_ids) i WHERE i <> ALL (v_found) LIMIT 1;
    IF FOUND THEN
        IF NOT EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = v_wrong AND (v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))) THEN
            PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', v_wrong), 'ids.' || v_wrong, 'SELECT id, name FROM deployments lists those you may see.');
        END IF;
        PERFORM orchestrator.refuse('SO422', format('deployment %s is not made from this template, or is gone', v_wrong), 'ids.' || v_wrong,
            'Leave it out: a rollout moves deployments of one template.');
    END IF;
    RETURN v_found;
END
$$;
COMMENT ON FUNCTION orchestrator.find_movable IS 'The deployments that a move to a version is about.';
GRANT EXECUTE ON FUNCTION orchestrator.find_movable TO orchestrator_operator;
