-- orchestrator.create_user(name, role, namespaces) -> void
-- Makes a user, who can do nothing yet: make_password_link gives a way to the page, make_token one to the API, CREATE ROLE one to psql.
CREATE OR REPLACE FUNCTION orchestrator.create_user(name text, role text, namespaces text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM orchestrator.require_everything('users');
    PERFORM orchestrator.check_person(coalesce(create_user.name, ''), coalesce(create_user.role, ''), create_user.namespaces);
    INSERT INTO orchestrator.users (name, role, namespaces, created_by)
    VALUES (create_user.name, create_user.role, create_user.namespaces, orchestrator.current_actor())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('a user "%s" exists', create_user.name), 'name', 'Choose another name, or change the one there is.');
    END IF;
    INSERT INTO orchestrator.user_secrets (user_id) SELECT u.id FROM orchestrator.users u WHERE u.name = create_user.name;
END
$$;
COMMENT ON FUNCTION orchestrator.create_user IS 'Makes a user: viewer, operator or admin, of all namespaces or some.';
GRANT EXECUTE ON FUNCTION orchestrator.create_user TO orchestrator_admin;
