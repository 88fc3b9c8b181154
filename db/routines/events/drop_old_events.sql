-- orchestrator.drop_old_events(older_than, limit) -> bigint
-- Retention: drops events older than that, never less than a day, and answers how many; again until it answers 0. Revisions stay.
-- Up to where is kept, so that nobody reads on from before it unawares (require_kept).
-- Takes the oldest by the order of transactions, for which there is an index: one by age would cost every step of every run a write.
CREATE OR REPLACE FUNCTION orchestrator.drop_old_events(p_older_than interval, p_limit integer DEFAULT 10000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM orchestrator.require_everything('events');
    IF p_older_than < interval '1 day' THEN
        PERFORM orchestrator.refuse('SO422', 'events are kept for at least a day', 'older_than', 'Give an interval of a day or more.');
    END IF;
    -- By their places, which nothing changes: history is not rewritten.
    WITH dropped AS (
        DELETE FROM orchestrator.deployment_events e WHERE e.ctid = ANY (ARRAY(
            SELECT o.ctid FROM (SELECT f.ctid, f.created_at FROM orchestrator.deployment_events f ORDER BY f.xid, f.id LIMIT p_limit) o
             WHERE o.created_at < now() - p_older_than))
        RETURNING e.xid, e.id
    ), noted AS (
        INSERT INTO orchestrator.dropped_events AS n (xid, id) SELECT g.xid, g.id FROM dropped g ORDER BY g.xid DESC, g.id DESC LIMIT 1
            ON CONFLICT (only_one) DO UPDATE SET xid = excluded.xid, id = excluded.id WHERE (excluded.xid, excluded.id) > (n.xid, n.id)
    )
    SELECT count(*) INTO v_count FROM dropped;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION orchestrator.drop_old_events IS 'Drops events older than an interval, the oldest first; answers how many. Call it until it answers 0.';
GRANT EXECUTE ON FUNCTION orchestrator.drop_old_events TO orchestrator_admin;
