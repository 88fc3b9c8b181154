-- orchestrator.require_kept(xid, id) -> true
-- Refuses a place in the history behind which events were dropped: who goes on from there would miss them without knowing. (0, 0) is
-- the beginning of what there is, whatever was before. Exact for the whole history: a place before the last that was dropped has
-- missed that one at least.
CREATE OR REPLACE FUNCTION orchestrator.require_kept(p_xid xid8, p_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (p_xid, p_id) <> ('0', 0) AND EXISTS (SELECT FROM orchestrator.dropped_events d WHERE (d.xid, d.id) > (p_xid, p_id)) THEN
        PERFORM orchestrator.refuse('SO410', 'events after this place were dropped meanwhile: they are kept for a time only', 'after',
            'Read the present state, then follow from now. What is left of the history is told from its start.');
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION orchestrator.require_kept IS 'Refuses a place in the history from which events are missing.';
GRANT EXECUTE ON FUNCTION orchestrator.require_kept TO orchestrator_viewer;
