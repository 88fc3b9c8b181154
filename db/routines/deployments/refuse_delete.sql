-- orchestrator.refuse_delete() -> trigger
-- A deployment's row outlives it: deleting is a wish that a worker carries out, and its history stays.
CREATE OR REPLACE FUNCTION orchestrator.refuse_delete() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM orchestrator.refuse('SO409', 'deployments are not deleted as rows', 'deployments',
        'UPDATE deployments SET desired_state = ''Deleted'' WHERE …; objects then go in order and the history stays.');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.refuse_delete IS 'Refuses DELETE of deployments.';
CREATE OR REPLACE TRIGGER refuse_delete BEFORE DELETE ON orchestrator.deployments
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.refuse_delete();
CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON orchestrator.deployments
    FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.refuse_delete();
