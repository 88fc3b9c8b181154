-- orchestrator.end_member(rollout_id, deployment_id, state, message) -> void
-- A member comes to its end in a rollout: done, failed, rolled_back, refused or skipped; its history says so.
CREATE OR REPLACE FUNCTION orchestrator.end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE orchestrator.rollout_members m SET state = p_state, message = p_message, ended_at = now()
     WHERE m.rollout_id = p_rollout_id AND m.deployment_id = p_deployment_id;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'system', CASE p_state WHEN 'rolled_back' THEN 'RolledBack' ELSE 'RolloutFinished' END,
           jsonb_build_object('rollout', p_rollout_id, 'state', p_state, 'message', p_message), 'orchestrator'
      FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
END
$$;
COMMENT ON FUNCTION orchestrator.end_member IS 'A member comes to its end in a rollout.';
