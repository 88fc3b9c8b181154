-- orchestrator.kind_rank(kind) -> integer
-- Where a kind stands in the order of apply, low first; prunes go the other way. As kube/kinds.py has it, which workers go by.
CREATE OR REPLACE FUNCTION orchestrator.kind_rank(p_kind text) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_kind = 'ConfigMap' THEN 10 WHEN p_kind = 'Secret' THEN 20 WHEN p_kind = 'PersistentVolumeClaim' THEN 30
                WHEN p_kind = 'Service' THEN 40 WHEN p_kind IN ('NetworkPolicy', 'PodDisruptionBudget') THEN 45
                WHEN p_kind IN ('StatefulSet', 'Deployment', 'CronJob') THEN 50 WHEN p_kind IN ('Ingress', 'HorizontalPodAutoscaler') THEN 60 ELSE 90 END
$$;
COMMENT ON FUNCTION orchestrator.kind_rank IS 'Where a kind stands in the order of apply.';
