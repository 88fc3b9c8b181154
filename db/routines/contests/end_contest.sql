-- orchestrator.end_contest(deployment_id, kind, name, path, why) -> boolean
-- Ends the fight over a path and tells why: quiet, gone, adopted or ignored. False if there was none.
CREATE OR REPLACE FUNCTION orchestrator.end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH ended AS (
        DELETE FROM orchestrator.put_backs p
         WHERE p.deployment_id = p_id AND p.kind = p_kind AND p.name = p_name AND p.path = p_path
        RETURNING p.*
    )
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'system', 'ContestEnded',
           jsonb_build_object('kind', e.kind, 'namespace', d.namespace, 'name', e.name, 'path', e.path, 'manager', e.manager, 'why', p_why,
                              'put_back', e.put_backs), 'orchestrator'
      FROM ended e JOIN orchestrator.deployments d ON d.id = e.deployment_id WHERE e.contested_since IS NOT NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION orchestrator.end_contest IS 'Ends the fight over a path.';
