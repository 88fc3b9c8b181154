-- orchestrator.try_upgrades(template, version, ids, parameters, force, most)
--     -> setof (deployment_id, namespace, name, template_version, changes, restarts, code, path, message, hint)
-- What upgrade() would do to each of these deployments, or of all on an older version if none are named, in the turn of a rollout:
-- whether any object of it changes, and takes effect only with a restart; or each thing that is refused of it, where code is not NULL.
-- Each is tried, as in a preview: nothing is written. It takes a millisecond each, so who cannot wait for all asks about the first `most`.
CREATE OR REPLACE FUNCTION orchestrator.try_upgrades(
    template text, version integer DEFAULT NULL, ids uuid[] DEFAULT NULL, parameters jsonb DEFAULT '{}', force boolean DEFAULT false, most integer DEFAULT NULL
) RETURNS TABLE (
    deployment_id uuid, namespace text, name text, template_version integer, changes boolean, restarts boolean, code text, path text, message text, hint text
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_version integer;
    v_parameters jsonb;
    v_tried text;
BEGIN
    SELECT f.template_id, f.version INTO v_template_id, v_version FROM orchestrator.find_version(try_upgrades.template, try_upgrades.version) f;
    FOR deployment_id, namespace, name, template_version, v_parameters IN
        SELECT d.id, d.namespace, d.name, d.template_version, d.parameters
          FROM unnest(orchestrator.find_movable(v_template_id, v_version, try_upgrades.ids)) WITH ORDINALITY m (id, o)
          JOIN orchestrator.deployments d ON d.id = m.id
         WHERE try_upgrades.most IS NULL OR m.o <= try_upgrades.most ORDER BY m.o
    LOOP
        changes := NULL;
        restarts := NULL;
        code := NULL;
        path := NULL;
        message := NULL;
        hint := NULL;
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.upgrade(deployment_id, v_version, try_upgrades.parameters, try_upgrades.force);
        EXCEPTION
            WHEN SQLSTATE 'SO200' THEN
                GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
                changes := v_tried::jsonb -> 'before' <> v_tried::jsonb -> 'after';
                restarts := orchestrator.waits_for_restart(v_tried::jsonb);
                RETURN NEXT;
            WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
                GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, path = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
                IF code = 'SO422' AND path LIKE 'parameters%' AND jsonb_typeof(try_upgrades.parameters) = 'object' THEN
                    v_parameters := (SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}')
                                       FROM jsonb_each(v_parameters || try_upgrades.parameters) p WHERE p.value <> 'null');
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
COMMENT ON FUNCTION orchestrator.try_upgrades IS 'What upgrade() would do to each of many deployments, or refuse; writes nothing.';
GRANT EXECUTE ON FUNCTION orchestrator.try_upgrades TO orchestrator_operator;
