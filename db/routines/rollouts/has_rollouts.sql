-- orchestrator.has_rollouts() -> boolean
-- Whether there is a rollout for workers to look at. Asked at each look, and nearly always answered by an empty index.
CREATE OR REPLACE FUNCTION orchestrator.has_rollouts() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM orchestrator.rollouts r WHERE r.under_way)
$$;
COMMENT ON FUNCTION orchestrator.has_rollouts IS 'Whether a rollout waits for workers.';
GRANT EXECUTE ON FUNCTION orchestrator.has_rollouts TO orchestrator_worker;
