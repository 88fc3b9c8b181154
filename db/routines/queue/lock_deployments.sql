-- orchestrator.lock_deployments(ids) -> uuid[]
-- Locks deployments and then their slots, passing over those that somebody holds; answers the ones that are now held.
-- Never waiting, so neither an operator's open transaction nor a settling worker can stall or deadlock the caller.
CREATE OR REPLACE FUNCTION orchestrator.lock_deployments(p_ids uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids uuid[] := ARRAY(SELECT d.id FROM orchestrator.deployments d WHERE d.id = ANY (p_ids) ORDER BY d.id FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
    RETURN ARRAY(SELECT s.deployment_id FROM orchestrator.reconcile_slots s
                  WHERE s.deployment_id = ANY (v_ids) ORDER BY s.deployment_id FOR UPDATE SKIP LOCKED);
END
$$;
COMMENT ON FUNCTION orchestrator.lock_deployments IS 'Locks what is free of these deployments.';
