-- orchestrator.contested_until(deployment_id, kind, name, path) -> timestamptz
-- Until when a contested path is not put back; NULL if it may be now, and for a generation that has not put it back yet: a person asked
-- for that. A look at a table that has rows only of what was put back lately.
CREATE OR REPLACE FUNCTION orchestrator.contested_until(p_id uuid, p_kind text, p_name text, p_path text) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.next_at FROM orchestrator.put_backs p
     WHERE p.deployment_id = p_id AND p.kind = p_kind AND p.name = p_name AND p.path = p_path AND p.next_at > now()
       AND NOT EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = p_id AND d.generation > p.generation)
$$;
COMMENT ON FUNCTION orchestrator.contested_until IS 'Until when a contested path is not put back.';
GRANT EXECUTE ON FUNCTION orchestrator.contested_until TO orchestrator_viewer;
