-- orchestrator.adopt(id, paths, generation, seen) -> bigint generation
-- Makes what somebody changed at the cluster what is wanted: the values at these paths become parameters, as one UPDATE with all its
-- checks. All of them or none. paths: as the view drift spells them, "Kind/name:path" where several objects have one; NULL: everything
-- that differs. generation and seen hold it to what was looked at: the generation, and the column `seen` of those rows of drift.
-- Acts as the owner, because what is adopted leaves the inventory's drift; require_deployment says whose it may be.
CREATE OR REPLACE FUNCTION orchestrator.adopt(id uuid, paths text[] DEFAULT NULL, generation bigint DEFAULT NULL, seen text[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now record;
BEGIN
    PERFORM orchestrator.require_deployment(adopt.id);
    SELECT d.name, d.generation INTO v_now FROM orchestrator.deployments d WHERE d.id = adopt.id FOR NO KEY UPDATE;
    IF v_now.generation <> adopt.generation THEN
        PERFORM orchestrator.refuse('SO409', format('it changed meanwhile: %s is at generation %s', v_now.name, v_now.generation), 'generation',
            'Nothing was adopted. Look at what differs now, and adopt that.');
    END IF;
    RETURN orchestrator.adopt_paths(adopt.id, paths, seen, false);
END
$$;
COMMENT ON FUNCTION orchestrator.adopt IS 'Makes what was changed at the cluster what is wanted; answers the generation that does.';
GRANT EXECUTE ON FUNCTION orchestrator.adopt TO orchestrator_operator;
