-- orchestrator.contested: one row a path that somebody else keeps setting: put back too often, it is put back less and less often.
CREATE OR REPLACE VIEW orchestrator.contested WITH (security_invoker = true) AS
SELECT p.deployment_id, d.name AS deployment, p.kind, d.namespace, p.name AS object, p.path, p.manager, p.contested_since AS since, p.put_backs,
       p.next_at, p.cluster_id, p.recent[1] AS began_at,
       -- Not until it is known to stand as wanted: an object that is missing cannot.
       coalesce(r.missing_since IS NOT NULL OR (p.path = '' AND r.applied_generation IS NOT NULL AND r.rendered_hash IS NULL)
                OR r.drift @> jsonb_build_array(jsonb_build_object('path', p.path)), false) AS differs
  FROM orchestrator.put_backs p
  JOIN orchestrator.deployments d ON d.id = p.deployment_id
  LEFT JOIN orchestrator.deployment_resources r
         ON r.cluster_id = p.cluster_id AND r.kind = p.kind AND r.namespace = d.namespace AND r.name = p.name AND r.deployment_id = p.deployment_id
 WHERE p.contested_since IS NOT NULL;
COMMENT ON VIEW orchestrator.contested IS 'Paths that were put back so often that somebody else must be setting them; each is tried less and less often.';
COMMENT ON COLUMN orchestrator.contested.deployment_id IS 'Whose object it is.';
COMMENT ON COLUMN orchestrator.contested.deployment IS 'Its name.';
COMMENT ON COLUMN orchestrator.contested.kind IS 'Of the object.';
COMMENT ON COLUMN orchestrator.contested.namespace IS 'Of the object.';
COMMENT ON COLUMN orchestrator.contested.object IS 'Its name.';
COMMENT ON COLUMN orchestrator.contested.path IS 'The field, with the keys of lists; empty for the object itself.';
COMMENT ON COLUMN orchestrator.contested.manager IS 'Who keeps setting it, as far as that is known: who deletes leaves no name.';
COMMENT ON COLUMN orchestrator.contested.since IS 'Since when it is contested.';
COMMENT ON COLUMN orchestrator.contested.put_backs IS 'How often it was put back since began_at.';
COMMENT ON COLUMN orchestrator.contested.next_at IS 'It is not put back before then, unless a person asks.';
COMMENT ON COLUMN orchestrator.contested.cluster_id IS 'Where it is.';
COMMENT ON COLUMN orchestrator.contested.began_at IS 'When it was put back for the first time.';
COMMENT ON COLUMN orchestrator.contested.differs IS 'It stands otherwise than wanted this moment.';
GRANT SELECT ON orchestrator.contested TO orchestrator_viewer;
