-- orchestrator.preview_adopt(id, paths, generation, seen) -> jsonb
-- What adopt() would do with the same, or its refusal; as orchestrator.preview, nothing is written.
CREATE OR REPLACE FUNCTION orchestrator.preview_adopt(id uuid, paths text[] DEFAULT NULL, generation bigint DEFAULT NULL, seen text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.adopt(preview_adopt.id, preview_adopt.paths, preview_adopt.generation, preview_adopt.seen);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;
COMMENT ON FUNCTION orchestrator.preview_adopt IS 'What adopt() would do; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.preview_adopt TO orchestrator_operator;
