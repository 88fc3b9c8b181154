-- orchestrator.list_objects(id) -> setof objects
-- Every object of a deployment, what is wanted of it beside what runs: those it asks for in the order of its template, then those
-- that are only there (its root, pods, what is being removed). wanted and live are NULL where there is none.
CREATE OR REPLACE FUNCTION orchestrator.list_objects(p_id uuid)
RETURNS TABLE (
    kind text, namespace text, name text, wanted text, live text, health text, reason text, message text, managed boolean,
    applied_generation bigint, differs bigint, manager text, missing_since timestamptz, last_seen_at timestamptz, created_at timestamptz,
    digest jsonb, warning jsonb, events jsonb
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH asked AS (
        SELECT m ->> 'kind' AS kind, m #>> '{metadata,name}' AS name, d.namespace, orchestrator.describe_manifest(m) AS wanted, o
          FROM orchestrator.deployments d,
               jsonb_array_elements(orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at)) WITH ORDINALITY t (m, o)
         WHERE d.id = p_id AND d.desired_state <> 'Deleted'
    ), cache AS (
        SELECT c.observed_json AS seen, c.events_json AS told FROM orchestrator.deployment_observed c WHERE c.deployment_id = p_id
    )
    SELECT coalesce(r.kind, a.kind), coalesce(r.namespace, a.namespace), coalesce(r.name, a.name), a.wanted,
           CASE WHEN r.missing_since IS NOT NULL OR r.kind IS NULL THEN NULL
                ELSE orchestrator.describe_digest(r.kind, c.seen -> (r.kind || '/' || r.name), r.health) END,
           r.health, coalesce(r.reason, ''), coalesce(r.message, ''), coalesce(r.managed, false), r.applied_generation,
           CASE WHEN r.differs THEN (SELECT count(*) FROM orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j WHERE j.policy <> 'Ignore') ELSE 0 END,
           r.drift -> 0 ->> 'manager', r.missing_since, r.last_seen_at,
           (c.seen -> (r.kind || '/' || r.name) ->> 'createdAt')::timestamptz,
           c.seen -> (r.kind || '/' || r.name),
           c.seen -> 'warnings' -> (coalesce(r.kind, a.kind) || '/' || coalesce(r.name, a.name)),
           coalesce(c.told -> (coalesce(r.kind, a.kind) || '/' || coalesce(r.name, a.name)), '[]')
      FROM asked a
      FULL JOIN (SELECT * FROM orchestrator.deployment_resources x WHERE x.deployment_id = p_id) r USING (kind, name)
      LEFT JOIN cache c ON true
     ORDER BY a.o NULLS LAST, r.kind = 'Pod', kind, name
$$;
COMMENT ON FUNCTION orchestrator.list_objects IS 'Every object of a deployment, what is wanted beside what runs.';
GRANT EXECUTE ON FUNCTION orchestrator.list_objects TO orchestrator_viewer;
