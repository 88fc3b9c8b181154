-- orchestrator.judge_drift(deployment_id, deployment, state, template_rules, rules, default, kind, name, drift) -> setof (…)
-- Each lost path of an object with its policy, the rule that says so, and what keeps it from being put back now (`held`): 'ignored',
-- 'undecided' (it waits to be adopted or put back), 'rewritten' (the cluster changes it in the very write that puts it back), 'shut' (until its rule's window opens), 'contested' (until contested_until), or NULL:
-- it is put back. The one place that decides it, for the view, for
-- requests, for status and for what an apply leaves out. drift: [{path, wanted, live, manager, since, …}]; a row of path '' is about
-- the object itself. Two things no rule changes: a stopped workload has no replicas, and the root, which all else is owned by, stands.
-- Not in SQL: Postgres would plan that anew at each call, which takes four times as long as carrying it out.
CREATE OR REPLACE FUNCTION orchestrator.judge_drift(
    p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb
) RETURNS TABLE (path text, change jsonb, policy text, automatic boolean, maintenance_window text, source text, rule jsonb, held text)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_template_rules CONSTANT jsonb := orchestrator.named_rules(p_template_rules, p_deployment);
    v_verdict orchestrator.drift_verdict;
BEGIN
    FOR change IN SELECT c FROM jsonb_array_elements(p_drift) c LOOP
        path := change ->> 'path';
        v_verdict := CASE WHEN (p_kind = 'ConfigMap' AND p_name = p_deployment || '-root')
                            OR (p_state = 'Stopped' AND p_kind IN ('Deployment', 'StatefulSet') AND path = 'spec.replicas')
                          THEN ('Enforce', false, NULL, 'fixed', NULL)::orchestrator.drift_verdict
                          ELSE orchestrator.policy_for(v_template_rules, p_rules, p_default, p_kind, p_name, path) END;
        policy := v_verdict.policy;
        automatic := v_verdict.automatic;
        maintenance_window := v_verdict.maintenance_window;
        source := v_verdict.source;
        rule := v_verdict.rule;
        held := CASE WHEN policy = 'Ignore' THEN 'ignored'
                     WHEN policy = 'Adopt' THEN 'undecided'
                     WHEN change ->> 'reason' = 'rewritten' THEN 'rewritten'
                     WHEN maintenance_window IS NOT NULL AND orchestrator.shut_until(p_deployment_id, maintenance_window) IS NOT NULL THEN 'shut'
                     WHEN orchestrator.contested_until(p_deployment_id, p_kind, p_name, path) IS NOT NULL THEN 'contested' END;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.judge_drift IS 'Each lost path of an object with its policy, and what keeps it from being put back.';
GRANT EXECUTE ON FUNCTION orchestrator.judge_drift TO orchestrator_viewer;
