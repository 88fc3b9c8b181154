-- orchestrator.read_password_link(secret) -> text
-- Whose one-time link this is. It stays good.
CREATE OR REPLACE FUNCTION orchestrator.read_password_link(p_secret text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text;
BEGIN
    SELECT u.name INTO v_name FROM orchestrator.user_secrets s JOIN orchestrator.users u ON u.id = s.user_id
     WHERE s.link_hash = sha256(convert_to(p_secret, 'UTF8')) AND u.link_expires_at > now() AND u.disabled_at IS NULL;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', 'this link has been used, replaced, or has expired', 'link',
            'Ask an admin for another: SELECT orchestrator.make_password_link(name). On the machine of a local stack: orchestrator people link NAME.');
    END IF;
    RETURN v_name;
END
$$;
COMMENT ON FUNCTION orchestrator.read_password_link IS 'Whose one-time link this is.';
GRANT EXECUTE ON FUNCTION orchestrator.read_password_link TO orchestrator_api;
