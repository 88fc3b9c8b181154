-- orchestrator.preview_rollout(template, version, ids, parameters, force) -> jsonb {members, tried, changes, restarts, refused, refusals[], first}
-- What a rollout with the same would do: how many members it has; of those that were tried, which are the first thousand in their turn,
-- how many change, how many of these take effect only with a restart, how many are refused and why; and the plan of the first that
-- changes, as of preview_upgrade. Nothing is written.
CREATE OR REPLACE FUNCTION orchestrator.preview_rollout(
    template text, version integer DEFAULT NULL, ids uuid[] DEFAULT NULL, parameters jsonb DEFAULT '{}', force boolean DEFAULT false
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    c_most CONSTANT integer := 1000;
    v_version record;
    v_found jsonb;
    v_first jsonb;
BEGIN
    SELECT f.template_id, f.version INTO v_version FROM orchestrator.find_version(preview_rollout.template, preview_rollout.version) f;
    WITH tried AS MATERIALIZED (
        SELECT * FROM orchestrator.try_upgrades(preview_rollout.template, v_version.version, preview_rollout.ids, preview_rollout.parameters, preview_rollout.force, c_most)
                 WITH ORDINALITY t (deployment_id, namespace, name, template_version, changes, restarts, code, path, message, hint, o)
    )
    SELECT jsonb_build_object(
               'members', cardinality(orchestrator.find_movable(v_version.template_id, v_version.version, preview_rollout.ids)),
               'tried', count(DISTINCT t.deployment_id), 'changes', count(*) FILTER (WHERE t.changes), 'restarts', count(*) FILTER (WHERE t.restarts),
               'refused', count(DISTINCT t.deployment_id) FILTER (WHERE t.code IS NOT NULL),
               'refusals', coalesce(jsonb_agg(to_jsonb(t) - '{changes,restarts,o}'::text[] ORDER BY t.o) FILTER (WHERE t.code IS NOT NULL), '[]')),
           (SELECT jsonb_build_object('deployment_id', f.deployment_id, 'namespace', f.namespace, 'name', f.name)
              FROM tried f WHERE f.changes ORDER BY f.o LIMIT 1)
      INTO v_found, v_first FROM tried t;
    IF v_first IS NOT NULL THEN
        v_first := v_first || jsonb_build_object('plan', orchestrator.preview_upgrade(
            (v_first ->> 'deployment_id')::uuid, v_version.version, preview_rollout.parameters, preview_rollout.force) -> 'plan');
    END IF;
    RETURN v_found || jsonb_build_object('first', v_first);
END
$$;
COMMENT ON FUNCTION orchestrator.preview_rollout IS 'What a rollout would do: counts, refusals, and the plan of the first that changes; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.preview_rollout TO orchestrator_operator;
