-- orchestrator.change_member(rollout, deployment_id, from_generation) -> boolean whether it was changed
-- Moves a member to the version, or puts it back, in the name of whoever runs the rollout; what is refused meanwhile is listed.
CREATE OR REPLACE FUNCTION orchestrator.change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_generation bigint;
BEGIN
    -- Undone with this block where it is refused; record_changed_deployments tells in whose name it is.
    PERFORM set_config('orchestrator.rollout', p_rollout.id::text, true);
    IF p_rollout.back THEN
        v_generation := orchestrator.rollback(p_deployment_id, p_from_generation, p_rollout.force, p_rollout.restart);
    ELSE
        v_generation := orchestrator.upgrade(p_deployment_id, p_rollout.to_version, p_rollout.parameters, p_rollout.force, p_rollout.restart);
    END IF;
    PERFORM set_config('orchestrator.rollout', '', true);
    UPDATE orchestrator.rollout_members m
       SET state = 'started', started_at = now(), ended_at = NULL, waited_seconds = 0,
           to_generation = CASE WHEN p_rollout.back THEN m.to_generation ELSE v_generation END,
           back_generation = CASE WHEN p_rollout.back THEN v_generation END
     WHERE m.rollout_id = p_rollout.id AND m.deployment_id = p_deployment_id;
    IF NOT p_rollout.back AND v_generation = p_from_generation THEN
        PERFORM orchestrator.end_member(p_rollout.id, p_deployment_id, 'done', 'It was so already.');
        RETURN false;
    END IF;
    RETURN true;
EXCEPTION WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
    PERFORM orchestrator.end_member(p_rollout.id, p_deployment_id, 'refused', SQLERRM);
    RETURN false;
END
$$;
COMMENT ON FUNCTION orchestrator.change_member IS 'Moves a member of a rollout, or puts it back.';
