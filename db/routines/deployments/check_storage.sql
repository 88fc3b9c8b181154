-- orchestrator.check_storage(before, after) -> void
-- Refuses a change that Kubernetes would refuse for a claim, or that would leave data behind: losing a world is the one unforgivable fault.
CREATE OR REPLACE FUNCTION orchestrator.check_storage(p_before jsonb, p_after jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_claims CONSTANT jsonpath := '$[*] ? (@.kind == "PersistentVolumeClaim")';
    v_old jsonb;
    v_new jsonb;
    v_at text;
BEGIN
    -- Nearly no change reaches a claim, and finding that out is cheaper than going through them.
    IF jsonb_path_query_array(p_before, c_claims) = jsonb_path_query_array(p_after, c_claims) THEN
        RETURN;
    END IF;
    FOR v_old IN SELECT e FROM jsonb_array_elements(p_before) e WHERE e ->> 'kind' = 'PersistentVolumeClaim' LOOP
        v_at := format('PersistentVolumeClaim/%s', v_old -> 'metadata' ->> 'name');
        SELECT e INTO v_new FROM jsonb_array_elements(p_after) e
         WHERE e ->> 'kind' = 'PersistentVolumeClaim' AND e -> 'metadata' -> 'name' = v_old -> 'metadata' -> 'name';
        CONTINUE WHEN v_new -> 'spec' = v_old -> 'spec';
        IF v_new IS NULL THEN
            PERFORM orchestrator.refuse('SO409', 'the change would leave the data claim behind', v_at,
                'The kind of storage cannot change. Make a new deployment and move the data.');
        ELSIF (v_new -> 'spec') #- '{resources,requests,storage}' <> (v_old -> 'spec') #- '{resources,requests,storage}' THEN
            PERFORM orchestrator.refuse('SO409', 'the kind of storage cannot change', v_at || '.spec',
                'Only its size may grow. Make a new deployment and move the data.');
        ELSIF orchestrator.quantity(v_new #>> '{spec,resources,requests,storage}') IS NULL THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" is no quantity', v_new #>> '{spec,resources,requests,storage}'),
                v_at || '.spec.resources.requests.storage', 'Write a number with a unit, as in 20Gi.');
        ELSIF orchestrator.quantity(v_new #>> '{spec,resources,requests,storage}') < orchestrator.quantity(v_old #>> '{spec,resources,requests,storage}') THEN
            PERFORM orchestrator.refuse('SO409', 'storage cannot shrink', v_at || '.spec.resources.requests.storage',
                format('Keep at least %s.', v_old #>> '{spec,resources,requests,storage}'));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.check_storage IS 'Refuses changes of a data claim other than growth.';
