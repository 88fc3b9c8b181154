-- orchestrator.quantity(text) -> numeric
-- A Kubernetes quantity as a number, so that 1Gi and 1024Mi compare equal; NULL for what is none.
-- Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
CREATE OR REPLACE FUNCTION orchestrator.quantity(p_quantity text) RETURNS numeric
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m[1]::numeric * CASE m[2]
        WHEN 'm' THEN 0.001 WHEN '' THEN 1
        WHEN 'k' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'G' THEN 1e9 WHEN 'T' THEN 1e12 WHEN 'P' THEN 1e15 WHEN 'E' THEN 1e18
        WHEN 'Ki' THEN 2 ^ 10::numeric WHEN 'Mi' THEN 2 ^ 20::numeric WHEN 'Gi' THEN 2 ^ 30::numeric
        WHEN 'Ti' THEN 2 ^ 40::numeric WHEN 'Pi' THEN 2 ^ 50::numeric WHEN 'Ei' THEN 2 ^ 60::numeric END
    FROM regexp_match(p_quantity, '^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|)$') m
$$;
COMMENT ON FUNCTION orchestrator.quantity IS 'A Kubernetes quantity as a number.';
