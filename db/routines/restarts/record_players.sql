-- orchestrator.record_players(id, online) -> void
-- Tells how many play on a server. A restart that waits for nobody to play is due when nobody does, and no longer when somebody does.
CREATE OR REPLACE FUNCTION orchestrator.record_players(p_deployment_id uuid, p_online integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cluster_id integer;
BEGIN
    PERFORM orchestrator.require_deployment(p_deployment_id);
    IF p_online IS NULL OR p_online < 0 THEN
        PERFORM orchestrator.refuse('SO422', format('there cannot be %s players', coalesce(p_online::text, 'no number of')), 'online',
            'Tell how many are online: 0 or more. What is not known is not told.');
    END IF;
    INSERT INTO orchestrator.deployment_players (deployment_id, online, as_of) VALUES (p_deployment_id, p_online, now())
    ON CONFLICT (deployment_id) DO UPDATE SET online = excluded.online, as_of = excluded.as_of;
    UPDATE orchestrator.planned_restarts p SET due = CASE p_online WHEN 0 THEN now() ELSE p.opens END
     WHERE p.deployment_id = p_deployment_id AND p.state = 'planned' AND p.when_empty
       AND p.due IS DISTINCT FROM CASE p_online WHEN 0 THEN least(p.due, now()) ELSE p.opens END
    RETURNING p.cluster_id INTO v_cluster_id;
    IF v_cluster_id IS NOT NULL THEN
        PERFORM orchestrator.nudge(v_cluster_id);
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.record_players IS 'Tells how many play on a server.';
GRANT EXECUTE ON FUNCTION orchestrator.record_players TO orchestrator_operator;

DROP POLICY IF EXISTS by_deployment ON orchestrator.deployment_players;
CREATE POLICY by_deployment ON orchestrator.deployment_players FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
