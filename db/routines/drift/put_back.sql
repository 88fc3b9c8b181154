-- orchestrator.put_back(id, paths) -> void
-- A person's decision to have put back what waits or is held: once, whatever the policy, which stays as it is. paths: as the view drift
-- spells them, "Kind/name:path" where several objects have one; what is ignored can be named too. NULL: everything the view shows.
CREATE OR REPLACE FUNCTION orchestrator.put_back(id uuid, paths text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_deployment record;
    v_path text;
    v_objects text;
    v_count bigint;
BEGIN
    PERFORM orchestrator.require_deployment(put_back.id);
    SELECT d.name, d.desired_state INTO v_deployment FROM orchestrator.deployments d WHERE d.id = put_back.id FOR NO KEY UPDATE;
    IF v_deployment.desired_state IN ('Paused', 'Deleted') THEN
        PERFORM orchestrator.refuse('SO409', format('%s is %s', v_deployment.name, lower(v_deployment.desired_state)), 'desired_state',
            'Nothing is put back while it is. Set desired_state to Active first.');
    END IF;
    FOREACH v_path IN ARRAY coalesce(paths, '{}') LOOP
        SELECT count(*), string_agg(f.spelt, ', ' ORDER BY f.spelt) INTO v_count, v_objects
          FROM orchestrator.differences(put_back.id) f WHERE v_path IN (f.path, f.spelt);
        IF v_count = 0 THEN
            PERFORM orchestrator.refuse('SO409', format('nothing differs at %s', v_path), 'paths.' || v_path,
                'It changed meanwhile, or is spelled otherwise: SELECT kind, object, path FROM drift lists what differs.');
        ELSIF v_count > 1 THEN
            PERFORM orchestrator.refuse('SO422', format('several objects differ at %s', v_path), 'paths.' || v_path, 'Say which: ' || v_objects || '.');
        END IF;
    END LOOP;
    -- With what was asked for before and no worker has carried out yet.
    UPDATE orchestrator.deployment_resources r SET enforce_once = ARRAY(SELECT p FROM unnest(r.enforce_once) p UNION SELECT p FROM unnest(f.paths) p ORDER BY 1)
      FROM (SELECT f.kind, f.name, array_agg(f.path) AS paths FROM orchestrator.differences(put_back.id) f
             WHERE CASE WHEN put_back.paths IS NULL THEN f.held IS DISTINCT FROM 'ignored' ELSE f.path = ANY (put_back.paths) OR f.spelt = ANY (put_back.paths) END
             GROUP BY f.kind, f.name) f
     WHERE r.deployment_id = put_back.id AND r.kind = f.kind AND r.name = f.name;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('nothing of %s is to be put back', v_deployment.name), 'paths',
            'Nothing differs, or no path was named: SELECT kind, object, path FROM drift lists what differs.');
    END IF;
    PERFORM orchestrator.request_reconcile(ARRAY[put_back.id], 'put_back', orchestrator.current_actor());
END
$$;
COMMENT ON FUNCTION orchestrator.put_back IS 'Has what waits or is held put back once, whatever its policy.';
GRANT EXECUTE ON FUNCTION orchestrator.put_back TO orchestrator_operator;
