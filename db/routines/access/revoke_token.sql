-- orchestrator.revoke_token(id) -> void
-- Ends a token for good, at once: one's own, or as an admin of everything anybody's. Safe to repeat.
CREATE OR REPLACE FUNCTION orchestrator.revoke_token(id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    UPDATE orchestrator.api_tokens t SET revoked_at = coalesce(t.revoked_at, now())
      FROM orchestrator.users u
     WHERE t.id = revoke_token.id AND u.id = t.user_id
       AND (u.name = orchestrator.current_actor() OR (orchestrator.acting_role() = 'admin' AND orchestrator.sees_everything()));
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no token %s', revoke_token.id), 'id', 'SELECT id, name FROM api_tokens lists those you may revoke.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.revoke_token IS 'Ends an API token at once.';
GRANT EXECUTE ON FUNCTION orchestrator.revoke_token TO orchestrator_viewer;
