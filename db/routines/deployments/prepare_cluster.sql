-- orchestrator.prepare_cluster() -> trigger
-- Gives a new cluster its two queues: small interactive changes, and bulk.
CREATE OR REPLACE FUNCTION orchestrator.prepare_cluster() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_queue text;
BEGIN
    FOREACH v_queue IN ARRAY ARRAY[orchestrator.queue_name(NEW.id, 'now'), orchestrator.queue_name(NEW.id, 'bulk')] LOOP
        PERFORM pgmq.create(v_queue);
        -- Claims update every row in place and settles delete it: vacuum early, and leave room for heap-only updates.
        EXECUTE format('ALTER TABLE pgmq.%I SET (fillfactor = 70, autovacuum_vacuum_threshold = 1000, '
                       'autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)', 'q_' || v_queue);
        PERFORM orchestrator.attach_queue(v_queue);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.prepare_cluster IS 'Creates the queues of a new cluster.';
CREATE OR REPLACE TRIGGER prepare_cluster AFTER INSERT ON orchestrator.clusters
    FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_cluster();
