-- orchestrator.upgrade_refusals(template, version, ids, parameters, force)
--     -> setof (deployment_id, namespace, name, template_version, code, path, message, hint)
-- What upgrade() would refuse, deployment by deployment and each thing of it, so that a set can be judged before it is moved: of these
-- deployments, or of all on an older version if none are named. What is not listed would move.
CREATE OR REPLACE FUNCTION orchestrator.upgrade_refusals(
    template text, version integer DEFAULT NULL, ids uuid[] DEFAULT NULL, parameters jsonb DEFAULT '{}', force boolean DEFAULT false
) RETURNS TABLE (deployment_id uuid, namespace text, name text, template_version integer, code text, path text, message text, hint text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.deployment_id, t.namespace, t.name, t.template_version, t.code, t.path, t.message, t.hint
      FROM orchestrator.try_upgrades(upgrade_refusals.template, upgrade_refusals.version, upgrade_refusals.ids, upgrade_refusals.parameters, upgrade_refusals.force) t
     WHERE t.code IS NOT NULL
$$;
COMMENT ON FUNCTION orchestrator.upgrade_refusals IS 'What upgrade() would refuse, deployment by deployment; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.upgrade_refusals TO orchestrator_operator;
