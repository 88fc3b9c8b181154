-- orchestrator.describe_drift(cluster_id, kind, namespace, name) -> text[] {missing, put back, held}
-- What a status says of an object that differs: that it is gone and made again; that it was changed and is put back; what waits, and
-- for what. NULL for each that is not so; what is ignored is not told.
CREATE OR REPLACE FUNCTION orchestrator.describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY[
        min(format('%s %s was %s from outside', p_kind, p_name, CASE j.change ->> 'live' WHEN 'missing' THEN 'deleted' ELSE 'replaced' END))
            FILTER (WHERE j.path = '' AND j.held IS NULL),
        (array_agg(format('%s %s was changed by %s', p_kind, p_name, coalesce(j.change ->> 'manager', 'another')))
            FILTER (WHERE j.path <> '' AND j.held IS NULL))[1],
        (array_agg(format('%s of %s %s was changed by %s and %s', coalesce(nullif(j.path, ''), 'The existence'), p_kind, p_name,
                          coalesce(j.change ->> 'manager', CASE j.held WHEN 'rewritten' THEN 'the cluster itself' ELSE 'another' END),
                          CASE j.held WHEN 'undecided' THEN 'waits for a decision: adopt it, or put it back.'
                                      WHEN 'rewritten' THEN 'cannot be put back: an admission webhook changes it in each write. Adopt or ignore it, or change the webhook and put it back.'
                                      ELSE format('is put back once the window %s opens.', j.maintenance_window) END))
            -- What is contested has words of its own: describe_contests.
            FILTER (WHERE j.held IN ('undecided', 'shut', 'rewritten')))[1]]
      FROM orchestrator.judge_object(p_cluster_id, p_kind, p_namespace, p_name) j
$$;
COMMENT ON FUNCTION orchestrator.describe_drift IS 'What a status says of an object that differs.';
