-- orchestrator.may_run_rollout(who, namespace) -> boolean
-- Whether a rollout may still change what is in a namespace in this person's name. A login at psql that is no user of ours is bound by
-- its grants alone, which held when it started the rollout.
CREATE OR REPLACE FUNCTION orchestrator.may_run_rollout(p_who text, p_namespace text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT u.disabled_at IS NULL AND u.role IN ('operator', 'admin') AND (u.namespaces IS NULL OR p_namespace = ANY (u.namespaces))
                       FROM orchestrator.users u WHERE u.name = p_who), true)
$$;
COMMENT ON FUNCTION orchestrator.may_run_rollout IS 'Whether a rollout may change a namespace in a person''s name.';
