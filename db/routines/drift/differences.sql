-- orchestrator.differences(id) -> setof (kind, name, path, spelt, held)
-- Everything that differs of one deployment, what is ignored among it; spelt is "Kind/name:path".
CREATE OR REPLACE FUNCTION orchestrator.differences(p_id uuid) RETURNS TABLE (kind text, name text, path text, spelt text, held text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.kind, r.name, j.path, orchestrator.spell_path(r.kind, r.name, j.path), j.held
      FROM orchestrator.deployment_resources r
     CROSS JOIN LATERAL orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j
     WHERE r.deployment_id = p_id AND r.differs
$$;
COMMENT ON FUNCTION orchestrator.differences IS 'Everything that differs of one deployment, what is ignored among it.';
