-- orchestrator.describe_newer(deployment_id, generation) -> text
-- Why a rollout leaves a member alone: somebody has asked for something newer.
CREATE OR REPLACE FUNCTION orchestrator.describe_newer(p_deployment_id uuid, p_generation bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('%s by %s meanwhile (generation %s), which holds.', CASE r.desired_state WHEN 'Deleted' THEN 'Deleted' ELSE 'Changed' END, r.actor, r.generation)
      FROM orchestrator.deployment_revisions r WHERE r.deployment_id = p_deployment_id AND r.generation = p_generation
$$;
COMMENT ON FUNCTION orchestrator.describe_newer IS 'Why a rollout leaves a changed member alone.';
