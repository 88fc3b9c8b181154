-- orchestrator.rollback_refusal(id, generation, force) -> text, NULL if it would not be refused
-- Why rollback() would refuse, found by trying it as a preview does.
CREATE OR REPLACE FUNCTION orchestrator.rollback_refusal(p_id uuid, p_generation bigint, p_force boolean) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
    PERFORM orchestrator.rollback(p_id, p_generation, p_force);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    RETURN NULL;
WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
    RETURN SQLERRM;
END
$$;
COMMENT ON FUNCTION orchestrator.rollback_refusal IS 'Why rollback() would refuse.';
