-- orchestrator.drift: one row a path that stands otherwise at the cluster than it should.
CREATE OR REPLACE VIEW orchestrator.drift WITH (security_invoker = true) AS
SELECT d.id AS deployment_id, d.name AS deployment, r.kind, r.namespace, r.name AS object, c ->> 'path' AS path, c -> 'wanted' AS wanted,
       c -> 'live' AS live, c ->> 'manager' AS manager, coalesce((c ->> 'since')::timestamptz, r.drifted_at) AS since
  FROM orchestrator.deployment_resources r
  JOIN orchestrator.deployments d ON d.id = r.deployment_id
 CROSS JOIN LATERAL jsonb_array_elements(r.drift) c
 WHERE r.drift IS NOT NULL
UNION ALL
SELECT d.id, d.name, r.kind, r.namespace, r.name, '', '"present"', CASE WHEN r.missing_since IS NOT NULL THEN '"missing"'::jsonb ELSE '"replaced"' END,
       NULL, coalesce(r.missing_since, r.last_seen_at)
  FROM orchestrator.deployment_resources r
  JOIN orchestrator.deployments d ON d.id = r.deployment_id
 WHERE r.missing_since IS NOT NULL OR (r.applied_generation IS NOT NULL AND r.rendered_hash IS NULL);
COMMENT ON VIEW orchestrator.drift IS 'What differs at the cluster from what is wanted, path by path, and who changed it.';
COMMENT ON COLUMN orchestrator.drift.deployment_id IS 'Whose object it is.';
COMMENT ON COLUMN orchestrator.drift.deployment IS 'Its name.';
COMMENT ON COLUMN orchestrator.drift.kind IS 'Of the object.';
COMMENT ON COLUMN orchestrator.drift.namespace IS 'Of the object.';
COMMENT ON COLUMN orchestrator.drift.object IS 'Its name.';
COMMENT ON COLUMN orchestrator.drift.path IS 'The field, with the keys of lists; empty for the object itself.';
COMMENT ON COLUMN orchestrator.drift.wanted IS 'What we applied.';
COMMENT ON COLUMN orchestrator.drift.live IS 'What stands there now.';
COMMENT ON COLUMN orchestrator.drift.manager IS 'Who owns it now.';
COMMENT ON COLUMN orchestrator.drift.since IS 'Since when.';
GRANT SELECT ON orchestrator.drift TO orchestrator_viewer;
