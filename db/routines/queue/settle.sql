-- orchestrator.settle(settlement) -> text 'settled' | 'lost'
-- Ends one reconciliation in one transaction: events, inventory, status, and what the queue does next. 'lost' changes nothing.
-- settlement: {deployment_id, queue, msg_id, token, seen, generation, outcome, error, permanent, retry_seconds, look_again_seconds,
--              resources[], pruned[], restarted[], events[]}; outcome is succeeded | held | failed | deferred | finalised.
-- Generic plans: Postgres takes an array of ids for ten rows, and would plan anew at each call for the one there is.
-- Nested loops only: Postgres takes a JSON document for a hundred rows and a function for a thousand, and would read whole
-- tables to look up the one there is.
CREATE OR REPLACE FUNCTION orchestrator.settle(p_settlement jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_id uuid := p_settlement ->> 'deployment_id';
    v_outcome text := p_settlement ->> 'outcome';
    v_generation bigint := p_settlement ->> 'generation';
BEGIN
    IF NOT orchestrator.end_lease(p_settlement) THEN
        RETURN 'lost';
    END IF;
    -- Events first: drift that the watcher has told of already is not told again by the worker that met it.
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT v_id, v_generation, 'reconciler', e ->> 'type', coalesce(e -> 'data', '{}'), 'orchestrator'
      FROM jsonb_array_elements(p_settlement -> 'events') e
     WHERE e ->> 'type' <> 'ResourceModifiedExternally' OR NOT EXISTS (
           SELECT FROM orchestrator.deployment_resources r
            WHERE r.deployment_id = v_id AND r.kind = e #>> '{data,kind}' AND r.name = e #>> '{data,name}' AND r.drift IS NOT NULL);
    PERFORM orchestrator.record_inventory(v_id, v_generation, p_settlement -> 'resources', p_settlement -> 'pruned');
    IF p_settlement @? '$.resources[*].put_back[0]' THEN
        PERFORM orchestrator.record_put_backs(v_id, v_generation, p_settlement -> 'resources');
    END IF;
    IF p_settlement @? '$.restarted[0]' THEN
        -- What was just deleted is not well until the watcher has seen its successor.
        UPDATE orchestrator.deployment_resources r
           SET health = 'Progressing', reason = 'Terminating', message = 'It is being restarted.'
          FROM jsonb_to_recordset(p_settlement -> 'restarted') AS p (namespace text, name text, uid text)
         WHERE r.deployment_id = v_id AND r.kind = 'Pod' AND r.namespace = p.namespace AND r.name = p.name AND r.uid = p.uid;
    END IF;
    IF v_outcome = 'finalised' THEN
        PERFORM orchestrator.finalise(v_id, v_generation);
    END IF;
    PERFORM orchestrator.schedule_next(p_settlement);
    PERFORM orchestrator.refresh_status(ARRAY[v_id], CASE v_outcome WHEN 'succeeded' THEN v_generation END);
    RETURN 'settled';
END
$$;
COMMENT ON FUNCTION orchestrator.settle IS 'Ends one reconciliation, if its lease is still held.';
GRANT EXECUTE ON FUNCTION orchestrator.settle TO orchestrator_worker;
-- What end_lease replaced; here, because nothing calls it any more once this file is applied.
DROP FUNCTION IF EXISTS orchestrator.hold_lease(jsonb);
