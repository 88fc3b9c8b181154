-- orchestrator.begin_sign_in(name, address) -> text
-- The hash to hold a password against; NULL where nobody could sign in, which the caller answers no faster. Each call counts as a
-- failure until finish_sign_in takes it back, so that guesses at once are counted too. Who fails often waits, longer each time:
-- a user after five, an address after twenty. Who is signed in from that address already waits for failures under their own name
-- only: otherwise one stranger could lock out all who share an address with him.
CREATE OR REPLACE FUNCTION orchestrator.begin_sign_in(p_name text, p_address text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_forgotten CONSTANT interval := '1 day';
    c_longest_seconds CONSTANT integer := 300;
    v_address text := 'address ' || left(p_address, 100);
    v_user text := 'user ' || left(p_name, 100);
    v_attempt record;
    v_seconds numeric;
    v_is_known_there boolean := EXISTS (
        SELECT FROM orchestrator.sessions s JOIN orchestrator.users u ON u.id = s.user_id
         WHERE u.name = p_name AND s.address = left(p_address, 100) AND s.expires_at > now());
BEGIN
    DELETE FROM orchestrator.sign_in_attempts a USING (
        SELECT o.subject FROM orchestrator.sign_in_attempts o
         WHERE o.last_at < now() - c_forgotten ORDER BY o.last_at LIMIT 20 FOR UPDATE SKIP LOCKED) old
     WHERE a.subject = old.subject;
    INSERT INTO orchestrator.sign_in_attempts (subject) VALUES (v_address), (v_user) ON CONFLICT DO NOTHING;
    -- Locked in one order, so that two attempts cannot wait for each other.
    FOR v_attempt IN
        SELECT a.failures - CASE a.subject WHEN v_user THEN 5 ELSE 20 END AS beyond, a.last_at, a.subject = v_address AS is_address
          FROM orchestrator.sign_in_attempts a WHERE a.subject IN (v_address, v_user) ORDER BY a.subject FOR UPDATE
    LOOP
        v_seconds := least(c_longest_seconds, 2 ^ least(v_attempt.beyond, 20)) - extract(epoch FROM clock_timestamp() - v_attempt.last_at);
        IF v_attempt.beyond >= 0 AND v_seconds > 0 AND NOT (v_attempt.is_address AND v_is_known_there) THEN
            PERFORM orchestrator.refuse('SO429', 'too many attempts to sign in', 'name', format('Wait %s s.', ceil(v_seconds)));
        END IF;
    END LOOP;
    UPDATE orchestrator.sign_in_attempts a SET failures = a.failures + 1, last_at = clock_timestamp() WHERE a.subject IN (v_address, v_user);
    RETURN (SELECT s.password_hash FROM orchestrator.users u JOIN orchestrator.user_secrets s ON s.user_id = u.id
             WHERE u.name = p_name AND u.disabled_at IS NULL);
END
$$;
COMMENT ON FUNCTION orchestrator.begin_sign_in IS 'The hash to hold a password against, unless too many attempts failed.';
GRANT EXECUTE ON FUNCTION orchestrator.begin_sign_in TO orchestrator_api;
