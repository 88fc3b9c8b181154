-- orchestrator.waiting_message(cluster_id, generation) -> text
-- Why a changed deployment has not been applied yet.
CREATE OR REPLACE FUNCTION orchestrator.waiting_message(p_cluster_id integer, p_generation bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN c.unreachable_since IS NULL THEN format('Generation %s waits for a worker.', p_generation)
                ELSE format('Generation %s waits: the cluster is not reachable (%s).', p_generation, c.unreachable_reason) END
    FROM orchestrator.clusters c WHERE c.id = p_cluster_id
$$;
COMMENT ON FUNCTION orchestrator.waiting_message IS 'Says what a changed deployment waits for.';
