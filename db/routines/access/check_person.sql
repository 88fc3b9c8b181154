-- orchestrator.check_person(name, role, namespaces) -> void
-- Refuses what cannot name a user, be a role or limit one, saying what is allowed. NULL is not judged.
CREATE OR REPLACE FUNCTION orchestrator.check_person(p_name text, p_role text, p_namespaces text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_namespace text;
BEGIN
    -- Names of ours stand in the history for the orchestrator itself.
    IF p_name !~ '^[a-z0-9][a-z0-9._@+-]{0,99}$' OR p_name ~ '^orchestrator' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a user', p_name), 'name',
            'Use up to 100 small letters, digits and . _ @ + -, beginning with a letter or digit, and not with "orchestrator".');
    END IF;
    IF p_role NOT IN ('viewer', 'operator', 'admin') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no role', p_role), 'role', 'Allowed: viewer, operator, admin.');
    END IF;
    FOREACH v_namespace IN ARRAY coalesce(p_namespaces, '{}') LOOP
        IF v_namespace IS NULL OR v_namespace !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" is no namespace', v_namespace), 'namespaces',
                'Use names of up to 63 small letters, digits and -; none at all (NULL) is every namespace.');
        END IF;
    END LOOP;
    IF cardinality(p_namespaces) = 0 THEN
        PERFORM orchestrator.refuse('SO422', 'a limit to no namespaces allows nothing', 'namespaces', 'Name some, or give NULL for all.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_person IS 'Refuses what cannot be a user.';
