-- orchestrator.withhold(deployment, template_rules, manifest, object, …) -> jsonb {drifted, lost[], withheld[][], paths[], undecided[], enforce_once[], let_be}
-- What an apply of one object must leave to others, for the worker: the one place that resolves it. withheld are places of the
-- manifest (a text is a key, an object an item's keys), paths the same as the view drift spells them; drifted and lost tell what is put
-- back, undecided what waits for a person or a time, let_be that the object is not made again.
-- Left out is what is recorded as lost and held (judge_drift; not what the cluster rewrites, which a newer value may change), and whatever else a rule ignores, which nobody need have taken yet. Not
-- what put_back() asked for; what waits to be adopted and is wanted now as it stands; the mark of a restart; and the replicas of what
-- is stopped, or was when it was applied last: somebody has to start it.
CREATE OR REPLACE FUNCTION orchestrator.withhold(
    p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb,
    p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]
) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_template_rules jsonb := orchestrator.named_rules(p_template_rules, p_deployment);
    v_once text[] := coalesce(p_enforce_once, '{}');
    v_held jsonb;
    v_lost jsonb;
    v_let_be boolean;
    v_by_rule boolean := jsonb_path_exists(p_template_rules || p_rules, '$[*] ? (@.policy == "Ignore")');
    v_manifest jsonb;
    v_found record;
BEGIN
    SELECT coalesce(jsonb_agg(j.change || jsonb_build_object('held', j.held)) FILTER (WHERE j.path <> '' AND j.held <> 'rewritten' AND j.path <> ALL (v_once)), '[]'),
           coalesce(jsonb_agg(jsonb_build_object('path', j.path, 'manager', j.change -> 'manager'))
                    FILTER (WHERE j.path <> '' AND (j.held IS NULL OR j.path = ANY (v_once))), '[]'),
           coalesce(bool_or(j.path = '' AND j.held IS NOT NULL AND '' <> ALL (v_once)), false)
      INTO v_held, v_lost, v_let_be
      FROM orchestrator.judge_drift(p_deployment_id, p_deployment, p_state, p_template_rules, p_rules, p_default, p_kind, p_name, p_drift || '[{"path": ""}]') j;
    SELECT NULL::jsonb AS steps, NULL::jsonb AS paths INTO v_found;
    IF v_held <> '[]' OR v_by_rule THEN
        v_manifest := orchestrator.manifest_of(p_manifests, p_kind, p_name);
        SELECT jsonb_agg(l.steps ORDER BY l.path) AS steps, jsonb_agg(l.path ORDER BY l.path) AS paths INTO v_found
          FROM (SELECT p.path, p.steps, p.value FROM orchestrator.manifest_paths(
                           CASE WHEN p_kind = 'Secret' THEN v_manifest - 'stringData' || jsonb_build_object('data', (
                                     SELECT coalesce(jsonb_object_agg(k, true), '{}') FROM jsonb_object_keys(coalesce(v_manifest -> 'data', '{}') || coalesce(v_manifest -> 'stringData', '{}')) k))
                                ELSE v_manifest END - 'apiVersion' - 'kind' #- '{metadata,name}' #- '{metadata,namespace}') p
                 WHERE p.path NOT IN ('', 'metadata') AND NOT orchestrator.below_atomic(p.path) AND (p.leaf OR p.value IN ('{}', '[]') OR orchestrator.below_atomic(p.path || '.'))) l
         WHERE l.path NOT LIKE '%[server-orchestrator.io/%' AND l.path <> ALL (v_once)
           AND NOT (l.path = 'spec.replicas' AND p_kind IN ('Deployment', 'StatefulSet') AND 'Stopped' IN (p_state, (
                    SELECT v.desired_state FROM orchestrator.deployment_revisions v
                     WHERE v.deployment_id = p_deployment_id AND v.generation = p_applied_generation)))
           AND (EXISTS (SELECT FROM jsonb_array_elements(v_held) h
                         WHERE (l.path = h ->> 'path' OR starts_with(l.path, (h ->> 'path') || '.') OR starts_with(l.path, (h ->> 'path') || '['))
                           AND NOT (h ->> 'held' = 'undecided' AND l.path = h ->> 'path' AND l.value = h -> 'live'))
                OR (v_by_rule AND NOT (p_kind = 'ConfigMap' AND p_name = p_deployment || '-root')
                    AND (SELECT v.policy = 'Ignore' AND v.source <> 'default'
                           FROM orchestrator.policy_for(v_template_rules, p_rules, p_default, p_kind, p_name, l.path) v)));
    END IF;
    RETURN jsonb_build_object('drifted', v_lost <> '[]', 'lost', v_lost, 'withheld', coalesce(v_found.steps, '[]'), 'paths', coalesce(v_found.paths, '[]'),
                              'undecided', jsonb_path_query_array(v_held, '$[*] ? (@.held != "ignored").path'), 'enforce_once', to_jsonb(v_once), 'let_be', v_let_be);
END
$$;
COMMENT ON FUNCTION orchestrator.withhold IS 'What an apply of one object must leave to others.';
