-- orchestrator.check_restart(name, state, before, asked) -> timestamptz
-- When a restart that was asked for counts as asked: now, by the clock, and always after the one before it. Refuses what cannot restart.
CREATE OR REPLACE FUNCTION orchestrator.check_restart(p_name text, p_state text, p_before timestamptz, p_asked timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_state <> 'Active' THEN
        PERFORM orchestrator.refuse('SO409', format('%s is %s and cannot restart', p_name, p_state), 'restarted_at', CASE p_state
            WHEN 'Stopped' THEN 'Set desired_state to Active: it starts with all that was changed.'
            WHEN 'Paused' THEN 'Set desired_state to Active first, or in the same statement: while it is Paused nothing is changed at the cluster.'
            ELSE 'Set desired_state to Active to bring it back: what was deleted has nothing to restart.' END);
    ELSIF p_asked IS NULL THEN
        PERFORM orchestrator.refuse('SO422', 'a restart cannot be taken back', 'restarted_at', 'Set it to now() to restart once more, or leave it as it is.');
    ELSIF p_asked > clock_timestamp() + interval '1 minute' THEN
        PERFORM orchestrator.refuse('SO422', 'a restart happens at once, not at a time to come', 'restarted_at', 'Set it to now() when it should happen.');
    END IF;
    RETURN greatest(clock_timestamp(), p_before + interval '1 microsecond');
END
$$;
COMMENT ON FUNCTION orchestrator.check_restart IS 'The time of a restart that was asked for.';
