-- orchestrator.applied_manifests(id, generation) -> setof (kind, name, manifest)
-- What a worker was told to apply for a generation: its intent is kept, and a template version never changes.
CREATE OR REPLACE FUNCTION orchestrator.applied_manifests(p_id uuid, p_generation bigint) RETURNS TABLE (kind text, name text, manifest jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m.kind, m.name, m.manifest
      FROM orchestrator.deployment_revisions r
      JOIN orchestrator.deployments d ON d.id = r.deployment_id
      JOIN orchestrator.template_programs p ON p.template_id = r.template_id AND p.template_version = r.template_version
     CROSS JOIN LATERAL orchestrator.dressed_manifests(d.id, d.name, r.template_version, orchestrator.wanted_manifests(
               orchestrator.render_program(p, r.parameters, d.name, d.namespace, d.id), r.desired_state, r.restarted_at)) m
     WHERE r.deployment_id = p_id AND r.generation = p_generation
$$;
COMMENT ON FUNCTION orchestrator.applied_manifests IS 'What a worker was told to apply for a generation.';
