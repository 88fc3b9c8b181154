-- orchestrator.kind_rank(kind) -> integer
-- Where a kind stands in the order of apply, low first; prunes go the other way. As kube/kinds.py has it, which workers go by.
CREATE OR REPLACE FUNCTION orchestrator.kind_rank(p_kind text) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE p_kind WHEN 'ConfigMap' THEN 10 WHEN 'Secret' THEN 20 WHEN 'PersistentVolumeClaim' THEN 30 WHEN 'Service' THEN 40
                       WHEN 'StatefulSet' THEN 50 WHEN 'Deployment' THEN 50 WHEN 'Ingress' THEN 60 ELSE 90 END
$$;
COMMENT ON FUNCTION orchestrator.kind_rank IS 'Where a kind stands in the order of apply.';
