-- orchestrator.list_keys(field, value) -> text[]
-- What tells the items of a list apart to the API server (x-kubernetes-list-map-keys of 1.37); NULL for a list that is one value, and
-- for anything else. Lists within such a list are never asked about, so a field's name is enough.
CREATE OR REPLACE FUNCTION orchestrator.list_keys(p_field text, p_value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(p_value) <> 'array' THEN NULL
                WHEN p_field IN ('containers', 'initContainers', 'env', 'volumes', 'imagePullSecrets') THEN ARRAY['name']
                WHEN p_field = 'ports' THEN ARRAY[CASE WHEN p_value @? '$[*].containerPort' THEN 'containerPort' ELSE 'port' END, 'protocol']
                WHEN p_field = 'volumeMounts' THEN ARRAY['mountPath']
                WHEN p_field = 'volumeDevices' THEN ARRAY['devicePath']
                WHEN p_field = 'hostAliases' THEN ARRAY['ip']
                WHEN p_field = 'topologySpreadConstraints' THEN ARRAY['topologyKey', 'whenUnsatisfiable'] END
$$;
COMMENT ON FUNCTION orchestrator.list_keys IS 'What tells the items of a list apart to the API server.';
