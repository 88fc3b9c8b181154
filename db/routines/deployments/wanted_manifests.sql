-- orchestrator.wanted_manifests(spec, desired_state, restarted_at) -> jsonb
-- The spec as it should stand now: Stopped asks every workload for no replicas, a CronJob for no runs, and leaves all else; a restart is a time (RFC 3339)
-- in an annotation of its pod template. Neither is in the spec, which says what template and parameters do.
CREATE OR REPLACE FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_state <> 'Stopped' AND p_restarted_at IS NULL THEN p_spec ELSE (
        SELECT jsonb_agg(CASE WHEN m ->> 'kind' = 'CronJob' AND p_state = 'Stopped' THEN jsonb_set(m, '{spec,suspend}', 'true')
                              WHEN m ->> 'kind' NOT IN ('Deployment', 'StatefulSet') THEN m
                              WHEN p_restarted_at IS NULL THEN s.stated
                              ELSE jsonb_set(s.stated, '{spec,template,metadata}',
                                       coalesce(m #> '{spec,template,metadata}', '{}') || jsonb_build_object('annotations',
                                       coalesce(m #> '{spec,template,metadata,annotations}', '{}') || jsonb_build_object('server-orchestrator.io/restarted-at',
                                           to_char(p_restarted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))) END ORDER BY o)
          FROM jsonb_array_elements(p_spec) WITH ORDINALITY t (m, o)
         CROSS JOIN LATERAL (SELECT CASE WHEN p_state = 'Stopped' THEN jsonb_set(m, '{spec,replicas}', '0') ELSE m END AS stated) s) END
$$;
COMMENT ON FUNCTION orchestrator.wanted_manifests IS 'A deployment''s manifests in its desired state.';
GRANT EXECUTE ON FUNCTION orchestrator.wanted_manifests TO orchestrator_viewer;
