-- orchestrator.entered_token() -> bigint, NULL for none
-- The API token that this transaction entered with; none for who signed in or sits at psql. Only the API is believed, since any
-- session can set a setting.
CREATE OR REPLACE FUNCTION orchestrator.entered_token() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN coalesce(current_setting('orchestrator.actor', true), '') <> '' AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER')
        THEN substring(current_setting('orchestrator.credential', true) FROM '^token:([0-9]{1,18})$')::bigint
    END
$$;
COMMENT ON FUNCTION orchestrator.entered_token IS 'The API token in use; NULL for who came another way.';
