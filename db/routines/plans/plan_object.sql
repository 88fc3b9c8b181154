-- orchestrator.plan_object(applied, wanted, drift, new_owner, outdated) -> setof (action, path, live, wanted, restart, reason)
-- What would change of one object that stands, path by path: from what was last applied, or stands there instead (drift), to what is
-- wanted. new_owner: the root it belongs to is made anew. outdated: pods of it are older than what was last applied.
CREATE OR REPLACE FUNCTION orchestrator.plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_new_owner boolean, p_outdated boolean)
RETURNS TABLE (action text, path text, live jsonb, wanted jsonb, restart text, reason text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH drifted AS MATERIALIZED (
        SELECT f ->> 'path' AS path, nullif(f -> 'live', 'null') AS live, f -> 'wanted' AS wanted, coalesce(f ->> 'manager', 'another') AS manager
          FROM jsonb_array_elements(coalesce(p_drift, '[]')) f
    ), asked AS MATERIALIZED (
        SELECT c.path, c.before, c.after FROM orchestrator.manifest_changes(p_applied, p_wanted) c WHERE p_applied <> p_wanted
    ), restart AS (
        SELECT p_wanted #> w.at IS DISTINCT FROM p_applied #> w.at AND p_wanted #> w.at IS NOT NULL AS asked
          FROM (SELECT '{spec,template,metadata,annotations,server-orchestrator.io/restarted-at}'::text[]) w (at)
    ), rows AS (
        SELECT CASE WHEN a.after IS NULL AND f.path IS NOT NULL THEN 'none' ELSE 'change' END AS action, a.path,
               CASE WHEN f.path IS NULL THEN a.before ELSE f.live END AS live, a.after AS wanted,
               CASE WHEN f.path IS NULL THEN CASE WHEN t.asked AND a.path LIKE 'spec.template.metadata.annotations%' THEN 'a restart is asked for' ELSE 'asked for' END
                    WHEN a.after IS NULL THEN format('no longer asked for; left to %s, who changed it', f.manager)
                    ELSE format('asked for, and was changed by %s', f.manager) END AS reason
          FROM asked a LEFT JOIN drifted f USING (path) CROSS JOIN restart t
        UNION ALL
        SELECT 'change', f.path, f.live, coalesce(w.value, f.wanted), format('was changed by %s, and is put back', f.manager)
          FROM drifted f LEFT JOIN orchestrator.manifest_paths(p_wanted) w USING (path)
         WHERE NOT EXISTS (SELECT FROM asked a WHERE a.path = f.path)
        UNION ALL
        SELECT 'change', '', NULL, '"present"', 'what was last applied is not known any more' WHERE p_applied IS NULL
        UNION ALL
        SELECT 'change', 'metadata.ownerReferences', '"the root that is gone"', '"the new root"', 'its root is made anew' WHERE p_new_owner
    ), pods AS (
        SELECT CASE WHEN p_wanted ->> 'kind' NOT IN ('StatefulSet', 'Deployment') OR p_wanted #> '{spec,replicas}' = '0' OR p_applied #> '{spec,replicas}' = '0' THEN NULL
                    WHEN p_wanted #>> '{spec,updateStrategy,type}' = 'OnDelete'
                    THEN CASE WHEN (SELECT t.asked FROM restart t) THEN 'now'
                              WHEN p_outdated OR EXISTS (SELECT FROM rows r WHERE r.path LIKE 'spec.template%') THEN 'needed' END
                    WHEN EXISTS (SELECT FROM rows r WHERE r.path LIKE 'spec.template%') THEN 'rolling' END AS restart
    )
    SELECT r.action, r.path,
           CASE WHEN h.hidden AND r.live IS NOT NULL THEN '"(hidden)"' ELSE r.live END,
           CASE WHEN h.hidden AND r.wanted IS NOT NULL THEN '"(hidden)"' ELSE r.wanted END,
           CASE WHEN r.path LIKE 'spec.template%' THEN p.restart END, r.reason
      FROM rows r CROSS JOIN pods p
     CROSS JOIN LATERAL (SELECT p_wanted ->> 'kind' = 'Secret' AND r.path LIKE 'data%') h (hidden)
    UNION ALL
    SELECT 'none', '', '"present"', '"present"', p.restart,
           CASE WHEN p.restart IS NULL THEN 'stands as asked for' ELSE 'stands as asked for, but its pods do not until a restart' END
      FROM pods p WHERE NOT EXISTS (SELECT FROM rows)
     ORDER BY 2
$$;
COMMENT ON FUNCTION orchestrator.plan_object IS 'What would change of one object that stands, path by path.';
