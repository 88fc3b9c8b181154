-- orchestrator.preview_rollback(id, generation, force) -> jsonb
-- What rollback() would do with the same, or its refusal; as orchestrator.preview, nothing is written.
CREATE OR REPLACE FUNCTION orchestrator.preview_rollback(id uuid, generation bigint, force boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.rollback(preview_rollback.id, preview_rollback.generation, preview_rollback.force);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;
COMMENT ON FUNCTION orchestrator.preview_rollback IS 'What rollback() would do; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.preview_rollback TO orchestrator_operator;
