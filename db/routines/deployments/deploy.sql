-- orchestrator.deploy(name, template, parameters, namespace, cluster, version, state, keep_data, drift_policy, drift_rules) -> uuid
-- Makes a deployment by the names people know: SELECT orchestrator.deploy('lobby', template => 'paper', parameters => '{"memory":"2Gi"}').
CREATE OR REPLACE FUNCTION orchestrator.deploy(
    name text, template text, parameters jsonb DEFAULT '{}', namespace text DEFAULT 'default',
    cluster text DEFAULT NULL, template_version integer DEFAULT NULL, desired_state text DEFAULT 'Active',
    keep_data boolean DEFAULT true, drift_policy text DEFAULT 'Enforce', drift_rules jsonb DEFAULT '[]'
) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_cluster_id integer;
    v_id uuid;
    v_constraint text;
BEGIN
    SELECT t.id INTO v_template_id FROM orchestrator.templates t WHERE t.name = deploy.template LIMIT 1;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no template "%s"', deploy.template), 'template', 'Known: ' || coalesce((
            SELECT string_agg(DISTINCT t.name, ', ') FROM orchestrator.templates t), 'none; load some with: orchestrator templates load') || '.');
    END IF;
    IF deploy.cluster IS NOT NULL THEN
        SELECT c.id INTO v_cluster_id FROM orchestrator.clusters c WHERE c.name = deploy.cluster;
        IF NOT FOUND THEN
            PERFORM orchestrator.refuse('SO404', format('there is no cluster "%s"', deploy.cluster), 'cluster',
                'Known: ' || (SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM orchestrator.clusters c) || '.');
        END IF;
    END IF;
    INSERT INTO orchestrator.deployments (name, cluster_id, namespace, template_id, template_version, parameters, desired_state, keep_data, drift_policy, drift_rules)
    VALUES (deploy.name, v_cluster_id, deploy.namespace, v_template_id, deploy.template_version, deploy.parameters,
            deploy.desired_state, deploy.keep_data, deploy.drift_policy, deploy.drift_rules)
    RETURNING id INTO v_id;
    RETURN v_id;
EXCEPTION WHEN unique_violation THEN
    -- Two sessions at once: neither saw the other's name, and the index decided.
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    IF v_constraint <> 'deployments_name_is_unique' THEN
        RAISE;
    END IF;
    PERFORM orchestrator.refuse('SO409', format('a deployment %s/%s exists', deploy.namespace, deploy.name), 'name',
        'Choose another name, or change the one there is.');
END
$$;
COMMENT ON FUNCTION orchestrator.deploy IS 'Makes a deployment from a template by name; answers its id.';
GRANT EXECUTE ON FUNCTION orchestrator.deploy TO orchestrator_operator;
GRANT EXECUTE ON FUNCTION orchestrator.refuse TO orchestrator_operator;
