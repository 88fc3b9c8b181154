-- orchestrator.carry_out_restarts(cluster_id, at, limit) -> double precision
-- Looks at the planned restarts that are due, and answers the seconds until the next is (NULL: none waits for a time). Whoever holds
-- a deployment is passed over: it is looked at again a second later. Called by promote.
CREATE OR REPLACE FUNCTION orchestrator.carry_out_restarts(p_cluster_id integer, p_at timestamptz DEFAULT now(), p_limit integer DEFAULT 100) RETURNS double precision
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_due CONSTANT double precision := (
        SELECT extract(epoch FROM p.due - p_at) FROM orchestrator.planned_restarts p
         WHERE p.cluster_id = p_cluster_id AND p.state = 'planned' AND p.due IS NOT NULL ORDER BY p.due LIMIT 1);
    v_id uuid;
BEGIN
    IF v_due IS NULL OR v_due > 0 THEN
        RETURN v_due;
    END IF;
    FOR v_id IN
        SELECT d.id FROM orchestrator.planned_restarts p JOIN orchestrator.deployments d ON d.id = p.deployment_id
         WHERE p.cluster_id = p_cluster_id AND p.state = 'planned' AND p.due <= p_at
         ORDER BY p.due LIMIT p_limit FOR NO KEY UPDATE OF d SKIP LOCKED
    LOOP
        BEGIN
            PERFORM orchestrator.carry_out_restart(v_id, p_at);
        EXCEPTION WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
            -- One that is refused must not hold up the others.
            PERFORM orchestrator.end_planned_restart(v_id, 'missed', SQLERRM);
        END;
    END LOOP;
    RETURN (SELECT greatest(extract(epoch FROM p.due - p_at), 1) FROM orchestrator.planned_restarts p
             WHERE p.cluster_id = p_cluster_id AND p.state = 'planned' AND p.due IS NOT NULL ORDER BY p.due LIMIT 1);
END
$$;
COMMENT ON FUNCTION orchestrator.carry_out_restarts IS 'Carries out the restarts that are due.';
