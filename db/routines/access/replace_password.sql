-- orchestrator.replace_password(user_id, hash) -> void
-- Gives a user a password: the link is void, and whoever came in with the old one is signed out.
CREATE OR REPLACE FUNCTION orchestrator.replace_password(p_user_id bigint, p_hash text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(p_hash, '') !~ '^\$argon2id\$' THEN
        PERFORM orchestrator.refuse('SO422', 'this is no hash of a password', 'password', 'Give one of argon2id; a password itself is never sent to Postgres.');
    END IF;
    UPDATE orchestrator.users u SET password_set_at = now(), link_expires_at = NULL WHERE u.id = p_user_id;
    UPDATE orchestrator.user_secrets s SET password_hash = p_hash, link_hash = NULL WHERE s.user_id = p_user_id;
    DELETE FROM orchestrator.sessions s WHERE s.user_id = p_user_id;
END
$$;
COMMENT ON FUNCTION orchestrator.replace_password IS 'Sets the hash of a user''s password and ends their sessions.';
