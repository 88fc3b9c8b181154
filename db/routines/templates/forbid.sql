-- orchestrator.forbid(path, why) -> never returns
-- Refuses by policy, which no parameter and no role can lift.
CREATE OR REPLACE FUNCTION orchestrator.forbid(p_path text, p_why text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.refuse('SO422', 'refused by policy: ' || p_why, p_path,
        'Workloads must satisfy the Pod Security standard "restricted"; change the template.');
END
$$;
COMMENT ON FUNCTION orchestrator.forbid IS 'Refuses by policy.';
