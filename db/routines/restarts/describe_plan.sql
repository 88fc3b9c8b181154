-- orchestrator.describe_plan(plan) -> jsonb
-- What a planned restart waits for, as events tell it.
CREATE OR REPLACE FUNCTION orchestrator.describe_plan(p_plan orchestrator.planned_restarts) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('window', p_plan.in_window, 'when_empty', nullif(p_plan.when_empty, false), 'opens', p_plan.opens,
                                                'only_if_required', p_plan.only_if_required, 'asked_by', p_plan.asked_by))
$$;
COMMENT ON FUNCTION orchestrator.describe_plan IS 'What a planned restart waits for.';
