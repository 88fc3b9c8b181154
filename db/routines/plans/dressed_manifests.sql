-- orchestrator.dressed_manifests(id, name, version, manifests) -> setof (kind, name, rank, manifest)
-- The objects of a deployment as a worker writes them, its root first: with the label of the template version, which moves with it,
-- and what a Secret calls stringData among its data. What never changes of a worker's own labels is left out.
CREATE OR REPLACE FUNCTION orchestrator.dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb)
RETURNS TABLE (kind text, name text, rank integer, manifest jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.m ->> 'kind', o.m #>> '{metadata,name}', o.rank,
           CASE WHEN o.m ->> 'kind' = 'Secret'
                THEN o.m - 'stringData' || jsonb_build_object('data', coalesce(o.m -> 'data', '{}') || coalesce(o.m -> 'stringData', '{}'))
                ELSE o.m END
           || jsonb_build_object('metadata', o.m -> 'metadata' || jsonb_build_object('labels', coalesce(o.m #> '{metadata,labels}', '{}')
           || jsonb_build_object('server-orchestrator.io/template-version', p_version::text)))
      FROM (SELECT jsonb_build_object('apiVersion', 'v1', 'kind', 'ConfigMap', 'metadata', jsonb_build_object('name', left(p_name, 58) || '-root'),
                       'data', jsonb_build_object('deployment-id', p_id, 'name', p_name)), 0
            UNION ALL
            SELECT m, orchestrator.kind_rank(m ->> 'kind') FROM jsonb_array_elements(p_manifests) m) o (m, rank)
$$;
COMMENT ON FUNCTION orchestrator.dressed_manifests IS 'The objects of a deployment as a worker writes them.';
