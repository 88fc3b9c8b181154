-- orchestrator.sees_everything() -> boolean
-- Whether the session is limited to no namespaces. Every policy asks it first, as a subquery without parameters, which Postgres
-- answers once a statement; only for a limited session is there anything to look up row by row. The policy of deployments, which every
-- change pays for twice, asks what this asks.
CREATE OR REPLACE FUNCTION orchestrator.sees_everything() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN orchestrator.allowed_namespaces() IS NULL;
END
$$;
COMMENT ON FUNCTION orchestrator.sees_everything IS 'Whether this session is limited to no namespaces.';
GRANT EXECUTE ON FUNCTION orchestrator.sees_everything TO orchestrator_viewer;

-- The policies. A deployment is seen by its namespace, and what belongs to it by the deployment. OFFSET 0: each is looked up by its
-- id; without it Postgres reads all deployments into a hash for a page of fifty.
DROP POLICY IF EXISTS by_namespace ON orchestrator.deployments;
CREATE POLICY by_namespace ON orchestrator.deployments
    USING ((SELECT orchestrator.allowed_namespaces() IS NULL) OR namespace = ANY ((SELECT orchestrator.allowed_namespaces())::text[]));
DROP POLICY IF EXISTS by_deployment ON orchestrator.deployment_resources;
CREATE POLICY by_deployment ON orchestrator.deployment_resources FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
DROP POLICY IF EXISTS by_deployment ON orchestrator.deployment_observed;
CREATE POLICY by_deployment ON orchestrator.deployment_observed FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
DROP POLICY IF EXISTS by_deployment ON orchestrator.deployment_events;
CREATE POLICY by_deployment ON orchestrator.deployment_events FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
DROP POLICY IF EXISTS by_deployment ON orchestrator.deployment_revisions;
CREATE POLICY by_deployment ON orchestrator.deployment_revisions FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
DROP POLICY IF EXISTS by_deployment ON orchestrator.reconcile_slots;
CREATE POLICY by_deployment ON orchestrator.reconcile_slots FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
DROP POLICY IF EXISTS by_deployment ON orchestrator.put_backs;
CREATE POLICY by_deployment ON orchestrator.put_backs FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
DROP POLICY IF EXISTS by_deployment ON orchestrator.rollout_members;
CREATE POLICY by_deployment ON orchestrator.rollout_members FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = deployment_id OFFSET 0));
-- A rollout is seen by whoever sees one of its members.
DROP POLICY IF EXISTS by_member ON orchestrator.rollouts;
CREATE POLICY by_member ON orchestrator.rollouts FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.rollout_members m WHERE m.rollout_id = rollouts.id OFFSET 0));
DROP POLICY IF EXISTS by_member ON orchestrator.rollout_events;
CREATE POLICY by_member ON orchestrator.rollout_events FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR EXISTS (SELECT FROM orchestrator.rollout_members m WHERE m.rollout_id = rollout_events.rollout_id OFFSET 0));
DROP POLICY IF EXISTS by_namespace ON orchestrator.dry_runs;
CREATE POLICY by_namespace ON orchestrator.dry_runs FOR SELECT
    USING ((SELECT orchestrator.sees_everything()) OR namespace = ANY ((SELECT orchestrator.allowed_namespaces())::text[]));

-- Templates and clusters are everybody's: all read them, and only an admin of everything changes them.
DROP POLICY IF EXISTS all_read ON orchestrator.templates;
CREATE POLICY all_read ON orchestrator.templates FOR SELECT USING (true);
DROP POLICY IF EXISTS all_write ON orchestrator.templates;
CREATE POLICY all_write ON orchestrator.templates TO orchestrator_admin
    USING ((SELECT orchestrator.require_everything('templates'))) WITH CHECK ((SELECT orchestrator.require_everything('templates')));
DROP POLICY IF EXISTS all_read ON orchestrator.clusters;
CREATE POLICY all_read ON orchestrator.clusters FOR SELECT USING (true);
DROP POLICY IF EXISTS all_write ON orchestrator.clusters;
CREATE POLICY all_write ON orchestrator.clusters TO orchestrator_admin
    USING ((SELECT orchestrator.require_everything('clusters'))) WITH CHECK ((SELECT orchestrator.require_everything('clusters')));

-- People see themselves, with their tokens and sessions; an admin of everything sees all.
DROP POLICY IF EXISTS oneself ON orchestrator.users;
CREATE POLICY oneself ON orchestrator.users FOR SELECT USING (name = (SELECT orchestrator.current_actor()));
DROP POLICY IF EXISTS all_people ON orchestrator.users;
CREATE POLICY all_people ON orchestrator.users FOR SELECT TO orchestrator_admin USING ((SELECT orchestrator.sees_everything()));
DROP POLICY IF EXISTS by_user ON orchestrator.api_tokens;
CREATE POLICY by_user ON orchestrator.api_tokens FOR SELECT USING (EXISTS (SELECT FROM orchestrator.users u WHERE u.id = user_id OFFSET 0));
DROP POLICY IF EXISTS by_user ON orchestrator.sessions;
CREATE POLICY by_user ON orchestrator.sessions FOR SELECT USING (EXISTS (SELECT FROM orchestrator.users u WHERE u.id = user_id OFFSET 0));
