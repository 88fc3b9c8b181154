-- orchestrator.make_token(name, role, namespaces, expires_in, user) -> text
-- An API token, told this once. It never allows more than whoever makes it may now, nor more than its user may when it is used.
-- What is left out: the maker's role and namespaces, 90 days (NULL is for ever), the maker. One that is made with a token ends with
-- that token at the latest: otherwise one that was lost could make its own successor, for ever.
CREATE OR REPLACE FUNCTION orchestrator.make_token(
    name text, role text DEFAULT NULL, namespaces text[] DEFAULT NULL, expires_in interval DEFAULT '90 days', "user" text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    c_most CONSTANT integer := 100;
    v_actor text := orchestrator.current_actor();
    v_for text := coalesce(make_token."user", v_actor);
    v_limit text[] := orchestrator.allowed_namespaces();
    v_parent orchestrator.api_tokens;
    v_user orchestrator.users;
    v_role text;
    v_namespaces text[] := coalesce(make_token.namespaces, v_limit);
    v_id bigint;
    v_token text;
BEGIN
    IF v_for <> v_actor AND (orchestrator.acting_role() IS DISTINCT FROM 'admin' OR v_limit IS NOT NULL) THEN
        PERFORM orchestrator.refuse('SO403', format('%s may not make tokens for %s', v_actor, v_for), 'user', 'Ask an admin of every namespace.');
    END IF;
    v_user := orchestrator.find_user(v_for);
    v_role := coalesce(make_token.role, orchestrator.narrower_role(orchestrator.acting_role(), v_user.role));
    PERFORM orchestrator.check_person(NULL, v_role, v_namespaces);
    IF v_role <> orchestrator.narrower_role(v_role, orchestrator.narrower_role(orchestrator.acting_role(), v_user.role)) THEN
        PERFORM orchestrator.refuse('SO403', format('a token of %s cannot be %s', v_for, v_role), 'role',
            format('At most %s.', orchestrator.narrower_role(orchestrator.acting_role(), v_user.role)));
    END IF;
    IF NOT v_namespaces <@ orchestrator.common_namespaces(v_limit, v_user.namespaces) THEN
        PERFORM orchestrator.refuse('SO403', format('a token of %s cannot reach beyond its namespaces', v_for), 'namespaces',
            format('Allowed: %s.', array_to_string(orchestrator.common_namespaces(v_limit, v_user.namespaces), ', ')));
    END IF;
    IF coalesce(make_token.name, '') !~ '^[^[:cntrl:]]{1,100}$' THEN
        PERFORM orchestrator.refuse('SO422', 'a token needs a name', 'name', 'Say what it is for, in up to 100 characters.');
    END IF;
    IF expires_in <= interval '0' THEN
        PERFORM orchestrator.refuse('SO422', 'a token cannot have expired already', 'expires_in', 'Give an interval such as ''30 days''.');
    END IF;
    IF (SELECT count(*) FROM orchestrator.api_tokens t WHERE t.user_id = v_user.id AND t.revoked_at IS NULL
                                                         AND (t.expires_at IS NULL OR t.expires_at > now())) >= c_most THEN
        PERFORM orchestrator.refuse('SO409', format('%s has %s tokens', v_for, c_most), 'user', 'Revoke one first: SELECT revoke_token(id).');
    END IF;
    IF orchestrator.entered_token() IS NOT NULL THEN
        -- Held, so that whoever revokes it meanwhile finds the child as well.
        SELECT * INTO v_parent FROM orchestrator.api_tokens t WHERE t.id = orchestrator.entered_token() AND t.revoked_at IS NULL FOR SHARE;
        IF NOT FOUND THEN
            PERFORM orchestrator.refuse('SO401', 'this token was revoked meanwhile', 'Authorization', 'Make another on the page.');
        END IF;
    END IF;
    INSERT INTO orchestrator.api_tokens (user_id, name, role, namespaces, expires_at, created_by, parent_id)
    VALUES (v_user.id, make_token.name, v_role, v_namespaces, least(now() + expires_in, v_parent.expires_at), v_actor, v_parent.id)
    RETURNING id INTO v_id;
    v_token := format('so_%s_%s', v_id, orchestrator.random_secret());
    INSERT INTO orchestrator.token_secrets (token_id, hash) VALUES (v_id, sha256(convert_to(v_token, 'UTF8')));
    RETURN v_token;
END
$$;
COMMENT ON FUNCTION orchestrator.make_token IS 'Makes an API token and tells it this once.';
GRANT EXECUTE ON FUNCTION orchestrator.make_token TO orchestrator_viewer;
