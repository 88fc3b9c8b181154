-- orchestrator.judge_drift(deployment_id, deployment, state, template_rules, rules, default, kind, name, drift) -> setof (…)
-- Each lost path of an object with its policy, the rule that says so, and what keeps it from being put back now (`held`): 'ignored',
-- 'undecided' (it waits to be adopted or put back), 'rewritten' (the cluster changes it in the very write that puts it back), 'shut' (until its rule's window opens), 'contested' (until contested_until), or NULL:
-- it is put back. The one place that decides it, for the view, for
-- requests, for status and for what an apply leaves out. drift: [{path, wanted, live, manager, since, …}]; a row of path '' is about
-- the object itself. Two things no rule changes: a stopped workload has no replicas, and the root, which all else is owned by, stands.
CREATE OR REPLACE FUNCTION orchestrator.judge_drift(
    p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb
) RETURNS TABLE (path text, change jsonb, policy text, automatic boolean, maintenance_window text, source text, rule jsonb, held text)
LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c ->> 'path', c, (v.v).policy, (v.v).automatic, (v.v).maintenance_window, (v.v).source, (v.v).rule,
           CASE (v.v).policy WHEN 'Ignore' THEN 'ignored' WHEN 'Adopt' THEN 'undecided'
                ELSE CASE WHEN c ->> 'reason' = 'rewritten' THEN 'rewritten'
                          WHEN (v.v).maintenance_window IS NOT NULL AND orchestrator.shut_until(p_deployment_id, (v.v).maintenance_window) IS NOT NULL THEN 'shut'
                          WHEN orchestrator.contested_until(p_deployment_id, p_kind, p_name, c ->> 'path') IS NOT NULL THEN 'contested' END END
      FROM jsonb_array_elements(p_drift) c
     CROSS JOIN LATERAL (
           SELECT CASE WHEN (p_kind = 'ConfigMap' AND p_name = p_deployment || '-root')
                         OR (p_state = 'Stopped' AND p_kind IN ('Deployment', 'StatefulSet') AND c ->> 'path' = 'spec.replicas')
                       THEN ('Enforce', false, NULL, 'fixed', NULL)::orchestrator.drift_verdict
                       ELSE orchestrator.policy_for(orchestrator.named_rules(p_template_rules, p_deployment), p_rules, p_default, p_kind, p_name, c ->> 'path')
                  END AS v OFFSET 0) v
$$;
COMMENT ON FUNCTION orchestrator.judge_drift IS 'Each lost path of an object with its policy, and what keeps it from being put back.';
GRANT EXECUTE ON FUNCTION orchestrator.judge_drift TO orchestrator_viewer;
