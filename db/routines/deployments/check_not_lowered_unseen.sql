-- orchestrator.check_not_lowered_unseen(template_id, from_version, from_parameters, to_version, to_parameters) -> void
-- The same for a plain UPDATE that moves to another version, of what it does not set itself: whoever writes a value has said which, while
-- a default that is lower comes along unseen. upgrade() and rollback() have judged all of it, or were told to force it: orchestrator.judged.
CREATE OR REPLACE FUNCTION orchestrator.check_not_lowered_unseen(
    p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb
) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_from jsonb;
BEGIN
    IF coalesce(current_setting('orchestrator.judged', true), '') <> '' THEN
        RETURN;
    END IF;
    v_from := orchestrator.effective_parameters(p_template_id, p_from_version, p_from);
    PERFORM orchestrator.check_not_lowered(p_template_id, p_from_version, p_from, p_to_version, p_to || (
        SELECT coalesce(jsonb_object_agg(p.key, v_from -> p.key), '{}') FROM jsonb_each(p_to) p WHERE p.value IS DISTINCT FROM p_from -> p.key));
END
$$;
COMMENT ON FUNCTION orchestrator.check_not_lowered_unseen IS 'Refuses to lower what a template calls neverLower by a move that does not say so.';
