-- orchestrator.allowed_kinds() -> text[]
-- The kinds a template may hold: namespaced, watched, and within the workers' permissions.
CREATE OR REPLACE FUNCTION orchestrator.allowed_kinds() RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['ConfigMap', 'Secret', 'PersistentVolumeClaim', 'Service', 'NetworkPolicy', 'PodDisruptionBudget', 'StatefulSet', 'Deployment',
                 'CronJob', 'Ingress', 'HorizontalPodAutoscaler']
$$;
COMMENT ON FUNCTION orchestrator.allowed_kinds IS 'Kubernetes kinds a template may hold.';
