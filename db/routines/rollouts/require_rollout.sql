-- orchestrator.require_rollout(id) -> rollouts
-- The rollout, locked for a change of its course; or a refusal: to who sees none of its members it is not there, and who does not see
-- all of them may not decide for the others.
CREATE OR REPLACE FUNCTION orchestrator.require_rollout(p_id bigint) RETURNS orchestrator.rollouts
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
    v_rollout orchestrator.rollouts;
    v_seen boolean;
    v_whole boolean;
BEGIN
    SELECT * INTO v_rollout FROM orchestrator.rollouts r WHERE r.id = p_id FOR NO KEY UPDATE;
    SELECT bool_or(v_namespaces IS NULL OR d.namespace = ANY (v_namespaces)), bool_and(v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))
      INTO v_seen, v_whole FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id WHERE m.rollout_id = p_id;
    IF v_seen IS NOT TRUE THEN
        PERFORM orchestrator.refuse('SO404', format('there is no rollout %s', p_id), 'id', 'SELECT id, state FROM rollouts lists those you may see.');
    ELSIF NOT v_whole THEN
        PERFORM orchestrator.refuse('SO403', format('rollout %s has members in namespaces that are not yours', p_id), 'id',
            'Ask whoever started it, or an admin who is not limited to namespaces.');
    END IF;
    RETURN v_rollout;
END
$$;
COMMENT ON FUNCTION orchestrator.require_rollout IS 'The rollout that somebody decides about, or a refusal.';
