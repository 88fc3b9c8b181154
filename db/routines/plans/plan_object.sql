-- orchestrator.plan_object(applied, wanted, drift, withheld, yielded, new_owner, outdated) -> setof (action, path, live, wanted, restart, reason)
-- What would change of one object that stands, path by path: from what was last applied, or stands there instead (drift), to what is
-- wanted. drift: its lost paths as orchestrator.judge_drift judges them. withheld: the paths that the apply leaves to others
-- (orchestrator.withhold), yielded: those that the last one left. new_owner: its root is made anew. outdated: its pods are older than
-- what was applied.
CREATE OR REPLACE FUNCTION orchestrator.plan_object(
    p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean
)
RETURNS TABLE (action text, path text, live jsonb, wanted jsonb, restart text, reason text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH drifted AS MATERIALIZED (
        SELECT f ->> 'path' AS path, nullif(f -> 'live', 'null') AS live, f -> 'wanted' AS wanted, coalesce(f ->> 'manager', 'another') AS manager,
               EXISTS (SELECT FROM unnest(p_withheld) w
                        WHERE w = f ->> 'path' OR starts_with(w, (f ->> 'path') || '.') OR starts_with(w, (f ->> 'path') || '[')) AS left_out,
               CASE f ->> 'held' WHEN 'ignored' THEN 'and is left alone: it is ignored'
                                 WHEN 'undecided' THEN 'and is left alone until it is adopted or put back'
                                 WHEN 'contested' THEN 'and is contested: it is put back after a while'
                                 WHEN 'shut' THEN 'and is put back once its window opens'
                                 ELSE 'and is left alone' END AS held
          FROM jsonb_array_elements(coalesce(p_drift, '[]')) f
    ), asked AS MATERIALIZED (
        SELECT c.path, CASE WHEN f.path IS NULL OR f.live IS NOT NULL AND f.path <> c.path THEN c.before ELSE f.live END AS live, c.after, f.manager, f.held,
               CASE WHEN c.after IS NULL THEN f.manager IS NOT NULL OR c.path = ANY (p_yielded)
                    ELSE EXISTS (SELECT FROM unnest(p_withheld) w WHERE w = c.path OR starts_with(w, c.path || '.') OR starts_with(w, c.path || '[')) END AS left_out
          FROM orchestrator.manifest_changes(p_applied, p_wanted) c
          LEFT JOIN LATERAL (SELECT * FROM drifted d WHERE c.path = d.path OR starts_with(c.path, d.path || '.') OR starts_with(c.path, d.path || '[')
                              ORDER BY length(d.path) DESC LIMIT 1) f ON true
         WHERE p_applied <> p_wanted
    ), restart AS (
        SELECT p_wanted #> w.at IS DISTINCT FROM p_applied #> w.at AND p_wanted #> w.at IS NOT NULL AS asked
          FROM (SELECT '{spec,template,metadata,annotations,server-orchestrator.io/restarted-at}'::text[]) w (at)
    ), rows AS (
        SELECT CASE WHEN a.left_out THEN 'none' ELSE 'change' END AS action, a.path, a.live, a.after AS wanted,
               CASE WHEN a.left_out AND a.after IS NULL THEN format('no longer asked for; left to %s, who changed it', coalesce(a.manager, 'others'))
                    WHEN a.left_out AND a.manager IS NULL THEN 'asked for, and left alone: a rule ignores it'
                    WHEN a.left_out THEN format('asked for, but was changed by %s %s', a.manager, a.held)
                    WHEN a.manager IS NOT NULL THEN format('asked for, and was changed by %s', a.manager)
                    WHEN t.asked AND a.path LIKE 'spec.template.metadata.annotations%' THEN 'a restart is asked for' ELSE 'asked for' END AS reason
          FROM asked a CROSS JOIN restart t
        UNION ALL
        SELECT CASE WHEN f.left_out THEN 'none' ELSE 'change' END, f.path, f.live, coalesce(w.value, f.wanted),
               format('was changed by %s, %s', f.manager, CASE WHEN f.left_out THEN f.held ELSE 'and is put back' END)
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
                              WHEN p_outdated OR EXISTS (SELECT FROM rows r WHERE r.action <> 'none' AND r.path LIKE 'spec.template%') THEN 'needed' END
                    WHEN EXISTS (SELECT FROM rows r WHERE r.action <> 'none' AND r.path LIKE 'spec.template%') THEN 'rolling' END AS restart
    )
    SELECT r.action, r.path,
           CASE WHEN h.hidden AND r.live IS NOT NULL THEN '"(hidden)"' ELSE r.live END,
           CASE WHEN h.hidden AND r.wanted IS NOT NULL THEN '"(hidden)"' ELSE r.wanted END,
           CASE WHEN r.path LIKE 'spec.template%' AND r.action <> 'none' THEN p.restart END, r.reason
      FROM rows r CROSS JOIN pods p
     CROSS JOIN LATERAL (SELECT p_wanted ->> 'kind' = 'Secret' AND r.path LIKE 'data%') h (hidden)
    UNION ALL
    SELECT 'none', '', '"present"', '"present"', p.restart,
           CASE WHEN p.restart IS NULL THEN 'stands as asked for' ELSE 'stands as asked for, but its pods do not until a restart' END
      FROM pods p WHERE NOT EXISTS (SELECT FROM rows)
     ORDER BY 2
$$;
COMMENT ON FUNCTION orchestrator.plan_object IS 'What would change of one object that stands, path by path.';
