-- orchestrator.drop_old_events(older_than) -> bigint
-- Retention: drops events older than that, never less than a day. Revisions stay.
CREATE OR REPLACE FUNCTION orchestrator.drop_old_events(p_older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM orchestrator.require_everything('events');
    IF p_older_than < interval '1 day' THEN
        PERFORM orchestrator.refuse('SO422', 'events are kept for at least a day', 'older_than', 'Give an interval of a day or more.');
    END IF;
    DELETE FROM orchestrator.deployment_events e WHERE e.created_at < now() - p_older_than;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION orchestrator.drop_old_events IS 'Drops events older than an interval; answers how many.';
GRANT EXECUTE ON FUNCTION orchestrator.drop_old_events TO orchestrator_admin;
