-- orchestrator.plan(id) -> setof (step, kind, name, action, path, live, wanted, restart, reason)
-- What the next reconciliation would do to each object, judged as a worker judges it, against what was last applied and last seen:
-- one row a changed path, one for an object that comes, goes or stays. Reads only, so BEGIN; UPDATE …; SELECT * FROM plan(id);
-- ROLLBACK tells what an UPDATE would do.
-- step: the order of objects. action: create | change | replace | prune | none. live and wanted are NULL where there is nothing; '"present"'
-- and the like for an object as a whole; values of Secrets never. restart: needed (its pods keep the old settings until one),
-- now (one was asked for), rolling (the cluster replaces its pods), NULL.
CREATE OR REPLACE FUNCTION orchestrator.plan(p_id uuid)
RETURNS TABLE (step integer, kind text, name text, action text, path text, live jsonb, wanted jsonb, restart text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_deployment orchestrator.deployments;
    v_object record;
    v_held text;
    v_template_rules jsonb;
    v_manifests jsonb;
BEGIN
    PERFORM orchestrator.require_deployment(p_id);
    SELECT * INTO v_deployment FROM orchestrator.deployments d WHERE d.id = p_id;
    v_template_rules := (SELECT t.drift_rules_json FROM orchestrator.templates t WHERE t.id = v_deployment.template_id AND t.version = v_deployment.template_version);
    v_manifests := orchestrator.wanted_manifests(v_deployment.desired_spec_json, v_deployment.desired_state, v_deployment.restarted_at);
    v_held := CASE WHEN v_deployment.desired_state = 'Paused' THEN 'held by request (Paused): ' END;
    FOR v_object IN
        SELECT row_number() OVER (ORDER BY o.goes, CASE WHEN o.goes THEN -o.rank ELSE o.rank END, o.name, o.kind)::integer AS step, o.*,
               bool_or(o.rank = 0 AND (o.missing OR NOT o.managed)) OVER () AND o.rank > 0 AND o.kind <> 'PersistentVolumeClaim' AS new_owner,
               EXISTS (SELECT FROM orchestrator.deployment_resources p
                        WHERE p.deployment_id = p_id AND p.kind = 'Pod' AND p.reason <> 'Terminating' AND p.revision <> o.revision
                          AND regexp_replace(p.revision, '-[^-]*$', '') = regexp_replace(o.revision, '-[^-]*$', '')) AS outdated
          FROM (SELECT kind, name, w.manifest AS wanted, a.manifest AS applied, w.kind IS NULL OR v_deployment.desired_state = 'Deleted' AS goes,
                       coalesce(w.rank, orchestrator.kind_rank(kind)) AS rank, r.kind IS NOT NULL AS managed, r.revision,
                       r.missing_since IS NOT NULL AS missing, r.rendered_hash IS NULL AS replaced,
                       CASE WHEN r.drift IS NOT NULL THEN (
                           SELECT jsonb_agg(j.change || jsonb_build_object('held', j.held))
                             FROM orchestrator.judge_drift(p_id, v_deployment.name, v_deployment.desired_state, v_template_rules, v_deployment.drift_rules,
                                                           v_deployment.drift_policy, r.kind, r.name, r.drift) j) END AS drift,
                       -- As claim() does: nearly always nobody has taken anything, and nobody may.
                       CASE WHEN r.kind IS NULL OR (r.drift IS NULL AND r.enforce_once IS NULL AND v_template_rules = '[]' AND v_deployment.drift_rules = '[]'
                                                    AND v_deployment.drift_policy = 'Enforce') THEN '{}'
                            ELSE orchestrator.withhold(p_id, v_deployment.name, v_deployment.desired_state, v_template_rules, v_deployment.drift_rules,
                                     v_deployment.drift_policy, v_manifests, r.kind, r.name, coalesce(r.drift, '[]'), r.applied_generation, r.enforce_once) END AS withheld,
                       coalesce(r.withheld, '{}') AS yielded
                  FROM orchestrator.dressed_manifests(p_id, v_deployment.name, v_deployment.template_version, v_manifests) w
                  FULL JOIN (SELECT * FROM orchestrator.deployment_resources x WHERE x.deployment_id = p_id AND x.managed) r USING (kind, name)
                  LEFT JOIN (SELECT g.generation, m.kind, m.name, m.manifest
                               FROM (SELECT DISTINCT x.applied_generation FROM orchestrator.deployment_resources x WHERE x.deployment_id = p_id) g (generation)
                              CROSS JOIN LATERAL orchestrator.applied_manifests(p_id, g.generation) m) a (generation, for_kind, for_name, manifest)
                         ON a.generation = r.applied_generation AND a.for_kind = r.kind AND a.for_name = r.name) o
         WHERE o.managed OR NOT o.goes
         ORDER BY 1
    LOOP
        RETURN QUERY
        SELECT v_object.step, v_object.kind, v_object.name, CASE WHEN v_held IS NULL THEN c.action ELSE 'none' END, c.path, c.live, c.wanted,
               c.restart, CASE WHEN c.action = 'none' THEN c.reason ELSE concat(v_held, c.reason) END
          FROM (
            SELECT CASE WHEN k.kept THEN 'none' ELSE 'prune' END AS action, '' AS path,
                   CASE WHEN v_object.missing THEN '"missing"' ELSE '"present"' END::jsonb AS live,
                   CASE WHEN k.kept THEN '"present"' ELSE '"absent"' END::jsonb AS wanted, NULL AS restart,
                   CASE WHEN v_deployment.desired_state = 'Deleted' THEN 'the deployment is deleted' ELSE 'no longer asked for' END
                   || CASE WHEN v_object.kind <> 'PersistentVolumeClaim' THEN '' WHEN k.kept THEN '; its data is kept' ELSE '; ITS DATA IS DELETED' END AS reason
              FROM (SELECT v_object.kind = 'PersistentVolumeClaim' AND (v_deployment.desired_state <> 'Deleted' OR v_deployment.keep_data)) k (kept)
             WHERE v_object.goes
            UNION ALL
            SELECT CASE WHEN l.let_be THEN 'none' ELSE 'create' END, '', '"missing"', '"present"', NULL,
                   CASE WHEN v_object.missing THEN 'was deleted from outside' ELSE 'is not there yet' END || CASE WHEN l.let_be THEN ', and is left alone: it is ignored' ELSE '' END
              FROM (SELECT coalesce((v_object.withheld -> 'let_be')::boolean, false)) l (let_be)
             WHERE NOT v_object.goes AND (v_object.missing OR NOT v_object.managed)
            UNION ALL
            SELECT CASE WHEN l.let_be THEN 'none' ELSE 'replace' END, '', '"replaced"', '"present"', NULL,
                   'was replaced from outside' || CASE WHEN l.let_be THEN ', and is left alone: it is ignored' ELSE '; all of it is put right' END
              FROM (SELECT coalesce((v_object.withheld -> 'let_be')::boolean, false)) l (let_be)
             WHERE NOT v_object.goes AND v_object.managed AND NOT v_object.missing AND v_object.replaced
            UNION ALL
            SELECT p.* FROM orchestrator.plan_object(
                           v_object.applied, v_object.wanted, v_object.drift,
                           ARRAY(SELECT jsonb_array_elements_text(coalesce(v_object.withheld -> 'paths', '[]'))), v_object.yielded,
                           v_object.new_owner, v_object.outdated) p
             WHERE NOT v_object.goes AND v_object.managed AND NOT v_object.missing AND NOT v_object.replaced
          ) c;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.plan IS 'What the next reconciliation would do, object by object and path by path; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.plan TO orchestrator_viewer;
