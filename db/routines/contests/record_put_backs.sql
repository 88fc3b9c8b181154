-- orchestrator.record_put_backs(deployment_id, generation, resources) -> void
-- Counts what a run put back, path by path. One that was put back too often within the time that counts is contested: that is told
-- once, and from then on each put-back doubles the time until the next. resources: as in settle, with put_back: [{path, manager}].
-- The wait has a floor, so that put-backs an hour are bounded, and as much jitter on top, so that many that began together part.
CREATE OR REPLACE FUNCTION orchestrator.record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH done AS (
        SELECT DISTINCT ON (r.kind, r.name, b.path) d.cluster_id, r.kind, r.name, b.path, b.manager
          FROM jsonb_to_recordset(p_resources) AS r (kind text, name text, put_back jsonb)
         CROSS JOIN LATERAL jsonb_to_recordset(r.put_back) AS b (path text, manager text)
          JOIN orchestrator.deployments d ON d.id = p_id
         ORDER BY r.kind, r.name, b.path
    ), known AS (
        SELECT n.*, p.contested_since, coalesce(p.put_backs, 0) AS put_backs, c.contested_after, c.contested_wait_seconds,
               c.contested_longest_wait_seconds, p.recent AS known_recent,
               ARRAY(SELECT t FROM unnest(p.recent) t WHERE t > now() - make_interval(secs => c.contested_within_seconds)) || now() AS recent
          FROM done n
          JOIN orchestrator.clusters c ON c.id = n.cluster_id
          LEFT JOIN orchestrator.put_backs p ON p.deployment_id = p_id AND p.kind = n.kind AND p.name = n.name AND p.path = n.path
    ), counted AS (
        SELECT k.cluster_id, k.kind, k.name, k.path, k.manager, k.contested_since IS NOT NULL OR cardinality(k.recent) >= k.contested_after AS contested,
               CASE WHEN k.contested_since IS NULL THEN cardinality(k.recent) ELSE k.put_backs + 1 END AS put_backs,
               CASE WHEN k.contested_since IS NULL THEN k.recent ELSE k.known_recent END AS recent,
               CASE WHEN k.contested_since IS NULL THEN 0 ELSE least(k.put_backs + 1 - cardinality(k.known_recent), 20) END AS doublings,
               k.contested_wait_seconds, k.contested_longest_wait_seconds
          FROM known k
    ), written AS (
        INSERT INTO orchestrator.put_backs AS p
               (deployment_id, cluster_id, kind, name, path, manager, put_backs, recent, last_at, generation, contested_since, next_at)
        SELECT p_id, n.cluster_id, n.kind, n.name, n.path, n.manager, n.put_backs, n.recent, now(), p_generation, CASE WHEN n.contested THEN now() END,
               CASE WHEN n.contested THEN now() + make_interval(secs =>
                   least(n.contested_longest_wait_seconds, n.contested_wait_seconds * 2 ^ n.doublings) * (1 + random())) END
          FROM counted n
        ON CONFLICT (deployment_id, kind, name, path) DO UPDATE
           SET manager = coalesce(excluded.manager, p.manager), put_backs = excluded.put_backs, recent = excluded.recent, last_at = excluded.last_at, generation = excluded.generation,
               contested_since = coalesce(p.contested_since, excluded.contested_since), next_at = excluded.next_at
        RETURNING p.*
    )
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'system', 'Contested',
           jsonb_build_object('kind', w.kind, 'namespace', d.namespace, 'name', w.name, 'path', w.path, 'manager', w.manager, 'put_back', w.put_backs,
                              'within', c.contested_within_seconds, 'next', w.next_at), coalesce(w.manager, 'kubernetes')
      FROM written w JOIN orchestrator.deployments d ON d.id = w.deployment_id JOIN orchestrator.clusters c ON c.id = w.cluster_id
     WHERE w.put_backs = cardinality(w.recent) AND w.contested_since IS NOT NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.record_put_backs IS 'Counts what was put back, and tells what is contested.';
