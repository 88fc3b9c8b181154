-- orchestrator.keep_an_admin() -> void
-- Refuses a change after which nobody could undo it: an enabled admin of everything must remain.
CREATE OR REPLACE FUNCTION orchestrator.keep_an_admin() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Two admins who take each other's rights at the same time must not both find one left.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.keep_an_admin', 0));
    IF NOT EXISTS (SELECT FROM orchestrator.users u WHERE u.role = 'admin' AND u.namespaces IS NULL AND u.disabled_at IS NULL) THEN
        PERFORM orchestrator.refuse('SO409', 'no admin of every namespace would be left', 'role', 'Make another admin first.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.keep_an_admin IS 'Refuses to leave nobody who may manage people.';
