-- orchestrator.judge_status(id, cluster, state, finalised, generation, applied, slot, pods, objects, missing, drift, contested, undecided, worst,
--     outdated) -> (summary, message, restart_required)
-- First match wins: what was asked for, then what stands in the way, then how the objects are. Messages are for acting on.
-- Takes fields instead of the deployment: a whole row would fetch the spec from its toast table each time.
CREATE OR REPLACE FUNCTION orchestrator.judge_status(
    p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint,
    p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint,
    p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster orchestrator.clusters;
    v_warning text;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.id = p_cluster_id;
    IF p_finalised THEN
        summary := 'Deleted';
        message := CASE WHEN p_objects > 0 THEN 'Deleted; its data is kept and comes back with desired_state Active.' ELSE 'Deleted.' END;
    ELSIF p_slot.quarantined_at IS NOT NULL OR p_slot.last_error_permanent THEN
        summary := 'Error';
        message := p_slot.last_error || CASE WHEN p_slot.quarantined_at IS NOT NULL THEN '; reconcile_now tries once more' ELSE '' END;
    ELSIF p_state = 'Paused' THEN
        summary := 'Paused';
        message := 'Held by request: nothing is changed at the cluster.'
                   || CASE WHEN p_drift IS NOT NULL OR p_missing IS NOT NULL THEN ' Behind it: ' || concat_ws('; ', p_missing, p_drift) || '.' ELSE '' END;
    ELSIF p_state = 'Deleted' THEN
        summary := 'Deleting';
        message := coalesce(CASE WHEN p_slot.deferred_since IS NOT NULL AND v_cluster.unreachable_since IS NOT NULL
                                 THEN orchestrator.waiting_message(p_cluster_id, p_generation) END,
                            'Retrying: ' || p_slot.last_error, format('%s objects and %s pods are still there.', p_objects, p_pods));
    ELSIF p_slot.deferred_since IS NOT NULL AND v_cluster.unreachable_since IS NOT NULL
          AND p_applied < p_generation THEN
        summary := 'Progressing';
        message := orchestrator.waiting_message(p_cluster_id, p_generation);
    ELSIF p_slot.last_error IS NOT NULL THEN
        summary := 'Degraded';
        message := format('Retrying after %s: %s', CASE WHEN p_slot.failures = 1 THEN 'a failure' ELSE p_slot.failures || ' failures' END, p_slot.last_error);
    ELSIF p_applied < p_generation THEN
        summary := 'Progressing';
        message := orchestrator.waiting_message(p_cluster_id, p_generation);
    ELSIF p_contested IS NOT NULL THEN
        -- Nothing goes on until its time has come, and it takes a person to end it.
        summary := 'Degraded';
        message := concat_ws('. ', p_contested, CASE WHEN p_worst[1][1] = 'Degraded' THEN p_worst[1][2] END) || '.';
    ELSIF p_missing IS NOT NULL OR p_drift IS NOT NULL THEN
        summary := 'Progressing';
        message := concat_ws('; ', p_missing, p_drift) || ' and is being put back.';
    ELSIF p_worst[1][1] = 'Degraded' THEN
        summary := 'Degraded';
        message := p_worst[1][2];
    ELSIF p_state = 'Stopped' THEN
        summary := CASE WHEN p_pods > 0 THEN 'Progressing' ELSE 'Stopped' END;
        message := CASE WHEN p_pods > 0 THEN 'Stopping: its pods are still there.' ELSE 'Stopped by request; its data is kept.' END;
    ELSIF p_worst IS NOT NULL THEN
        SELECT format('%s: %s', w.key, w.value ->> 'message') INTO v_warning
          FROM orchestrator.deployment_observed o, jsonb_each(coalesce(o.observed_json -> 'warnings', '{}')) w
         WHERE o.deployment_id = p_id AND w.value ->> 'reason' IN ('FailedCreate', 'ProvisioningFailed', 'FailedMount', 'FailedScheduling')
           AND (w.value ->> 'last_at')::timestamptz > now() - interval '15 minutes'
         ORDER BY (w.value ->> 'last_at')::timestamptz DESC LIMIT 1;
        summary := CASE WHEN v_warning IS NULL THEN 'Progressing' ELSE 'Degraded' END;
        message := coalesce(v_warning, p_worst[1][2]);
    ELSE
        summary := 'Healthy';
        message := 'Everything asked for is running.';
    END IF;
    IF p_undecided IS NOT NULL AND p_state <> 'Deleted' AND NOT p_finalised THEN
        message := message || ' ' || p_undecided;
    END IF;
    -- Not while a newer wish is being carried out, which may be the restart.
    restart_required := p_outdated IS NOT NULL AND p_state = 'Active' AND p_applied = p_generation AND NOT p_finalised;
    IF restart_required THEN
        message := message || format(' A restart is needed for the changes of generation %s.', p_outdated);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.judge_status IS 'Status and message of one deployment.';
