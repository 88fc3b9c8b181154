-- orchestrator.below_atomic(path) -> boolean
-- Whether a place of a manifest lies within what is one value to the API server, though it has fields (x-kubernetes-map-type: atomic
-- of 1.37; a test holds it against the server's own schema). Such a value is owned, left to others and told as a whole: to leave out a
-- part of it is to take that part away. A field's name is enough but for the port and resource of a back end. What stands in brackets
-- is a key or a name, and says nothing of fields.
CREATE OR REPLACE FUNCTION orchestrator.below_atomic(p_path text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT regexp_replace(p_path, '\[[^]]*\]', '[]', 'g') ~ (
        '(?:^|\.)(?:selector|podSelector|labelSelector|nodeSelector|configMapKeyRef|secretKeyRef|fieldRef|resourceFieldRef|fileKeyRef|'
        'requiredDuringSchedulingIgnoredDuringExecution|(?:imagePullSecrets|evictionResponders)\[\]|secretRef|nodePublishSecretRef|dataSource|'
        'defaultBackend\.resource|defaultBackend\.service\.port)[.[]')
$$;
COMMENT ON FUNCTION orchestrator.below_atomic IS 'Whether a place lies within what is one value to the API server, though it has fields.';
