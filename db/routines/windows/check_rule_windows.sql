-- orchestrator.check_rule_windows(rules, namespace) -> void
-- Refuses drift rules that name a window there is not: to a deployment its namespace's or everybody's, to a template everybody's only.
CREATE OR REPLACE FUNCTION orchestrator.check_rule_windows(p_rules jsonb, p_namespace text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rule jsonb;
    v_place bigint;
BEGIN
    IF p_rules = '[]' THEN
        RETURN;
    END IF;
    FOR v_rule, v_place IN SELECT rule, place - 1 FROM jsonb_array_elements(p_rules) WITH ORDINALITY t (rule, place) WHERE rule ? 'window' LOOP
        IF NOT EXISTS (SELECT FROM orchestrator.maintenance_windows w
                        WHERE w.name = v_rule ->> 'window' AND (w.namespace IS NULL OR w.namespace = p_namespace)) THEN
            PERFORM orchestrator.refuse('SO422', format('there is no window "%s"%s', v_rule ->> 'window', coalesce(' for the namespace ' || p_namespace, ' of every namespace')),
                format('drift_rules.%s.window', v_place),
                coalesce((SELECT format('There are: %s.', string_agg(w.name, ', ' ORDER BY w.name)) FROM orchestrator.maintenance_windows w
                           WHERE w.namespace IS NULL OR w.namespace = p_namespace),
                         'There is none yet: an admin inserts one into maintenance_windows.'));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.check_rule_windows IS 'Refuses drift rules that name a window there is not.';
