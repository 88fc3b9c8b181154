-- orchestrator.upgrade_refusals(template, version, ids, parameters, force)
--     -> setof (deployment_id, namespace, name, template_version, code, path, message, hint)
-- What upgrade() would refuse, deployment by deployment and each thing of it, so that a set can be judged before it is moved: of these
-- deployments, or of all on an older version if none are named. What is not listed would move. Each is tried, as in a preview:
-- nothing is written.
CREATE OR REPLACE FUNCTION orchestrator.upgrade_refusals(
    template text, version integer DEFAULT NULL, ids uuid[] DEFAULT NULL, parameters jsonb DEFAULT '{}', force boolean DEFAULT false
) RETURNS TABLE (deployment_id uuid, namespace text, name text, template_version integer, code text, path text, message text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_version integer;
    v_parameters jsonb;
BEGIN
    SELECT f.template_id, f.version INTO v_template_id, v_version FROM orchestrator.find_version(upgrade_refusals.template, upgrade_refusals.version) f;
    FOR deployment_id, namespace, name, template_version, v_parameters IN
        SELECT d.id, d.namespace, d.name, d.template_version, d.parameters
          FROM unnest(orchestrator.find_movable(v_template_id, v_version, upgrade_refusals.ids)) WITH ORDINALITY m (id, o)
          JOIN orchestrator.deployments d ON d.id = m.id ORDER BY m.o
    LOOP
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.upgrade(deployment_id, v_version, upgrade_refusals.parameters, upgrade_refusals.force);
        EXCEPTION
            WHEN SQLSTATE 'SO200' THEN
                NULL;
            WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
                GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, path = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
                IF code = 'SO422' AND path LIKE 'parameters%' AND jsonb_typeof(upgrade_refusals.parameters) = 'object' THEN
                    v_parameters := (SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}')
                                       FROM jsonb_each(v_parameters || upgrade_refusals.parameters) p WHERE p.value <> 'null');
                    FOR path, message, hint IN SELECT p.path, p.message, p.hint FROM orchestrator.parameter_problems(v_template_id, v_version, v_parameters) p LOOP
                        RETURN NEXT;
                    END LOOP;
                ELSE
                    RETURN NEXT;
                END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION orchestrator.upgrade_refusals IS 'What upgrade() would refuse, deployment by deployment; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.upgrade_refusals TO orchestrator_operator;
