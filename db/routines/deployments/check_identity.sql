-- orchestrator.check_identity(deployment) -> void
-- Refuses a name, namespace, state or policy that could not be carried out, naming what is allowed.
CREATE OR REPLACE FUNCTION orchestrator.check_identity(p_deployment orchestrator.deployments) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- 40, because objects add suffixes to it and some names end at 63.
    IF p_deployment.name IS NULL OR p_deployment.name !~ '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a deployment', p_deployment.name), 'name',
            'Use up to 40 small letters, digits and -, beginning with a letter and ending with a letter or digit.');
    END IF;
    IF p_deployment.namespace !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' OR p_deployment.namespace LIKE 'kube-%' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot be a deployment''s namespace', p_deployment.namespace), 'namespace',
            'Use up to 63 small letters, digits and -; namespaces beginning with kube- belong to Kubernetes.');
    END IF;
    IF p_deployment.desired_state IS NULL OR p_deployment.desired_state NOT IN ('Active', 'Stopped', 'Paused', 'Deleted') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no desired state', p_deployment.desired_state), 'desired_state',
            'Allowed: Active, Stopped, Paused, Deleted.');
    END IF;
    IF p_deployment.drift_policy IS NULL OR p_deployment.drift_policy NOT IN ('Enforce', 'Adopt', 'Ignore') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no drift policy', p_deployment.drift_policy), 'drift_policy',
            'Allowed: Enforce, Adopt, Ignore.');
    END IF;
    IF p_deployment.keep_data IS NULL THEN
        PERFORM orchestrator.refuse('SO422', 'keep_data must be said', 'keep_data', 'Allowed: true, false.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_identity IS 'Refuses a deployment that could not be carried out.';
