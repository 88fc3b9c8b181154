-- orchestrator.players_online(id, at) -> integer, NULL for unknown
-- How many play on a server, as far as somebody told it lately enough to be believed.
CREATE OR REPLACE FUNCTION orchestrator.players_online(p_deployment_id uuid, p_at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.online
      FROM orchestrator.deployment_players p
      JOIN orchestrator.deployments d ON d.id = p.deployment_id JOIN orchestrator.clusters c ON c.id = d.cluster_id
     WHERE p.deployment_id = p_deployment_id AND p.as_of > p_at - make_interval(secs => c.players_fresh_seconds)
$$;
COMMENT ON FUNCTION orchestrator.players_online IS 'How many play on a server; NULL where nobody told it lately.';
GRANT EXECUTE ON FUNCTION orchestrator.players_online TO orchestrator_viewer;
