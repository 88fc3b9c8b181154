-- orchestrator.finalise(deployment_id, generation) -> void
-- The last object is gone: the name is free, the row and its history stay. A wish changed meanwhile wins.
CREATE OR REPLACE FUNCTION orchestrator.finalise(p_id uuid, p_generation bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE orchestrator.deployments d
       SET finalised_at = now(), last_applied_generation = p_generation, stale_since = NULL
     WHERE d.id = p_id AND d.generation = p_generation AND d.finalised_at IS NULL;
    IF FOUND THEN
        DELETE FROM orchestrator.deployment_resources r WHERE r.deployment_id = p_id AND r.kind <> 'PersistentVolumeClaim';
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT p_id, p_generation, 'reconciler', 'DeploymentDeleted', jsonb_build_object('kept', coalesce((
                   SELECT jsonb_agg(format('%s/%s', r.kind, r.name)) FROM orchestrator.deployment_resources r WHERE r.deployment_id = p_id), '[]')), 'orchestrator';
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.finalise IS 'Marks a deleted deployment as gone.';
