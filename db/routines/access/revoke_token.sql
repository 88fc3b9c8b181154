-- orchestrator.revoke_token(id) -> void
-- Ends a token for good, at once, with those that were made with it: one's own, or as an admin of everything anybody's. By a token
-- only itself, those made with it, and what allows no more than it does. Safe to repeat.
CREATE OR REPLACE FUNCTION orchestrator.revoke_token(id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_token record;
BEGIN
    SELECT t.id, u.name AS user_name, orchestrator.narrower_role(t.role, u.role) AS role,
           orchestrator.common_namespaces(t.namespaces, u.namespaces) AS namespaces,
           EXISTS (WITH RECURSIVE line AS (
                       SELECT t.id, t.parent_id
                       UNION SELECT p.id, p.parent_id FROM line JOIN orchestrator.api_tokens p ON p.id = line.parent_id)
                   SELECT FROM line WHERE line.id = orchestrator.entered_token()) AS is_of_this
      INTO v_token
      FROM orchestrator.api_tokens t JOIN orchestrator.users u ON u.id = t.user_id WHERE t.id = revoke_token.id;
    IF v_token.is_of_this IS NOT TRUE THEN
        IF NOT FOUND OR NOT (v_token.user_name = orchestrator.current_actor()
                             OR (orchestrator.acting_role() = 'admin' AND orchestrator.sees_everything())) THEN
            PERFORM orchestrator.refuse('SO404', format('there is no token %s', revoke_token.id), 'id',
                'SELECT id, name FROM api_tokens lists those you may revoke.');
        END IF;
        IF NOT orchestrator.is_within_token(v_token.role, v_token.namespaces) THEN
            PERFORM orchestrator.refuse('SO403', format('token %s allows more than the one you use', v_token.id), 'id',
                'Revoke it on the page, or with a token that allows as much.');
        END IF;
    END IF;
    UPDATE orchestrator.api_tokens t SET revoked_at = now() WHERE t.id = v_token.id AND t.revoked_at IS NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.revoke_token IS 'Ends an API token at once, and those that were made with it.';
GRANT EXECUTE ON FUNCTION orchestrator.revoke_token TO orchestrator_viewer;
