-- orchestrator.end_children() -> trigger
-- A token that is revoked, or made to end sooner, ends those that were made with it, and these end theirs. A statement for each
-- level: a child that was being made meanwhile holds its parent (make_token), so it is there to be found once the parent is written.
CREATE OR REPLACE FUNCTION orchestrator.end_children() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE orchestrator.api_tokens t
       SET revoked_at = coalesce(t.revoked_at, NEW.revoked_at), expires_at = least(t.expires_at, NEW.expires_at)
     WHERE t.parent_id = NEW.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.end_children IS 'Ends with a token those that were made with it.';

CREATE OR REPLACE TRIGGER end_children AFTER UPDATE OF revoked_at, expires_at ON orchestrator.api_tokens
    FOR EACH ROW WHEN (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at OR NEW.expires_at IS DISTINCT FROM OLD.expires_at)
    EXECUTE FUNCTION orchestrator.end_children();
