-- orchestrator.named_rules(template_rules, deployment) -> jsonb
-- A template's rules with the deployment's name in the place of ${name}.
CREATE OR REPLACE FUNCTION orchestrator.named_rules(p_rules jsonb, p_deployment text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_rules = '[]' THEN p_rules ELSE replace(p_rules::text, '${name}', p_deployment)::jsonb END
$$;
COMMENT ON FUNCTION orchestrator.named_rules IS 'A template''s drift rules for one deployment.';
GRANT EXECUTE ON FUNCTION orchestrator.named_rules TO orchestrator_viewer;
