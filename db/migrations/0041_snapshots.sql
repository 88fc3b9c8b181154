-- How old the oldest snapshot is shows only to who may read all statistics. Whoever migrates may not be able to grant that: then the
-- metric is left out, and a superuser can grant it later.
DO $$
BEGIN
    BEGIN
        SET LOCAL ROLE NONE;
        GRANT pg_read_all_stats TO orchestrator_owner;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE 'orchestrator_oldest_snapshot_seconds will not be shown; for that: GRANT pg_read_all_stats TO orchestrator_owner';
    END;
    SET LOCAL ROLE orchestrator_owner;
END
$$;
