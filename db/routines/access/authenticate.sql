-- orchestrator.authenticate(kind, secret) -> (user_name, role, namespaces, credential_id)
-- Whose credential this is and what it allows now: never more than its user may. Refuses every other with one answer.
-- The time of use is kept to the minute, and left alone while another request with the same credential writes it: neither waits.
CREATE OR REPLACE FUNCTION orchestrator.authenticate(
    p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    c_idle CONSTANT interval := '12 hours';
    v_hash bytea := sha256(convert_to(p_secret, 'UTF8'));
    v_used_at timestamptz;
BEGIN
    CASE p_kind
    WHEN 'token' THEN
        SELECT u.name, orchestrator.narrower_role(t.role, u.role), orchestrator.common_namespaces(t.namespaces, u.namespaces), t.id, t.last_used_at
          INTO user_name, role, namespaces, credential_id, v_used_at
          FROM orchestrator.api_tokens t JOIN orchestrator.token_secrets s ON s.token_id = t.id JOIN orchestrator.users u ON u.id = t.user_id
         WHERE t.id = substring(p_secret FROM '^so_([0-9]{1,18})_')::bigint AND s.hash = v_hash
           AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now()) AND u.disabled_at IS NULL;
        IF v_used_at IS NULL OR v_used_at < now() - interval '1 minute' THEN
            UPDATE orchestrator.api_tokens t SET last_used_at = now()
             WHERE t.id = (SELECT k.id FROM orchestrator.api_tokens k WHERE k.id = credential_id FOR NO KEY UPDATE SKIP LOCKED);
        END IF;
    WHEN 'session' THEN
        SELECT u.name, u.role, u.namespaces, n.id, n.last_seen_at
          INTO user_name, role, namespaces, credential_id, v_used_at
          FROM orchestrator.sessions n JOIN orchestrator.session_secrets s ON s.session_id = n.id JOIN orchestrator.users u ON u.id = n.user_id
         WHERE n.id = substring(p_secret FROM '^([0-9]{1,18})_')::bigint AND s.hash = v_hash
           AND n.expires_at > now() AND n.last_seen_at > now() - c_idle AND u.disabled_at IS NULL;
        IF v_used_at < now() - interval '1 minute' THEN
            UPDATE orchestrator.sessions n SET last_seen_at = now()
             WHERE n.id = (SELECT k.id FROM orchestrator.sessions k WHERE k.id = credential_id FOR NO KEY UPDATE SKIP LOCKED);
        END IF;
    ELSE
        NULL;
    END CASE;
    IF credential_id IS NULL THEN
        PERFORM orchestrator.refuse('SO401', 'this credential is not known, or good no longer', 'Authorization',
            CASE p_kind WHEN 'token' THEN 'Make another token on the page, or with: SELECT orchestrator.make_token(…).' ELSE 'Sign in again.' END);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.authenticate IS 'Whose credential this is, and what it allows.';
GRANT EXECUTE ON FUNCTION orchestrator.authenticate TO orchestrator_api;
