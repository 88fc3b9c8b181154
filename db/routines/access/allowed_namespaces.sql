-- orchestrator.allowed_namespaces() -> text[], NULL for all
-- Which namespaces the session sees: in an API session those of whom it entered for, at psql those of the user named like the
-- login. A login without such a user sees what its grants let it; the API's own login sees nothing before it has entered.
CREATE OR REPLACE FUNCTION orchestrator.allowed_namespaces() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespaces text[];
    v_disabled boolean;
BEGIN
    IF current_setting('orchestrator.actor', true) <> '' AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER') THEN
        RETURN CASE coalesce(current_setting('orchestrator.namespaces', true), '')
            WHEN 'null' THEN NULL
            WHEN '' THEN '{}'
            ELSE ARRAY(SELECT jsonb_array_elements_text(current_setting('orchestrator.namespaces')::jsonb)) END;
    END IF;
    -- A person has a role of ours at once; the API's login must take one on.
    IF NOT pg_has_role(session_user, 'orchestrator_viewer', 'USAGE') THEN
        RETURN '{}';
    END IF;
    SELECT u.namespaces, u.disabled_at IS NOT NULL INTO v_namespaces, v_disabled FROM orchestrator.users u WHERE u.name = session_user;
    RETURN CASE WHEN v_disabled THEN '{}' ELSE v_namespaces END;
END
$$;
COMMENT ON FUNCTION orchestrator.allowed_namespaces IS 'The namespaces this session may see and change; NULL is all.';
GRANT EXECUTE ON FUNCTION orchestrator.allowed_namespaces TO orchestrator_viewer;
