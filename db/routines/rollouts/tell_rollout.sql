-- orchestrator.tell_rollout(rollout_id, type, message, actor) -> void
-- Writes a step of a rollout into its own history, and into that of each member it still concerns.
CREATE OR REPLACE FUNCTION orchestrator.tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO orchestrator.rollout_events (rollout_id, type, message, actor) VALUES (p_rollout_id, p_type, p_message, p_actor);
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, CASE p_actor WHEN 'orchestrator' THEN 'system' ELSE 'user' END, p_type,
           jsonb_build_object('rollout', p_rollout_id, 'message', p_message), p_actor
      FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
     WHERE m.rollout_id = p_rollout_id AND m.state IN ('waiting', 'started');
END
$$;
COMMENT ON FUNCTION orchestrator.tell_rollout IS 'Writes a step of a rollout into the histories it concerns.';
