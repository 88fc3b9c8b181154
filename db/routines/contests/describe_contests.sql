-- orchestrator.describe_contests(deployment_id) -> text
-- What is contested of a deployment and stands otherwise than wanted, in a sentence for its status; NULL if nothing is. Asked for only
-- where something differs.
CREATE OR REPLACE FUNCTION orchestrator.describe_contests(p_id uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_first record;
    v_count bigint;
BEGIN
    SELECT c.*, count(*) OVER () AS fights INTO v_first FROM orchestrator.contested c
     WHERE c.deployment_id = p_id AND c.differs AND (orchestrator.judge_contest(p_id, c.kind, c.object, c.path)).policy = 'Enforce'
     ORDER BY c.next_at, c.kind, c.object, c.path LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN format('%s is contested by %s: put back %s times since %s; tried again %s', concat_ws(' ', v_first.kind, v_first.object, nullif(v_first.path, '')),
                  coalesce(v_first.manager, 'somebody'), v_first.put_backs, to_char(v_first.began_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
                  CASE WHEN v_first.next_at > now() THEN to_char(v_first.next_at AT TIME ZONE 'UTC', '"at" HH24:MI:SS "UTC"') ELSE 'now' END)
           || CASE WHEN v_first.fights > 1 THEN format('; and %s more paths are', v_first.fights - 1) ELSE '' END;
END
$$;
COMMENT ON FUNCTION orchestrator.describe_contests IS 'What is contested of a deployment, in a sentence.';
