-- orchestrator.policy_for(template_rules, deployment_rules, default, kind, name, path) -> drift_verdict
-- What becomes of a change from outside at one path of one object. A rule is {"kind"?, "name"?, "path"?, "policy", "automatic"?}: it
-- holds for its path and all below it, without a path for the whole object, its existence included. The most specific rule
-- decides: more literal steps, then a name, then a kind; of equals the deployment's over the template's, then the later one.
-- The object itself (path '') cannot be adopted: where it is gone, Adopt puts it back.
CREATE OR REPLACE FUNCTION orchestrator.policy_for(
    p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text
) RETURNS orchestrator.drift_verdict
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_steps text[];
    v_verdict orchestrator.drift_verdict;
BEGIN
    v_verdict.policy := p_default;
    v_verdict.automatic := false;
    v_verdict.source := 'default';
    -- Nearly always there are none.
    IF p_template_rules <> '[]' OR p_deployment_rules <> '[]' THEN
        v_steps := orchestrator.path_steps(p_path);
        SELECT r.rule ->> 'policy', coalesce((r.rule ->> 'automatic')::boolean, false), r.rule ->> 'window', r.source, r.rule INTO v_verdict
          FROM (SELECT rule, 'template' AS source, place FROM jsonb_array_elements(p_template_rules) WITH ORDINALITY t (rule, place)
                UNION ALL
                SELECT rule, 'deployment', place FROM jsonb_array_elements(p_deployment_rules) WITH ORDINALITY t (rule, place)) r
         CROSS JOIN LATERAL (SELECT orchestrator.path_steps(coalesce(r.rule ->> 'path', '')) AS steps) p
         WHERE coalesce(r.rule ->> 'kind', p_kind) = p_kind AND coalesce(r.rule ->> 'name', p_name) = p_name
           AND orchestrator.path_fits(p.steps, v_steps)
         ORDER BY (SELECT count(*) FROM unnest(p.steps) step WHERE strpos(step, '*') = 0) DESC, r.rule ? 'name' DESC, r.rule ? 'kind' DESC,
                  r.source = 'deployment' DESC, r.place DESC
         LIMIT 1;
        IF NOT FOUND THEN
            v_verdict := (p_default, false, NULL, 'default', NULL)::orchestrator.drift_verdict;
        END IF;
    END IF;
    IF p_path = '' AND v_verdict.policy = 'Adopt' THEN
        v_verdict.policy := 'Enforce';
    END IF;
    RETURN v_verdict;
END
$$;
COMMENT ON FUNCTION orchestrator.policy_for IS 'What becomes of a change from outside at one path of one object, and the rule that says so.';
GRANT EXECUTE ON FUNCTION orchestrator.policy_for TO orchestrator_viewer;
