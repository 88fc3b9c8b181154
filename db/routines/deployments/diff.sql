-- orchestrator.diff(id, from, to) -> setof (field, title, was, becomes, was_default, becomes_default)
-- What differs between two generations of a deployment, field by field. A parameter that is left out has its template's default,
-- so a move to another version shows the defaults that moved with it. `from` is the generation before `to` if left out.
CREATE OR REPLACE FUNCTION orchestrator.diff(p_id uuid, p_from bigint, p_to bigint)
RETURNS TABLE (field text, title text, was jsonb, becomes jsonb, was_default boolean, becomes_default boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before orchestrator.deployment_revisions;
    v_after orchestrator.deployment_revisions;
    v_from bigint := coalesce(p_from, p_to - 1);
    v_was jsonb;
    v_becomes jsonb;
BEGIN
    SELECT * INTO v_before FROM orchestrator.deployment_revisions r WHERE r.deployment_id = p_id AND r.generation = v_from;
    SELECT * INTO v_after FROM orchestrator.deployment_revisions r WHERE r.deployment_id = p_id AND r.generation = p_to;
    IF v_after.generation IS NULL OR (v_before.generation IS NULL AND v_from <> 0) THEN
        PERFORM orchestrator.refuse('SO404', format('deployment %s has no generation %s', p_id, CASE WHEN v_after.generation IS NULL THEN p_to ELSE v_from END),
            'generation', 'SELECT generation FROM deployment_revisions WHERE deployment_id = … lists them.');
    END IF;
    v_was := orchestrator.effective_parameters(v_before.template_id, v_before.template_version, v_before.parameters);
    v_becomes := orchestrator.effective_parameters(v_after.template_id, v_after.template_version, v_after.parameters);
    RETURN QUERY
    SELECT f.field, coalesce(t.allowed_mutations_json #>> ARRAY['properties', f.name, 'title'], f.name), f.was, f.becomes,
           coalesce(NOT v_before.parameters ? f.name, false) AND f.field <> f.name, NOT v_after.parameters ? f.name AND f.field <> f.name
      FROM (SELECT 'parameters.' || k, k, v_was -> k, v_becomes -> k, v_before.parameters -> k IS DISTINCT FROM v_after.parameters -> k
              FROM jsonb_object_keys(coalesce(v_was, '{}') || v_becomes) k
            UNION ALL SELECT 'desired_state', 'desired_state', to_jsonb(v_before.desired_state), to_jsonb(v_after.desired_state), false
            UNION ALL SELECT 'template_version', 'template_version', to_jsonb(v_before.template_version), to_jsonb(v_after.template_version), false
            UNION ALL SELECT 'drift_policy', 'drift_policy', to_jsonb(v_before.drift_policy), to_jsonb(v_after.drift_policy), false
            UNION ALL SELECT 'drift_rules', 'drift_rules', v_before.drift_rules, v_after.drift_rules, false
            UNION ALL SELECT 'keep_data', 'keep_data', to_jsonb(v_before.keep_data), to_jsonb(v_after.keep_data), false
            UNION ALL SELECT 'restarted_at', 'restarted_at', to_jsonb(v_before.restarted_at), to_jsonb(v_after.restarted_at), false
      ) f (field, name, was, becomes, rewritten)
      LEFT JOIN orchestrator.templates t ON t.id = v_after.template_id AND t.version = v_after.template_version
     WHERE f.was IS DISTINCT FROM f.becomes OR f.rewritten
     ORDER BY f.field = f.name DESC, f.field;
END
$$;
COMMENT ON FUNCTION orchestrator.diff IS 'What differs between two generations of a deployment.';
GRANT EXECUTE ON FUNCTION orchestrator.diff TO orchestrator_viewer;
GRANT EXECUTE ON FUNCTION orchestrator.refuse TO orchestrator_viewer;
