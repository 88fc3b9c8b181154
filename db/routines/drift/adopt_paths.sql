-- orchestrator.adopt_paths(id, paths, seen, automatic) -> bigint generation
-- What adopt() does of a deployment that the caller holds locked, and adopt_automatically() for a rule. See adopt().
CREATE OR REPLACE FUNCTION orchestrator.adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_looks_back CONSTANT integer := 100;  -- generations
    v_now orchestrator.deployments := (SELECT d FROM orchestrator.deployments d WHERE d.id = p_id);
    v_found orchestrator.drift[];
    v_chosen orchestrator.drift[];
    v_row orchestrator.drift;
    v_path text;
    v_count bigint;
    v_name text;
    v_value jsonb;
    v_from jsonb := '{}';
    v_parameters jsonb := '{}';
    v_rendered jsonb;
    v_other record;
    v_limits record;
    v_turns record;
    v_generation bigint;
BEGIN
    SELECT c.contested_after, make_interval(secs => c.contested_within_seconds) AS within INTO v_limits
      FROM orchestrator.clusters c WHERE c.id = v_now.cluster_id;
    -- A watcher writes drift only of deployments that nobody holds, so this stays as it is read.
    v_found := ARRAY(SELECT x FROM orchestrator.drift x WHERE x.deployment_id = p_id ORDER BY x.kind, x.object, x.path);
    SELECT p, count(x.path) INTO v_path, v_count
      FROM unnest(p_paths) p LEFT JOIN unnest(v_found) x ON p IN (x.path, orchestrator.spell_path(x.kind, x.object, x.path))
     GROUP BY p HAVING count(x.path) <> 1 ORDER BY p LIMIT 1;
    IF v_count = 0 THEN
        PERFORM orchestrator.refuse('SO409', format('nothing differs at %s', v_path), v_path,
            'It changed meanwhile, or is spelled otherwise: SELECT kind, object, path FROM drift lists what differs.');
    ELSIF v_count > 1 THEN
        PERFORM orchestrator.refuse('SO422', format('several objects differ at %s', v_path), v_path, 'Say which: ' || (
            SELECT string_agg(orchestrator.spell_path(x.kind, x.object, x.path), ', ') FROM unnest(v_found) x WHERE x.path = v_path) || '.');
    END IF;
    v_chosen := ARRAY(SELECT x FROM unnest(v_found) x
                       WHERE p_paths IS NULL OR x.path = ANY (p_paths) OR orchestrator.spell_path(x.kind, x.object, x.path) = ANY (p_paths));
    IF v_chosen = '{}' THEN
        PERFORM orchestrator.refuse('SO409', format('nothing is to be adopted of %s', v_now.name), 'paths',
            'Nothing differs, or no path was named: SELECT kind, object, path FROM drift lists what differs.');
    ELSIF NOT ARRAY(SELECT x.seen FROM unnest(v_chosen) x) <@ p_seen
          OR (p_paths IS NULL AND NOT p_seen <@ ARRAY(SELECT x.seen FROM unnest(v_chosen) x)) THEN
        PERFORM orchestrator.refuse('SO409', format('it changed meanwhile: what differs of %s is not what was looked at', v_now.name), 'seen',
            'Nothing was adopted. Look at what differs now, and adopt that.');
    END IF;
    FOREACH v_row IN ARRAY v_chosen LOOP
        v_path := orchestrator.spell_path(v_row.kind, v_row.object, v_row.path);
        IF NOT v_row.adoptable THEN
            PERFORM orchestrator.refuse('SO422', format('%s cannot be adopted: %s', v_path, v_row.not_adoptable), v_path,
                (orchestrator.read_back(p_id, v_row.kind, v_row.object, v_row.path)).hint);
        END IF;
        -- By a rule, whoever keeps changing a path would make a generation with each turn. A person's adopt counts anew.
        IF p_automatic THEN
            SELECT count(*), min(t.created_at) AS first_at, max(t.created_at) AS last_at INTO v_turns
              FROM (SELECT v.created_at, v.adopted FROM orchestrator.deployment_revisions v
                     WHERE v.deployment_id = p_id AND v.generation > v_now.generation - c_looks_back AND v.adopted -> 'paths' ? v_path
                     ORDER BY v.generation DESC LIMIT v_limits.contested_after) t
            HAVING bool_and(t.adopted ? 'automatic');
            IF v_turns.count = v_limits.contested_after AND v_turns.last_at - v_turns.first_at <= v_limits.within
               AND greatest(v_turns.last_at, v_row.since) > now() - v_limits.within THEN
                PERFORM orchestrator.refuse('SO409', format('%s was adopted by itself %s times since %s: somebody keeps changing it', v_path, v_turns.count,
                        to_char(v_turns.first_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')), v_path,
                    'Adopt it, put it back, or have a rule ignore it. It is adopted by itself again once it has been quiet for as long as fights count.');
            END IF;
        END IF;
        FOR v_name, v_value IN SELECT key, value -> 'to' FROM jsonb_each(v_row.adopts) LOOP
            IF v_parameters -> v_name <> v_value THEN
                PERFORM orchestrator.refuse('SO422', format('two places ask for different values of %s: %s for %s, %s for %s',
                        v_name, v_from ->> v_name, v_parameters -> v_name, v_path, v_value), v_path,
                    'Adopt one of them; the other then follows it.');
            END IF;
            -- By a rule, two that each want their own value would be adopted in turns, a generation each time, for ever.
            SELECT v.generation, v.adopted -> 'paths' ->> 0 AS path INTO v_other
              FROM orchestrator.deployment_revisions v
              JOIN orchestrator.deployment_revisions b ON b.deployment_id = v.deployment_id AND b.generation = v.generation - 1
             WHERE p_automatic AND v.deployment_id = p_id AND v.generation > v_now.generation - c_looks_back
               AND v.adopted ? 'automatic' AND NOT v.adopted -> 'paths' ? v_path AND v.parameters -> v_name IS DISTINCT FROM b.parameters -> v_name
               AND v.created_at > now() - v_limits.within
             ORDER BY v.generation DESC LIMIT 1;
            IF FOUND THEN
                PERFORM orchestrator.refuse('SO409', format('two places ask for different values of %s: it was just adopted from %s (generation %s), and would be from %s now',
                        v_name, v_other.path, v_other.generation, v_path), v_path,
                    'Adopt it, or put it back, or limit the rule to one of them. It is adopted by itself once the other has been quiet for as long as fights count.');
            END IF;
            v_parameters := v_parameters || jsonb_build_object(v_name, v_value);
            v_from := v_from || jsonb_build_object(v_name, v_path);
        END LOOP;
    END LOOP;
    -- Each gives its value alone; all of them together must as well.
    v_rendered := orchestrator.wanted_manifests(orchestrator.render_program(
        orchestrator.find_program(v_now.template_id, v_now.template_version), v_now.parameters || v_parameters, v_now.name, v_now.namespace, v_now.id),
        v_now.desired_state, v_now.restarted_at);
    FOREACH v_row IN ARRAY v_chosen LOOP
        v_value := orchestrator.manifest_of(v_rendered, v_row.kind, v_row.object);
        IF v_value #> orchestrator.locate(v_value, v_row.path) IS DISTINCT FROM v_row.live THEN
            v_path := orchestrator.spell_path(v_row.kind, v_row.object, v_row.path);
            PERFORM orchestrator.refuse('SO422', format('%s cannot be adopted together with the others: they would change it', v_path), v_path,
                'Adopt them one after the other.');
        END IF;
    END LOOP;
    -- Only for this statement: record_changed_deployments tells of it.
    PERFORM set_config('orchestrator.adopt', (jsonb_build_object(
        'paths', to_jsonb(ARRAY(SELECT orchestrator.spell_path(x.kind, x.object, x.path) FROM unnest(v_chosen) x)),
        'managers', to_jsonb(ARRAY(SELECT DISTINCT coalesce(x.manager, 'unknown') FROM unnest(v_chosen) x ORDER BY 1)))
        || CASE WHEN p_automatic THEN '{"automatic": true}' ELSE '{}' END::jsonb)::text, true);
    UPDATE orchestrator.deployments d SET parameters = d.parameters || v_parameters WHERE d.id = p_id RETURNING d.generation INTO v_generation;
    PERFORM set_config('orchestrator.adopt', '', true);
    PERFORM orchestrator.end_contest(p_id, x.kind, x.object, x.path, 'adopted') FROM unnest(v_chosen) x;
    -- It stands at the cluster as it is wanted now. Taking it over is left to the next apply, which may wait (Paused).
    UPDATE orchestrator.deployment_resources r
       SET drift = left_over.drift, drifted_at = CASE WHEN left_over.drift IS NOT NULL THEN r.drifted_at END
      FROM (SELECT x.kind, x.object, array_agg(x.path) AS paths FROM unnest(v_chosen) x GROUP BY 1, 2) adopted,
           LATERAL (SELECT jsonb_agg(c) FROM orchestrator.deployment_resources o, jsonb_array_elements(o.drift) c
                     WHERE o.deployment_id = p_id AND o.kind = adopted.kind AND o.name = adopted.object
                       AND c ->> 'path' <> ALL (adopted.paths)) left_over (drift)
     WHERE r.deployment_id = p_id AND r.kind = adopted.kind AND r.name = adopted.object;
    RETURN v_generation;
END
$$;
COMMENT ON FUNCTION orchestrator.adopt_paths IS 'Makes what was changed at the cluster what is wanted, asked by a person or by a rule.';
