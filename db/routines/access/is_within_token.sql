-- orchestrator.is_within_token(role, namespaces) -> boolean
-- Whether something that allows this allows no more than the token in use; always, for who came without one. A token that was lost
-- must not end what is stronger than itself: the token or session by which its owner would put things right.
CREATE OR REPLACE FUNCTION orchestrator.is_within_token(p_role text, p_namespaces text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT orchestrator.entered_token() IS NULL
        OR (p_role = orchestrator.narrower_role(p_role, orchestrator.acting_role())
            AND (orchestrator.allowed_namespaces() IS NULL OR coalesce(p_namespaces <@ orchestrator.allowed_namespaces(), false)))
$$;
COMMENT ON FUNCTION orchestrator.is_within_token IS 'Whether a role in these namespaces (NULL: all) is no more than the token in use allows.';
