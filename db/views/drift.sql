-- orchestrator.drift: one row a path that stands otherwise at the cluster than it should, and what will happen to it.
-- One look at each object that deployment_resources_differing holds, so that all of it is found without reading the inventory.
-- What is ignored is recorded with the rest and not shown, so a change of rules shows at once.
CREATE OR REPLACE VIEW orchestrator.drift WITH (security_invoker = true) AS
SELECT d.id AS deployment_id, d.name AS deployment, r.kind, r.namespace, r.name AS object, f.path, f.change -> 'wanted' AS wanted, f.change -> 'live' AS live,
       f.change ->> 'manager' AS manager, coalesce((f.change ->> 'since')::timestamptz, r.drifted_at, r.missing_since, r.last_seen_at) AS since, r.cluster_id,
       f.policy, CASE WHEN h.held IN ('undecided', 'shut', 'contested') AND d.finalised_at IS NULL AND d.desired_state <> 'Paused' THEN h.held
                      WHEN h.held = 'rewritten' AND d.finalised_at IS NULL AND d.desired_state <> 'Paused' THEN 'stuck'
                      ELSE orchestrator.outlook(d.desired_state, d.finalised_at IS NOT NULL, s, k.unreachable_since) END AS outlook,
       CASE h.held WHEN 'shut' THEN orchestrator.shut_until(d.id, f.maintenance_window) WHEN 'contested' THEN orchestrator.contested_until(d.id, r.kind, r.name, f.path) ELSE s.due_at END AS due_at, b.refusal IS NULL AS adoptable, b.refusal AS not_adoptable, b.adopts,
       left(md5(concat(orchestrator.spell_path(r.kind, r.name, f.path), f.change -> 'live')), 16) AS seen, f.source AS rule_source, f.rule,
       (SELECT p.contested_since FROM orchestrator.put_backs p
         WHERE p.deployment_id = d.id AND p.kind = r.kind AND p.name = r.name AND p.path = f.path) AS contested_since
  FROM orchestrator.deployment_resources r
  JOIN orchestrator.deployments d ON d.id = r.deployment_id
  JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
  JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id
  JOIN orchestrator.clusters k ON k.id = r.cluster_id
 CROSS JOIN LATERAL orchestrator.judge_drift(
       d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, r.kind, r.name,
       coalesce(r.drift, '[]') || orchestrator.existence(r.missing_since IS NOT NULL, r.applied_generation, r.rendered_hash)) f
 -- What a person asked for with put_back() waits for a worker only.
 CROSS JOIN LATERAL (SELECT CASE WHEN f.path = ANY (r.enforce_once) THEN NULL ELSE f.held END AS held) h
 CROSS JOIN LATERAL orchestrator.read_back(d.id, r.kind, r.name, f.path) b
 WHERE r.differs AND f.policy <> 'Ignore';
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
COMMENT ON COLUMN orchestrator.drift.policy IS 'Enforce or Adopt: what becomes of it. What is ignored is not shown.';
COMMENT ON COLUMN orchestrator.drift.outlook IS 'now: it is being put back. undecided: it waits to be adopted or put back. shut: until its rule''s window opens, at due_at. contested: until due_at. held, away, stuck, retrying (at due_at), resting: see orchestrator.outlook.';
COMMENT ON COLUMN orchestrator.drift.due_at IS 'When the next attempt is due, if it waits for a time.';
COMMENT ON COLUMN orchestrator.drift.adoptable IS 'Whether adopt() could make the live value the wanted one.';
COMMENT ON COLUMN orchestrator.drift.not_adoptable IS 'Why not, if not.';
COMMENT ON COLUMN orchestrator.drift.adopts IS 'The parameters that adopting it would set: {"memory": {"from": "2Gi", "to": "4Gi"}}.';
COMMENT ON COLUMN orchestrator.drift.seen IS 'Stands for path and live value: adopt() takes it, and refuses if they are others by then.';
COMMENT ON COLUMN orchestrator.drift.rule_source IS 'Where the policy comes from: a rule of the deployment or of its template, default (drift_policy), or fixed.';
COMMENT ON COLUMN orchestrator.drift.rule IS 'The rule, if one decided it.';
COMMENT ON COLUMN orchestrator.drift.contested_since IS 'Since when somebody keeps setting it: see contested. NULL if nobody does.';
GRANT SELECT ON orchestrator.drift TO orchestrator_viewer;
-- What read_back took before, a row that its caller could make up; here, because nothing calls it any more once this file is applied.
DROP FUNCTION IF EXISTS orchestrator.read_back(orchestrator.deployments, text, text, jsonb);
