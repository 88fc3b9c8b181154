-- orchestrator.waits_for_restart(tried) -> boolean
-- Whether what a tried write changes takes effect only with a restart: pods that are replaced only once deleted (updateStrategy
-- OnDelete) would be made from another template. tried: as orchestrator.end_preview hands it out.
CREATE OR REPLACE FUNCTION orchestrator.waits_for_restart(p_tried jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM jsonb_array_elements(p_tried -> 'after') a JOIN jsonb_array_elements(nullif(p_tried -> 'before', 'null')) b
            ON b -> 'kind' = a -> 'kind' AND b #> '{metadata,name}' = a #> '{metadata,name}'
         WHERE a #>> '{spec,updateStrategy,type}' = 'OnDelete' AND a #> '{spec,template}' <> b #> '{spec,template}')
$$;
COMMENT ON FUNCTION orchestrator.waits_for_restart IS 'Whether what a tried write changes takes effect only with a restart.';
GRANT EXECUTE ON FUNCTION orchestrator.waits_for_restart TO orchestrator_operator;
