-- orchestrator.check_drift_rules(rules, of_template) -> void
-- Refuses rules that could not be meant as they are written, naming the first: drift_rules.<n>.<key>, counted from 0.
CREATE OR REPLACE FUNCTION orchestrator.check_drift_rules(p_rules jsonb, p_of_template boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_most CONSTANT integer := 100;
    c_keys CONSTANT text[] := ARRAY['kind', 'name', 'path', 'policy', 'automatic', 'window'];
    v_rule jsonb;
    v_at text;
    v_key text;
BEGIN
    IF p_rules IS NULL OR jsonb_typeof(p_rules) <> 'array' THEN
        PERFORM orchestrator.refuse('SO422', 'drift rules are a list', 'drift_rules', 'Write [] for none, or [{"path": "spec.replicas", "policy": "Ignore"}].');
    ELSIF jsonb_array_length(p_rules) > c_most THEN
        PERFORM orchestrator.refuse('SO422', format('%s drift rules are too many', jsonb_array_length(p_rules)), 'drift_rules',
            format('At most %s: a pattern with * takes the place of many.', c_most));
    END IF;
    FOR v_rule, v_at IN SELECT rule, format('drift_rules.%s', place - 1) FROM jsonb_array_elements(p_rules) WITH ORDINALITY t (rule, place) LOOP
        IF jsonb_typeof(v_rule) <> 'object' THEN
            PERFORM orchestrator.refuse('SO422', format('%s is no drift rule', v_rule), v_at, 'Write {"path": "spec.replicas", "policy": "Ignore"}.');
        END IF;
        FOR v_key IN SELECT jsonb_object_keys(v_rule) LOOP
            IF v_key <> ALL (c_keys) THEN
                PERFORM orchestrator.refuse('SO422', format('a drift rule has no "%s"', v_key), v_at || '.' || v_key,
                    'Allowed: ' || array_to_string(c_keys, ', ') || '.');
            ELSIF jsonb_typeof(v_rule -> v_key) <> (CASE v_key WHEN 'automatic' THEN 'boolean' ELSE 'string' END) THEN
                PERFORM orchestrator.refuse('SO422', format('%s of a drift rule must be %s', v_key, CASE v_key WHEN 'automatic' THEN 'true or false' ELSE 'text' END),
                    v_at || '.' || v_key, 'Leave it out if the rule is not limited by it.');
            END IF;
        END LOOP;
        IF NOT v_rule ? 'policy' OR v_rule ->> 'policy' NOT IN ('Enforce', 'Adopt', 'Ignore') THEN
            PERFORM orchestrator.refuse('SO422', CASE WHEN v_rule ? 'policy' THEN format('"%s" is no drift policy', v_rule ->> 'policy') ELSE 'a drift rule needs a policy' END,
                v_at || '.policy', 'Allowed: Enforce, Adopt, Ignore.');
        ELSIF v_rule ->> 'kind' <> ALL (orchestrator.allowed_kinds()) THEN
            PERFORM orchestrator.refuse('SO422', format('no template holds a %s', v_rule ->> 'kind'), v_at || '.kind',
                'Allowed: ' || array_to_string(orchestrator.allowed_kinds(), ', ') || '.');
        ELSIF p_of_template AND v_rule ? 'name' AND v_rule ->> 'name' !~ '^\$\{name\}[a-z0-9.-]*$' THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" names no object of this template', v_rule ->> 'name'), v_at || '.name',
                'Begin it with ${name}, as the names of the template''s objects do.');
        ELSIF NOT p_of_template AND v_rule ? 'name' AND v_rule ->> 'name' !~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" names no object', v_rule ->> 'name'), v_at || '.name',
                'Write the name of the object at the cluster: small letters, digits, - and dots.');
        ELSIF v_rule ? 'automatic' AND v_rule ->> 'policy' <> 'Adopt' THEN
            PERFORM orchestrator.refuse('SO422', 'only what is adopted can be adopted automatically', v_at || '.automatic', 'Leave it out, or make the policy Adopt.');
        ELSIF v_rule ? 'window' AND v_rule ->> 'policy' <> 'Enforce' THEN
            PERFORM orchestrator.refuse('SO422', 'only what is put back can wait for a window', v_at || '.window', 'Leave it out, or make the policy Enforce.');
        END IF;
        IF v_rule ? 'path' THEN
            PERFORM orchestrator.check_path(v_rule ->> 'path', v_at || '.path');
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.check_drift_rules IS 'Refuses drift rules that could not be meant as they are written.';
