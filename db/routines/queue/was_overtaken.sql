-- orchestrator.was_overtaken(settlement) -> boolean
-- Whether an object that this run applied was changed or deleted again before the run was settled. What was seen then looked
-- like the drift already known, so nobody asked for another run. What is left to others, or contested, asks for none.
CREATE OR REPLACE FUNCTION orchestrator.was_overtaken(p_settlement jsonb) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM jsonb_to_recordset(p_settlement -> 'resources') AS a (kind text, namespace text, name text)
          JOIN orchestrator.deployment_resources r ON r.kind = a.kind AND r.namespace = a.namespace AND r.name = a.name
         CROSS JOIN LATERAL orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j
         WHERE r.deployment_id = (p_settlement ->> 'deployment_id')::uuid AND (r.drift IS NOT NULL OR r.missing_since IS NOT NULL) AND j.held IS NULL)
$$;
COMMENT ON FUNCTION orchestrator.was_overtaken IS 'Whether what a run applied was undone before it was settled.';
