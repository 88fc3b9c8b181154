-- orchestrator.drift: one row a path that stands otherwise at the cluster than it should, and what will happen to it.
-- One look at each object that deployment_resources_differing holds, so that all of it is found without reading the inventory.
CREATE OR REPLACE VIEW orchestrator.drift WITH (security_invoker = true) AS
SELECT d.id AS deployment_id, d.name AS deployment, r.kind, r.namespace, r.name AS object, f.path, f.wanted, f.live, f.manager, f.since, r.cluster_id,
       d.drift_policy AS policy, orchestrator.outlook(d.desired_state, d.finalised_at IS NOT NULL, s, k.unreachable_since) AS outlook, s.due_at,
       b.refusal IS NULL AS adoptable, b.refusal AS not_adoptable, b.adopts,
       left(md5(concat(orchestrator.spell_path(r.kind, r.name, f.path), f.live)), 16) AS seen
  FROM orchestrator.deployment_resources r
  JOIN orchestrator.deployments d ON d.id = r.deployment_id
  JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id
  JOIN orchestrator.clusters k ON k.id = r.cluster_id
 CROSS JOIN LATERAL (
       SELECT c ->> 'path' AS path, c -> 'wanted' AS wanted, c -> 'live' AS live, c ->> 'manager' AS manager,
              coalesce((c ->> 'since')::timestamptz, r.drifted_at) AS since, c AS change
         FROM jsonb_array_elements(r.drift) c
       UNION ALL
       SELECT '', '"present"', CASE WHEN r.missing_since IS NOT NULL THEN '"missing"'::jsonb ELSE '"replaced"' END,
              NULL, coalesce(r.missing_since, r.last_seen_at), NULL
        WHERE r.missing_since IS NOT NULL OR (r.applied_generation IS NOT NULL AND r.rendered_hash IS NULL)) f
 CROSS JOIN LATERAL orchestrator.read_back(d, r.kind, r.name, f.change) b
 WHERE r.differs;
COMMENT ON VIEW orchestrator.drift IS 'What differs at the cluster from what is wanted, path by path, who changed it, and what will happen.';
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
COMMENT ON COLUMN orchestrator.drift.cluster_id IS 'Where it is.';
COMMENT ON COLUMN orchestrator.drift.policy IS 'The deployment''s drift_policy.';
COMMENT ON COLUMN orchestrator.drift.outlook IS 'now: it is being put back. held, away, stuck, retrying (at due_at), resting: see orchestrator.outlook.';
COMMENT ON COLUMN orchestrator.drift.due_at IS 'When the next attempt is due, if it waits for a time.';
COMMENT ON COLUMN orchestrator.drift.adoptable IS 'Whether adopt() could make the live value the wanted one.';
COMMENT ON COLUMN orchestrator.drift.not_adoptable IS 'Why not, if not.';
COMMENT ON COLUMN orchestrator.drift.adopts IS 'The parameters that adopting it would set: {"memory": {"from": "2Gi", "to": "4Gi"}}.';
COMMENT ON COLUMN orchestrator.drift.seen IS 'Stands for path and live value: adopt() takes it, and refuses if they are others by then.';
GRANT SELECT ON orchestrator.drift TO orchestrator_viewer;
