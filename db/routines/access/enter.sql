-- orchestrator.enter(kind, secret, client) -> (user_name, role, namespaces, credential_id)
-- Goes on, until the end of the transaction, as the person whose credential this is: with that role, those namespaces and that name
-- as the actor, from the address `client`. The first thing in every transaction of the API, which may do nothing by itself.
-- By which credential is kept as well: what is made with a token ends with it.
CREATE OR REPLACE FUNCTION orchestrator.enter(
    p_kind text, p_secret text, p_client text DEFAULT '', OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    SELECT * INTO user_name, role, namespaces, credential_id FROM orchestrator.authenticate(p_kind, p_secret);
    PERFORM set_config('orchestrator.actor', user_name, true);
    PERFORM set_config('orchestrator.credential', p_kind || ':' || credential_id, true);
    PERFORM set_config('orchestrator.client', p_client, true);
    PERFORM set_config('orchestrator.namespaces', coalesce(to_json(namespaces)::text, 'null'), true);
    PERFORM set_config('role', 'orchestrator_' || role, true);
END
$$;
COMMENT ON FUNCTION orchestrator.enter IS 'Acts as the person whose credential this is, until the transaction ends.';
GRANT EXECUTE ON FUNCTION orchestrator.enter TO orchestrator_api;
