-- orchestrator.rollout_actor() -> text, NULL for nobody
-- In whose name a rollout changes a member in this moment. The setting is believed only where this very transaction looks at the
-- rollout that it names, which only advance_rollouts can make so.
CREATE OR REPLACE FUNCTION orchestrator.rollout_actor() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('rollout:%s by %s', r.id, r.run_by) FROM orchestrator.rollouts r
     WHERE r.id = nullif(current_setting('orchestrator.rollout', true), '')::bigint AND r.looked_at = now()
$$;
COMMENT ON FUNCTION orchestrator.rollout_actor IS 'In whose name a rollout changes a member now.';
