-- orchestrator.adopt_automatically(ids) -> void
-- Adopts what waits under a rule {"policy": "Adopt", "automatic": true}: all of it of one deployment, or none. What is refused waits for
-- a person, and an event says why: once for a generation, path and code, whatever value stands there meanwhile. What is Paused is held: its drift waits, and is looked at again once it is resumed. The caller holds the deployments locked: every report of drift asks, and nearly all
-- have no such rule.
CREATE OR REPLACE FUNCTION orchestrator.adopt_automatically(p_ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id uuid;
    v_generation bigint;
    v_paths text[];
    v_managers text[];
    v_code text;
    v_refusal text;
    v_at text;
    v_hint text;
BEGIN
    FOR v_id, v_generation, v_paths, v_managers IN
        SELECT d.id, d.generation, array_agg(orchestrator.spell_path(r.kind, r.name, f.path) ORDER BY r.kind, r.name, f.path),
               array_agg(DISTINCT coalesce(f.change ->> 'manager', 'unknown') ORDER BY coalesce(f.change ->> 'manager', 'unknown'))
          FROM orchestrator.deployments d
          JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
          JOIN orchestrator.deployment_resources r ON r.deployment_id = d.id
         CROSS JOIN LATERAL orchestrator.judge_drift(
               d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, r.kind, r.name, r.drift) f
         WHERE d.id = ANY (p_ids) AND d.desired_state NOT IN ('Paused', 'Deleted') AND r.drift IS NOT NULL AND f.policy = 'Adopt' AND f.automatic
           AND (d.drift_rules @> '[{"automatic": true}]' OR t.drift_rules_json @> '[{"automatic": true}]')
         GROUP BY d.id, d.generation
    LOOP
        BEGIN
            PERFORM orchestrator.adopt_paths(v_id, v_paths, NULL, true);
        EXCEPTION WHEN SQLSTATE 'SO422' OR SQLSTATE 'SO409' THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_refusal = MESSAGE_TEXT, v_at = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT;
            INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
            SELECT v_id, v_generation, 'system', 'AdoptionRefused', jsonb_build_object(
                       'paths', v_paths, 'managers', v_managers, 'reason', v_refusal, 'path', v_at, 'hint', v_hint, 'code', v_code),
                   'adopt:' || array_to_string(v_managers, ', adopt:')
             WHERE NOT EXISTS (SELECT FROM orchestrator.deployment_events e
                                WHERE e.deployment_id = v_id AND e.type = 'AdoptionRefused' AND e.generation = v_generation
                                  AND e.data_json @> jsonb_build_object('path', v_at, 'code', v_code));
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.adopt_automatically IS 'Adopts what rules say is adopted by itself.';
