-- orchestrator.preview_upgrade(id, version, parameters, force) -> jsonb
-- What upgrade() would do with the same, or its refusal; as orchestrator.preview, nothing is written.
CREATE OR REPLACE FUNCTION orchestrator.preview_upgrade(
    id uuid, version integer DEFAULT NULL, parameters jsonb DEFAULT '{}', force boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.upgrade(preview_upgrade.id, preview_upgrade.version, preview_upgrade.parameters, preview_upgrade.force);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;
COMMENT ON FUNCTION orchestrator.preview_upgrade IS 'What upgrade() would do; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.preview_upgrade TO orchestrator_operator;
