-- orchestrator.hold_rollout(id, reason) -> void
-- Pauses a rollout that cannot go on by itself, and says why. Without names of members: who sees one of them sees this.
CREATE OR REPLACE FUNCTION orchestrator.hold_rollout(p_id bigint, p_reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE orchestrator.rollouts r SET state = 'paused', message = p_reason WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutPaused', p_reason, 'orchestrator');
END
$$;
COMMENT ON FUNCTION orchestrator.hold_rollout IS 'Pauses a rollout that cannot go on by itself.';
