-- orchestrator.hold_user(name) -> void
-- Has a user stay as they are until the transaction ends: what is read after it is what change_user then changes, so that of two
-- who change one user neither undoes what the other did without having seen it.
CREATE OR REPLACE FUNCTION orchestrator.hold_user(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.require_everything('users');
    PERFORM orchestrator.find_user(hold_user.name);
END
$$;
COMMENT ON FUNCTION orchestrator.hold_user IS 'Locks a user for a change in the same transaction.';
GRANT EXECUTE ON FUNCTION orchestrator.hold_user TO orchestrator_admin;
