-- orchestrator.deployments_as_of(at, after, most) -> setof (id, name, …, generation, actor, changed_at)
-- What was wanted of every deployment at a time, and who had asked for it last. One that was not made by then is left out; one that
-- was deleted by then is wanted 'Deleted'. Names and clusters never change, so they are those of today. By id: a page begins after
-- one and holds at most so many, all if that is left out.
CREATE OR REPLACE FUNCTION orchestrator.deployments_as_of(p_at timestamptz, p_after uuid DEFAULT NULL, p_most integer DEFAULT NULL)
RETURNS TABLE (
    id uuid, name text, namespace text, cluster text, template text, template_version integer, parameters jsonb, desired_state text,
    drift_policy text, drift_rules jsonb, keep_data boolean, restarted_at timestamptz, generation bigint, actor text, changed_at timestamptz
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.id, d.name, d.namespace, c.name, t.name, r.template_version, r.parameters, r.desired_state,
           r.drift_policy, r.drift_rules, r.keep_data, r.restarted_at, r.generation, r.actor, r.created_at
      FROM orchestrator.deployments d
     CROSS JOIN LATERAL (SELECT * FROM orchestrator.deployment_revisions r WHERE r.deployment_id = d.id AND r.created_at <= p_at
                          ORDER BY r.generation DESC LIMIT 1) r
      JOIN orchestrator.clusters c ON c.id = d.cluster_id
      JOIN orchestrator.templates t ON t.id = r.template_id AND t.version = r.template_version
     WHERE d.id > coalesce(p_after, '00000000-0000-0000-0000-000000000000')
     ORDER BY d.id LIMIT p_most
$$;
COMMENT ON FUNCTION orchestrator.deployments_as_of IS 'What was wanted of every deployment at a time.';
GRANT EXECUTE ON FUNCTION orchestrator.deployments_as_of TO orchestrator_viewer;
