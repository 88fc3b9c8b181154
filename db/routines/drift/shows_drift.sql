-- orchestrator.shows_drift(cluster_id, kind, namespace, name) -> boolean
-- Whether an object that differs does so in more than what is ignored. Asked only of those that differ.
CREATE OR REPLACE FUNCTION orchestrator.shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM orchestrator.judge_object(p_cluster_id, p_kind, p_namespace, p_name) j WHERE j.policy <> 'Ignore')
$$;
COMMENT ON FUNCTION orchestrator.shows_drift IS 'Whether an object differs in more than what is ignored.';
GRANT EXECUTE ON FUNCTION orchestrator.shows_drift TO orchestrator_viewer;
