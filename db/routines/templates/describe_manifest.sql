-- orchestrator.describe_manifest(manifest) -> text
-- What an object is for, in a line that people who do not know Kubernetes can read. Never a value of a Secret.
CREATE OR REPLACE FUNCTION orchestrator.describe_manifest(p_manifest jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE p_manifest ->> 'kind'
        WHEN 'ConfigMap' THEN format('Settings: %s values', (SELECT count(*) FROM jsonb_object_keys(coalesce(p_manifest -> 'data', '{}') || coalesce(p_manifest -> 'binaryData', '{}'))))
        WHEN 'Secret' THEN 'Secrets, known to the cluster only: ' || coalesce((
            SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(coalesce(p_manifest -> 'stringData', '{}') || coalesce(p_manifest -> 'data', '{}')) k), 'none')
        WHEN 'PersistentVolumeClaim' THEN format('Data: %s of disk', coalesce(p_manifest #>> '{spec,resources,requests,storage}', 'an unknown amount'))
        WHEN 'Service' THEN 'Network address: ' || coalesce((
            SELECT string_agg(format('%s %s', p ->> 'port', coalesce(p ->> 'protocol', 'TCP')), ', ') FROM jsonb_array_elements(p_manifest #> '{spec,ports}') p), 'no port')
        WHEN 'Ingress' THEN 'Web address: ' || coalesce((
            SELECT string_agg(r ->> 'host', ', ') FROM jsonb_array_elements(p_manifest #> '{spec,rules}') r), 'any host')
        WHEN 'StatefulSet' THEN 'The server itself: ' || orchestrator.describe_workload(p_manifest -> 'spec')
        WHEN 'Deployment' THEN 'The server itself: ' || orchestrator.describe_workload(p_manifest -> 'spec')
        WHEN 'CronJob' THEN format('Runs by the clock (%s): ', concat_ws(' ', p_manifest #>> '{spec,schedule}', p_manifest #>> '{spec,timeZone}'))
            || coalesce((SELECT string_agg(c ->> 'image', ' + ') FROM jsonb_array_elements(p_manifest #> '{spec,jobTemplate,spec,template,spec,containers}') c), 'no image')
        WHEN 'HorizontalPodAutoscaler' THEN format('Scaling: %s to %s replicas', coalesce(p_manifest #>> '{spec,minReplicas}', '1'), p_manifest #>> '{spec,maxReplicas}')
        WHEN 'PodDisruptionBudget' THEN 'Protection while machines are serviced: ' || coalesce(
            'at least ' || (p_manifest #>> '{spec,minAvailable}') || ' pods stay', 'at most ' || (p_manifest #>> '{spec,maxUnavailable}') || ' pods go at a time', 'no limit')
        WHEN 'NetworkPolicy' THEN 'Firewall: ' || coalesce((
            SELECT string_agg(lower(t), ' and ') FROM jsonb_array_elements_text(p_manifest #> '{spec,policyTypes}') t), 'ingress') || ' of its pods'
        ELSE '' END
$$;
COMMENT ON FUNCTION orchestrator.describe_manifest IS 'What an object is for, in a line.';
GRANT EXECUTE ON FUNCTION orchestrator.describe_manifest TO orchestrator_viewer;
