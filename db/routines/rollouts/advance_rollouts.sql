-- orchestrator.advance_rollouts() -> integer
-- Carries rollouts on as far as they may go now; answers how many it looked at. Any worker may call it at any time, of whichever
-- cluster: each rollout is looked at by one at a time, and what dies half-way is undone whole.
CREATE OR REPLACE FUNCTION orchestrator.advance_rollouts() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rollout orchestrator.rollouts;
    v_count integer := 0;
BEGIN
    -- One that was advanced just now is looked at again by whoever comes next: so many workers share many rollouts.
    FOR v_rollout IN SELECT * FROM orchestrator.rollouts r WHERE r.under_way ORDER BY r.id FOR NO KEY UPDATE SKIP LOCKED LOOP
        PERFORM orchestrator.advance_rollout(v_rollout);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION orchestrator.advance_rollouts IS 'Carries rollouts on; answers how many it looked at.';
GRANT EXECUTE ON FUNCTION orchestrator.advance_rollouts TO orchestrator_worker;
