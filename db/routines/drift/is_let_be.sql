-- orchestrator.is_let_be(cluster_id, kind, namespace, name) -> boolean
-- Whether an object that is gone, or that another has made anew, is left so: a rule without a path, or the deployment, ignores it.
CREATE OR REPLACE FUNCTION orchestrator.is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM orchestrator.judge_object(p_cluster_id, p_kind, p_namespace, p_name) j WHERE j.path = '' AND j.held = 'ignored')
$$;
COMMENT ON FUNCTION orchestrator.is_let_be IS 'Whether an object that is gone is left so.';
