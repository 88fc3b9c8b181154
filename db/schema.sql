--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: orchestrator; Type: SCHEMA; Schema: -; Owner: orchestrator_owner
--

CREATE SCHEMA orchestrator;

ALTER SCHEMA orchestrator OWNER TO orchestrator_owner;

--
-- Name: drift_verdict; Type: TYPE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TYPE orchestrator.drift_verdict AS (
	policy text,
	automatic boolean,
	maintenance_window text,
	source text,
	rule jsonb
);

ALTER TYPE orchestrator.drift_verdict OWNER TO orchestrator_owner;

--
-- Name: TYPE drift_verdict; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TYPE orchestrator.drift_verdict IS 'The policy of a path, and the rule it comes from; source is deployment, template, default or fixed.';

--
-- Name: observation; Type: TYPE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TYPE orchestrator.observation AS (
	change text,
	api_version text,
	kind text,
	namespace text,
	name text,
	uid text,
	resource_version bigint,
	deployment_id uuid,
	generation bigint,
	ours boolean,
	fields_hash text,
	deleting boolean,
	health text,
	reason text,
	message text,
	digest jsonb
);

ALTER TYPE orchestrator.observation OWNER TO orchestrator_owner;

--
-- Name: abort_rollout(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.abort_rollout(p_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
BEGIN
    IF v_rollout.state NOT IN ('running', 'paused', 'rolling_back') THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is %s', p_id, v_rollout.state), 'state', 'What has ended cannot be aborted; it can be rolled back.');
    END IF;
    UPDATE orchestrator.rollouts r SET state = 'aborted', message = format('Aborted by %s.', orchestrator.current_actor()) WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutAborted', '', orchestrator.current_actor());
    UPDATE orchestrator.rollout_members m SET state = 'skipped', message = 'The rollout was aborted before its turn.', ended_at = now()
     WHERE m.rollout_id = p_id AND m.state = 'waiting';
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;

ALTER FUNCTION orchestrator.abort_rollout(p_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION abort_rollout(p_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.abort_rollout(p_id bigint) IS 'Ends a rollout where it stands.';

--
-- Name: acting_role(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.acting_role() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT r FROM unnest(ARRAY['admin', 'operator', 'viewer']) WITH ORDINALITY roles (r, o)
     WHERE pg_has_role(CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
                       'orchestrator_' || r, 'USAGE')
     ORDER BY o LIMIT 1
$$;

ALTER FUNCTION orchestrator.acting_role() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION acting_role(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.acting_role() IS 'viewer, operator or admin: what the session may now; NULL is nothing.';

--
-- Name: adopt(uuid, text[], bigint, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.adopt(id uuid, paths text[] DEFAULT NULL::text[], generation bigint DEFAULT NULL::bigint, seen text[] DEFAULT NULL::text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_now record;
BEGIN
    PERFORM orchestrator.require_deployment(adopt.id);
    SELECT d.name, d.generation INTO v_now FROM orchestrator.deployments d WHERE d.id = adopt.id FOR NO KEY UPDATE;
    IF v_now.generation <> adopt.generation THEN
        PERFORM orchestrator.refuse('SO409', format('it changed meanwhile: %s is at generation %s', v_now.name, v_now.generation), 'generation',
            'Nothing was adopted. Look at what differs now, and adopt that.');
    END IF;
    RETURN orchestrator.adopt_paths(adopt.id, paths, seen, false);
END
$$;

ALTER FUNCTION orchestrator.adopt(id uuid, paths text[], generation bigint, seen text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION adopt(id uuid, paths text[], generation bigint, seen text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.adopt(id uuid, paths text[], generation bigint, seen text[]) IS 'Makes what was changed at the cluster what is wanted; answers the generation that does.';

--
-- Name: adopt_automatically(uuid[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.adopt_automatically(p_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_id uuid;
    v_generation bigint;
    v_paths text[];
    v_managers text[];
    v_code text;
    v_refusal text;
    v_at text;
    v_hint text;
BEGIN
    FOR v_id, v_generation, v_paths, v_managers IN
        SELECT d.id, d.generation, array_agg(orchestrator.spell_path(r.kind, r.name, f.path) ORDER BY r.kind, r.name, f.path),
               array_agg(DISTINCT coalesce(f.change ->> 'manager', 'unknown') ORDER BY coalesce(f.change ->> 'manager', 'unknown'))
          FROM orchestrator.deployments d
          JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
          JOIN orchestrator.deployment_resources r ON r.deployment_id = d.id
         CROSS JOIN LATERAL orchestrator.judge_drift(
               d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, r.kind, r.name, r.drift) f
         WHERE d.id = ANY (p_ids) AND d.desired_state NOT IN ('Paused', 'Deleted') AND r.drift IS NOT NULL AND f.policy = 'Adopt' AND f.automatic
           AND (d.drift_rules @> '[{"automatic": true}]' OR t.drift_rules_json @> '[{"automatic": true}]')
         GROUP BY d.id, d.generation
    LOOP
        BEGIN
            PERFORM orchestrator.adopt_paths(v_id, v_paths, NULL, true);
        EXCEPTION WHEN SQLSTATE 'SO422' OR SQLSTATE 'SO409' THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_refusal = MESSAGE_TEXT, v_at = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT;
            INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
            SELECT v_id, v_generation, 'system', 'AdoptionRefused', jsonb_build_object(
                       'paths', v_paths, 'managers', v_managers, 'reason', v_refusal, 'path', v_at, 'hint', v_hint, 'code', v_code),
                   'adopt:' || array_to_string(v_managers, ', adopt:')
             WHERE NOT EXISTS (SELECT FROM orchestrator.deployment_events e
                                WHERE e.deployment_id = v_id AND e.type = 'AdoptionRefused' AND e.generation = v_generation
                                  AND e.data_json @> jsonb_build_object('path', v_at, 'code', v_code));
        END;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.adopt_automatically(p_ids uuid[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION adopt_automatically(p_ids uuid[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.adopt_automatically(p_ids uuid[]) IS 'Adopts what rules say is adopted by itself.';

--
-- Name: adopt_paths(uuid, text[], text[], boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_looks_back CONSTANT integer := 100;  -- generations
    v_now orchestrator.deployments := (SELECT d FROM orchestrator.deployments d WHERE d.id = p_id);
    v_found orchestrator.drift[];
    v_chosen orchestrator.drift[];
    v_row orchestrator.drift;
    v_path text;
    v_count bigint;
    v_name text;
    v_value jsonb;
    v_from jsonb := '{}';
    v_parameters jsonb := '{}';
    v_rendered jsonb;
    v_other record;
    v_limits record;
    v_turns record;
    v_generation bigint;
BEGIN
    SELECT c.contested_after, make_interval(secs => c.contested_within_seconds) AS within INTO v_limits
      FROM orchestrator.clusters c WHERE c.id = v_now.cluster_id;
    -- A watcher writes drift only of deployments that nobody holds, so this stays as it is read.
    v_found := ARRAY(SELECT x FROM orchestrator.drift x WHERE x.deployment_id = p_id ORDER BY x.kind, x.object, x.path);
    SELECT p, count(x.path) INTO v_path, v_count
      FROM unnest(p_paths) p LEFT JOIN unnest(v_found) x ON p IN (x.path, orchestrator.spell_path(x.kind, x.object, x.path))
     GROUP BY p HAVING count(x.path) <> 1 ORDER BY p LIMIT 1;
    IF v_count = 0 THEN
        PERFORM orchestrator.refuse('SO409', format('nothing differs at %s', v_path), v_path,
            'It changed meanwhile, or is spelled otherwise: SELECT kind, object, path FROM drift lists what differs.');
    ELSIF v_count > 1 THEN
        PERFORM orchestrator.refuse('SO422', format('several objects differ at %s', v_path), v_path, 'Say which: ' || (
            SELECT string_agg(orchestrator.spell_path(x.kind, x.object, x.path), ', ') FROM unnest(v_found) x WHERE x.path = v_path) || '.');
    END IF;
    v_chosen := ARRAY(SELECT x FROM unnest(v_found) x
                       WHERE p_paths IS NULL OR x.path = ANY (p_paths) OR orchestrator.spell_path(x.kind, x.object, x.path) = ANY (p_paths));
    IF v_chosen = '{}' THEN
        PERFORM orchestrator.refuse('SO409', format('nothing is to be adopted of %s', v_now.name), 'paths',
            'Nothing differs, or no path was named: SELECT kind, object, path FROM drift lists what differs.');
    ELSIF NOT ARRAY(SELECT x.seen FROM unnest(v_chosen) x) <@ p_seen
          OR (p_paths IS NULL AND NOT p_seen <@ ARRAY(SELECT x.seen FROM unnest(v_chosen) x)) THEN
        PERFORM orchestrator.refuse('SO409', format('it changed meanwhile: what differs of %s is not what was looked at', v_now.name), 'seen',
            'Nothing was adopted. Look at what differs now, and adopt that.');
    END IF;
    FOREACH v_row IN ARRAY v_chosen LOOP
        v_path := orchestrator.spell_path(v_row.kind, v_row.object, v_row.path);
        IF NOT v_row.adoptable THEN
            PERFORM orchestrator.refuse('SO422', format('%s cannot be adopted: %s', v_path, v_row.not_adoptable), v_path,
                (orchestrator.read_back(p_id, v_row.kind, v_row.object, v_row.path)).hint);
        END IF;
        -- By a rule, whoever keeps changing a path would make a generation with each turn. A person's adopt counts anew.
        IF p_automatic THEN
            SELECT count(*), min(t.created_at) AS first_at, max(t.created_at) AS last_at INTO v_turns
              FROM (SELECT v.created_at, v.adopted FROM orchestrator.deployment_revisions v
                     WHERE v.deployment_id = p_id AND v.generation > v_now.generation - c_looks_back AND v.adopted -> 'paths' ? v_path
                     ORDER BY v.generation DESC LIMIT v_limits.contested_after) t
            HAVING bool_and(t.adopted ? 'automatic');
            IF v_turns.count = v_limits.contested_after AND v_turns.last_at - v_turns.first_at <= v_limits.within
               AND greatest(v_turns.last_at, v_row.since) > now() - v_limits.within THEN
                PERFORM orchestrator.refuse('SO409', format('%s was adopted by itself %s times since %s: somebody keeps changing it', v_path, v_turns.count,
                        to_char(v_turns.first_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')), v_path,
                    'Adopt it, put it back, or have a rule ignore it. It is adopted by itself again once it has been quiet for as long as fights count.');
            END IF;
        END IF;
        FOR v_name, v_value IN SELECT key, value -> 'to' FROM jsonb_each(v_row.adopts) LOOP
            IF v_parameters -> v_name <> v_value THEN
                PERFORM orchestrator.refuse('SO422', format('two places ask for different values of %s: %s for %s, %s for %s',
                        v_name, v_from ->> v_name, v_parameters -> v_name, v_path, v_value), v_path,
                    'Adopt one of them; the other then follows it.');
            END IF;
            -- By a rule, two that each want their own value would be adopted in turns, a generation each time, for ever.
            SELECT v.generation, v.adopted -> 'paths' ->> 0 AS path INTO v_other
              FROM orchestrator.deployment_revisions v
              JOIN orchestrator.deployment_revisions b ON b.deployment_id = v.deployment_id AND b.generation = v.generation - 1
             WHERE p_automatic AND v.deployment_id = p_id AND v.generation > v_now.generation - c_looks_back
               AND v.adopted ? 'automatic' AND NOT v.adopted -> 'paths' ? v_path AND v.parameters -> v_name IS DISTINCT FROM b.parameters -> v_name
               AND v.created_at > now() - v_limits.within
             ORDER BY v.generation DESC LIMIT 1;
            IF FOUND THEN
                PERFORM orchestrator.refuse('SO409', format('two places ask for different values of %s: it was just adopted from %s (generation %s), and would be from %s now',
                        v_name, v_other.path, v_other.generation, v_path), v_path,
                    'Adopt it, or put it back, or limit the rule to one of them. It is adopted by itself once the other has been quiet for as long as fights count.');
            END IF;
            v_parameters := v_parameters || jsonb_build_object(v_name, v_value);
            v_from := v_from || jsonb_build_object(v_name, v_path);
        END LOOP;
    END LOOP;
    -- Each gives its value alone; all of them together must as well.
    v_rendered := orchestrator.wanted_manifests(orchestrator.render_program(
        orchestrator.find_program(v_now.template_id, v_now.template_version), v_now.parameters || v_parameters, v_now.name, v_now.namespace, v_now.id),
        v_now.desired_state, v_now.restarted_at);
    FOREACH v_row IN ARRAY v_chosen LOOP
        v_value := orchestrator.manifest_of(v_rendered, v_row.kind, v_row.object);
        IF v_value #> orchestrator.locate(v_value, v_row.path) IS DISTINCT FROM v_row.live THEN
            v_path := orchestrator.spell_path(v_row.kind, v_row.object, v_row.path);
            PERFORM orchestrator.refuse('SO422', format('%s cannot be adopted together with the others: they would change it', v_path), v_path,
                'Adopt them one after the other.');
        END IF;
    END LOOP;
    -- Only for this statement: record_changed_deployments tells of it.
    PERFORM set_config('orchestrator.adopt', (jsonb_build_object(
        'paths', to_jsonb(ARRAY(SELECT orchestrator.spell_path(x.kind, x.object, x.path) FROM unnest(v_chosen) x)),
        'managers', to_jsonb(ARRAY(SELECT DISTINCT coalesce(x.manager, 'unknown') FROM unnest(v_chosen) x ORDER BY 1)))
        || CASE WHEN p_automatic THEN '{"automatic": true}' ELSE '{}' END::jsonb)::text, true);
    UPDATE orchestrator.deployments d SET parameters = d.parameters || v_parameters WHERE d.id = p_id RETURNING d.generation INTO v_generation;
    PERFORM set_config('orchestrator.adopt', '', true);
    PERFORM orchestrator.end_contest(p_id, x.kind, x.object, x.path, 'adopted') FROM unnest(v_chosen) x;
    -- It stands at the cluster as it is wanted now. Taking it over is left to the next apply, which may wait (Paused).
    UPDATE orchestrator.deployment_resources r
       SET drift = left_over.drift, drifted_at = CASE WHEN left_over.drift IS NOT NULL THEN r.drifted_at END
      FROM (SELECT x.kind, x.object, array_agg(x.path) AS paths FROM unnest(v_chosen) x GROUP BY 1, 2) adopted,
           LATERAL (SELECT jsonb_agg(c) FROM orchestrator.deployment_resources o, jsonb_array_elements(o.drift) c
                     WHERE o.deployment_id = p_id AND o.kind = adopted.kind AND o.name = adopted.object
                       AND c ->> 'path' <> ALL (adopted.paths)) left_over (drift)
     WHERE r.deployment_id = p_id AND r.kind = adopted.kind AND r.name = adopted.object;
    RETURN v_generation;
END
$$;

ALTER FUNCTION orchestrator.adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean) IS 'Makes what was changed at the cluster what is wanted, asked by a person or by a rule.';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: rollouts; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.rollouts (
    id bigint NOT NULL,
    template_id bigint NOT NULL,
    to_version integer NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    batch_size integer NOT NULL,
    max_unavailable integer NOT NULL,
    pause_on_failure boolean NOT NULL,
    restart boolean NOT NULL,
    force boolean NOT NULL,
    patience_seconds integer NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    back boolean DEFAULT false NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    run_by text NOT NULL,
    under_way boolean DEFAULT true NOT NULL,
    looked_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT rollouts_state_is_known CHECK ((state = ANY (ARRAY['running'::text, 'paused'::text, 'rolling_back'::text, 'aborted'::text, 'done'::text, 'rolled_back'::text])))
)
WITH (fillfactor='70');

ALTER TABLE orchestrator.rollouts OWNER TO orchestrator_owner;

--
-- Name: TABLE rollouts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.rollouts IS 'Moves of many deployments to another version of their template. Made by start_rollout, carried out by workers.';

--
-- Name: COLUMN rollouts.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.id IS 'What pause_rollout and the others are given.';

--
-- Name: COLUMN rollouts.template_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.template_id IS 'Of which template.';

--
-- Name: COLUMN rollouts.to_version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.to_version IS 'The version that its members move to.';

--
-- Name: COLUMN rollouts.parameters; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.parameters IS 'Merged into those of each member; null drops one.';

--
-- Name: COLUMN rollouts.batch_size; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.batch_size IS 'How many belong together: the next batch begins when all of one have ended.';

--
-- Name: COLUMN rollouts.max_unavailable; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.max_unavailable IS 'How many members may not be healthy at a time for another healthy one to be touched.';

--
-- Name: COLUMN rollouts.pause_on_failure; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.pause_on_failure IS 'Whether a member that fails pauses it.';

--
-- Name: COLUMN rollouts.restart; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.restart IS 'Whether members are restarted where the version would not be in effect otherwise.';

--
-- Name: COLUMN rollouts.force; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.force IS 'Also where a neverLower parameter goes down.';

--
-- Name: COLUMN rollouts.patience_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.patience_seconds IS 'A member that is not well so long after its start has failed; outages of its cluster do not count.';

--
-- Name: COLUMN rollouts.state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.state IS 'running, paused, rolling_back, aborted, done or rolled_back.';

--
-- Name: COLUMN rollouts.back; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.back IS 'It is on its way back: members are put to what they were before.';

--
-- Name: COLUMN rollouts.message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.message IS 'Why it is in that state, in words to act on.';

--
-- Name: COLUMN rollouts.run_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.run_by IS 'In whose name members are changed: who started, resumed or turned it back last.';

--
-- Name: COLUMN rollouts.under_way; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.under_way IS 'Workers look at it: members are to be started, or watched.';

--
-- Name: COLUMN rollouts.looked_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.looked_at IS 'When a worker last did.';

--
-- Name: COLUMN rollouts.created_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.created_by IS 'Who started it.';

--
-- Name: COLUMN rollouts.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.created_at IS 'When.';

--
-- Name: COLUMN rollouts.finished_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollouts.finished_at IS 'Since when nothing more happens by itself; its members may be in another rollout.';

--
-- Name: advance_rollout(orchestrator.rollouts); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.advance_rollout(p_rollout orchestrator.rollouts) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_failed boolean := orchestrator.judge_members(p_rollout);
    v_open record;
BEGIN
    UPDATE orchestrator.rollouts r SET looked_at = now() WHERE r.id = p_rollout.id;
    IF p_rollout.state IN ('running', 'rolling_back') THEN
        IF v_failed AND p_rollout.pause_on_failure AND EXISTS (
               SELECT FROM orchestrator.rollout_members m WHERE m.rollout_id = p_rollout.id AND m.state = 'waiting') THEN
            PERFORM orchestrator.hold_rollout(p_rollout.id, 'A member has failed. Look why, then resume, abort or roll back.');
        ELSE
            PERFORM orchestrator.start_members(p_rollout);
        END IF;
    END IF;
    SELECT count(*) FILTER (WHERE m.state = 'waiting') AS waiting, count(*) FILTER (WHERE m.state = 'started') AS started INTO v_open FROM orchestrator.rollout_members m WHERE m.rollout_id = p_rollout.id;
    IF v_open.started > 0 OR (v_open.waiting > 0 AND (SELECT r.state <> 'paused' FROM orchestrator.rollouts r WHERE r.id = p_rollout.id)) THEN
        RETURN;
    ELSIF v_open.waiting > 0 THEN
        UPDATE orchestrator.rollouts r SET under_way = false WHERE r.id = p_rollout.id;
    ELSE
        PERFORM orchestrator.finish_rollout(p_rollout.id);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.advance_rollout(p_rollout orchestrator.rollouts) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION advance_rollout(p_rollout orchestrator.rollouts); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.advance_rollout(p_rollout orchestrator.rollouts) IS 'One look at a rollout.';

--
-- Name: advance_rollouts(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.advance_rollouts() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rollout orchestrator.rollouts;
    v_count integer := 0;
BEGIN
    -- One that was advanced just now is looked at again by whoever comes next: so many workers share many rollouts.
    FOR v_rollout IN SELECT * FROM orchestrator.rollouts r WHERE r.under_way ORDER BY r.id FOR NO KEY UPDATE SKIP LOCKED LOOP
        PERFORM orchestrator.advance_rollout(v_rollout);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;

ALTER FUNCTION orchestrator.advance_rollouts() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION advance_rollouts(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.advance_rollouts() IS 'Carries rollouts on; answers how many it looked at.';

--
-- Name: allowed_kinds(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.allowed_kinds() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT ARRAY['ConfigMap', 'Secret', 'PersistentVolumeClaim', 'Service', 'NetworkPolicy', 'PodDisruptionBudget', 'StatefulSet', 'Deployment',
                 'CronJob', 'Ingress', 'HorizontalPodAutoscaler']
$$;

ALTER FUNCTION orchestrator.allowed_kinds() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION allowed_kinds(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.allowed_kinds() IS 'Kubernetes kinds a template may hold.';

--
-- Name: allowed_namespaces(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.allowed_namespaces() RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

ALTER FUNCTION orchestrator.allowed_namespaces() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION allowed_namespaces(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.allowed_namespaces() IS 'The namespaces this session may see and change; NULL is all.';

--
-- Name: announce(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.announce() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_notify('orchestrator_events', '');
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.announce() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION announce(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.announce() IS 'Wakes those who follow the history.';

--
-- Name: applied_fields(uuid, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT r.applied_fields FROM orchestrator.deployment_resources r
     WHERE r.deployment_id = p_deployment_id AND r.kind = p_kind AND r.namespace = p_namespace AND r.name = p_name
$$;

ALTER FUNCTION orchestrator.applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text) IS 'The fields we last applied to an object.';

--
-- Name: applied_manifests(uuid, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.applied_manifests(p_id uuid, p_generation bigint) RETURNS TABLE(kind text, name text, manifest jsonb)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT m.kind, m.name, m.manifest
      FROM orchestrator.deployment_revisions r
      JOIN orchestrator.deployments d ON d.id = r.deployment_id
      JOIN orchestrator.template_programs p ON p.template_id = r.template_id AND p.template_version = r.template_version
     CROSS JOIN LATERAL orchestrator.dressed_manifests(d.id, d.name, r.template_version, orchestrator.wanted_manifests(
               orchestrator.render_program(p, r.parameters, d.name, d.namespace, d.id), r.desired_state, r.restarted_at)) m
     WHERE r.deployment_id = p_id AND r.generation = p_generation
$$;

ALTER FUNCTION orchestrator.applied_manifests(p_id uuid, p_generation bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION applied_manifests(p_id uuid, p_generation bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.applied_manifests(p_id uuid, p_generation bigint) IS 'What a worker was told to apply for a generation.';

--
-- Name: assess_deployments(uuid[], bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.assess_deployments(p_ids uuid[], p_applied bigint DEFAULT NULL::bigint) RETURNS TABLE(id uuid, summary text, message text, restart_required boolean)
    LANGUAGE sql STABLE ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
    SELECT d.id, a.summary,
           CASE WHEN d.stale_since IS NOT NULL THEN format('Not seen since %s; what follows may be out of date. ', to_char(d.stale_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')) ELSE '' END || a.message,
           a.restart_required
      FROM orchestrator.deployments d
      JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id
      LEFT JOIN LATERAL (
          SELECT count(*) FILTER (WHERE r.kind = 'Pod') AS pods,
                 count(*) FILTER (WHERE r.managed) AS objects,
                 array_agg(orchestrator.describe_drift(r.cluster_id, r.kind, r.namespace, r.name) ORDER BY r.kind, r.name) FILTER (WHERE r.differs) AS drift,
                 -- A pod's own words are nearer to the cause than its workload's.
                 (array_agg(ARRAY[coalesce(r.health, 'Progressing'),
                                  format('%s %s: %s', r.kind, r.name, coalesce(nullif(r.message, ''), nullif(r.reason, ''), 'not seen yet'))]
                            ORDER BY r.health = 'Degraded' DESC NULLS LAST, r.kind = 'Pod' DESC, r.kind DESC)
                  FILTER (WHERE (r.managed OR r.kind = 'Pod') AND r.health IS DISTINCT FROM 'Healthy'
                                 AND CASE WHEN r.missing_since IS NULL THEN true ELSE NOT orchestrator.is_let_be(r.cluster_id, r.kind, r.namespace, r.name) END))[1:1] AS worst,
                 min(format('%s %s: its pods are not there yet', r.kind, r.name))
                  FILTER (WHERE r.kind IN ('Deployment', 'StatefulSet') AND r.reason IN ('Ready', 'RestartRequired')) AS podless,
                 array_agg(r.revision) FILTER (WHERE r.kind = 'StatefulSet' AND r.revision IS NOT NULL) AS revisions,
                 array_agg(r.revision) FILTER (WHERE r.kind = 'Pod' AND r.reason <> 'Terminating') AS running,
                 max(r.applied_generation) FILTER (WHERE r.kind = 'StatefulSet') AS applied
            FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id
      ) r ON true
      CROSS JOIN LATERAL orchestrator.judge_status(
                     d.id, d.cluster_id, d.desired_state, d.finalised_at IS NOT NULL, d.generation, greatest(d.last_applied_generation, p_applied), s, r.pods, r.objects,
                     (SELECT min(m) FROM unnest(r.drift[:][1:1]) m), (SELECT min(m) FROM unnest(r.drift[:][2:2]) m),
                     CASE WHEN r.drift IS NOT NULL THEN orchestrator.describe_contests(d.id) END, (SELECT min(m) FROM unnest(r.drift[:][3:3]) m),
                     -- A pod that is gone is seen before its workload has noticed.
                     coalesce(r.worst, CASE WHEN r.pods = 0 AND r.podless IS NOT NULL THEN ARRAY[['Progressing', r.podless]] END),
                     -- A pod of another revision than its set wants: "lobby-5c9d" is a revision of lobby. Sets that roll by themselves tell none.
                     CASE WHEN NOT r.running <@ r.revisions AND EXISTS (
                               SELECT FROM unnest(r.revisions) w JOIN unnest(r.running) p ON p <> w AND regexp_replace(p, '-[^-]*$', '') = regexp_replace(w, '-[^-]*$', ''))
                          THEN r.applied END) a
     WHERE d.id = ANY (p_ids)
$_$;

ALTER FUNCTION orchestrator.assess_deployments(p_ids uuid[], p_applied bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION assess_deployments(p_ids uuid[], p_applied bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.assess_deployments(p_ids uuid[], p_applied bigint) IS 'The status of deployments.';

--
-- Name: at_wall_clock(timestamp without time zone, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.at_wall_clock(p_local timestamp without time zone, p_zone text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN early AT TIME ZONE p_zone = p_local THEN least(early, late) ELSE late END
      FROM (SELECT p_local AT TIME ZONE p_zone) a (late)
     -- By the offset of the day before: the one that held until the clocks were set, if they were.
     CROSS JOIN LATERAL (SELECT late - interval '24 hours') b (before)
     CROSS JOIN LATERAL (SELECT p_local AT TIME ZONE 'UTC' - (before AT TIME ZONE p_zone - before AT TIME ZONE 'UTC')) c (early)
$$;

ALTER FUNCTION orchestrator.at_wall_clock(p_local timestamp without time zone, p_zone text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION at_wall_clock(p_local timestamp without time zone, p_zone text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.at_wall_clock(p_local timestamp without time zone, p_zone text) IS 'The moment at which the clocks of a zone show a time, the first if there are two.';

--
-- Name: attach_queue(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.attach_queue(p_queue text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_table text := 'q_' || p_queue;
    v_sequence text := v_table || '_msg_id_seq';
    v_last bigint;
    v_used boolean;
BEGIN
    EXECUTE format('SELECT last_value, is_called FROM pgmq.%I', v_sequence) INTO v_last, v_used;
    EXECUTE format('ALTER TABLE pgmq.%I ALTER COLUMN msg_id DROP IDENTITY, ADD COLUMN queue text NOT NULL DEFAULT %L', v_table, p_queue);
    EXECUTE format('CREATE SEQUENCE pgmq.%I OWNED BY pgmq.%I.msg_id', v_sequence, v_table);
    PERFORM setval(format('pgmq.%I', v_sequence), v_last, v_used);
    EXECUTE format('ALTER TABLE pgmq.%I ALTER COLUMN msg_id SET DEFAULT nextval(%L)', v_table, format('pgmq.%I', v_sequence));
    EXECUTE format('ALTER TABLE orchestrator.messages ATTACH PARTITION pgmq.%I FOR VALUES IN (%L)', v_table, p_queue);
END
$$;

ALTER FUNCTION orchestrator.attach_queue(p_queue text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION attach_queue(p_queue text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.attach_queue(p_queue text) IS 'Makes a queue a partition of messages.';

--
-- Name: authenticate(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    c_idle CONSTANT interval := '12 hours';
    v_hash bytea := sha256(convert_to(p_secret, 'UTF8'));
    v_used_at timestamptz;
BEGIN
    CASE p_kind
    WHEN 'token' THEN
        SELECT u.name, orchestrator.narrower_role(t.role, u.role), orchestrator.common_namespaces(t.namespaces, u.namespaces), t.id, t.last_used_at
          INTO user_name, role, namespaces, credential_id, v_used_at
          FROM orchestrator.api_tokens t JOIN orchestrator.token_secrets s ON s.token_id = t.id JOIN orchestrator.users u ON u.id = t.user_id
         WHERE t.id = substring(p_secret FROM '^so_([0-9]{1,18})_')::bigint AND s.hash = v_hash
           AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now()) AND u.disabled_at IS NULL;
        IF v_used_at IS NULL OR v_used_at < now() - interval '1 minute' THEN
            UPDATE orchestrator.api_tokens t SET last_used_at = now()
             WHERE t.id = (SELECT k.id FROM orchestrator.api_tokens k WHERE k.id = credential_id FOR NO KEY UPDATE SKIP LOCKED);
        END IF;
    WHEN 'session' THEN
        SELECT u.name, u.role, u.namespaces, n.id, n.last_seen_at
          INTO user_name, role, namespaces, credential_id, v_used_at
          FROM orchestrator.sessions n JOIN orchestrator.session_secrets s ON s.session_id = n.id JOIN orchestrator.users u ON u.id = n.user_id
         WHERE n.id = substring(p_secret FROM '^([0-9]{1,18})_')::bigint AND s.hash = v_hash
           AND n.expires_at > now() AND n.last_seen_at > now() - c_idle AND u.disabled_at IS NULL;
        IF v_used_at < now() - interval '1 minute' THEN
            UPDATE orchestrator.sessions n SET last_seen_at = now()
             WHERE n.id = (SELECT k.id FROM orchestrator.sessions k WHERE k.id = credential_id FOR NO KEY UPDATE SKIP LOCKED);
        END IF;
    ELSE
        NULL;
    END CASE;
    IF credential_id IS NULL THEN
        PERFORM orchestrator.refuse('SO401', 'this credential is not known, or good no longer', 'Authorization',
            CASE p_kind WHEN 'token' THEN 'Make another token on the page, or with: SELECT orchestrator.make_token(…).' ELSE 'Sign in again.' END);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) IS 'Whose credential this is, and what it allows.';

--
-- Name: begin_request(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.begin_request(p_key text, p_hash text) RETURNS TABLE(status integer, headers jsonb, body text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    v_actor text := orchestrator.current_actor();
    v_hash text := encode(sha256(convert_to(concat_ws(' ', p_hash, orchestrator.acting_role(), (
        SELECT coalesce(jsonb_agg(n ORDER BY n)::text, '[]') FROM unnest(orchestrator.allowed_namespaces()) n),
        orchestrator.allowed_namespaces() IS NULL), 'UTF8')), 'hex');
    v_found orchestrator.answered_requests;
BEGIN
    IF coalesce(p_key, '') !~ '^[!-~]{1,200}$' THEN
        PERFORM orchestrator.refuse('SO400', 'this is no key', 'Idempotency-Key', 'Send 1 to 200 printable ASCII characters without spaces, such as a UUID.');
    END IF;
    DELETE FROM orchestrator.answered_requests a USING (
        SELECT o.actor, o.key FROM orchestrator.answered_requests o
         WHERE o.created_at < now() - interval '1 day' ORDER BY o.created_at LIMIT 20 FOR UPDATE SKIP LOCKED) old
     WHERE a.actor = old.actor AND a.key = old.key;
    INSERT INTO orchestrator.answered_requests (actor, key, request_hash) VALUES (v_actor, p_key, v_hash)
        ON CONFLICT (actor, key) DO UPDATE SET request_hash = excluded.request_hash, status = NULL, created_at = excluded.created_at
        WHERE answered_requests.created_at < now() - interval '1 day';
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT v_found FROM orchestrator.answered_requests a WHERE a.actor = v_actor AND a.key = p_key;
    IF v_found.request_hash <> v_hash THEN
        PERFORM orchestrator.refuse('SO422', 'this key was used for another request', 'Idempotency-Key',
            'Take a new key for a new request, and for one with another token that may more or less; keys are kept for a day.');
    END IF;
    RETURN QUERY SELECT v_found.status, v_found.headers, v_found.body;
END
$_$;

ALTER FUNCTION orchestrator.begin_request(p_key text, p_hash text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION begin_request(p_key text, p_hash text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.begin_request(p_key text, p_hash text) IS 'Takes an idempotency key, or answers what was answered under it.';

--
-- Name: begin_sign_in(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.begin_sign_in(p_name text, p_address text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_forgotten CONSTANT interval := '1 day';
    c_longest_seconds CONSTANT integer := 300;
    v_address text := 'address ' || left(p_address, 100);
    v_user text := 'user ' || left(p_name, 100);
    v_attempt record;
    v_seconds numeric;
    v_is_known_there boolean := EXISTS (
        SELECT FROM orchestrator.sessions s JOIN orchestrator.users u ON u.id = s.user_id
         WHERE u.name = p_name AND s.address = left(p_address, 100) AND s.expires_at > now());
BEGIN
    DELETE FROM orchestrator.sign_in_attempts a USING (
        SELECT o.subject FROM orchestrator.sign_in_attempts o
         WHERE o.last_at < now() - c_forgotten ORDER BY o.last_at LIMIT 20 FOR UPDATE SKIP LOCKED) old
     WHERE a.subject = old.subject;
    INSERT INTO orchestrator.sign_in_attempts (subject) VALUES (v_address), (v_user) ON CONFLICT DO NOTHING;
    -- Locked in one order, so that two attempts cannot wait for each other.
    FOR v_attempt IN
        SELECT a.failures - CASE a.subject WHEN v_user THEN 5 ELSE 20 END AS beyond, a.last_at, a.subject = v_address AS is_address
          FROM orchestrator.sign_in_attempts a WHERE a.subject IN (v_address, v_user) ORDER BY a.subject FOR UPDATE
    LOOP
        v_seconds := least(c_longest_seconds, 2 ^ least(v_attempt.beyond, 20)) - extract(epoch FROM clock_timestamp() - v_attempt.last_at);
        IF v_attempt.beyond >= 0 AND v_seconds > 0 AND NOT (v_attempt.is_address AND v_is_known_there) THEN
            PERFORM orchestrator.refuse('SO429', 'too many attempts to sign in', 'name', format('Wait %s s.', ceil(v_seconds)));
        END IF;
    END LOOP;
    UPDATE orchestrator.sign_in_attempts a SET failures = a.failures + 1, last_at = clock_timestamp() WHERE a.subject IN (v_address, v_user);
    RETURN (SELECT s.password_hash FROM orchestrator.users u JOIN orchestrator.user_secrets s ON s.user_id = u.id
             WHERE u.name = p_name AND u.disabled_at IS NULL);
END
$$;

ALTER FUNCTION orchestrator.begin_sign_in(p_name text, p_address text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION begin_sign_in(p_name text, p_address text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.begin_sign_in(p_name text, p_address text) IS 'The hash to hold a password against, unless too many attempts failed.';

--
-- Name: below_atomic(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.below_atomic(p_path text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT regexp_replace(p_path, '\[[^]]*\]', '[]', 'g') ~ (
        '(?:^|\.)(?:selector|podSelector|labelSelector|nodeSelector|configMapKeyRef|secretKeyRef|fieldRef|resourceFieldRef|fileKeyRef|'
        'requiredDuringSchedulingIgnoredDuringExecution|(?:imagePullSecrets|evictionResponders)\[\]|secretRef|nodePublishSecretRef|dataSource|'
        'defaultBackend\.resource|defaultBackend\.service\.port)[.[]')
$$;

ALTER FUNCTION orchestrator.below_atomic(p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION below_atomic(p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.below_atomic(p_path text) IS 'Whether a place lies within what is one value to the API server, though it has fields.';

--
-- Name: cancel_restart(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.cancel_restart(p_deployment_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.require_deployment(p_deployment_id);
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = p_deployment_id FOR NO KEY UPDATE;
    IF orchestrator.end_planned_restart(p_deployment_id, 'cancelled', 'taken back') IS NULL THEN
        PERFORM orchestrator.refuse('SO404', 'no restart is planned', 'id', 'SELECT * FROM planned_restarts tells what was, and what became of it.');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.cancel_restart(p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION cancel_restart(p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.cancel_restart(p_deployment_id uuid) IS 'Takes back a planned restart.';

--
-- Name: carry_out_restart(uuid, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.carry_out_restart(p_deployment_id uuid, p_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    -- A time has no end of its own; long after it, a restart would surprise.
    c_late CONSTANT interval := '1 hour';
    c_look_again CONSTANT interval := '30 seconds';
    v_plan orchestrator.planned_restarts;
    v_window orchestrator.maintenance_windows;
    v_opens timestamptz;
    v_empty boolean;
    v_deployment record;
BEGIN
    SELECT * INTO v_plan FROM orchestrator.planned_restarts p
     WHERE p.deployment_id = p_deployment_id AND p.state = 'planned' AND p.due <= p_at FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT d.desired_state, d.restart_required, d.generation, d.last_applied_generation INTO v_deployment
      FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
    IF v_deployment.desired_state NOT IN ('Active', 'Paused') THEN
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'done', format('nothing runs: it is %s', v_deployment.desired_state));
        RETURN;
    END IF;
    v_empty := v_plan.when_empty AND orchestrator.players_online(p_deployment_id, p_at) IS NOT DISTINCT FROM 0;
    v_opens := v_plan.opens;
    IF v_plan.window_id IS NOT NULL THEN
        SELECT * INTO v_window FROM orchestrator.maintenance_windows w WHERE w.id = v_plan.window_id;
        v_opens := (SELECT s.opens FROM orchestrator.window_spans(v_window, p_at) s ORDER BY s.opens LIMIT 1);
        -- The opening that it waited for came, and closed without it.
        IF v_plan.opens <= p_at AND v_opens > v_plan.opens THEN
            INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
            VALUES (p_deployment_id, v_deployment.generation, 'system', 'RestartMissed', orchestrator.describe_plan(v_plan)
                    || jsonb_build_object('next', v_opens, 'why', coalesce(nullif(v_plan.why, ''), 'no worker was there while the window was open')), 'orchestrator');
            UPDATE orchestrator.planned_restarts p SET why = '' WHERE p.id = v_plan.id;
        END IF;
    ELSIF NOT v_empty AND v_opens + c_late < p_at THEN
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'missed', coalesce(nullif(v_plan.why, ''), 'no worker was there within an hour of its time'));
        RETURN;
    END IF;
    IF NOT (v_empty OR v_opens <= p_at) IS TRUE THEN
        UPDATE orchestrator.planned_restarts p SET opens = v_opens, due = v_opens WHERE p.id = v_plan.id;
    ELSIF v_deployment.desired_state = 'Paused' THEN
        UPDATE orchestrator.planned_restarts p SET opens = v_opens, due = p_at + c_look_again, why = 'it was Paused' WHERE p.id = v_plan.id;
    ELSIF v_plan.only_if_required AND NOT v_deployment.restart_required AND v_deployment.last_applied_generation < v_deployment.generation THEN
        UPDATE orchestrator.planned_restarts p SET opens = v_opens, due = p_at + c_look_again, why = 'a change was being applied' WHERE p.id = v_plan.id;
    ELSIF v_plan.only_if_required AND NOT v_deployment.restart_required THEN
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'done', 'nothing required a restart any more');
    ELSE
        PERFORM orchestrator.end_planned_restart(p_deployment_id, 'done', '');
        -- Only for this statement: record_changed_deployments tells in whose name it is.
        PERFORM set_config('orchestrator.planned_restart', v_plan.id::text, true);
        UPDATE orchestrator.deployments d SET restarted_at = clock_timestamp() WHERE d.id = p_deployment_id;
        PERFORM set_config('orchestrator.planned_restart', '', true);
        UPDATE orchestrator.planned_restarts p SET generation = v_deployment.generation + 1, why = CASE WHEN v_empty THEN 'nobody played' ELSE '' END
         WHERE p.id = v_plan.id;
    END IF;
END
$$;

ALTER FUNCTION orchestrator.carry_out_restart(p_deployment_id uuid, p_at timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION carry_out_restart(p_deployment_id uuid, p_at timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.carry_out_restart(p_deployment_id uuid, p_at timestamp with time zone) IS 'Carries out a planned restart, or says why not.';

--
-- Name: carry_out_restarts(integer, timestamp with time zone, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.carry_out_restarts(p_cluster_id integer, p_at timestamp with time zone DEFAULT now(), p_limit integer DEFAULT 100) RETURNS double precision
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_due CONSTANT double precision := (
        SELECT extract(epoch FROM p.due - p_at) FROM orchestrator.planned_restarts p
         WHERE p.cluster_id = p_cluster_id AND p.state = 'planned' AND p.due IS NOT NULL ORDER BY p.due LIMIT 1);
    v_id uuid;
BEGIN
    IF v_due IS NULL OR v_due > 0 THEN
        RETURN v_due;
    END IF;
    FOR v_id IN
        SELECT d.id FROM orchestrator.planned_restarts p JOIN orchestrator.deployments d ON d.id = p.deployment_id
         WHERE p.cluster_id = p_cluster_id AND p.state = 'planned' AND p.due <= p_at
         ORDER BY p.due LIMIT p_limit FOR NO KEY UPDATE OF d SKIP LOCKED
    LOOP
        BEGIN
            PERFORM orchestrator.carry_out_restart(v_id, p_at);
        EXCEPTION WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
            -- One that is refused must not hold up the others.
            PERFORM orchestrator.end_planned_restart(v_id, 'missed', SQLERRM);
        END;
    END LOOP;
    RETURN (SELECT greatest(extract(epoch FROM p.due - p_at), 1) FROM orchestrator.planned_restarts p
             WHERE p.cluster_id = p_cluster_id AND p.state = 'planned' AND p.due IS NOT NULL ORDER BY p.due LIMIT 1);
END
$$;

ALTER FUNCTION orchestrator.carry_out_restarts(p_cluster_id integer, p_at timestamp with time zone, p_limit integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION carry_out_restarts(p_cluster_id integer, p_at timestamp with time zone, p_limit integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.carry_out_restarts(p_cluster_id integer, p_at timestamp with time zone, p_limit integer) IS 'Carries out the restarts that are due.';

--
-- Name: catch_up(text, jsonb, uuid[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]) RETURNS TABLE(kind text, namespace text, name text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_batch orchestrator.observation[] := orchestrator.locate_observations(v_cluster_id, p_batch);
    v_held uuid[] := orchestrator.lock_deployments(ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(v_batch) o));
    v_gone orchestrator.observation[];
    v_seen orchestrator.observation[];
BEGIN
    -- What an apply has been answered with meanwhile is newer, and is seen in its turn.
    SELECT coalesce(array_agg(o) FILTER (WHERE o.change = 'gone'), '{}'), coalesce(array_agg(o) FILTER (WHERE o.change = 'seen'), '{}')
      INTO v_gone, v_seen
      FROM unnest(v_batch) o
     WHERE o.deployment_id = ANY (v_held) AND o.resource_version >= coalesce((
           SELECT r.resource_version FROM orchestrator.deployment_resources r
            WHERE r.cluster_id = v_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name), 0);
    PERFORM orchestrator.record_digests(v_gone, v_seen);
    PERFORM orchestrator.refresh_status(ARRAY(SELECT s FROM unnest(p_suspects) s WHERE s = ANY (v_held)));
    RETURN QUERY SELECT o.kind, o.namespace, o.name FROM unnest(v_batch) o WHERE o.deployment_id <> ALL (v_held);
END
$$;

ALTER FUNCTION orchestrator.catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]) IS 'Writes what could wait of what a watcher saw.';

--
-- Name: change_member(orchestrator.rollouts, uuid, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_generation bigint;
BEGIN
    -- Undone with this block where it is refused; record_changed_deployments tells in whose name it is.
    PERFORM set_config('orchestrator.rollout', p_rollout.id::text, true);
    IF p_rollout.back THEN
        v_generation := orchestrator.rollback(p_deployment_id, p_from_generation, p_rollout.force, p_rollout.restart);
    ELSE
        v_generation := orchestrator.upgrade(p_deployment_id, p_rollout.to_version, p_rollout.parameters, p_rollout.force, p_rollout.restart);
    END IF;
    PERFORM set_config('orchestrator.rollout', '', true);
    UPDATE orchestrator.rollout_members m
       SET state = 'started', started_at = now(), ended_at = NULL, waited_seconds = 0,
           to_generation = CASE WHEN p_rollout.back THEN m.to_generation ELSE v_generation END,
           back_generation = CASE WHEN p_rollout.back THEN v_generation END
     WHERE m.rollout_id = p_rollout.id AND m.deployment_id = p_deployment_id;
    IF NOT p_rollout.back AND v_generation = p_from_generation THEN
        PERFORM orchestrator.end_member(p_rollout.id, p_deployment_id, 'done', 'It was so already.');
        RETURN false;
    END IF;
    RETURN true;
EXCEPTION WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
    PERFORM orchestrator.end_member(p_rollout.id, p_deployment_id, 'refused', SQLERRM);
    RETURN false;
END
$$;

ALTER FUNCTION orchestrator.change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint) IS 'Moves a member of a rollout, or puts it back.';

--
-- Name: change_password(text, text, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.finish_sign_in(p_name, p_old_hash, p_address, p_user_agent);
    PERFORM orchestrator.replace_password((orchestrator.find_user(p_name)).id, p_new_hash);
    RETURN orchestrator.open_session((orchestrator.find_user(p_name)).id, p_address, p_user_agent);
END
$$;

ALTER FUNCTION orchestrator.change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text) IS 'Changes a password after the old one was found right; answers the cookie of a new session.';

--
-- Name: change_user(text, text, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.change_user(name text, role text, namespaces text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(change_user.name);
    PERFORM orchestrator.check_person(v_user.name, coalesce(change_user.role, ''), change_user.namespaces);
    UPDATE orchestrator.users u SET role = change_user.role, namespaces = change_user.namespaces WHERE u.id = v_user.id;
    IF v_user.role = 'admin' AND v_user.namespaces IS NULL AND v_user.disabled_at IS NULL THEN
        PERFORM orchestrator.keep_an_admin();
    END IF;
END
$$;

ALTER FUNCTION orchestrator.change_user(name text, role text, namespaces text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION change_user(name text, role text, namespaces text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.change_user(name text, role text, namespaces text[]) IS 'Sets role and namespaces (NULL: all) of a user.';

--
-- Name: changed_paths(jsonb, jsonb, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.changed_paths(p_before jsonb, p_after jsonb, p_path text[] DEFAULT '{}'::text[]) RETURNS TABLE(path text[], after jsonb)
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_key text;
BEGIN
    IF p_before IS NOT DISTINCT FROM p_after THEN
        RETURN;
    ELSIF jsonb_typeof(p_before) = 'object' AND jsonb_typeof(p_after) = 'object' THEN
        FOR v_key IN SELECT k FROM jsonb_object_keys(p_before || p_after) k LOOP
            RETURN QUERY SELECT * FROM orchestrator.changed_paths(p_before -> v_key, p_after -> v_key, p_path || v_key);
        END LOOP;
    ELSIF jsonb_typeof(p_before) = 'array' AND jsonb_typeof(p_after) = 'array'
          AND jsonb_array_length(p_before) = jsonb_array_length(p_after) THEN
        FOR i IN 0 .. jsonb_array_length(p_before) - 1 LOOP
            RETURN QUERY SELECT * FROM orchestrator.changed_paths(p_before -> i, p_after -> i, p_path || i::text);
        END LOOP;
    ELSE
        RETURN QUERY SELECT p_path, p_after;
    END IF;
END
$$;

ALTER FUNCTION orchestrator.changed_paths(p_before jsonb, p_after jsonb, p_path text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION changed_paths(p_before jsonb, p_after jsonb, p_path text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.changed_paths(p_before jsonb, p_after jsonb, p_path text[]) IS 'The paths at which two JSON documents differ.';

--
-- Name: check_cluster(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_cluster() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rule record;
BEGIN
    FOR v_rule IN
        SELECT * FROM (VALUES ('contested_after', NEW.contested_after, 2, 100),
                              ('contested_within_seconds', NEW.contested_within_seconds, 10, 86400),
                              ('contested_wait_seconds', NEW.contested_wait_seconds, 1, 86400),
                              ('contested_longest_wait_seconds', NEW.contested_longest_wait_seconds, NEW.contested_wait_seconds, 86400)) r (name, value, least, most)
    LOOP
        IF v_rule.value IS NULL OR v_rule.value NOT BETWEEN v_rule.least AND v_rule.most THEN
            PERFORM orchestrator.refuse('SO422', format('%s cannot be %s', v_rule.name, coalesce(v_rule.value::text, 'NULL')), v_rule.name,
                format('Set it to between %s and %s%s.', v_rule.least, v_rule.most,
                       CASE v_rule.name WHEN 'contested_longest_wait_seconds' THEN '; it is no less than contested_wait_seconds' ELSE '' END));
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;

ALTER FUNCTION orchestrator.check_cluster() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_cluster(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_cluster() IS 'Refuses thresholds that make no sense.';

--
-- Name: check_confinement(jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_confinement(p_context jsonb, p_at text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_selinux jsonb := coalesce(p_context -> 'seLinuxOptions', '{}');
BEGIN
    IF p_context ->> 'runAsUser' = '0' THEN
        PERFORM orchestrator.forbid(p_at || '.runAsUser', 'containers must run as another user than root');
    END IF;
    IF coalesce(p_context -> 'seccompProfile' ->> 'type', 'RuntimeDefault') NOT IN ('RuntimeDefault', 'Localhost') THEN
        PERFORM orchestrator.forbid(p_at || '.seccompProfile', 'a seccomp profile is required');
    END IF;
    IF coalesce(p_context -> 'appArmorProfile' ->> 'type', 'RuntimeDefault') NOT IN ('RuntimeDefault', 'Localhost') THEN
        PERFORM orchestrator.forbid(p_at || '.appArmorProfile', 'AppArmor may not be switched off');
    END IF;
    IF coalesce(v_selinux ->> 'user', '') <> '' OR coalesce(v_selinux ->> 'role', '') <> ''
       OR coalesce(v_selinux ->> 'type', '') NOT IN ('', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t') THEN
        PERFORM orchestrator.forbid(p_at || '.seLinuxOptions', 'another SELinux domain is less confined');
    END IF;
    IF p_context -> 'windowsOptions' -> 'hostProcess' = 'true' THEN
        PERFORM orchestrator.forbid(p_at || '.windowsOptions.hostProcess', 'a host process owns the node');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.check_confinement(p_context jsonb, p_at text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_confinement(p_context jsonb, p_at text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_confinement(p_context jsonb, p_at text) IS 'Refuses a security context outside Pod Security "restricted".';

--
-- Name: check_container(jsonb, jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_container(p_container jsonb, p_pod_context jsonb, p_at text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_context jsonb := coalesce(p_container -> 'securityContext', '{}');
    v_effective jsonb := p_pod_context || v_context;
    v_at text := p_at || '.securityContext';
BEGIN
    IF v_context -> 'privileged' = 'true' THEN
        PERFORM orchestrator.forbid(v_at || '.privileged', 'a privileged container owns the node');
    END IF;
    IF v_context -> 'allowPrivilegeEscalation' IS DISTINCT FROM 'false' THEN
        PERFORM orchestrator.forbid(v_at || '.allowPrivilegeEscalation', 'privilege escalation must be switched off');
    END IF;
    IF v_effective -> 'runAsNonRoot' IS DISTINCT FROM 'true' OR v_effective ->> 'runAsUser' = '0' THEN
        PERFORM orchestrator.forbid(v_at || '.runAsNonRoot', 'containers must run as another user than root');
    END IF;
    IF NOT coalesce(v_context -> 'capabilities' -> 'drop', '[]') ? 'ALL' THEN
        PERFORM orchestrator.forbid(v_at || '.capabilities.drop', 'all capabilities must be dropped');
    END IF;
    IF coalesce(v_context -> 'capabilities' -> 'add', '[]') - 'NET_BIND_SERVICE' <> '[]' THEN
        PERFORM orchestrator.forbid(v_at || '.capabilities.add', 'only NET_BIND_SERVICE may be added');
    END IF;
    IF coalesce(v_effective -> 'seccompProfile' ->> 'type', '') NOT IN ('RuntimeDefault', 'Localhost') THEN
        PERFORM orchestrator.forbid(v_at || '.seccompProfile', 'a seccomp profile is required');
    END IF;
    PERFORM orchestrator.check_confinement(v_context, v_at);
    IF jsonb_path_exists(p_container, '$.**.httpGet.host ? (@ != "")') OR jsonb_path_exists(p_container, '$.**.tcpSocket.host ? (@ != "")') THEN
        PERFORM orchestrator.forbid(p_at || '.host', 'a probe with a host of its own lets the node call others');
    END IF;
    IF coalesce(v_context ->> 'procMount', 'Default') <> 'Default' THEN
        PERFORM orchestrator.forbid(v_at || '.procMount', 'an unmasked /proc shows the node');
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(coalesce(p_container -> 'ports', '[]')) p WHERE p ? 'hostPort' AND p -> 'hostPort' <> '0') THEN
        PERFORM orchestrator.forbid(p_at || '.ports', 'hostPort binds the node''s own port');
    END IF;
END
$_$;

ALTER FUNCTION orchestrator.check_container(p_container jsonb, p_pod_context jsonb, p_at text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_container(p_container jsonb, p_pod_context jsonb, p_at text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_container(p_container jsonb, p_pod_context jsonb, p_at text) IS 'Refuses one container outside Pod Security "restricted".';

--
-- Name: check_drift_rules(jsonb, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_drift_rules(p_rules jsonb, p_of_template boolean) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_most CONSTANT integer := 100;
    c_keys CONSTANT text[] := ARRAY['kind', 'name', 'path', 'policy', 'automatic', 'window'];
    v_rule jsonb;
    v_at text;
    v_key text;
BEGIN
    IF p_rules IS NULL OR jsonb_typeof(p_rules) <> 'array' THEN
        PERFORM orchestrator.refuse('SO422', 'drift rules are a list', 'drift_rules', 'Write [] for none, or [{"path": "spec.replicas", "policy": "Ignore"}].');
    ELSIF jsonb_array_length(p_rules) > c_most THEN
        PERFORM orchestrator.refuse('SO422', format('%s drift rules are too many', jsonb_array_length(p_rules)), 'drift_rules',
            format('At most %s: a pattern with * takes the place of many.', c_most));
    END IF;
    FOR v_rule, v_at IN SELECT rule, format('drift_rules.%s', place - 1) FROM jsonb_array_elements(p_rules) WITH ORDINALITY t (rule, place) LOOP
        IF jsonb_typeof(v_rule) <> 'object' THEN
            PERFORM orchestrator.refuse('SO422', format('%s is no drift rule', v_rule), v_at, 'Write {"path": "spec.replicas", "policy": "Ignore"}.');
        END IF;
        FOR v_key IN SELECT jsonb_object_keys(v_rule) LOOP
            IF v_key <> ALL (c_keys) THEN
                PERFORM orchestrator.refuse('SO422', format('a drift rule has no "%s"', v_key), v_at || '.' || v_key,
                    'Allowed: ' || array_to_string(c_keys, ', ') || '.');
            ELSIF jsonb_typeof(v_rule -> v_key) <> (CASE v_key WHEN 'automatic' THEN 'boolean' ELSE 'string' END) THEN
                PERFORM orchestrator.refuse('SO422', format('%s of a drift rule must be %s', v_key, CASE v_key WHEN 'automatic' THEN 'true or false' ELSE 'text' END),
                    v_at || '.' || v_key, 'Leave it out if the rule is not limited by it.');
            END IF;
        END LOOP;
        IF NOT v_rule ? 'policy' OR v_rule ->> 'policy' NOT IN ('Enforce', 'Adopt', 'Ignore') THEN
            PERFORM orchestrator.refuse('SO422', CASE WHEN v_rule ? 'policy' THEN format('"%s" is no drift policy', v_rule ->> 'policy') ELSE 'a drift rule needs a policy' END,
                v_at || '.policy', 'Allowed: Enforce, Adopt, Ignore.');
        ELSIF v_rule ->> 'kind' <> ALL (orchestrator.allowed_kinds()) THEN
            PERFORM orchestrator.refuse('SO422', format('no template holds a %s', v_rule ->> 'kind'), v_at || '.kind',
                'Allowed: ' || array_to_string(orchestrator.allowed_kinds(), ', ') || '.');
        ELSIF p_of_template AND v_rule ? 'name' AND v_rule ->> 'name' !~ '^\$\{name\}[a-z0-9.-]*$' THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" names no object of this template', v_rule ->> 'name'), v_at || '.name',
                'Begin it with ${name}, as the names of the template''s objects do.');
        ELSIF NOT p_of_template AND v_rule ? 'name' AND v_rule ->> 'name' !~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" names no object', v_rule ->> 'name'), v_at || '.name',
                'Write the name of the object at the cluster: small letters, digits, - and dots.');
        ELSIF v_rule ? 'automatic' AND v_rule ->> 'policy' <> 'Adopt' THEN
            PERFORM orchestrator.refuse('SO422', 'only what is adopted can be adopted automatically', v_at || '.automatic', 'Leave it out, or make the policy Adopt.');
        ELSIF v_rule ? 'window' AND v_rule ->> 'policy' <> 'Enforce' THEN
            PERFORM orchestrator.refuse('SO422', 'only what is put back can wait for a window', v_at || '.window', 'Leave it out, or make the policy Enforce.');
        END IF;
        IF v_rule ? 'path' THEN
            PERFORM orchestrator.check_path(v_rule ->> 'path', v_at || '.path');
        END IF;
    END LOOP;
END
$_$;

ALTER FUNCTION orchestrator.check_drift_rules(p_rules jsonb, p_of_template boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_drift_rules(p_rules jsonb, p_of_template boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_drift_rules(p_rules jsonb, p_of_template boolean) IS 'Refuses drift rules that could not be meant as they are written.';

--
-- Name: deployments; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.deployments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    cluster_id integer NOT NULL,
    namespace text DEFAULT 'default'::text NOT NULL,
    template_id bigint NOT NULL,
    template_version integer NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    desired_spec_json jsonb NOT NULL,
    desired_state text DEFAULT 'Active'::text NOT NULL,
    drift_policy text DEFAULT 'Enforce'::text NOT NULL,
    keep_data boolean DEFAULT true NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    last_applied_generation bigint DEFAULT 0 NOT NULL,
    status_summary text DEFAULT 'Progressing'::text NOT NULL,
    status_message text DEFAULT ''::text NOT NULL,
    stale_since timestamp with time zone,
    finalised_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    restarted_at timestamp with time zone,
    restart_required boolean DEFAULT false NOT NULL,
    drift_rules jsonb DEFAULT '[]'::jsonb NOT NULL,
    rollout_id bigint,
    CONSTRAINT deployments_desired_state_is_known CHECK ((desired_state = ANY (ARRAY['Active'::text, 'Stopped'::text, 'Paused'::text, 'Deleted'::text]))),
    CONSTRAINT deployments_drift_policy_is_known CHECK ((drift_policy = ANY (ARRAY['Enforce'::text, 'Adopt'::text, 'Ignore'::text]))),
    CONSTRAINT deployments_status_is_known CHECK ((status_summary = ANY (ARRAY['Healthy'::text, 'Progressing'::text, 'Degraded'::text, 'Error'::text, 'Stopped'::text, 'Paused'::text, 'Deleting'::text, 'Deleted'::text])))
)
WITH (fillfactor='80');
ALTER TABLE ONLY orchestrator.deployments ALTER COLUMN desired_spec_json SET STORAGE EXTERNAL;

ALTER TABLE orchestrator.deployments OWNER TO orchestrator_owner;

--
-- Name: TABLE deployments; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.deployments IS 'What people want to run. UPDATE a row and the cluster follows.';

--
-- Name: COLUMN deployments.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.id IS 'Its objects carry it as a label.';

--
-- Name: COLUMN deployments.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.name IS 'Begins the names of its objects.';

--
-- Name: COLUMN deployments.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.cluster_id IS 'Where it runs.';

--
-- Name: COLUMN deployments.namespace; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.namespace IS 'The Kubernetes namespace of its objects.';

--
-- Name: COLUMN deployments.template_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.template_id IS 'What it is made from, for good.';

--
-- Name: COLUMN deployments.template_version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.template_version IS 'Which version of that; may be changed.';

--
-- Name: COLUMN deployments.parameters; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.parameters IS 'Values for the template''s parameters; what is left out takes the template''s default.';

--
-- Name: COLUMN deployments.desired_spec_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.desired_spec_json IS 'The manifests rendered from template and parameters. Editing a place a parameter fills changes that parameter.';

--
-- Name: COLUMN deployments.desired_state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.desired_state IS 'Active, Stopped (no replicas, all else kept), Paused (held: drift is recorded, nothing is put back) or Deleted.';

--
-- Name: COLUMN deployments.drift_policy; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.drift_policy IS 'What becomes of changes from outside that no rule is about. Enforce: put back. Adopt: they wait for a decision. Ignore: whoever made them owns the field.';

--
-- Name: COLUMN deployments.keep_data; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.keep_data IS 'Whether persistent volume claims outlive a delete. They do unless this says false.';

--
-- Name: COLUMN deployments.generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.generation IS 'Rises by one with each change of intent and with nothing else.';

--
-- Name: COLUMN deployments.last_applied_generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.last_applied_generation IS 'The newest generation that was applied whole.';

--
-- Name: COLUMN deployments.status_summary; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.status_summary IS 'Healthy, Progressing, Degraded, Error, Stopped, Paused, Deleting or Deleted.';

--
-- Name: COLUMN deployments.status_message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.status_message IS 'Why, in words to act on.';

--
-- Name: COLUMN deployments.stale_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.stale_since IS 'When it was last seen, if that is more than two resyncs ago.';

--
-- Name: COLUMN deployments.finalised_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.finalised_at IS 'When the last object of a deleted deployment was seen gone; its name is free again.';

--
-- Name: COLUMN deployments.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.created_at IS 'When it was asked for.';

--
-- Name: COLUMN deployments.updated_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.updated_at IS 'When its intent last changed.';

--
-- Name: COLUMN deployments.restarted_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.restarted_at IS 'When a restart was last asked for; set it to now() to ask for one, or use orchestrator.restart(id).';

--
-- Name: COLUMN deployments.restart_required; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.restart_required IS 'What was changed is applied, and waits for a restart of its pods (updateStrategy OnDelete).';

--
-- Name: COLUMN deployments.drift_rules; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.drift_rules IS 'What becomes of changes from outside, path by path, over the template''s rules: see orchestrator.policy_for.';

--
-- Name: COLUMN deployments.rollout_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployments.rollout_id IS 'The rollout that it is a member of, while that is not finished.';

--
-- Name: check_identity(orchestrator.deployments); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_identity(p_deployment orchestrator.deployments) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    -- 40, because objects add suffixes to it and some names end at 63.
    IF p_deployment.name IS NULL OR p_deployment.name !~ '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a deployment', p_deployment.name), 'name',
            'Use up to 40 small letters, digits and -, beginning with a letter and ending with a letter or digit.');
    END IF;
    IF p_deployment.namespace !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' OR p_deployment.namespace LIKE 'kube-%' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot be a deployment''s namespace', p_deployment.namespace), 'namespace',
            'Use up to 63 small letters, digits and -; namespaces beginning with kube- belong to Kubernetes.');
    END IF;
    IF p_deployment.desired_state IS NULL OR p_deployment.desired_state NOT IN ('Active', 'Stopped', 'Paused', 'Deleted') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no desired state', p_deployment.desired_state), 'desired_state',
            'Allowed: Active, Stopped, Paused, Deleted.');
    END IF;
    IF p_deployment.drift_policy IS NULL OR p_deployment.drift_policy NOT IN ('Enforce', 'Adopt', 'Ignore') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no drift policy', p_deployment.drift_policy), 'drift_policy',
            'Allowed: Enforce, Adopt, Ignore.');
    END IF;
    IF p_deployment.keep_data IS NULL THEN
        PERFORM orchestrator.refuse('SO422', 'keep_data must be said', 'keep_data', 'Allowed: true, false.');
    END IF;
END
$_$;

ALTER FUNCTION orchestrator.check_identity(p_deployment orchestrator.deployments) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_identity(p_deployment orchestrator.deployments); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_identity(p_deployment orchestrator.deployments) IS 'Refuses a deployment that could not be carried out.';

--
-- Name: check_kept_data(uuid, integer, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_kept record;
BEGIN
    SELECT r.name, r.deployment_id INTO v_kept
      FROM jsonb_array_elements(p_spec) m
      JOIN orchestrator.deployment_resources r
        ON r.cluster_id = p_cluster_id AND r.kind = 'PersistentVolumeClaim' AND r.namespace = p_namespace AND r.name = m #>> '{metadata,name}'
      JOIN orchestrator.deployments d ON d.id = r.deployment_id
     WHERE m ->> 'kind' = 'PersistentVolumeClaim' AND d.id <> p_id AND d.finalised_at IS NOT NULL LIMIT 1;
    IF FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('%s holds the data of the deleted deployment %s', v_kept.name, v_kept.deployment_id), 'name', format(
            'Set desired_state of %1$s to Active to bring it back with its data, or its keep_data to false to discard the data and start afresh; or choose another name.',
            v_kept.deployment_id));
    END IF;
END
$_$;

ALTER FUNCTION orchestrator.check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb) IS 'Refuses to build on data that a deleted deployment left behind.';

--
-- Name: check_manifest(jsonb, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_at text := format('base_spec_json.%s', p_number);
    v_kind text := p_manifest ->> 'kind';
    v_api text := CASE
        WHEN v_kind IN ('StatefulSet', 'Deployment') THEN 'apps/v1'
        WHEN v_kind IN ('Ingress', 'NetworkPolicy') THEN 'networking.k8s.io/v1'
        WHEN v_kind = 'CronJob' THEN 'batch/v1'
        WHEN v_kind = 'PodDisruptionBudget' THEN 'policy/v1'
        WHEN v_kind = 'HorizontalPodAutoscaler' THEN 'autoscaling/v2'
        ELSE 'v1' END;
    v_selector text := CASE v_kind WHEN 'NetworkPolicy' THEN 'podSelector' WHEN 'PodDisruptionBudget' THEN 'selector' END;
BEGIN
    IF v_kind IS NULL OR v_kind <> ALL (orchestrator.allowed_kinds()) OR p_manifest ->> 'apiVersion' IS DISTINCT FROM v_api THEN
        PERFORM orchestrator.refuse('SO422', format('a template may not hold %s %s', p_manifest ->> 'apiVersion', coalesce(v_kind, 'without kind')),
            v_at || '.kind', 'Allowed: ' || array_to_string(orchestrator.allowed_kinds(), ', ') || ', in their stable API version.');
    END IF;
    IF strpos(coalesce(p_manifest -> 'metadata' ->> 'name', ''), '${name}') <> 1 THEN
        PERFORM orchestrator.refuse('SO422', format('the name of %s does not begin with ${name}', v_kind), v_at || '.metadata.name',
            'Begin it with ${name}, so that two deployments never claim one object.');
    END IF;
    IF p_manifest -> 'metadata' ? 'namespace' THEN
        PERFORM orchestrator.refuse('SO422', 'a manifest may not choose its namespace', v_at || '.metadata.namespace',
            'Leave it out: objects go to the namespace of their deployment.');
    END IF;
    IF v_kind = 'ConfigMap' AND p_manifest -> 'metadata' ->> 'name' = '${name}-root' THEN
        PERFORM orchestrator.refuse('SO422', '${name}-root is the ConfigMap that owns the others', v_at || '.metadata.name', 'Choose another name.');
    END IF;
    IF p_manifest ? '$when' AND p_properties -> (p_manifest ->> '$when') ->> 'type' IS DISTINCT FROM 'boolean' THEN
        PERFORM orchestrator.refuse('SO422', format('$when names no boolean parameter: %s', p_manifest -> '$when'), v_at || '.$when',
            'Name a parameter of type boolean.');
    END IF;
    IF v_kind = 'Secret' AND (p_manifest ? 'data' OR EXISTS (
        SELECT FROM jsonb_each(coalesce(p_manifest -> 'stringData', '{}')) WHERE NOT (jsonb_typeof(value) = 'object' AND value ? '$generate'))) THEN
        PERFORM orchestrator.refuse('SO422', 'a template may not hold a secret value', v_at || '.stringData',
            'Write {"$generate": "password"}: it is made at the cluster and stored nowhere else.');
    END IF;
    IF v_selector IS NOT NULL AND coalesce(p_manifest #> ARRAY['spec', v_selector, 'matchLabels'], '{}') = '{}'
       AND coalesce(p_manifest #> ARRAY['spec', v_selector, 'matchExpressions'], '[]') = '[]' THEN
        PERFORM orchestrator.refuse('SO422', format('the %s of a %s is empty and would hold for all pods of the namespace', v_selector, v_kind),
            format('%s.spec.%s', v_at, v_selector), 'Select the labels of this template''s own pods.');
    END IF;
    IF v_kind = 'HorizontalPodAutoscaler' AND strpos(coalesce(p_manifest #>> '{spec,scaleTargetRef,name}', ''), '${name}') <> 1 THEN
        PERFORM orchestrator.refuse('SO422', 'an autoscaler may scale its own deployment only', v_at || '.spec.scaleTargetRef.name',
            'Name a workload of this template; its name begins with ${name}.');
    END IF;
    IF v_kind = 'StatefulSet' AND p_manifest -> 'spec' ? 'volumeClaimTemplates' THEN
        PERFORM orchestrator.refuse('SO422', 'volumeClaimTemplates are not supported', v_at || '.spec.volumeClaimTemplates',
            'Add a PersistentVolumeClaim of its own: what happens to data is then decided here.');
    END IF;
END
$_$;

ALTER FUNCTION orchestrator.check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb) IS 'Refuses a template manifest that could not be applied and owned.';

--
-- Name: check_name_is_free(orchestrator.deployments); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_name_is_free(p_deployment orchestrator.deployments) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_state text;
BEGIN
    SELECT d.desired_state INTO v_state FROM orchestrator.deployments d
     WHERE d.cluster_id = p_deployment.cluster_id AND d.namespace = p_deployment.namespace AND d.name = p_deployment.name
       AND d.finalised_at IS NULL AND d.id <> p_deployment.id;
    IF FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('a deployment %s/%s exists', p_deployment.namespace, p_deployment.name), 'name',
            CASE v_state WHEN 'Deleted' THEN 'It is being deleted; the name is free once its status is Deleted.'
                         ELSE 'Choose another name, or change the one there is.' END);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.check_name_is_free(p_deployment orchestrator.deployments) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_name_is_free(p_deployment orchestrator.deployments); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_name_is_free(p_deployment orchestrator.deployments) IS 'Refuses a duplicate name.';

--
-- Name: check_not_lowered(bigint, integer, jsonb, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_from jsonb := orchestrator.effective_parameters(p_template_id, p_from_version, p_from);
    v_to jsonb := orchestrator.effective_parameters(p_template_id, p_to_version, p_to);
    v_names text[];
    v_lowered text;
BEGIN
    SELECT array_agg(n.name ORDER BY n.name),
           string_agg(format('%s would go back from %s to %s', n.name, v_from ->> n.name, coalesce(v_to ->> n.name, 'none')), '; ' ORDER BY n.name)
      INTO v_names, v_lowered
      FROM (SELECT DISTINCT p.key AS name FROM orchestrator.templates t, jsonb_each(t.allowed_mutations_json -> 'properties') p
             WHERE t.id = p_template_id AND p.value -> 'neverLower' = 'true') n
     WHERE orchestrator.is_lower(v_from ->> n.name, v_to ->> n.name);
    IF v_lowered IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', v_lowered, 'parameters.' || v_names[1],
            'Worlds do not go back: what a newer version has written, an older one may not read, or destroy. If it is meant all the same, force it (upgrade and rollback take force => true), or set the value itself.');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) IS 'Refuses to lower what a template calls neverLower.';

--
-- Name: check_not_lowered_unseen(bigint, integer, jsonb, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_not_lowered_unseen(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_from jsonb;
BEGIN
    IF coalesce(current_setting('orchestrator.judged', true), '') <> '' THEN
        RETURN;
    END IF;
    v_from := orchestrator.effective_parameters(p_template_id, p_from_version, p_from);
    PERFORM orchestrator.check_not_lowered(p_template_id, p_from_version, p_from, p_to_version, p_to || (
        SELECT coalesce(jsonb_object_agg(p.key, v_from -> p.key), '{}') FROM jsonb_each(p_to) p WHERE p.value IS DISTINCT FROM p_from -> p.key));
END
$$;

ALTER FUNCTION orchestrator.check_not_lowered_unseen(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_not_lowered_unseen(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_not_lowered_unseen(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) IS 'Refuses to lower what a template calls neverLower by a move that does not say so.';

--
-- Name: check_parameter(text, jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_parameter(p_name text, p_property jsonb, p_value jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_type text := jsonb_typeof(p_value);
    v_wanted text := p_property ->> 'type';
    v_text text := p_value #>> '{}';
    v_problem text;
BEGIN
    IF NOT (v_type = v_wanted OR (v_wanted = 'integer' AND v_type = 'number' AND strpos(v_text, '.') = 0)) THEN
        v_problem := format('must be of type %s, not %s', v_wanted, v_type);
    ELSIF p_property ? 'enum' AND NOT p_property -> 'enum' @> jsonb_build_array(p_value) THEN
        v_problem := 'is not one of the allowed values';
    ELSIF v_type = 'number' AND v_text::numeric < (p_property ->> 'minimum')::numeric THEN
        v_problem := format('must be at least %s', p_property ->> 'minimum');
    ELSIF v_type = 'number' AND v_text::numeric > (p_property ->> 'maximum')::numeric THEN
        v_problem := format('must be at most %s', p_property ->> 'maximum');
    ELSIF v_type = 'string' AND length(v_text) < (p_property ->> 'minLength')::integer THEN
        v_problem := format('must have at least %s characters', p_property ->> 'minLength');
    ELSIF v_type = 'string' AND length(v_text) > (p_property ->> 'maxLength')::integer THEN
        v_problem := format('must have at most %s characters', p_property ->> 'maxLength');
    ELSIF v_type = 'string' AND v_text !~ (p_property ->> 'pattern') THEN
        v_problem := format('must match %s', p_property ->> 'pattern');
    ELSE
        RETURN;
    END IF;
    PERFORM orchestrator.refuse('SO422', format('parameter %s %s', p_name, v_problem), 'parameters.' || p_name,
        format('%s allows: %s.', coalesce(p_property ->> 'title', p_name), concat_ws(', ',
            CASE WHEN p_property ? 'enum' THEN (SELECT string_agg(e #>> '{}', ', ') FROM jsonb_array_elements(p_property -> 'enum') e)
                 ELSE CASE v_wanted WHEN 'string' THEN 'text' WHEN 'integer' THEN 'an integer' WHEN 'number' THEN 'a number' ELSE 'true or false' END END,
            'at least ' || (p_property ->> 'minimum'), 'at most ' || (p_property ->> 'maximum'),
            'at least ' || (p_property ->> 'minLength') || ' characters', 'at most ' || (p_property ->> 'maxLength') || ' characters',
            'matching ' || (p_property ->> 'pattern'))));
END
$$;

ALTER FUNCTION orchestrator.check_parameter(p_name text, p_property jsonb, p_value jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_parameter(p_name text, p_property jsonb, p_value jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_parameter(p_name text, p_property jsonb, p_value jsonb) IS 'Refuses a parameter value outside its schema.';

--
-- Name: check_parameters(jsonb, text[], jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_parameters(p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_name text;
    v_property jsonb;
BEGIN
    IF jsonb_typeof(p_parameters) IS DISTINCT FROM 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'parameters must be a JSON object', 'parameters', 'Write {"name": value, …}.');
    END IF;
    FOREACH v_name IN ARRAY ARRAY(SELECT key FROM jsonb_each(p_parameters) WHERE value IS DISTINCT FROM p_unchanged -> key) LOOP
        v_property := p_properties -> v_name;
        IF v_property IS NULL THEN
            PERFORM orchestrator.refuse('SO422', format('parameter %s is not one of this template', v_name), 'parameters.' || v_name,
                'Allowed: ' || coalesce((SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(p_properties) k), 'none') || '.');
        END IF;
        PERFORM orchestrator.check_parameter(v_name, v_property, p_parameters -> v_name);
    END LOOP;
    IF NOT p_parameters ?& p_required THEN
        SELECT r INTO v_name FROM unnest(p_required) r WHERE NOT p_parameters ? r LIMIT 1;
        PERFORM orchestrator.refuse('SO422', format('parameter %s is required', v_name), 'parameters.' || v_name,
            coalesce(p_properties -> v_name ->> 'description', 'Give it a value.'));
    END IF;
END
$$;

ALTER FUNCTION orchestrator.check_parameters(p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_parameters(p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_parameters(p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb) IS 'Refuses parameters outside a template''s schema.';

--
-- Name: check_parameters_fit(bigint, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_count bigint;
    v_path text;
    v_messages text;
    v_hints text;
BEGIN
    SELECT count(*), min(p.path), string_agg(p.message, '; ' ORDER BY p.path), string_agg(DISTINCT p.hint, ' ')
      INTO v_count, v_path, v_messages, v_hints FROM orchestrator.parameter_problems(p_template_id, p_version, p_parameters) p;
    IF v_count > 0 THEN
        PERFORM orchestrator.refuse('SO422', format('version %s does not take the parameters as they are: %s', p_version, v_messages),
            CASE v_count WHEN 1 THEN v_path ELSE 'parameters' END,
            v_hints || ' Give other values along with the version; null drops one, so that the default applies.');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb) IS 'Refuses parameters that a template version does not take, naming all of them.';

--
-- Name: check_path(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_path(p_pattern text, p_at text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_longest CONSTANT integer := 500;
    -- A field, or any one; in brackets: any item, an item by its keys, or a key that a dot cannot stand before.
    c_field CONSTANT text := '([A-Za-z0-9_-]+|\*)';
    c_bracket CONSTANT text := '\[(\*|[A-Za-z]+=(\*|[^]=,*[]+)(,[A-Za-z]+=(\*|[^]=,*[]+))*|[^]=*"[]*[^]=*"0-9[][^]=*"[]*|"[^]"[]+")\]';
BEGIN
    IF length(p_pattern) > c_longest OR p_pattern !~ ('^' || c_field || '(\.' || c_field || '|' || c_bracket || ')*$') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no path', left(p_pattern, 100)), p_at,
            'Write it as the drift view does: spec.replicas, spec.template.spec.containers[name=minecraft].image, metadata.labels[example.com/team]. '
            '* stands for one whole step; list items go by their keys, not by number.');
    ELSIF (orchestrator.path_steps(p_pattern))[1] IN ('status', 'kind', 'apiVersion') OR orchestrator.path_steps(p_pattern) IN ('{metadata,name}', '{metadata,namespace}') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is not among what is applied', p_pattern), p_at,
            'Rules are about what a template asks for: spec, data, or labels and annotations below metadata.');
    END IF;
END
$_$;

ALTER FUNCTION orchestrator.check_path(p_pattern text, p_at text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_path(p_pattern text, p_at text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_path(p_pattern text, p_at text) IS 'Refuses a pattern that no path could fit.';

--
-- Name: check_person(text, text, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_person(p_name text, p_role text, p_namespaces text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

ALTER FUNCTION orchestrator.check_person(p_name text, p_role text, p_namespaces text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_person(p_name text, p_role text, p_namespaces text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_person(p_name text, p_role text, p_namespaces text[]) IS 'Refuses what cannot be a user.';

--
-- Name: check_policy(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_policy(p_spec jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_volumes CONSTANT text[] := ARRAY['name', 'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
    v_number integer;
    v_manifest jsonb;
    v_pod jsonb;
    v_container jsonb;
    v_at text;
    v_where text;
    v_key text;
BEGIN
    FOR v_manifest, v_number IN SELECT e, o - 1 FROM jsonb_array_elements(p_spec) WITH ORDINALITY t (e, o) LOOP
        v_at := format('%s.spec', v_number);
        IF v_manifest ->> 'kind' = 'Service' AND v_manifest -> 'spec' ? 'externalIPs' THEN
            PERFORM orchestrator.forbid(v_at || '.externalIPs', 'externalIPs can take over the traffic of others');
        END IF;
        IF v_manifest ->> 'kind' = 'CronJob' THEN
            v_manifest := jsonb_build_object('spec', v_manifest #> '{spec,jobTemplate,spec}');
            v_at := v_at || '.jobTemplate.spec';
        END IF;
        v_pod := v_manifest #> '{spec,template,spec}';
        CONTINUE WHEN v_pod IS NULL;
        v_at := v_at || '.template.spec';
        FOREACH v_key IN ARRAY ARRAY['hostNetwork', 'hostPID', 'hostIPC'] LOOP
            IF v_pod -> v_key = 'true' THEN
                PERFORM orchestrator.forbid(v_at || '.' || v_key, v_key || ' shares the node with the pod');
            END IF;
        END LOOP;
        FOREACH v_key IN ARRAY ARRAY['serviceAccountName', 'serviceAccount'] LOOP
            IF coalesce(nullif(v_pod ->> v_key, ''), 'default') <> 'default' THEN
                PERFORM orchestrator.forbid(v_at || '.' || v_key, 'another service account lends its permissions');
            END IF;
        END LOOP;
        SELECT k INTO v_key FROM jsonb_array_elements(coalesce(v_pod -> 'volumes', '[]')) v, jsonb_object_keys(v) k WHERE k <> ALL (c_volumes) LIMIT 1;
        IF v_key IS NOT NULL THEN
            PERFORM orchestrator.forbid(v_at || '.volumes', format('volumes of type %s reach the node', v_key));
        END IF;
        PERFORM orchestrator.check_confinement(coalesce(v_pod -> 'securityContext', '{}'), v_at || '.securityContext');
        IF v_pod -> 'securityContext' ? 'sysctls' THEN
            PERFORM orchestrator.forbid(v_at || '.securityContext.sysctls', 'sysctls change the node');
        END IF;
        FOR v_container, v_where IN
            SELECT c, format('%s.%s[name=%s]', v_at, l, c ->> 'name')
            FROM unnest(ARRAY['initContainers', 'containers', 'ephemeralContainers']) l, jsonb_array_elements(coalesce(v_pod -> l, '[]')) c
        LOOP
            PERFORM orchestrator.check_container(v_container, coalesce(v_pod -> 'securityContext', '{}'), v_where);
        END LOOP;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.check_policy(p_spec jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_policy(p_spec jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_policy(p_spec jsonb) IS 'Refuses manifests outside Pod Security "restricted".';

--
-- Name: check_property(text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_property(p_name text, p_property jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_shapes CONSTANT jsonb := '{"type": "string", "title": "string", "description": "string", "unit": "string", "default": null, "enum": "array",
        "minimum": "number", "maximum": "number", "pattern": "string", "minLength": "number", "maxLength": "number", "neverLower": "boolean"}';
    v_at text := 'allowed_mutations_json.properties.' || p_name;
    v_key text;
    v_value jsonb;
BEGIN
    IF jsonb_typeof(p_property) <> 'object' THEN
        PERFORM orchestrator.refuse('SO422', format('parameter %s is no JSON Schema', p_name), v_at, 'Write {"type": …, "default": …}.');
    END IF;
    FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_property) LOOP
        IF NOT c_shapes ? v_key THEN
            PERFORM orchestrator.refuse('SO422', format('schema keyword "%s" is not supported', v_key), v_at || '.' || v_key,
                'Allowed: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(c_shapes) k) || '.');
        ELSIF jsonb_typeof(v_value) <> c_shapes ->> v_key THEN
            PERFORM orchestrator.refuse('SO422', format('schema keyword "%s" is not of type %s', v_key, c_shapes ->> v_key), v_at || '.' || v_key,
                format('Give it a value of type %s.', c_shapes ->> v_key));
        END IF;
    END LOOP;
    IF coalesce(p_property ->> 'type', '') NOT IN ('string', 'integer', 'number', 'boolean') THEN
        PERFORM orchestrator.refuse('SO422', format('parameter %s has no known type', p_name), v_at || '.type', 'Use string, integer, number or boolean.');
    END IF;
    IF p_property ? 'neverLower' AND p_property ->> 'type' <> 'string' THEN
        PERFORM orchestrator.refuse('SO422', format('parameter %s is no version that could be lower', p_name), v_at || '.neverLower', 'Use it with the type string.');
    END IF;
    BEGIN
        PERFORM '' ~ (p_property ->> 'pattern');
    EXCEPTION WHEN invalid_regular_expression THEN
        PERFORM orchestrator.refuse('SO422', format('the pattern of %s cannot be read: %s', p_name, SQLERRM), v_at || '.pattern',
            'Write a POSIX regular expression as Postgres knows it.');
    END;
END
$$;

ALTER FUNCTION orchestrator.check_property(p_name text, p_property jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_property(p_name text, p_property jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_property(p_name text, p_property jsonb) IS 'Refuses a parameter''s schema that could not be enforced.';

--
-- Name: check_restart(text, text, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_restart(p_name text, p_state text, p_before timestamp with time zone, p_asked timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF p_state <> 'Active' THEN
        PERFORM orchestrator.refuse('SO409', format('%s is %s and cannot restart', p_name, p_state), 'restarted_at', CASE p_state
            WHEN 'Stopped' THEN 'Set desired_state to Active: it starts with all that was changed.'
            WHEN 'Paused' THEN 'Set desired_state to Active first, or in the same statement: while it is Paused nothing is changed at the cluster.'
            ELSE 'Set desired_state to Active to bring it back: what was deleted has nothing to restart.' END);
    ELSIF p_asked IS NULL THEN
        PERFORM orchestrator.refuse('SO422', 'a restart cannot be taken back', 'restarted_at', 'Set it to now() to restart once more, or leave it as it is.');
    ELSIF p_asked > clock_timestamp() + interval '1 minute' THEN
        PERFORM orchestrator.refuse('SO422', 'a restart happens at once, not at a time to come', 'restarted_at', 'Set it to now() when it should happen.');
    END IF;
    RETURN greatest(clock_timestamp(), p_before + interval '1 microsecond');
END
$$;

ALTER FUNCTION orchestrator.check_restart(p_name text, p_state text, p_before timestamp with time zone, p_asked timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_restart(p_name text, p_state text, p_before timestamp with time zone, p_asked timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_restart(p_name text, p_state text, p_before timestamp with time zone, p_asked timestamp with time zone) IS 'The time of a restart that was asked for.';

--
-- Name: check_rule_windows(jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_rule_windows(p_rules jsonb, p_namespace text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rule jsonb;
    v_place bigint;
BEGIN
    IF p_rules = '[]' THEN
        RETURN;
    END IF;
    FOR v_rule, v_place IN SELECT rule, place - 1 FROM jsonb_array_elements(p_rules) WITH ORDINALITY t (rule, place) WHERE rule ? 'window' LOOP
        IF NOT EXISTS (SELECT FROM orchestrator.maintenance_windows w
                        WHERE w.name = v_rule ->> 'window' AND (w.namespace IS NULL OR w.namespace = p_namespace)) THEN
            PERFORM orchestrator.refuse('SO422', format('there is no window "%s"%s', v_rule ->> 'window', coalesce(' for the namespace ' || p_namespace, ' of every namespace')),
                format('drift_rules.%s.window', v_place),
                coalesce((SELECT format('There are: %s.', string_agg(w.name, ', ' ORDER BY w.name)) FROM orchestrator.maintenance_windows w
                           WHERE w.namespace IS NULL OR w.namespace = p_namespace),
                         'There is none yet: an admin inserts one into maintenance_windows.'));
        END IF;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.check_rule_windows(p_rules jsonb, p_namespace text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_rule_windows(p_rules jsonb, p_namespace text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_rule_windows(p_rules jsonb, p_namespace text) IS 'Refuses drift rules that name a window there is not.';

--
-- Name: check_schema(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_schema(p_schema jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_top CONSTANT text[] := ARRAY['type', 'title', 'description', 'properties', 'required', 'additionalProperties', 'order'];
    v_name text;
    v_key text;
    v_property jsonb;
BEGIN
    IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR jsonb_typeof(coalesce(p_schema -> 'properties', '{}')) <> 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'the schema is not a JSON Schema object', 'allowed_mutations_json',
            'Write {"type": "object", "properties": {…}}.');
    END IF;
    FOR v_key IN SELECT k FROM jsonb_object_keys(p_schema) k WHERE k <> ALL (c_top) LOOP
        PERFORM orchestrator.refuse('SO422', format('schema keyword "%s" is not supported', v_key), 'allowed_mutations_json.' || v_key,
            'Allowed here: ' || array_to_string(c_top, ', ') || '.');
    END LOOP;
    IF coalesce(p_schema -> 'additionalProperties', 'false') <> 'false' OR coalesce(p_schema -> 'type', '"object"') <> '"object"' THEN
        PERFORM orchestrator.refuse('SO422', 'a schema of parameters takes no others than its own', 'allowed_mutations_json',
            'Write "type": "object", and "additionalProperties": false or not at all.');
    END IF;
    -- jsonb forgets the order of keys, and a form should ask in the order that its author chose.
    IF NOT coalesce(p_schema -> 'order', '[]') <@ (SELECT coalesce(jsonb_agg(k), '[]') FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) k)
       OR jsonb_typeof(coalesce(p_schema -> 'order', '[]')) <> 'array' THEN
        PERFORM orchestrator.refuse('SO422', '"order" is no list of parameters', 'allowed_mutations_json.order', 'Write a list of parameter names.');
    END IF;
    IF jsonb_typeof(coalesce(p_schema -> 'required', '[]')) <> 'array' THEN
        PERFORM orchestrator.refuse('SO422', '"required" is no list', 'allowed_mutations_json.required', 'Write a list of parameter names.');
    END IF;
    FOR v_name, v_property IN SELECT key, value FROM jsonb_each(coalesce(p_schema -> 'properties', '{}')) LOOP
        IF v_name !~ '^[a-z][a-zA-Z0-9_]{0,62}$' OR v_name IN ('name', 'namespace', 'id') THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a parameter', v_name), 'allowed_mutations_json.properties.' || v_name,
                'Use letters, digits and _, beginning with a small letter; name, namespace and id are taken.');
        END IF;
        PERFORM orchestrator.check_property(v_name, v_property);
        IF v_property ? 'default' THEN
            PERFORM orchestrator.check_parameter(v_name, v_property, v_property -> 'default');
        ELSIF NOT coalesce(p_schema -> 'required', '[]') ? v_name THEN
            PERFORM orchestrator.refuse('SO422', format('parameter %s has neither a default nor is it required', v_name),
                'allowed_mutations_json.properties.' || v_name, 'Give it a default, or list it under "required".');
        END IF;
    END LOOP;
    FOR v_name IN SELECT r FROM jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')) r
                  WHERE NOT coalesce(p_schema -> 'properties', '{}') ? r LOOP
        PERFORM orchestrator.refuse('SO422', format('required parameter %s is not defined', v_name), 'allowed_mutations_json.required',
            'List it under "properties" as well.');
    END LOOP;
END
$_$;

ALTER FUNCTION orchestrator.check_schema(p_schema jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_schema(p_schema jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_schema(p_schema jsonb) IS 'Refuses a parameter schema that could not be enforced whole.';

--
-- Name: check_storage(jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_storage(p_before jsonb, p_after jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_claims CONSTANT jsonpath := '$[*] ? (@.kind == "PersistentVolumeClaim")';
    v_old jsonb;
    v_new jsonb;
    v_at text;
BEGIN
    -- Nearly no change reaches a claim, and finding that out is cheaper than going through them.
    IF jsonb_path_query_array(p_before, c_claims) = jsonb_path_query_array(p_after, c_claims) THEN
        RETURN;
    END IF;
    FOR v_old IN SELECT e FROM jsonb_array_elements(p_before) e WHERE e ->> 'kind' = 'PersistentVolumeClaim' LOOP
        v_at := format('PersistentVolumeClaim/%s', v_old -> 'metadata' ->> 'name');
        SELECT e INTO v_new FROM jsonb_array_elements(p_after) e
         WHERE e ->> 'kind' = 'PersistentVolumeClaim' AND e -> 'metadata' -> 'name' = v_old -> 'metadata' -> 'name';
        CONTINUE WHEN v_new -> 'spec' = v_old -> 'spec';
        IF v_new IS NULL THEN
            PERFORM orchestrator.refuse('SO409', 'the change would leave the data claim behind', v_at,
                'The kind of storage cannot change. Make a new deployment and move the data.');
        ELSIF (v_new -> 'spec') #- '{resources,requests,storage}' <> (v_old -> 'spec') #- '{resources,requests,storage}' THEN
            PERFORM orchestrator.refuse('SO409', 'the kind of storage cannot change', v_at || '.spec',
                'Only its size may grow. Make a new deployment and move the data.');
        ELSIF orchestrator.quantity(v_new #>> '{spec,resources,requests,storage}') IS NULL THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" is no quantity', v_new #>> '{spec,resources,requests,storage}'),
                v_at || '.spec.resources.requests.storage', 'Write a number with a unit, as in 20Gi.');
        ELSIF orchestrator.quantity(v_new #>> '{spec,resources,requests,storage}') < orchestrator.quantity(v_old #>> '{spec,resources,requests,storage}') THEN
            PERFORM orchestrator.refuse('SO409', 'storage cannot shrink', v_at || '.spec.resources.requests.storage',
                format('Keep at least %s.', v_old #>> '{spec,resources,requests,storage}'));
        END IF;
    END LOOP;
END
$_$;

ALTER FUNCTION orchestrator.check_storage(p_before jsonb, p_after jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_storage(p_before jsonb, p_after jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_storage(p_before jsonb, p_after jsonb) IS 'Refuses changes of a data claim other than growth.';

--
-- Name: check_unmoved(orchestrator.deployments, orchestrator.deployments); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_field text := CASE
        WHEN p_after.name IS DISTINCT FROM p_before.name THEN 'name'
        WHEN p_after.namespace IS DISTINCT FROM p_before.namespace THEN 'namespace'
        WHEN p_after.cluster_id IS DISTINCT FROM p_before.cluster_id THEN 'cluster_id'
        WHEN p_after.template_id IS DISTINCT FROM p_before.template_id THEN 'template_id' END;
BEGIN
    IF v_field IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', format('%s cannot change', v_field), v_field,
            'Its objects and data are found by it. Make a new deployment instead.');
    END IF;
    IF p_before.desired_state = 'Deleted' THEN
        IF p_after.desired_state = 'Deleted' AND p_before.finalised_at IS NOT NULL AND NOT (p_before.keep_data AND NOT p_after.keep_data) THEN
            PERFORM orchestrator.refuse('SO409', format('%s is deleted', p_before.name), 'desired_state',
                'Set desired_state to Active to bring it back, with its data if that was kept.');
        ELSIF p_after.desired_state <> 'Deleted' OR p_before.finalised_at IS NOT NULL THEN
            PERFORM orchestrator.check_name_is_free(p_after);
        END IF;
    END IF;
END
$$;

ALTER FUNCTION orchestrator.check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments) IS 'Refuses changes of a deployment''s identity.';

--
-- Name: claim(text, text, integer, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer) RETURNS TABLE(deployment_id uuid, queue text, msg_id bigint, token integer, seen bigint, name text, namespace text, generation bigint, last_applied_generation bigint, desired_state text, keep_data boolean, template_version integer, failures integer, manifests jsonb, inventory json)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    c_most_reads CONSTANT integer := 5;
    v_handed_out bigint;
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_taken jsonb := orchestrator.take_messages(v_cluster_id, p_limit, p_lease_seconds);
BEGIN
    IF v_taken IS NULL THEN
        RETURN;
    END IF;
    -- A new statement, so a new snapshot: intent committed before the read is seen.
    RETURN QUERY
    WITH taken AS (
        SELECT t.queue, t.msg_id, t.token, t.id, s.requested, s.failures
          FROM jsonb_to_recordset(v_taken) AS t (queue text, msg_id bigint, token integer, id uuid)
          JOIN orchestrator.reconcile_slots s ON s.deployment_id = t.id AND s.msg_id = t.msg_id AND s.queue = t.queue
         WHERE t.token <= c_most_reads
    ), started AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'reconciler', 'ReconcileStarted', jsonb_build_object('worker', p_worker, 'attempt', t.token), 'orchestrator'
          FROM taken t JOIN orchestrator.deployments d ON d.id = t.id
    )
    SELECT d.id, t.queue, t.msg_id, t.token, t.requested, d.name, d.namespace, d.generation, d.last_applied_generation,
           d.desired_state, d.keep_data, d.template_version, t.failures, orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at),
           coalesce(i.inventory, '[]')
      FROM taken t
      JOIN orchestrator.deployments d ON d.id = t.id
      JOIN orchestrator.templates m ON m.id = d.template_id AND m.version = d.template_version
      LEFT JOIN LATERAL (
          -- As text: building jsonb for each would cost more than the rest of the claim. Nearly always nobody has taken anything, and nobody may.
          SELECT json_agg(CASE WHEN NOT r.differs AND r.enforce_once IS NULL AND m.drift_rules_json = '[]' AND d.drift_rules = '[]' AND d.drift_policy = 'Enforce' THEN b.item
                               ELSE (b.item::jsonb || orchestrator.withhold(d.id, d.name, d.desired_state, m.drift_rules_json, d.drift_rules, d.drift_policy,
                                         orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at),
                                         r.kind, r.name, coalesce(r.drift, '[]'), r.applied_generation, r.enforce_once))::json END) AS inventory
            FROM orchestrator.deployment_resources r
           CROSS JOIN LATERAL (SELECT json_build_object(
                     'api_version', r.api_version, 'kind', r.kind, 'namespace', r.namespace, 'name', r.name, 'uid', r.uid,
                     'resource_version', r.resource_version, 'rendered_hash', r.rendered_hash, 'applied_generation', r.applied_generation,
                     'managed', r.managed, 'missing', r.missing_since IS NOT NULL, 'yielded', r.withheld) AS item) b
           WHERE r.deployment_id = t.id AND r.kind <> 'Pod'
      ) i ON true;
    GET DIAGNOSTICS v_handed_out = ROW_COUNT;
    IF v_handed_out < jsonb_array_length(v_taken) THEN
        PERFORM orchestrator.put_away(v_taken, c_most_reads);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer) IS 'Takes deployments to reconcile under a lease.';

--
-- Name: claim_dry_run(text, text, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer) RETURNS TABLE(dry_run_id bigint, token integer, deployment_id uuid, name text, namespace text, generation bigint, desired_state text, template_version integer, manifests jsonb, inventory jsonb)
    LANGUAGE sql SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH due AS (
        SELECT r.id FROM orchestrator.dry_runs r JOIN orchestrator.clusters c ON c.id = r.cluster_id
         WHERE c.name = p_cluster AND r.finished_at IS NULL AND r.expires_at > now() AND (r.state = 'queued' OR r.leased_until < now())
         ORDER BY r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
    ), taken AS (
        UPDATE orchestrator.dry_runs r
           SET state = 'running', worker = p_worker, attempts = r.attempts + 1, leased_until = now() + make_interval(secs => p_lease_seconds)
          FROM due WHERE r.id = due.id
        RETURNING r.*
    )
    SELECT t.id, t.attempts, (t.proposal ->> 'id')::uuid, t.name, t.namespace, t.generation, t.proposal ->> 'desired_state',
           (t.proposal ->> 'template_version')::integer, t.proposal -> 'manifests',
           coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'api_version', r.api_version, 'kind', r.kind, 'namespace', r.namespace, 'name', r.name, 'uid', r.uid,
                         'resource_version', r.resource_version, 'rendered_hash', r.rendered_hash, 'applied_generation', r.applied_generation,
                         'managed', r.managed, 'missing', r.missing_since IS NOT NULL, 'yielded', r.withheld)
                         || orchestrator.withhold(t.deployment_id, t.name, t.proposal ->> 'desired_state', m.drift_rules_json, t.proposal -> 'drift_rules',
                                t.proposal ->> 'drift_policy', t.proposal -> 'manifests', r.kind, r.name, coalesce(r.drift, '[]'), r.applied_generation, r.enforce_once || f.fought))
                       FROM orchestrator.deployment_resources r
                       JOIN orchestrator.deployments d ON d.id = r.deployment_id
                      CROSS JOIN LATERAL (
                           SELECT array_agg(j.path) AS fought
                             FROM orchestrator.judge_drift(t.deployment_id, t.name, t.proposal ->> 'desired_state', m.drift_rules_json, t.proposal -> 'drift_rules',
                                      t.proposal ->> 'drift_policy', r.kind, r.name, coalesce(r.drift, '[]') || '[{"path": ""}]') j
                            WHERE j.held = 'contested' AND t.generation > d.generation) f
                      WHERE r.deployment_id = t.deployment_id AND r.kind <> 'Pod'), '[]')
      FROM taken t
      JOIN orchestrator.templates m ON m.id = (t.proposal ->> 'template_id')::bigint AND m.version = (t.proposal ->> 'template_version')::integer
$$;

ALTER FUNCTION orchestrator.claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer) IS 'Takes a dry run under a lease.';

--
-- Name: common_namespaces(text[], text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.common_namespaces(p_one text[], p_other text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN p_one IS NULL THEN p_other WHEN p_other IS NULL THEN p_one
                ELSE ARRAY(SELECT n FROM unnest(p_one) n WHERE n = ANY (p_other)) END
$$;

ALTER FUNCTION orchestrator.common_namespaces(p_one text[], p_other text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION common_namespaces(p_one text[], p_other text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.common_namespaces(p_one text[], p_other text[]) IS 'The namespaces that two limits both allow.';

--
-- Name: compile_node(jsonb, text[], text[], text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.compile_node(p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_key text;
    v_value jsonb;
    v_index integer;
    v_child record;
    v_parts text[] := '{}';
    v_at text := 'base_spec_json.' || array_to_string(p_path, '.');
BEGIN
    bindings := '[]';
    CASE jsonb_typeof(p_node)
    WHEN 'string' THEN
        SELECT * INTO v_child FROM orchestrator.compile_text(p_node #>> '{}', p_path, p_names);
        body := '"' || v_child.body || '"';
        bindings := v_child.bindings;
    WHEN 'array' THEN
        FOR v_value, v_index IN SELECT e, o - 1 FROM jsonb_array_elements(p_node) WITH ORDINALITY t (e, o) LOOP
            SELECT * INTO v_child FROM orchestrator.compile_node(v_value, p_path || v_index::text, p_names, p_identities);
            v_parts := v_parts || v_child.body;
            bindings := bindings || v_child.bindings;
        END LOOP;
        body := '[' || array_to_string(v_parts, ',') || ']';
    WHEN 'object' THEN
        SELECT k INTO v_key FROM jsonb_object_keys(p_node) k WHERE k LIKE '$%' LIMIT 1;
        IF v_key IS NOT NULL AND (v_key NOT IN ('$param', '$hash', '$generate')
                                  OR (SELECT count(*) FROM jsonb_object_keys(p_node)) > 1) THEN
            PERFORM orchestrator.refuse('SO422', format('%s is not understood here', v_key), v_at,
                'A value is {"$param": name}, {"$hash": "Kind/name"} or {"$generate": "password"}; $when stands at the top of a manifest.');
        ELSIF v_key = '$param' THEN
            v_index := array_position(p_names, p_node ->> v_key);
            IF v_index IS NULL THEN
                PERFORM orchestrator.refuse('SO422', format('$param names no parameter: %s', p_node -> v_key), v_at,
                    'Known: ' || array_to_string(p_names, ', ') || '.');
            END IF;
            body := format('%%%s$s', v_index);
            bindings := jsonb_build_array(jsonb_build_object('path', to_jsonb(p_path), 'parameter', p_node -> v_key, 'mode', 'value'));
        ELSIF v_key = '$hash' THEN
            v_index := array_position(p_identities, p_node ->> v_key);
            IF v_index IS NULL THEN
                PERFORM orchestrator.refuse('SO422', format('$hash refers to no manifest before this one: %s', p_node -> v_key), v_at,
                    'Known here: ' || coalesce(nullif(array_to_string(p_identities, ', '), ''), 'none') || '.');
            END IF;
            body := format('"%%%s$s"', 2 * cardinality(p_names) + v_index);
        ELSIF v_key = '$generate' THEN
            IF p_node ->> v_key IS DISTINCT FROM 'password' OR p_path[2] IS DISTINCT FROM 'stringData' THEN
                PERFORM orchestrator.refuse('SO422', '$generate makes passwords in the stringData of a Secret', v_at,
                    'Write {"$generate": "password"} below stringData.');
            END IF;
            body := p_node::text;
        ELSE
            -- To Kubernetes a null, or labels of which there are none, say nothing; to us it would be a field that we set and cannot hold.
            FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_node)
                WHERE value <> 'null' AND NOT (value = '{}' AND key IN ('labels', 'annotations')) LOOP
                SELECT * INTO v_child FROM orchestrator.compile_node(v_value, p_path || v_key, p_names, p_identities);
                v_parts := v_parts || (replace(to_json(v_key)::text, '%', '%%') || ':' || v_child.body);
                bindings := bindings || v_child.bindings;
            END LOOP;
            body := '{' || array_to_string(v_parts, ',') || '}';
        END IF;
    ELSE
        body := p_node::text;
    END CASE;
END
$_$;

ALTER FUNCTION orchestrator.compile_node(p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION compile_node(p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.compile_node(p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb) IS 'Compiles one piece of a template''s manifest.';

--
-- Name: template_programs; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.template_programs (
    template_id bigint NOT NULL,
    template_version integer NOT NULL,
    parameter_names text[] NOT NULL,
    properties jsonb NOT NULL,
    required text[] NOT NULL,
    defaults jsonb NOT NULL,
    bodies text[] NOT NULL,
    conditions text[] NOT NULL,
    bindings jsonb NOT NULL,
    guarded boolean NOT NULL,
    claim_parameters text[],
    arguments text[] NOT NULL
)
WITH (toast_tuple_target='8160');

ALTER TABLE orchestrator.template_programs OWNER TO orchestrator_owner;

--
-- Name: TABLE template_programs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.template_programs IS 'Compiled templates; private to the routines.';

--
-- Name: COLUMN template_programs.guarded; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.template_programs.guarded IS 'A parameter reaches a place that the policy judges, so each rendering is checked, not only the template.';

--
-- Name: COLUMN template_programs.claim_parameters; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.template_programs.claim_parameters IS 'The parameters that reach a persistent volume claim: its text, or whether it is there. NULL if a claim holds a digest, which any may change.';

--
-- Name: COLUMN template_programs.arguments; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.template_programs.arguments IS 'The default of each parameter as JSON, then of each as the inside of a string; NULL where it has none.';

--
-- Name: compile_template(jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.compile_template(p_base_spec jsonb, p_schema jsonb) RETURNS orchestrator.template_programs
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_program orchestrator.template_programs;
    v_manifest jsonb;
    v_number integer;
    v_identities text[] := '{}';
    v_compiled record;
    v_binding jsonb;
BEGIN
    PERFORM orchestrator.check_schema(p_schema);
    IF jsonb_typeof(p_base_spec) IS DISTINCT FROM 'array' OR jsonb_array_length(p_base_spec) NOT BETWEEN 1 AND 50 THEN
        PERFORM orchestrator.refuse('SO422', 'a template is a list of 1 to 50 manifests', 'base_spec_json', 'Write [{"apiVersion": …, "kind": …}, …].');
    END IF;
    v_program.properties := coalesce(p_schema -> 'properties', '{}');
    v_program.required := ARRAY(SELECT jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')));
    v_program.parameter_names := ARRAY(SELECT k FROM jsonb_object_keys(v_program.properties) k ORDER BY k) || ARRAY['name', 'namespace', 'id'];
    v_program.defaults := coalesce((SELECT jsonb_object_agg(key, value -> 'default') FROM jsonb_each(v_program.properties)
                                    WHERE value ? 'default'), '{}');
    v_program.arguments := (
        SELECT array_agg(d::text ORDER BY o) || array_agg(CASE jsonb_typeof(d) WHEN 'string' THEN substr(d::text, 2, length(d::text) - 2) ELSE d::text END ORDER BY o)
          FROM (SELECT v_program.defaults -> n, o FROM unnest(v_program.parameter_names) WITH ORDINALITY t (n, o)) known (d, o));
    v_program.bodies := '{}';
    v_program.conditions := '{}';
    v_program.bindings := '[]';
    FOR v_manifest, v_number IN SELECT e, o - 1 FROM jsonb_array_elements(p_base_spec) WITH ORDINALITY t (e, o) LOOP
        PERFORM orchestrator.check_manifest(jsonb_strip_nulls(v_manifest), v_number, v_program.properties);
        SELECT * INTO v_compiled FROM orchestrator.compile_node(
            v_manifest - '$when', ARRAY[v_number::text], v_program.parameter_names, v_identities);
        v_program.bodies := v_program.bodies || v_compiled.body;
        v_program.conditions := v_program.conditions || (v_manifest ->> '$when');
        IF format('%s/%s', v_manifest ->> 'kind', v_manifest -> 'metadata' ->> 'name') = ANY (v_identities) THEN
            PERFORM orchestrator.refuse('SO422', format('%s %s stands twice in the template', v_manifest ->> 'kind', v_manifest -> 'metadata' ->> 'name'),
                format('base_spec_json.%s.metadata.name', v_number), 'Give each object of a kind a name of its own.');
        END IF;
        v_identities := v_identities || format('%s/%s', v_manifest ->> 'kind', v_manifest -> 'metadata' ->> 'name');
        FOR v_binding IN SELECT jsonb_array_elements(v_compiled.bindings) LOOP
            v_program.bindings := v_program.bindings || jsonb_build_array(v_binding);
        END LOOP;
    END LOOP;
    v_program.guarded := EXISTS (
        SELECT FROM jsonb_array_elements(v_program.bindings) b
        WHERE b ->> 'parameter' NOT IN ('name', 'namespace', 'id')
          AND b -> 'path' ?| ARRAY['securityContext', 'volumes', 'hostNetwork', 'hostPID', 'hostIPC', 'hostPort', 'hostUsers',
                                   'serviceAccountName', 'serviceAccount', 'kind', 'apiVersion', 'procMount', 'sysctls', 'type', 'externalIPs', 'httpGet', 'tcpSocket']);
    -- A digest changes with all that its manifest is made from: then nothing is known, and every change is checked.
    v_program.claim_parameters := CASE WHEN NOT jsonb_path_exists(p_base_spec, '$[*] ? (@.kind == "PersistentVolumeClaim").**."$hash"') THEN ARRAY(
        SELECT b ->> 'parameter' FROM jsonb_array_elements(v_program.bindings) b
         WHERE p_base_spec -> (b -> 'path' ->> 0)::integer ->> 'kind' = 'PersistentVolumeClaim' AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id')
        UNION SELECT m ->> '$when' FROM jsonb_array_elements(p_base_spec) m WHERE m ->> 'kind' = 'PersistentVolumeClaim' AND m ? '$when'
        ORDER BY 1) END;
    RETURN v_program;
END
$_$;

ALTER FUNCTION orchestrator.compile_template(p_base_spec jsonb, p_schema jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION compile_template(p_base_spec jsonb, p_schema jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.compile_template(p_base_spec jsonb, p_schema jsonb) IS 'Checks and compiles a template.';

--
-- Name: compile_text(text, text[], text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.compile_text(p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_rest text := p_text;
    v_start integer;
    v_end integer;
    v_name text;
    v_literal text;
    v_index integer;
    v_names text[] := '{}';
    v_prefix text;
BEGIN
    body := '';
    LOOP
        v_start := strpos(v_rest, '${');
        v_literal := CASE WHEN v_start = 0 THEN v_rest ELSE left(v_rest, v_start - 1) END;
        v_prefix := coalesce(v_prefix, v_literal);
        v_literal := to_json(v_literal)::text;
        body := body || replace(substr(v_literal, 2, length(v_literal) - 2), '%', '%%');
        EXIT WHEN v_start = 0;
        v_end := strpos(substr(v_rest, v_start), '}');
        v_name := CASE WHEN v_end > 0 THEN substr(v_rest, v_start + 2, v_end - 3) ELSE substr(v_rest, v_start) END;
        v_index := array_position(p_names, v_name);
        IF v_index IS NULL THEN
            PERFORM orchestrator.refuse('SO422', format('${%s} names no parameter', v_name),
                'base_spec_json.' || array_to_string(p_path, '.'), 'Known: ' || array_to_string(p_names, ', ') || '.');
        END IF;
        body := body || format('%%%s$s', cardinality(p_names) + v_index);
        v_names := v_names || v_name;
        v_rest := substr(v_rest, v_start + v_end);
    END LOOP;
    SELECT coalesce(jsonb_agg(jsonb_build_object('path', to_jsonb(p_path), 'parameter', n, 'mode',
               CASE WHEN cardinality(v_names) = 1 THEN 'text' ELSE 'mixed' END, 'prefix', v_prefix, 'suffix', v_rest)), '[]')
      INTO bindings FROM unnest(v_names) n;
END
$_$;

ALTER FUNCTION orchestrator.compile_text(p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION compile_text(p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.compile_text(p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb) IS 'Compiles one interpolated string of a template.';

--
-- Name: contested_until(uuid, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.contested_until(p_id uuid, p_kind text, p_name text, p_path text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT p.next_at FROM orchestrator.put_backs p
     WHERE p.deployment_id = p_id AND p.kind = p_kind AND p.name = p_name AND p.path = p_path AND p.next_at > now()
       AND NOT EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = p_id AND d.generation > p.generation)
$$;

ALTER FUNCTION orchestrator.contested_until(p_id uuid, p_kind text, p_name text, p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION contested_until(p_id uuid, p_kind text, p_name text, p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.contested_until(p_id uuid, p_kind text, p_name text, p_path text) IS 'Until when a contested path is not put back.';

--
-- Name: create_user(text, text, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.create_user(name text, role text, namespaces text[] DEFAULT NULL::text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

ALTER FUNCTION orchestrator.create_user(name text, role text, namespaces text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION create_user(name text, role text, namespaces text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.create_user(name text, role text, namespaces text[]) IS 'Makes a user: viewer, operator or admin, of all namespaces or some.';

--
-- Name: current_actor(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.current_actor() RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN CASE
        WHEN coalesce(current_setting('orchestrator.actor', true), '') <> ''
             AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER')
        THEN current_setting('orchestrator.actor', true)
        ELSE session_user::text
    END;
END
$$;

ALTER FUNCTION orchestrator.current_actor() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION current_actor(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.current_actor() IS 'The identity written to events and revisions.';

--
-- Name: current_client(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.current_client() RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN concat_ws(' ', CASE WHEN coalesce(current_setting('orchestrator.client', true), '') <> ''
                                    AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER')
                               THEN current_setting('orchestrator.client', true)
                               ELSE host(inet_client_addr()) END,
                     nullif(current_setting('application_name'), ''));
END
$$;

ALTER FUNCTION orchestrator.current_client() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION current_client(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.current_client() IS 'The address and program written to revisions.';

--
-- Name: defer(integer, uuid[], text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.defer(p_cluster_id integer, p_ids uuid[], p_reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    WITH waiting AS (
        UPDATE orchestrator.reconcile_slots s SET deferred_since = now()
         WHERE s.deployment_id = ANY (p_ids) AND s.cluster_id = p_cluster_id AND s.deferred_since IS NULL
        RETURNING s.deployment_id
    )
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'reconciler', 'ReconcileDeferred',
           jsonb_build_object('reason', coalesce(c.unreachable_reason, p_reason), 'unreachable_since', c.unreachable_since), 'orchestrator'
      FROM waiting w JOIN orchestrator.deployments d ON d.id = w.deployment_id JOIN orchestrator.clusters c ON c.id = p_cluster_id;
END
$$;

ALTER FUNCTION orchestrator.defer(p_cluster_id integer, p_ids uuid[], p_reason text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION defer(p_cluster_id integer, p_ids uuid[], p_reason text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.defer(p_cluster_id integer, p_ids uuid[], p_reason text) IS 'Records that deployments wait for their cluster.';

--
-- Name: deploy(text, text, jsonb, text, text, integer, text, boolean, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.deploy(name text, template text, parameters jsonb DEFAULT '{}'::jsonb, namespace text DEFAULT 'default'::text, cluster text DEFAULT NULL::text, template_version integer DEFAULT NULL::integer, desired_state text DEFAULT 'Active'::text, keep_data boolean DEFAULT true, drift_policy text DEFAULT 'Enforce'::text, drift_rules jsonb DEFAULT '[]'::jsonb) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_cluster_id integer;
    v_id uuid;
    v_constraint text;
BEGIN
    SELECT t.id INTO v_template_id FROM orchestrator.templates t WHERE t.name = deploy.template LIMIT 1;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no template "%s"', deploy.template), 'template', 'Known: ' || coalesce((
            SELECT string_agg(DISTINCT t.name, ', ') FROM orchestrator.templates t), 'none; load some with: orchestrator templates load') || '.');
    END IF;
    IF deploy.cluster IS NOT NULL THEN
        SELECT c.id INTO v_cluster_id FROM orchestrator.clusters c WHERE c.name = deploy.cluster;
        IF NOT FOUND THEN
            PERFORM orchestrator.refuse('SO404', format('there is no cluster "%s"', deploy.cluster), 'cluster',
                'Known: ' || (SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM orchestrator.clusters c) || '.');
        END IF;
    END IF;
    INSERT INTO orchestrator.deployments (name, cluster_id, namespace, template_id, template_version, parameters, desired_state, keep_data, drift_policy, drift_rules)
    VALUES (deploy.name, v_cluster_id, deploy.namespace, v_template_id, deploy.template_version, deploy.parameters,
            deploy.desired_state, deploy.keep_data, deploy.drift_policy, deploy.drift_rules)
    RETURNING id INTO v_id;
    RETURN v_id;
EXCEPTION WHEN unique_violation THEN
    -- Two sessions at once: neither saw the other's name, and the index decided.
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    IF v_constraint <> 'deployments_name_is_unique' THEN
        RAISE;
    END IF;
    PERFORM orchestrator.refuse('SO409', format('a deployment %s/%s exists', deploy.namespace, deploy.name), 'name',
        'Choose another name, or change the one there is.');
END
$$;

ALTER FUNCTION orchestrator.deploy(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION deploy(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.deploy(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) IS 'Makes a deployment from a template by name; answers its id.';

--
-- Name: deployments_as_of(timestamp with time zone, uuid, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.deployments_as_of(p_at timestamp with time zone, p_after uuid DEFAULT NULL::uuid, p_most integer DEFAULT NULL::integer) RETURNS TABLE(id uuid, name text, namespace text, cluster text, template text, template_version integer, parameters jsonb, desired_state text, drift_policy text, drift_rules jsonb, keep_data boolean, restarted_at timestamp with time zone, generation bigint, actor text, changed_at timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT d.id, d.name, d.namespace, c.name, t.name, r.template_version, r.parameters, r.desired_state,
           r.drift_policy, r.drift_rules, r.keep_data, r.restarted_at, r.generation, r.actor, r.created_at
      FROM orchestrator.deployments d
     CROSS JOIN LATERAL (SELECT * FROM orchestrator.deployment_revisions r WHERE r.deployment_id = d.id AND r.created_at <= p_at
                          ORDER BY r.generation DESC LIMIT 1) r
      JOIN orchestrator.clusters c ON c.id = d.cluster_id
      JOIN orchestrator.templates t ON t.id = r.template_id AND t.version = r.template_version
     WHERE d.id > coalesce(p_after, '00000000-0000-0000-0000-000000000000')
     ORDER BY d.id LIMIT p_most
$$;

ALTER FUNCTION orchestrator.deployments_as_of(p_at timestamp with time zone, p_after uuid, p_most integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION deployments_as_of(p_at timestamp with time zone, p_after uuid, p_most integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.deployments_as_of(p_at timestamp with time zone, p_after uuid, p_most integer) IS 'What was wanted of every deployment at a time.';

--
-- Name: deployment_revisions; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.deployment_revisions (
    deployment_id uuid NOT NULL,
    generation bigint NOT NULL,
    template_id bigint NOT NULL,
    template_version integer NOT NULL,
    parameters jsonb NOT NULL,
    desired_state text NOT NULL,
    drift_policy text NOT NULL,
    keep_data boolean NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    restarted_at timestamp with time zone,
    rolled_back_to bigint,
    client text,
    drift_rules jsonb DEFAULT '[]'::jsonb NOT NULL,
    adopted jsonb
);

ALTER TABLE orchestrator.deployment_revisions OWNER TO orchestrator_owner;

--
-- Name: TABLE deployment_revisions; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.deployment_revisions IS 'Append-only: the intent of every generation, and who asked for it.';

--
-- Name: COLUMN deployment_revisions.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.deployment_id IS 'Whose intent it was.';

--
-- Name: COLUMN deployment_revisions.generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.generation IS 'Which.';

--
-- Name: COLUMN deployment_revisions.template_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.template_id IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.template_version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.template_version IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.parameters; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.parameters IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.desired_state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.desired_state IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.drift_policy; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.drift_policy IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.keep_data; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.keep_data IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.actor; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.actor IS 'Who asked for it.';

--
-- Name: COLUMN deployment_revisions.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.created_at IS 'When.';

--
-- Name: COLUMN deployment_revisions.restarted_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.restarted_at IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.rolled_back_to; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.rolled_back_to IS 'The generation whose intent was taken up again by rollback(), if this one was.';

--
-- Name: COLUMN deployment_revisions.client; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.client IS 'Where it was asked for: address (none on a local socket) and application_name of the session; over HTTP the address of who asked the API.';

--
-- Name: COLUMN deployment_revisions.drift_rules; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.drift_rules IS 'As in deployments.';

--
-- Name: COLUMN deployment_revisions.adopted; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_revisions.adopted IS 'What was adopted with it: {"paths": […], "managers": […]}; NULL if nothing was.';

--
-- Name: describe_change(orchestrator.deployment_revisions, orchestrator.deployment_revisions); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_change(p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_changes jsonb;
BEGIN
    IF p_before.parameters <> p_after.parameters THEN
        SELECT jsonb_object_agg('parameters.' || k, jsonb_build_object('from', p_before.parameters -> k, 'to', p_after.parameters -> k)) INTO v_changes
          FROM jsonb_object_keys(p_before.parameters || p_after.parameters) k WHERE p_before.parameters -> k IS DISTINCT FROM p_after.parameters -> k;
    END IF;
    IF (p_before.desired_state, p_before.template_version, p_before.drift_policy, p_before.drift_rules, p_before.keep_data, p_before.restarted_at)
       IS DISTINCT FROM (p_after.desired_state, p_after.template_version, p_after.drift_policy, p_after.drift_rules, p_after.keep_data, p_after.restarted_at) THEN
        SELECT coalesce(v_changes, '{}') || jsonb_object_agg(f, jsonb_build_object('from', v_from, 'to', v_to)) INTO v_changes
          FROM (VALUES ('desired_state', to_jsonb(p_before.desired_state), to_jsonb(p_after.desired_state)),
                       ('template_version', to_jsonb(p_before.template_version), to_jsonb(p_after.template_version)),
                       ('drift_policy', to_jsonb(p_before.drift_policy), to_jsonb(p_after.drift_policy)),
                       ('drift_rules', p_before.drift_rules, p_after.drift_rules),
                       ('keep_data', to_jsonb(p_before.keep_data), to_jsonb(p_after.keep_data)),
                       ('restarted_at', to_jsonb(p_before.restarted_at), to_jsonb(p_after.restarted_at))) fields (f, v_from, v_to)
         WHERE v_from IS DISTINCT FROM v_to;
    END IF;
    RETURN coalesce(v_changes, '{}');
END
$$;

ALTER FUNCTION orchestrator.describe_change(p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_change(p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_change(p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions) IS 'The difference between two intents of a deployment.';

--
-- Name: describe_contests(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_contests(p_id uuid) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

ALTER FUNCTION orchestrator.describe_contests(p_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_contests(p_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_contests(p_id uuid) IS 'What is contested of a deployment, in a sentence.';

--
-- Name: describe_digest(text, jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_digest(p_kind text, p_digest jsonb, p_health text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE
        WHEN p_health IS NULL THEN 'Applied, not seen yet'
        WHEN p_kind IN ('StatefulSet', 'Deployment') AND p_digest ? 'wantedReplicas'
            THEN format('%s of %s ready', coalesce(p_digest ->> 'readyReplicas', '0'), p_digest ->> 'wantedReplicas')
        WHEN p_kind = 'PersistentVolumeClaim' THEN concat_ws(', ', coalesce(p_digest ->> 'phase', 'There'), p_digest ->> 'capacity')
        WHEN p_kind = 'Service' THEN concat_ws(', ', nullif(p_digest ->> 'clusterIP', 'None'), nullif(btrim(translate(p_digest ->> 'addresses', '[]"', '')), ''),
            (SELECT string_agg(concat_ws(' on node port ', p ->> 'port', p ->> 'nodePort'), ', ') FROM jsonb_array_elements(p_digest -> 'ports') p))
        WHEN p_kind = 'Ingress' THEN coalesce(nullif(btrim(translate(p_digest ->> 'addresses', '[]"', '')), ''), 'no address yet')
        WHEN p_kind = 'CronJob' THEN coalesce('last run ' || (p_digest ->> 'lastRun'), 'no run yet')
        WHEN p_kind = 'HorizontalPodAutoscaler' THEN concat_ws(', ', format('%s to %s replicas', p_digest ->> 'least', p_digest ->> 'most'), (p_digest ->> 'replicas') || ' now')
        WHEN p_kind = 'PodDisruptionBudget' AND p_digest ? 'disruptionsAllowed' THEN format('%s pods may go just now', p_digest ->> 'disruptionsAllowed')
        WHEN p_kind = 'Pod' THEN concat_ws(', ', coalesce(p_digest ->> 'phase', 'There'), 'on ' || (p_digest ->> 'node'),
            CASE WHEN p_digest ? 'restarts' THEN format('%s restarts', p_digest ->> 'restarts') END)
        ELSE 'There' END
$$;

ALTER FUNCTION orchestrator.describe_digest(p_kind text, p_digest jsonb, p_health text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_digest(p_kind text, p_digest jsonb, p_health text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_digest(p_kind text, p_digest jsonb, p_health text) IS 'What was last seen of an object, in a line.';

--
-- Name: describe_drift(integer, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT ARRAY[
        min(format('%s %s was %s from outside', p_kind, p_name, CASE j.change ->> 'live' WHEN 'missing' THEN 'deleted' ELSE 'replaced' END))
            FILTER (WHERE j.path = '' AND j.held IS NULL),
        (array_agg(format('%s %s was changed by %s', p_kind, p_name, coalesce(j.change ->> 'manager', 'another')))
            FILTER (WHERE j.path <> '' AND j.held IS NULL))[1],
        (array_agg(format('%s of %s %s was changed by %s and %s', coalesce(nullif(j.path, ''), 'The existence'), p_kind, p_name,
                          coalesce(j.change ->> 'manager', CASE j.held WHEN 'rewritten' THEN 'the cluster itself' ELSE 'another' END),
                          CASE j.held WHEN 'undecided' THEN 'waits for a decision: adopt it, or put it back.'
                                      WHEN 'rewritten' THEN 'cannot be put back: an admission webhook changes it in each write. Adopt or ignore it, or change the webhook and put it back.'
                                      ELSE format('is put back once the window %s opens.', j.maintenance_window) END))
            -- What is contested has words of its own: describe_contests.
            FILTER (WHERE j.held IN ('undecided', 'shut', 'rewritten')))[1]]
      FROM orchestrator.judge_object(p_cluster_id, p_kind, p_namespace, p_name) j
$$;

ALTER FUNCTION orchestrator.describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) IS 'What a status says of an object that differs.';

--
-- Name: describe_manifest(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_manifest(p_manifest jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE p_manifest ->> 'kind'
        WHEN 'ConfigMap' THEN format('Settings: %s values', (SELECT count(*) FROM jsonb_object_keys(coalesce(p_manifest -> 'data', '{}') || coalesce(p_manifest -> 'binaryData', '{}'))))
        WHEN 'Secret' THEN 'Secrets, known to the cluster only: ' || coalesce((
            SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(coalesce(p_manifest -> 'stringData', '{}') || coalesce(p_manifest -> 'data', '{}')) k), 'none')
        WHEN 'PersistentVolumeClaim' THEN format('Data: %s of disk', coalesce(p_manifest #>> '{spec,resources,requests,storage}', 'an unknown amount'))
        WHEN 'Service' THEN 'Network address: ' || coalesce((
            SELECT string_agg(format('%s %s', p ->> 'port', coalesce(p ->> 'protocol', 'TCP')), ', ') FROM jsonb_array_elements(p_manifest #> '{spec,ports}') p), 'no port')
        WHEN 'Ingress' THEN 'Web address: ' || coalesce((
            SELECT string_agg(r ->> 'host', ', ') FROM jsonb_array_elements(p_manifest #> '{spec,rules}') r), 'any host')
        WHEN 'StatefulSet' THEN 'The server itself: ' || orchestrator.describe_workload(p_manifest -> 'spec')
        WHEN 'Deployment' THEN 'The server itself: ' || orchestrator.describe_workload(p_manifest -> 'spec')
        WHEN 'CronJob' THEN format('Runs by the clock (%s): ', concat_ws(' ', p_manifest #>> '{spec,schedule}', p_manifest #>> '{spec,timeZone}'))
            || coalesce((SELECT string_agg(c ->> 'image', ' + ') FROM jsonb_array_elements(p_manifest #> '{spec,jobTemplate,spec,template,spec,containers}') c), 'no image')
        WHEN 'HorizontalPodAutoscaler' THEN format('Scaling: %s to %s replicas', coalesce(p_manifest #>> '{spec,minReplicas}', '1'), p_manifest #>> '{spec,maxReplicas}')
        WHEN 'PodDisruptionBudget' THEN 'Protection while machines are serviced: ' || coalesce(
            'at least ' || (p_manifest #>> '{spec,minAvailable}') || ' pods stay', 'at most ' || (p_manifest #>> '{spec,maxUnavailable}') || ' pods go at a time', 'no limit')
        WHEN 'NetworkPolicy' THEN 'Firewall: ' || coalesce((
            SELECT string_agg(lower(t), ' and ') FROM jsonb_array_elements_text(p_manifest #> '{spec,policyTypes}') t), 'ingress') || ' of its pods'
        ELSE '' END
$$;

ALTER FUNCTION orchestrator.describe_manifest(p_manifest jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_manifest(p_manifest jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_manifest(p_manifest jsonb) IS 'What an object is for, in a line.';

--
-- Name: describe_newer(uuid, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_newer(p_deployment_id uuid, p_generation bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT format('%s by %s meanwhile (generation %s), which holds.', CASE r.desired_state WHEN 'Deleted' THEN 'Deleted' ELSE 'Changed' END, r.actor, r.generation)
      FROM orchestrator.deployment_revisions r WHERE r.deployment_id = p_deployment_id AND r.generation = p_generation
$$;

ALTER FUNCTION orchestrator.describe_newer(p_deployment_id uuid, p_generation bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_newer(p_deployment_id uuid, p_generation bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_newer(p_deployment_id uuid, p_generation bigint) IS 'Why a rollout leaves a changed member alone.';

--
-- Name: planned_restarts; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.planned_restarts (
    id bigint NOT NULL,
    deployment_id uuid NOT NULL,
    cluster_id integer NOT NULL,
    window_id bigint,
    in_window text,
    when_empty boolean NOT NULL,
    only_if_required boolean NOT NULL,
    opens timestamp with time zone,
    due timestamp with time zone,
    state text DEFAULT 'planned'::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    generation bigint,
    asked_by text NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT planned_restarts_state_is_known CHECK ((state = ANY (ARRAY['planned'::text, 'done'::text, 'cancelled'::text, 'missed'::text])))
);

ALTER TABLE orchestrator.planned_restarts OWNER TO orchestrator_owner;

--
-- Name: TABLE planned_restarts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.planned_restarts IS 'Restarts that wait for a window, for an empty server or for a time, and what became of them. One a deployment is live.';

--
-- Name: COLUMN planned_restarts.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.id IS 'Rises.';

--
-- Name: COLUMN planned_restarts.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.deployment_id IS 'What is restarted.';

--
-- Name: COLUMN planned_restarts.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.cluster_id IS 'Whose workers see to it.';

--
-- Name: COLUMN planned_restarts.window_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.window_id IS 'The window it waits for, if any.';

--
-- Name: COLUMN planned_restarts.in_window; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.in_window IS 'Its name.';

--
-- Name: COLUMN planned_restarts.when_empty; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.when_empty IS 'Also before that, once nobody plays; without a window or time only then.';

--
-- Name: COLUMN planned_restarts.only_if_required; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.only_if_required IS 'If nothing requires a restart by then, none is made.';

--
-- Name: COLUMN planned_restarts.opens; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.opens IS 'The opening of the window, or the time, that it waits for; NULL waits for an empty server alone.';

--
-- Name: COLUMN planned_restarts.due; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.due IS 'When a worker looks at it next; NULL until somebody says that nobody plays.';

--
-- Name: COLUMN planned_restarts.state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.state IS 'planned; done; cancelled; missed, if its time went by.';

--
-- Name: COLUMN planned_restarts.why; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.why IS 'Why it has not come, or how it ended.';

--
-- Name: COLUMN planned_restarts.generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.generation IS 'The generation that restarted it.';

--
-- Name: COLUMN planned_restarts.asked_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.asked_by IS 'Who planned it.';

--
-- Name: COLUMN planned_restarts.asked_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.asked_at IS 'When it was planned.';

--
-- Name: COLUMN planned_restarts.ended_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.planned_restarts.ended_at IS 'When it was done, cancelled or missed.';

--
-- Name: describe_plan(orchestrator.planned_restarts); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_plan(p_plan orchestrator.planned_restarts) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('window', p_plan.in_window, 'when_empty', nullif(p_plan.when_empty, false), 'opens', p_plan.opens,
                                                'only_if_required', p_plan.only_if_required, 'asked_by', p_plan.asked_by))
$$;

ALTER FUNCTION orchestrator.describe_plan(p_plan orchestrator.planned_restarts) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_plan(p_plan orchestrator.planned_restarts); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_plan(p_plan orchestrator.planned_restarts) IS 'What a planned restart waits for.';

--
-- Name: describe_preview(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_preview(p_tried jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH before AS (
        SELECT m, o, m ->> 'kind' AS kind, m #>> '{metadata,name}' AS name
          FROM jsonb_array_elements(nullif(p_tried -> 'before', 'null')) WITH ORDINALITY b (m, o)
    ), after AS (
        SELECT m, o, m ->> 'kind' AS kind, m #>> '{metadata,name}' AS name
          FROM jsonb_array_elements(p_tried -> 'after') WITH ORDINALITY a (m, o)
    )
    SELECT jsonb_build_object(
        'generation', p_tried -> 'generation',
        'parameters', orchestrator.effective_parameters((p_tried ->> 'template_id')::bigint, (p_tried ->> 'template_version')::integer, p_tried -> 'parameters'),
        'objects', coalesce(jsonb_agg(jsonb_build_object(
            'kind', kind, 'name', name, 'manifest', coalesce(a.m, b.m), 'purpose', orchestrator.describe_manifest(coalesce(a.m, b.m)),
            'change', CASE WHEN b.m IS NULL THEN 'created' WHEN a.m IS NULL THEN 'removed' WHEN a.m = b.m THEN 'unchanged' ELSE 'changed' END,
            -- Its running pods keep the old settings until they are restarted.
            'restart', coalesce(a.m #>> '{spec,updateStrategy,type}' = 'OnDelete' AND a.m #> '{spec,template}' <> b.m #> '{spec,template}', false))
            ORDER BY a.o, b.o), '[]'),
        'plan', coalesce(p_tried -> 'plan', '[]'),
        'target', p_tried -> 'target')
      FROM after a FULL JOIN before b USING (kind, name)
$$;

ALTER FUNCTION orchestrator.describe_preview(p_tried jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_preview(p_tried jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_preview(p_tried jsonb) IS 'What a tried write would mean, object by object.';

--
-- Name: describe_workload(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.describe_workload(p_spec jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE p_spec ->> 'replicas' WHEN '1' THEN '1 replica of ' ELSE coalesce(p_spec ->> 'replicas', 'any number of') || ' replicas of ' END || string_agg(
               concat_ws(', ', coalesce(c ->> 'image', 'no image'),
                         coalesce(c #>> '{resources,limits,memory}', c #>> '{resources,requests,memory}') || ' of memory'), ' + ' ORDER BY o)
      FROM jsonb_array_elements(p_spec #> '{template,spec,containers}') WITH ORDINALITY t (c, o)
$$;

ALTER FUNCTION orchestrator.describe_workload(p_spec jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION describe_workload(p_spec jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.describe_workload(p_spec jsonb) IS 'How many of which image with how much memory.';

--
-- Name: diff(uuid, bigint, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.diff(p_id uuid, p_from bigint, p_to bigint) RETURNS TABLE(field text, title text, was jsonb, becomes jsonb, was_default boolean, becomes_default boolean)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_before orchestrator.deployment_revisions;
    v_after orchestrator.deployment_revisions;
    v_from bigint := coalesce(p_from, p_to - 1);
    v_was jsonb;
    v_becomes jsonb;
BEGIN
    SELECT * INTO v_before FROM orchestrator.deployment_revisions r WHERE r.deployment_id = p_id AND r.generation = v_from;
    SELECT * INTO v_after FROM orchestrator.deployment_revisions r WHERE r.deployment_id = p_id AND r.generation = p_to;
    IF v_after.generation IS NULL OR (v_before.generation IS NULL AND v_from <> 0) THEN
        PERFORM orchestrator.refuse('SO404', format('deployment %s has no generation %s', p_id, CASE WHEN v_after.generation IS NULL THEN p_to ELSE v_from END),
            'generation', 'SELECT generation FROM deployment_revisions WHERE deployment_id = … lists them.');
    END IF;
    v_was := orchestrator.effective_parameters(v_before.template_id, v_before.template_version, v_before.parameters);
    v_becomes := orchestrator.effective_parameters(v_after.template_id, v_after.template_version, v_after.parameters);
    RETURN QUERY
    SELECT f.field, coalesce(t.allowed_mutations_json #>> ARRAY['properties', f.name, 'title'], f.name), f.was, f.becomes,
           coalesce(NOT v_before.parameters ? f.name, false) AND f.field <> f.name, NOT v_after.parameters ? f.name AND f.field <> f.name
      FROM (SELECT 'parameters.' || k, k, v_was -> k, v_becomes -> k, v_before.parameters -> k IS DISTINCT FROM v_after.parameters -> k
              FROM jsonb_object_keys(coalesce(v_was, '{}') || v_becomes) k
            UNION ALL SELECT 'desired_state', 'desired_state', to_jsonb(v_before.desired_state), to_jsonb(v_after.desired_state), false
            UNION ALL SELECT 'template_version', 'template_version', to_jsonb(v_before.template_version), to_jsonb(v_after.template_version), false
            UNION ALL SELECT 'drift_policy', 'drift_policy', to_jsonb(v_before.drift_policy), to_jsonb(v_after.drift_policy), false
            UNION ALL SELECT 'drift_rules', 'drift_rules', v_before.drift_rules, v_after.drift_rules, false
            UNION ALL SELECT 'keep_data', 'keep_data', to_jsonb(v_before.keep_data), to_jsonb(v_after.keep_data), false
            UNION ALL SELECT 'restarted_at', 'restarted_at', to_jsonb(v_before.restarted_at), to_jsonb(v_after.restarted_at), false
      ) f (field, name, was, becomes, rewritten)
      LEFT JOIN orchestrator.templates t ON t.id = v_after.template_id AND t.version = v_after.template_version
     WHERE f.was IS DISTINCT FROM f.becomes OR f.rewritten
     ORDER BY f.field = f.name DESC, f.field;
END
$$;

ALTER FUNCTION orchestrator.diff(p_id uuid, p_from bigint, p_to bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION diff(p_id uuid, p_from bigint, p_to bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.diff(p_id uuid, p_from bigint, p_to bigint) IS 'What differs between two generations of a deployment.';

--
-- Name: differences(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.differences(p_id uuid) RETURNS TABLE(kind text, name text, path text, spelt text, held text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT r.kind, r.name, j.path, orchestrator.spell_path(r.kind, r.name, j.path), j.held
      FROM orchestrator.deployment_resources r
     CROSS JOIN LATERAL orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j
     WHERE r.deployment_id = p_id AND r.differs
$$;

ALTER FUNCTION orchestrator.differences(p_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION differences(p_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.differences(p_id uuid) IS 'Everything that differs of one deployment, what is ignored among it.';

--
-- Name: disable_user(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.disable_user(name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(disable_user.name);
    UPDATE orchestrator.users u SET disabled_at = coalesce(u.disabled_at, now()), link_expires_at = NULL WHERE u.id = v_user.id;
    UPDATE orchestrator.user_secrets s SET link_hash = NULL WHERE s.user_id = v_user.id;
    DELETE FROM orchestrator.sessions s WHERE s.user_id = v_user.id;
    IF v_user.role = 'admin' AND v_user.namespaces IS NULL THEN
        PERFORM orchestrator.keep_an_admin();
    END IF;
END
$$;

ALTER FUNCTION orchestrator.disable_user(name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION disable_user(name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.disable_user(name text) IS 'Disables a user at once; enable_user undoes it, sessions excepted.';

--
-- Name: dressed_manifests(uuid, text, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb) RETURNS TABLE(kind text, name text, rank integer, manifest jsonb)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT o.m ->> 'kind', o.m #>> '{metadata,name}', o.rank,
           CASE WHEN o.m ->> 'kind' = 'Secret'
                THEN o.m - 'stringData' || jsonb_build_object('data', coalesce(o.m -> 'data', '{}') || coalesce(o.m -> 'stringData', '{}'))
                ELSE o.m END
           || jsonb_build_object('metadata', o.m -> 'metadata' || jsonb_build_object('labels', coalesce(o.m #> '{metadata,labels}', '{}')
           || jsonb_build_object('server-orchestrator.io/template-version', p_version::text)))
      FROM (SELECT jsonb_build_object('apiVersion', 'v1', 'kind', 'ConfigMap', 'metadata', jsonb_build_object('name', left(p_name, 58) || '-root'),
                       'data', jsonb_build_object('deployment-id', p_id, 'name', p_name)), 0
            UNION ALL
            SELECT m, orchestrator.kind_rank(m ->> 'kind') FROM jsonb_array_elements(p_manifests) m) o (m, rank)
$$;

ALTER FUNCTION orchestrator.dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb) IS 'The objects of a deployment as a worker writes them.';

--
-- Name: drop_old_events(interval, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.drop_old_events(p_older_than interval, p_limit integer DEFAULT 10000) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM orchestrator.require_everything('events');
    IF p_older_than < interval '1 day' THEN
        PERFORM orchestrator.refuse('SO422', 'events are kept for at least a day', 'older_than', 'Give an interval of a day or more.');
    END IF;
    -- By their places, which nothing changes: history is not rewritten.
    WITH dropped AS (
        DELETE FROM orchestrator.deployment_events e WHERE e.ctid = ANY (ARRAY(
            SELECT o.ctid FROM (SELECT f.ctid, f.created_at FROM orchestrator.deployment_events f ORDER BY f.xid, f.id LIMIT p_limit) o
             WHERE o.created_at < now() - p_older_than))
        RETURNING e.xid, e.id
    ), noted AS (
        INSERT INTO orchestrator.dropped_events AS n (xid, id) SELECT g.xid, g.id FROM dropped g ORDER BY g.xid DESC, g.id DESC LIMIT 1
            ON CONFLICT (only_one) DO UPDATE SET xid = excluded.xid, id = excluded.id WHERE (excluded.xid, excluded.id) > (n.xid, n.id)
    )
    SELECT count(*) INTO v_count FROM dropped;
    RETURN v_count;
END
$$;

ALTER FUNCTION orchestrator.drop_old_events(p_older_than interval, p_limit integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION drop_old_events(p_older_than interval, p_limit integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.drop_old_events(p_older_than interval, p_limit integer) IS 'Drops events older than an interval, the oldest first; answers how many. Call it until it answers 0.';

--
-- Name: effective_parameters(bigint, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce((SELECT jsonb_object_agg(p.key, p.value -> 'default')
                       FROM orchestrator.templates t, jsonb_each(t.allowed_mutations_json -> 'properties') p
                      WHERE t.id = p_template_id AND t.version = p_version AND p.value ? 'default'), '{}') || p_parameters
$$;

ALTER FUNCTION orchestrator.effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb) IS 'Parameters with the defaults of their template version.';

--
-- Name: enable_user(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.enable_user(name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(enable_user.name);
    UPDATE orchestrator.users u SET disabled_at = NULL WHERE u.id = v_user.id;
END
$$;

ALTER FUNCTION orchestrator.enable_user(name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION enable_user(name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.enable_user(name text) IS 'Enables a user again.';

--
-- Name: end_children(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_children() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE orchestrator.api_tokens t
       SET revoked_at = coalesce(t.revoked_at, NEW.revoked_at), expires_at = least(t.expires_at, NEW.expires_at)
     WHERE t.parent_id = NEW.id;
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.end_children() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_children(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_children() IS 'Ends with a token those that were made with it.';

--
-- Name: end_contest(uuid, text, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    WITH ended AS (
        DELETE FROM orchestrator.put_backs p
         WHERE p.deployment_id = p_id AND p.kind = p_kind AND p.name = p_name AND p.path = p_path
        RETURNING p.*
    )
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'system', 'ContestEnded',
           jsonb_build_object('kind', e.kind, 'namespace', d.namespace, 'name', e.name, 'path', e.path, 'manager', e.manager, 'why', p_why,
                              'put_back', e.put_backs), 'orchestrator'
      FROM ended e JOIN orchestrator.deployments d ON d.id = e.deployment_id WHERE e.contested_since IS NOT NULL;
    RETURN FOUND;
END
$$;

ALTER FUNCTION orchestrator.end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text) IS 'Ends the fight over a path.';

--
-- Name: end_dry_runs(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_dry_runs(p_cluster text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
BEGIN
    UPDATE orchestrator.dry_runs r
       SET state = 'failed', finished_at = now(),
           message = 'nobody answered in time: ' || coalesce(nullif(r.message, ''),
               CASE WHEN EXISTS (SELECT FROM orchestrator.processes p WHERE p.cluster_id = v_cluster_id AND p.kind = 'worker' AND p.last_seen_at > now() - interval '1 minute')
                    THEN 'the workers were busy' ELSE 'no worker runs for this cluster' END)
     WHERE r.cluster_id = v_cluster_id AND r.finished_at IS NULL AND r.expires_at < now()
       AND (r.state = 'queued' OR r.leased_until < now());
    DELETE FROM orchestrator.dry_runs r WHERE r.id = ANY (ARRAY(
        SELECT o.id FROM orchestrator.dry_runs o WHERE o.created_at < now() - interval '1 day' ORDER BY o.created_at LIMIT 20));
END
$$;

ALTER FUNCTION orchestrator.end_dry_runs(p_cluster text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_dry_runs(p_cluster text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_dry_runs(p_cluster text) IS 'Ends dry runs that nobody answered in time, and drops old ones.';

--
-- Name: end_lease(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_lease(p_settlement jsonb) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    v_id uuid := p_settlement ->> 'deployment_id';
    v_queue text := p_settlement ->> 'queue';
    v_msg_id bigint := p_settlement ->> 'msg_id';
    v_token integer := p_settlement ->> 'token';
BEGIN
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = v_id FOR NO KEY UPDATE;
    PERFORM 1 FROM orchestrator.reconcile_slots s WHERE s.deployment_id = v_id AND s.msg_id = v_msg_id AND s.queue = v_queue FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM orchestrator.messages q WHERE q.queue = v_queue AND q.msg_id = v_msg_id AND q.read_ct = v_token;
    RETURN FOUND;
END
$$;

ALTER FUNCTION orchestrator.end_lease(p_settlement jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_lease(p_settlement jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_lease(p_settlement jsonb) IS 'Removes the message of a lease that is still held, and locks what its end will write.';

--
-- Name: end_member(bigint, uuid, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE orchestrator.rollout_members m SET state = p_state, message = p_message, ended_at = now()
     WHERE m.rollout_id = p_rollout_id AND m.deployment_id = p_deployment_id;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'system', CASE p_state WHEN 'rolled_back' THEN 'RolledBack' ELSE 'RolloutFinished' END,
           jsonb_build_object('rollout', p_rollout_id, 'state', p_state, 'message', p_message), 'orchestrator'
      FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
END
$$;

ALTER FUNCTION orchestrator.end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text) IS 'A member comes to its end in a rollout.';

--
-- Name: end_planned_restart(uuid, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_planned_restart(p_deployment_id uuid, p_state text, p_why text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_plan orchestrator.planned_restarts;
BEGIN
    UPDATE orchestrator.planned_restarts p SET state = p_state, why = p_why, due = NULL, ended_at = now()
     WHERE p.deployment_id = p_deployment_id AND p.state = 'planned' RETURNING * INTO v_plan;
    IF v_plan.id IS NOT NULL AND (p_state, p_why) <> ('done', '') THEN
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, CASE p_state WHEN 'cancelled' THEN 'user' ELSE 'system' END,
               CASE p_state WHEN 'done' THEN 'RestartNotNeeded' WHEN 'missed' THEN 'RestartMissed' ELSE 'RestartCancelled' END,
               orchestrator.describe_plan(v_plan) || jsonb_build_object('why', p_why),
               CASE p_state WHEN 'cancelled' THEN orchestrator.current_actor() ELSE 'orchestrator' END
          FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
    END IF;
    RETURN v_plan.id;
END
$$;

ALTER FUNCTION orchestrator.end_planned_restart(p_deployment_id uuid, p_state text, p_why text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_planned_restart(p_deployment_id uuid, p_state text, p_why text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_planned_restart(p_deployment_id uuid, p_state text, p_why text) IS 'Ends the live plan to restart a deployment.';

--
-- Name: end_preview(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_preview() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.refuse('SO200', 'nothing was written: this session only previews', jsonb_build_object(
        'generation', NEW.generation, 'template_id', NEW.template_id, 'template_version', NEW.template_version, 'parameters', NEW.parameters,
        'before', CASE WHEN TG_OP = 'UPDATE' THEN orchestrator.wanted_manifests(OLD.desired_spec_json, OLD.desired_state, OLD.restarted_at) END,
        'after', orchestrator.wanted_manifests(NEW.desired_spec_json, NEW.desired_state, NEW.restarted_at),
        'target', jsonb_build_object('id', NEW.id, 'name', NEW.name, 'namespace', NEW.namespace, 'cluster_id', NEW.cluster_id,
                      'template_id', NEW.template_id, 'template_version', NEW.template_version, 'desired_state', NEW.desired_state,
                      'drift_policy', NEW.drift_policy, 'drift_rules', NEW.drift_rules),
        'plan', CASE WHEN current_setting('orchestrator.preview') = 'on' THEN (SELECT jsonb_agg(to_jsonb(p)) FROM orchestrator.plan(NEW.id) p) END)::text,
        'RESET orchestrator.preview to write.');
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.end_preview() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_preview(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_preview() IS 'Ends a write that is only tried.';

--
-- Name: end_process(text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    DELETE FROM orchestrator.processes p USING orchestrator.clusters c
     WHERE c.name = p_cluster AND p.cluster_id = c.id AND p.kind = p_kind AND p.name = p_name
$$;

ALTER FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_process(p_cluster text, p_kind text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) IS 'A worker or watcher says that it stops.';

--
-- Name: end_request(text, integer, jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_request(p_key text, p_status integer, p_headers jsonb, p_body text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE orchestrator.answered_requests a SET status = p_status, headers = p_headers, body = p_body
     WHERE a.actor = orchestrator.current_actor() AND a.key = p_key AND a.status IS NULL
$$;

ALTER FUNCTION orchestrator.end_request(p_key text, p_status integer, p_headers jsonb, p_body text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_request(p_key text, p_status integer, p_headers jsonb, p_body text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_request(p_key text, p_status integer, p_headers jsonb, p_body text) IS 'Keeps an answer for repeats of the request.';

--
-- Name: end_session(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.end_session(id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_user record;
BEGIN
    SELECT u.name, u.role, u.namespaces INTO v_user
      FROM orchestrator.sessions s JOIN orchestrator.users u ON u.id = s.user_id
     WHERE s.id = end_session.id
       AND (u.name = orchestrator.current_actor() OR (orchestrator.acting_role() = 'admin' AND orchestrator.sees_everything()));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT orchestrator.is_within_token(v_user.role, v_user.namespaces) THEN
        PERFORM orchestrator.refuse('SO403', format('the session of %s allows more than the token you use', v_user.name), 'id',
            'Sign out on the page.');
    END IF;
    DELETE FROM orchestrator.sessions s WHERE s.id = end_session.id;
END
$$;

ALTER FUNCTION orchestrator.end_session(id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION end_session(id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.end_session(id bigint) IS 'Ends a session of the page.';

--
-- Name: enqueue(integer, uuid[], text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.enqueue(p_cluster_id integer, p_ids uuid[], p_lane text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_queue text := orchestrator.queue_name(p_cluster_id, p_lane);
    v_messages bigint[];
BEGIN
    -- send before UPDATE, never inside it: a re-evaluated row would orphan a message.
    v_messages := orchestrator.send_messages(v_queue, p_ids);
    UPDATE orchestrator.reconcile_slots s
       SET msg_id = sent.msg_id, queue = v_queue, due_at = NULL
      FROM unnest(p_ids, v_messages) sent (id, msg_id)
     WHERE s.deployment_id = sent.id;
    PERFORM orchestrator.nudge(p_cluster_id);
END
$$;

ALTER FUNCTION orchestrator.enqueue(p_cluster_id integer, p_ids uuid[], p_lane text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION enqueue(p_cluster_id integer, p_ids uuid[], p_lane text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.enqueue(p_cluster_id integer, p_ids uuid[], p_lane text) IS 'Sends queue messages for deployments.';

--
-- Name: enter(text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.enter(p_kind text, p_secret text, p_client text DEFAULT ''::text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    SELECT * INTO user_name, role, namespaces, credential_id FROM orchestrator.authenticate(p_kind, p_secret);
    PERFORM set_config('orchestrator.actor', user_name, true);
    PERFORM set_config('orchestrator.credential', p_kind || ':' || credential_id, true);
    PERFORM set_config('orchestrator.client', p_client, true);
    PERFORM set_config('orchestrator.namespaces', coalesce(to_json(namespaces)::text, 'null'), true);
    PERFORM set_config('role', 'orchestrator_' || role, true);
END
$$;

ALTER FUNCTION orchestrator.enter(p_kind text, p_secret text, p_client text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION enter(p_kind text, p_secret text, p_client text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.enter(p_kind text, p_secret text, p_client text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) IS 'Acts as the person whose credential this is, until the transaction ends.';

--
-- Name: entered_token(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.entered_token() RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE
        WHEN coalesce(current_setting('orchestrator.actor', true), '') <> '' AND pg_has_role(session_user, 'orchestrator_api', 'MEMBER')
        THEN substring(current_setting('orchestrator.credential', true) FROM '^token:([0-9]{1,18})$')::bigint
    END
$_$;

ALTER FUNCTION orchestrator.entered_token() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION entered_token(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.entered_token() IS 'The API token in use; NULL for who came another way.';

--
-- Name: deployment_events; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.deployment_events (
    id bigint NOT NULL,
    deployment_id uuid NOT NULL,
    generation bigint,
    source text NOT NULL,
    type text NOT NULL,
    data_json jsonb DEFAULT '{}'::jsonb NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT deployment_events_source_is_known CHECK ((source = ANY (ARRAY['user'::text, 'reconciler'::text, 'k8s_watch'::text, 'system'::text])))
);

ALTER TABLE orchestrator.deployment_events OWNER TO orchestrator_owner;

--
-- Name: TABLE deployment_events; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.deployment_events IS 'Append-only history of every step. Read it with orchestrator.events_after to miss nothing.';

--
-- Name: COLUMN deployment_events.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.id IS 'Rises, but not in the order of commits.';

--
-- Name: COLUMN deployment_events.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.deployment_id IS 'Whose step it was.';

--
-- Name: COLUMN deployment_events.generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.generation IS 'The intent at that time.';

--
-- Name: COLUMN deployment_events.source; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.source IS 'user, reconciler, k8s_watch or system.';

--
-- Name: COLUMN deployment_events.type; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.type IS 'What happened.';

--
-- Name: COLUMN deployment_events.data_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.data_json IS 'The particulars; secret values never.';

--
-- Name: COLUMN deployment_events.actor; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.actor IS 'Who did it.';

--
-- Name: COLUMN deployment_events.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.created_at IS 'When it was written.';

--
-- Name: COLUMN deployment_events.xid; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_events.xid IS 'The transaction that wrote it: with id the cursor of a reader.';

--
-- Name: events_after(xid8, bigint, integer, uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.events_after(p_xid xid8 DEFAULT '0'::xid8, p_id bigint DEFAULT 0, p_limit integer DEFAULT 100, p_deployment_id uuid DEFAULT NULL::uuid) RETURNS SETOF orchestrator.deployment_events
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- Two ways, so that either has an index of its own whatever the plan was made for.
    (SELECT * FROM orchestrator.deployment_events e
      WHERE p_deployment_id IS NULL AND (e.xid, e.id) > (p_xid, p_id)
        AND e.xid < pg_snapshot_xmin(pg_current_snapshot()) AND (SELECT orchestrator.require_kept(p_xid, p_id))
      ORDER BY e.xid, e.id LIMIT least(p_limit, 1000))
    UNION ALL
    (SELECT * FROM orchestrator.deployment_events e
      WHERE e.deployment_id = p_deployment_id AND (e.xid, e.id) > (p_xid, p_id)
        AND e.xid < pg_snapshot_xmin(pg_current_snapshot()) AND (SELECT orchestrator.require_kept(p_xid, p_id))
      ORDER BY e.xid, e.id LIMIT least(p_limit, 1000))
$$;

ALTER FUNCTION orchestrator.events_after(p_xid xid8, p_id bigint, p_limit integer, p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION events_after(p_xid xid8, p_id bigint, p_limit integer, p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.events_after(p_xid xid8, p_id bigint, p_limit integer, p_deployment_id uuid) IS 'Events after a cursor, none skipped and none twice.';

--
-- Name: events_since(timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH later AS MATERIALIZED (
        SELECT e.xid, e.id FROM orchestrator.deployment_events e
         WHERE e.created_at >= p_at AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    )
    SELECT f.xid, f.id FROM (SELECT l.xid, l.id - 1 AS id FROM later l ORDER BY l.xid, l.id LIMIT 1) f
     UNION ALL
    SELECT n.xid, n.id FROM orchestrator.newest_event() n
     LIMIT 1
$$;

ALTER FUNCTION orchestrator.events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint) IS 'The place before the first event of a time or later: for events_after.';

--
-- Name: existence(boolean, bigint, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN p_missing THEN '[{"path": "", "wanted": "present", "live": "missing"}]'::jsonb
                WHEN p_applied_generation IS NOT NULL AND p_rendered_hash IS NULL THEN '[{"path": "", "wanted": "present", "live": "replaced"}]'
                ELSE '[]' END
$$;

ALTER FUNCTION orchestrator.existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text) IS 'The change of an object itself: gone, replaced, or none.';

--
-- Name: finalise(uuid, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.finalise(p_id uuid, p_generation bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE orchestrator.deployments d
       SET finalised_at = now(), last_applied_generation = p_generation, stale_since = NULL
     WHERE d.id = p_id AND d.generation = p_generation AND d.finalised_at IS NULL;
    IF FOUND THEN
        DELETE FROM orchestrator.deployment_resources r WHERE r.deployment_id = p_id AND r.kind <> 'PersistentVolumeClaim';
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT p_id, p_generation, 'reconciler', 'DeploymentDeleted', jsonb_build_object('kept', coalesce((
                   SELECT jsonb_agg(format('%s/%s', r.kind, r.name)) FROM orchestrator.deployment_resources r WHERE r.deployment_id = p_id), '[]')), 'orchestrator';
    END IF;
END
$$;

ALTER FUNCTION orchestrator.finalise(p_id uuid, p_generation bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION finalise(p_id uuid, p_generation bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.finalise(p_id uuid, p_generation bigint) IS 'Marks a deleted deployment as gone.';

--
-- Name: find_movable(bigint, integer, uuid[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.find_movable(p_template_id bigint, p_version integer, p_ids uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
    v_found uuid[];
    v_wrong uuid;
BEGIN
    v_found := ARRAY(
        SELECT d.id FROM orchestrator.deployments d
         WHERE d.template_id = p_template_id AND d.finalised_at IS NULL AND (v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))
           AND CASE WHEN p_ids IS NULL THEN d.template_version < p_version AND d.desired_state <> 'Deleted' ELSE d.id = ANY (p_ids) END
         ORDER BY d.desired_state = 'Active' AND d.status_summary <> 'Healthy' DESC, d.namespace, d.name, d.id);
    SELECT i INTO v_wrong FROM unnest(p_ids) i WHERE i <> ALL (v_found) LIMIT 1;
    IF FOUND THEN
        IF NOT EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = v_wrong AND (v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))) THEN
            PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', v_wrong), 'ids.' || v_wrong, 'SELECT id, name FROM deployments lists those you may see.');
        END IF;
        PERFORM orchestrator.refuse('SO422', format('deployment %s is not made from this template, or is gone', v_wrong), 'ids.' || v_wrong,
            'Leave it out: a rollout moves deployments of one template.');
    END IF;
    RETURN v_found;
END
$$;

ALTER FUNCTION orchestrator.find_movable(p_template_id bigint, p_version integer, p_ids uuid[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION find_movable(p_template_id bigint, p_version integer, p_ids uuid[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.find_movable(p_template_id bigint, p_version integer, p_ids uuid[]) IS 'The deployments that a move to a version is about.';

--
-- Name: find_program(bigint, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.find_program(p_template_id bigint, p_version integer) RETURNS orchestrator.template_programs
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_program orchestrator.template_programs;
BEGIN
    SELECT * INTO v_program FROM orchestrator.template_programs p
     WHERE p.template_id = p_template_id AND p.template_version = p_version;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no template %s version %s', coalesce(p_template_id::text, '(none)'), coalesce(p_version::text, '(newest)')),
            'template_id', 'Known: ' || coalesce((SELECT string_agg(format('%s = %s version %s', t.id, t.name, t.version), ', ' ORDER BY t.name, t.version)
                                                  FROM orchestrator.templates t), 'none; load some with: orchestrator templates load') || '.');
    END IF;
    RETURN v_program;
END
$$;

ALTER FUNCTION orchestrator.find_program(p_template_id bigint, p_version integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION find_program(p_template_id bigint, p_version integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.find_program(p_template_id bigint, p_version integer) IS 'The compiled form of a template version.';

--
-- Name: users; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.users (
    id bigint NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    namespaces text[],
    password_set_at timestamp with time zone,
    link_expires_at timestamp with time zone,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT users_role_is_known CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text])))
);

ALTER TABLE orchestrator.users OWNER TO orchestrator_owner;

--
-- Name: TABLE users; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.users IS 'People, and programs that act in their own name. A login at psql with the same name is the same person.';

--
-- Name: COLUMN users.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.id IS 'Names the user in other tables.';

--
-- Name: COLUMN users.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.name IS 'What one signs in with, and the actor in events and revisions.';

--
-- Name: COLUMN users.role; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.role IS 'viewer, operator or admin.';

--
-- Name: COLUMN users.namespaces; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.namespaces IS 'The only namespaces the user sees; NULL is all.';

--
-- Name: COLUMN users.password_set_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.password_set_at IS 'NULL until the user has chosen a password.';

--
-- Name: COLUMN users.link_expires_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.link_expires_at IS 'Until when a one-time link to choose a password is good; NULL where there is none.';

--
-- Name: COLUMN users.disabled_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.disabled_at IS 'Since when the user may do nothing; NULL is enabled.';

--
-- Name: COLUMN users.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.created_at IS 'When.';

--
-- Name: COLUMN users.created_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.users.created_by IS 'Who made the user.';

--
-- Name: find_user(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.find_user(p_name text) RETURNS orchestrator.users
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_user orchestrator.users;
BEGIN
    SELECT * INTO v_user FROM orchestrator.users u WHERE u.name = p_name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no user "%s"', p_name), 'user',
            'SELECT name FROM users lists them; SELECT create_user(name, role) makes one.');
    END IF;
    RETURN v_user;
END
$$;

ALTER FUNCTION orchestrator.find_user(p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION find_user(p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.find_user(p_name text) IS 'The user of a name.';

--
-- Name: find_version(text, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    SELECT t.id, coalesce(p_version, max(t.version)) INTO template_id, version FROM orchestrator.templates t WHERE t.name = p_template GROUP BY t.id;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no template "%s"', p_template), 'template', 'Known: ' || coalesce((
            SELECT string_agg(DISTINCT t.name, ', ') FROM orchestrator.templates t), 'none; load some with: orchestrator templates load') || '.');
    ELSIF NOT EXISTS (SELECT FROM orchestrator.templates t WHERE t.name = p_template AND t.version = p_version) AND p_version IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO404', format('template %s has no version %s', p_template, p_version), 'version', 'There are: '
            || (SELECT string_agg(t.version::text, ', ' ORDER BY t.version) FROM orchestrator.templates t WHERE t.name = p_template) || '.');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer) IS 'A version of a template by name.';

--
-- Name: maintenance_windows; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.maintenance_windows (
    id bigint NOT NULL,
    name text NOT NULL,
    namespace text,
    days text[] NOT NULL,
    starts time without time zone NOT NULL,
    lasts interval NOT NULL,
    zone text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL
);

ALTER TABLE orchestrator.maintenance_windows OWNER TO orchestrator_owner;

--
-- Name: TABLE maintenance_windows; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.maintenance_windows IS 'When servers may be restarted or put back. SELECT * FROM next_windows() tells when that is next.';

--
-- Name: COLUMN maintenance_windows.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.id IS 'Names the window in other tables.';

--
-- Name: COLUMN maintenance_windows.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.name IS 'What rules and plans call it. No other of its namespace, or of all namespaces, has it.';

--
-- Name: COLUMN maintenance_windows.namespace; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.namespace IS 'Whose deployments may use it; NULL is every namespace''s.';

--
-- Name: COLUMN maintenance_windows.days; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.days IS 'On which days it opens: Mon, Tue, Wed, Thu, Fri, Sat, Sun.';

--
-- Name: COLUMN maintenance_windows.starts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.starts IS 'At what time of these days, by the clocks of its zone.';

--
-- Name: COLUMN maintenance_windows.lasts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.lasts IS 'For how long, a day at most; it may end on the next day.';

--
-- Name: COLUMN maintenance_windows.zone; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.zone IS 'Such as Europe/Berlin: see pg_timezone_names.';

--
-- Name: COLUMN maintenance_windows.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.created_at IS 'When.';

--
-- Name: COLUMN maintenance_windows.created_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.maintenance_windows.created_by IS 'Who made it.';

--
-- Name: find_window(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.find_window(p_name text, p_namespace text) RETURNS orchestrator.maintenance_windows
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT w FROM orchestrator.maintenance_windows w WHERE w.name = p_name AND (w.namespace IS NULL OR w.namespace = p_namespace)
$$;

ALTER FUNCTION orchestrator.find_window(p_name text, p_namespace text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION find_window(p_name text, p_namespace text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.find_window(p_name text, p_namespace text) IS 'The window that a name means to a namespace.';

--
-- Name: finish_rollout(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.finish_rollout(p_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rollout orchestrator.rollouts;
    v_counted text := (SELECT string_agg(format('%s %s', c.count, c.state), ', ' ORDER BY c.state)
                         FROM (SELECT replace(m.state, '_', ' ') AS state, count(*) FROM orchestrator.rollout_members m WHERE m.rollout_id = p_id GROUP BY 1) c);
BEGIN
    UPDATE orchestrator.rollouts r
       SET state = CASE r.state WHEN 'aborted' THEN 'aborted' ELSE CASE WHEN r.back THEN 'rolled_back' ELSE 'done' END END,
           message = CASE r.state WHEN 'aborted' THEN r.message ELSE format('Ended: %s.', v_counted) END, finished_at = now()
     WHERE r.id = p_id AND r.finished_at IS NULL RETURNING r.* INTO v_rollout;
    IF FOUND AND v_rollout.state <> 'aborted' THEN
        PERFORM orchestrator.tell_rollout(p_id, CASE v_rollout.state WHEN 'done' THEN 'RolloutFinished' ELSE 'RolledBack' END, v_counted, 'orchestrator');
    END IF;
    UPDATE orchestrator.deployments d SET rollout_id = NULL
      FROM (SELECT f.id FROM orchestrator.deployments f WHERE f.rollout_id = p_id ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED) free WHERE d.id = free.id;
    UPDATE orchestrator.rollouts r SET under_way = EXISTS (SELECT FROM orchestrator.deployments d WHERE d.rollout_id = p_id) WHERE r.id = p_id;
END
$$;

ALTER FUNCTION orchestrator.finish_rollout(p_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION finish_rollout(p_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.finish_rollout(p_id bigint) IS 'Ends a rollout of which nothing is left to do.';

--
-- Name: finish_sign_in(text, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_user_id bigint;
BEGIN
    -- Locked against a change of the password or the user meanwhile, which would have ended this session too.
    SELECT u.id INTO v_user_id FROM orchestrator.users u JOIN orchestrator.user_secrets s ON s.user_id = u.id
     WHERE u.name = p_name AND u.disabled_at IS NULL AND s.password_hash = p_hash FOR NO KEY UPDATE OF u, s;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO401', 'name or password is wrong', 'password', 'Try again, or ask an admin for a new link.');
    END IF;
    UPDATE orchestrator.sign_in_attempts a SET failures = greatest(a.failures - 1, 0) WHERE a.subject = 'address ' || left(p_address, 100);
    DELETE FROM orchestrator.sign_in_attempts a WHERE a.subject = 'user ' || p_name;
    RETURN orchestrator.open_session(v_user_id, p_address, p_user_agent);
END
$$;

ALTER FUNCTION orchestrator.finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text) IS 'Signs in after the password was found right; answers the cookie.';

--
-- Name: forbid(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.forbid(p_path text, p_why text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.refuse('SO422', 'refused by policy: ' || p_why, p_path,
        'Workloads must satisfy the Pod Security standard "restricted"; change the template.');
END
$$;

ALTER FUNCTION orchestrator.forbid(p_path text, p_why text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION forbid(p_path text, p_why text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.forbid(p_path text, p_why text) IS 'Refuses by policy.';

--
-- Name: form_secret(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.form_secret() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT s.secret FROM orchestrator.form_secrets s
$$;

ALTER FUNCTION orchestrator.form_secret() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION form_secret(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.form_secret() IS 'What the page''s forms are signed with.';

--
-- Name: has_dry_runs(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.has_dry_runs(p_cluster text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM orchestrator.dry_runs r JOIN orchestrator.clusters c ON c.id = r.cluster_id
                    WHERE c.name = p_cluster AND r.finished_at IS NULL AND (r.state = 'queued' OR r.leased_until < now()))
$$;

ALTER FUNCTION orchestrator.has_dry_runs(p_cluster text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION has_dry_runs(p_cluster text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.has_dry_runs(p_cluster text) IS 'Whether a dry run waits for workers.';

--
-- Name: has_rollouts(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.has_rollouts() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM orchestrator.rollouts r WHERE r.under_way)
$$;

ALTER FUNCTION orchestrator.has_rollouts() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION has_rollouts(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.has_rollouts() IS 'Whether a rollout waits for workers.';

--
-- Name: heartbeat(jsonb, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    v_queue text;
BEGIN
    FOR v_queue IN SELECT DISTINCT l ->> 'queue' FROM jsonb_array_elements(p_leases) l ORDER BY 1 LOOP
        -- A lease that has run out is not renewed: another worker may be reading it this moment.
        RETURN QUERY
        UPDATE orchestrator.messages q SET vt = clock_timestamp() + make_interval(secs => p_lease_seconds)
          FROM (SELECT m.msg_id, l.id FROM jsonb_to_recordset(p_leases) AS l (queue text, msg_id bigint, token integer, id uuid)
                  JOIN orchestrator.messages m ON m.queue = v_queue AND m.msg_id = l.msg_id AND m.read_ct = l.token
                 WHERE l.queue = v_queue AND m.vt > clock_timestamp() ORDER BY m.msg_id FOR UPDATE OF m) held
         WHERE q.queue = v_queue AND q.msg_id = held.msg_id
        RETURNING held.id;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION heartbeat(p_leases jsonb, p_lease_seconds integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) IS 'Extends leases that are still held.';

--
-- Name: hold_rollout(bigint, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.hold_rollout(p_id bigint, p_reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE orchestrator.rollouts r SET state = 'paused', message = p_reason WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutPaused', p_reason, 'orchestrator');
END
$$;

ALTER FUNCTION orchestrator.hold_rollout(p_id bigint, p_reason text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION hold_rollout(p_id bigint, p_reason text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.hold_rollout(p_id bigint, p_reason text) IS 'Pauses a rollout that cannot go on by itself.';

--
-- Name: hold_user(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.hold_user(name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.require_everything('users');
    PERFORM orchestrator.find_user(hold_user.name);
END
$$;

ALTER FUNCTION orchestrator.hold_user(name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION hold_user(name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.hold_user(name text) IS 'Locks a user for a change in the same transaction.';

--
-- Name: invert_spec(orchestrator.template_programs, jsonb, jsonb, jsonb, text, text, uuid, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.invert_spec(p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid, p_at text[] DEFAULT '{}'::text[]) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_parameters jsonb := p_parameters;
    v_numbers integer[];
    v_change record;
    v_binding jsonb;
    v_path text[];
    v_text text;
    v_value jsonb;
    v_name text;
    v_seen jsonb := '{}';
BEGIN
    -- Conditions leave manifests out, so the n-th rendered one need not be the n-th of the template.
    v_numbers := ARRAY(SELECT i - 1 FROM generate_subscripts(p_program.bodies, 1) i
                       WHERE p_program.conditions[i] IS NULL OR (p_program.defaults || p_parameters) -> p_program.conditions[i] = 'true');
    FOR v_change IN SELECT * FROM orchestrator.changed_paths(p_rendered, p_edited, p_at) LOOP
        v_path := CASE WHEN cardinality(v_change.path) > 0
                       THEN ARRAY[v_numbers[v_change.path[1]::integer + 1]::text] || v_change.path[2:] ELSE v_change.path END;
        SELECT b INTO v_binding FROM jsonb_array_elements(p_program.bindings) b
         WHERE b -> 'path' = to_jsonb(v_path) AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id') LIMIT 1;
        IF v_binding IS NULL OR v_binding ->> 'mode' = 'mixed' OR v_change.after IS NULL THEN
            PERFORM orchestrator.refuse('SO422',
                CASE WHEN v_binding IS NULL THEN 'no parameter fills this place'
                     WHEN v_binding ->> 'mode' = 'mixed' THEN 'this text is made of several parameters'
                     ELSE 'a parameter fills this place, which cannot be left out' END, 'desired_spec_json.' || array_to_string(v_change.path, '.'),
                'Change parameters instead. Places that may be edited: ' || coalesce((
                    SELECT string_agg(DISTINCT b ->> 'parameter', ', ') FROM jsonb_array_elements(p_program.bindings) b
                    WHERE b ->> 'mode' <> 'mixed' AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id')), 'none') || ' (by parameter).');
        END IF;
        v_name := v_binding ->> 'parameter';
        v_value := v_change.after;
        IF v_binding ->> 'mode' = 'text' THEN
            v_text := v_change.after #>> '{}';
            IF jsonb_typeof(v_change.after) <> 'string' OR length(v_text) < length(v_binding ->> 'prefix') + length(v_binding ->> 'suffix')
               OR NOT starts_with(v_text, v_binding ->> 'prefix') OR right(v_text, length(v_binding ->> 'suffix')) <> v_binding ->> 'suffix' THEN
                PERFORM orchestrator.refuse('SO422', 'this text no longer has its fixed part', 'desired_spec_json.' || array_to_string(v_change.path, '.'),
                    format('Keep "%s…%s" and change what stands between.', v_binding ->> 'prefix', v_binding ->> 'suffix'));
            END IF;
            v_text := substr(v_text, length(v_binding ->> 'prefix') + 1,
                             length(v_text) - length(v_binding ->> 'prefix') - length(v_binding ->> 'suffix'));
            v_value := orchestrator.text_as(v_text, p_program.properties -> v_name ->> 'type');
            IF v_value #>> '{}' <> v_text THEN
                PERFORM orchestrator.refuse('SO422', format('"%s" would be written as %s', v_text, v_value), 'desired_spec_json.' || array_to_string(v_change.path, '.'),
                    'Write the number as it is written here.');
            END IF;
        END IF;
        IF v_seen ? v_name AND v_seen -> v_name <> v_value THEN
            PERFORM orchestrator.refuse('SO422', format('two places ask for different values of %s', v_name),
                'desired_spec_json.' || array_to_string(v_change.path, '.'), 'Give both the same value, or change parameters instead.');
        END IF;
        v_seen := v_seen || jsonb_build_object(v_name, v_value);
    END LOOP;
    RETURN v_parameters || v_seen;
END
$$;

ALTER FUNCTION orchestrator.invert_spec(p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid, p_at text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION invert_spec(p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid, p_at text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.invert_spec(p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid, p_at text[]) IS 'Parameters that would render an edited spec.';

--
-- Name: is_let_be(integer, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM orchestrator.judge_object(p_cluster_id, p_kind, p_namespace, p_name) j WHERE j.path = '' AND j.held = 'ignored')
$$;

ALTER FUNCTION orchestrator.is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text) IS 'Whether an object that is gone is left so.';

--
-- Name: is_lower(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.is_lower(p_from text, p_to text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE
        WHEN p_from IS NULL OR p_from = p_to THEN false
        WHEN p_to IS NULL OR p_from !~ c.numbers THEN true
        WHEN p_to !~ c.numbers THEN false
        ELSE string_to_array(regexp_replace(p_to, '(\.0+)+$', ''), '.')::numeric[] < string_to_array(regexp_replace(p_from, '(\.0+)+$', ''), '.')::numeric[]
    END FROM (VALUES ('^[0-9]+(\.[0-9]+)*$')) c (numbers)
$_$;

ALTER FUNCTION orchestrator.is_lower(p_from text, p_to text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION is_lower(p_from text, p_to text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.is_lower(p_from text, p_to text) IS 'Whether a version is below another.';

--
-- Name: is_wanted(orchestrator.deployments, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT p_deployment.desired_state <> 'Deleted'
       AND ((p_kind = 'ConfigMap' AND p_name = p_deployment.name || '-root')
            OR p_deployment.desired_spec_json @> jsonb_build_array(jsonb_build_object('kind', p_kind, 'metadata', jsonb_build_object('name', p_name))))
$$;

ALTER FUNCTION orchestrator.is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text) IS 'Whether a deployment asks for an object.';

--
-- Name: is_within_token(text, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.is_within_token(p_role text, p_namespaces text[]) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT orchestrator.entered_token() IS NULL
        OR (p_role = orchestrator.narrower_role(p_role, orchestrator.acting_role())
            AND (orchestrator.allowed_namespaces() IS NULL OR coalesce(p_namespaces <@ orchestrator.allowed_namespaces(), false)))
$$;

ALTER FUNCTION orchestrator.is_within_token(p_role text, p_namespaces text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION is_within_token(p_role text, p_namespaces text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.is_within_token(p_role text, p_namespaces text[]) IS 'Whether a role in these namespaces (NULL: all) is no more than the token in use allows.';

--
-- Name: judge_contest(uuid, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT j.policy, j.held
      FROM orchestrator.deployments d
      JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
     CROSS JOIN LATERAL orchestrator.judge_drift(
           d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, p_kind, p_name,
           jsonb_build_array(jsonb_build_object('path', p_path))) j
     WHERE d.id = p_id
$$;

ALTER FUNCTION orchestrator.judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text) IS 'What would become of a contested path now.';

--
-- Name: judge_drift(uuid, text, text, jsonb, jsonb, text, text, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb) RETURNS TABLE(path text, change jsonb, policy text, automatic boolean, maintenance_window text, source text, rule jsonb, held text)
    LANGUAGE plpgsql STABLE ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_template_rules CONSTANT jsonb := orchestrator.named_rules(p_template_rules, p_deployment);
    v_verdict orchestrator.drift_verdict;
BEGIN
    FOR change IN SELECT c FROM jsonb_array_elements(p_drift) c LOOP
        path := change ->> 'path';
        v_verdict := CASE WHEN (p_kind = 'ConfigMap' AND p_name = p_deployment || '-root')
                            OR (p_state = 'Stopped' AND p_kind IN ('Deployment', 'StatefulSet') AND path = 'spec.replicas')
                          THEN ('Enforce', false, NULL, 'fixed', NULL)::orchestrator.drift_verdict
                          ELSE orchestrator.policy_for(v_template_rules, p_rules, p_default, p_kind, p_name, path) END;
        policy := v_verdict.policy;
        automatic := v_verdict.automatic;
        maintenance_window := v_verdict.maintenance_window;
        source := v_verdict.source;
        rule := v_verdict.rule;
        held := CASE WHEN policy = 'Ignore' THEN 'ignored'
                     WHEN policy = 'Adopt' THEN 'undecided'
                     WHEN change ->> 'reason' = 'rewritten' THEN 'rewritten'
                     WHEN maintenance_window IS NOT NULL AND orchestrator.shut_until(p_deployment_id, maintenance_window) IS NOT NULL THEN 'shut'
                     WHEN orchestrator.contested_until(p_deployment_id, p_kind, p_name, path) IS NOT NULL THEN 'contested' END;
        RETURN NEXT;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb) IS 'Each lost path of an object with its policy, and what keeps it from being put back.';

--
-- Name: judge_members(orchestrator.rollouts); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.judge_members(p_rollout orchestrator.rollouts) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_longest_gap_seconds CONSTANT double precision := 5;
    v_gap_seconds double precision := extract(epoch FROM now() - p_rollout.looked_at);
    v_member record;
    v_failed boolean := false;
BEGIN
    UPDATE orchestrator.rollout_members m SET waited_seconds = m.waited_seconds + v_gap_seconds
      FROM orchestrator.deployments d JOIN orchestrator.clusters c ON c.id = d.cluster_id
     WHERE m.rollout_id = p_rollout.id AND m.state = 'started' AND d.id = m.deployment_id
       AND m.started_at <= p_rollout.looked_at AND v_gap_seconds <= c_longest_gap_seconds AND c.unreachable_since IS NULL AND d.stale_since IS NULL;
    FOR v_member IN
        SELECT m.deployment_id, j.state, j.message
          FROM orchestrator.rollout_members m
          JOIN orchestrator.deployments d ON d.id = m.deployment_id
          JOIN orchestrator.clusters c ON c.id = d.cluster_id
         CROSS JOIN LATERAL (SELECT coalesce(m.back_generation, m.to_generation) AS own, c.unreachable_since IS NOT NULL OR d.stale_since IS NOT NULL AS away) o
         CROSS JOIN LATERAL (SELECT CASE
             WHEN d.generation <> o.own THEN 'skipped'
             WHEN d.desired_state = 'Paused' THEN 'well'
             WHEN o.away OR d.last_applied_generation < o.own AND d.status_summary <> 'Error' THEN NULL
             WHEN d.status_summary = CASE d.desired_state WHEN 'Stopped' THEN 'Stopped' ELSE 'Healthy' END AND NOT (p_rollout.restart AND d.restart_required) THEN 'well'
             WHEN d.status_summary = 'Error' THEN 'failed' END AS found) f
         CROSS JOIN LATERAL (SELECT
             CASE WHEN f.found = 'well' THEN CASE WHEN p_rollout.back THEN 'rolled_back' ELSE 'done' END
                  WHEN f.found IS NULL AND NOT o.away AND m.waited_seconds >= p_rollout.patience_seconds THEN 'failed' ELSE f.found END AS state,
             CASE f.found WHEN 'well' THEN CASE d.desired_state WHEN 'Paused' THEN 'It is held; it takes effect when it is resumed.' ELSE '' END
                          WHEN 'skipped' THEN orchestrator.describe_newer(d.id, d.generation)
                          WHEN 'failed' THEN d.status_message
                          ELSE format('Not well after %s seconds. %s: %s', p_rollout.patience_seconds, d.status_summary, d.status_message) END AS message) j
         WHERE m.rollout_id = p_rollout.id AND m.state = 'started' AND j.state IS NOT NULL
         ORDER BY m.position
    LOOP
        PERFORM orchestrator.end_member(p_rollout.id, v_member.deployment_id, v_member.state, v_member.message);
        v_failed := v_failed OR v_member.state = 'failed';
    END LOOP;
    RETURN v_failed;
END
$$;

ALTER FUNCTION orchestrator.judge_members(p_rollout orchestrator.rollouts) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION judge_members(p_rollout orchestrator.rollouts); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.judge_members(p_rollout orchestrator.rollouts) IS 'Ends the members of a rollout that are through.';

--
-- Name: judge_object(integer, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS TABLE(path text, change jsonb, policy text, automatic boolean, maintenance_window text, source text, rule jsonb, held text)
    LANGUAGE sql STABLE ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT j.*
      FROM orchestrator.deployment_resources r
      JOIN orchestrator.deployments d ON d.id = r.deployment_id
      JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
     CROSS JOIN LATERAL orchestrator.judge_drift(
           d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, r.kind, r.name,
           coalesce(r.drift, '[]') || orchestrator.existence(r.missing_since IS NOT NULL, r.applied_generation, r.rendered_hash)) j
     WHERE r.cluster_id = p_cluster_id AND r.kind = p_kind AND r.namespace = p_namespace AND r.name = p_name
$$;

ALTER FUNCTION orchestrator.judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text) IS 'What is recorded of one object, judged.';

--
-- Name: reconcile_slots; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.reconcile_slots (
    deployment_id uuid NOT NULL,
    cluster_id integer NOT NULL,
    queue text,
    msg_id bigint,
    requested bigint DEFAULT 0 NOT NULL,
    settled bigint DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone,
    quarantined_at timestamp with time zone,
    deferred_since timestamp with time zone,
    last_error text,
    last_error_permanent boolean DEFAULT false NOT NULL,
    CONSTRAINT reconcile_slots_queued_or_waiting CHECK (((msg_id IS NULL) OR (due_at IS NULL)))
)
WITH (fillfactor='50', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_cost_delay='0');

ALTER TABLE orchestrator.reconcile_slots OWNER TO orchestrator_owner;

--
-- Name: TABLE reconcile_slots; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.reconcile_slots IS 'One row a deployment: whether it needs a worker, since which request, and when to try again.';

--
-- Name: COLUMN reconcile_slots.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.deployment_id IS 'Whose slot it is.';

--
-- Name: COLUMN reconcile_slots.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.cluster_id IS 'Whose workers take it.';

--
-- Name: COLUMN reconcile_slots.queue; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.queue IS 'The pgmq queue of the live message.';

--
-- Name: COLUMN reconcile_slots.msg_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.msg_id IS 'The one live queue message, if any.';

--
-- Name: COLUMN reconcile_slots.requested; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.requested IS 'Counts requests; a worker that settles an older count is run again.';

--
-- Name: COLUMN reconcile_slots.settled; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.settled IS 'The newest request that a worker answered.';

--
-- Name: COLUMN reconcile_slots.failures; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.failures IS 'How many runs failed since the last request; the back-off doubles with it.';

--
-- Name: COLUMN reconcile_slots.due_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.due_at IS 'When to queue again: back-off, or a second look.';

--
-- Name: COLUMN reconcile_slots.quarantined_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.quarantined_at IS 'Taken five times without an answer; a change or reconcile_now revives it.';

--
-- Name: COLUMN reconcile_slots.deferred_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.deferred_since IS 'Held back by the outage of its cluster, which has been recorded once.';

--
-- Name: COLUMN reconcile_slots.last_error; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.last_error IS 'Why the last run failed; NULL after a request or a success.';

--
-- Name: COLUMN reconcile_slots.last_error_permanent; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.reconcile_slots.last_error_permanent IS 'Trying again would fail again: a change is waited for.';

--
-- Name: judge_status(uuid, integer, text, boolean, bigint, bigint, orchestrator.reconcile_slots, bigint, bigint, text, text, text, text, text[], bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.judge_status(p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint, p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint, p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_cluster orchestrator.clusters;
    v_warning text;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.id = p_cluster_id;
    IF p_finalised THEN
        summary := 'Deleted';
        message := CASE WHEN p_objects > 0 THEN 'Deleted; its data is kept and comes back with desired_state Active.' ELSE 'Deleted.' END;
    ELSIF p_slot.quarantined_at IS NOT NULL OR p_slot.last_error_permanent THEN
        summary := 'Error';
        message := p_slot.last_error || CASE WHEN p_slot.quarantined_at IS NOT NULL THEN '; reconcile_now tries once more' ELSE '' END;
    ELSIF p_state = 'Paused' THEN
        summary := 'Paused';
        message := 'Held by request: nothing is changed at the cluster.'
                   || CASE WHEN p_drift IS NOT NULL OR p_missing IS NOT NULL THEN ' Behind it: ' || concat_ws('; ', p_missing, p_drift) || '.' ELSE '' END;
    ELSIF p_state = 'Deleted' THEN
        summary := 'Deleting';
        message := coalesce(CASE WHEN p_slot.deferred_since IS NOT NULL AND v_cluster.unreachable_since IS NOT NULL
                                 THEN orchestrator.waiting_message(p_cluster_id, p_generation) END,
                            'Retrying: ' || p_slot.last_error, format('%s objects and %s pods are still there.', p_objects, p_pods));
    ELSIF p_slot.deferred_since IS NOT NULL AND v_cluster.unreachable_since IS NOT NULL
          AND p_applied < p_generation THEN
        summary := 'Progressing';
        message := orchestrator.waiting_message(p_cluster_id, p_generation);
    ELSIF p_slot.last_error IS NOT NULL THEN
        summary := 'Degraded';
        message := format('Retrying after %s: %s', CASE WHEN p_slot.failures = 1 THEN 'a failure' ELSE p_slot.failures || ' failures' END, p_slot.last_error);
    ELSIF p_applied < p_generation THEN
        summary := 'Progressing';
        message := orchestrator.waiting_message(p_cluster_id, p_generation);
    ELSIF p_contested IS NOT NULL THEN
        -- Nothing goes on until its time has come, and it takes a person to end it.
        summary := 'Degraded';
        message := concat_ws('. ', p_contested, CASE WHEN p_worst[1][1] = 'Degraded' THEN p_worst[1][2] END) || '.';
    ELSIF p_missing IS NOT NULL OR p_drift IS NOT NULL THEN
        summary := 'Progressing';
        message := concat_ws('; ', p_missing, p_drift) || ' and is being put back.';
    ELSIF p_worst[1][1] = 'Degraded' THEN
        summary := 'Degraded';
        message := p_worst[1][2];
    ELSIF p_state = 'Stopped' THEN
        summary := CASE WHEN p_pods > 0 THEN 'Progressing' ELSE 'Stopped' END;
        message := CASE WHEN p_pods > 0 THEN 'Stopping: its pods are still there.' ELSE 'Stopped by request; its data is kept.' END;
    ELSIF p_worst IS NOT NULL THEN
        SELECT format('%s: %s', w.key, w.value ->> 'message') INTO v_warning
          FROM orchestrator.deployment_observed o, jsonb_each(coalesce(o.observed_json -> 'warnings', '{}')) w
         WHERE o.deployment_id = p_id AND w.value ->> 'reason' IN ('FailedCreate', 'ProvisioningFailed', 'FailedMount', 'FailedScheduling')
           AND (w.value ->> 'last_at')::timestamptz > now() - interval '15 minutes'
         ORDER BY (w.value ->> 'last_at')::timestamptz DESC LIMIT 1;
        summary := CASE WHEN v_warning IS NULL THEN 'Progressing' ELSE 'Degraded' END;
        message := coalesce(v_warning, p_worst[1][2]);
    ELSE
        summary := 'Healthy';
        message := 'Everything asked for is running.';
    END IF;
    IF p_undecided IS NOT NULL AND p_state <> 'Deleted' AND NOT p_finalised THEN
        message := message || ' ' || p_undecided;
    END IF;
    -- Not while a newer wish is being carried out, which may be the restart.
    restart_required := p_outdated IS NOT NULL AND p_state = 'Active' AND p_applied = p_generation AND NOT p_finalised;
    IF restart_required THEN
        message := message || format(' A restart is needed for the changes of generation %s.', p_outdated);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.judge_status(p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint, p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint, p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION judge_status(p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint, p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint, p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.judge_status(p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint, p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint, p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean) IS 'Status and message of one deployment.';

--
-- Name: keep_an_admin(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.keep_an_admin() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- Two admins who take each other's rights at the same time must not both find one left.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.keep_an_admin', 0));
    IF NOT EXISTS (SELECT FROM orchestrator.users u WHERE u.role = 'admin' AND u.namespaces IS NULL AND u.disabled_at IS NULL) THEN
        PERFORM orchestrator.refuse('SO409', 'no admin of every namespace would be left', 'role', 'Make another admin first.');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.keep_an_admin() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION keep_an_admin(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.keep_an_admin() IS 'Refuses to leave nobody who may manage people.';

--
-- Name: keep_history(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.keep_history() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'orchestrator_owner' THEN
        RETURN NULL;
    END IF;
    PERFORM orchestrator.refuse('SO403', format('%s is append-only', TG_TABLE_NAME), TG_TABLE_NAME,
        'History is not rewritten; old events are dropped by SELECT orchestrator.drop_old_events(interval).');
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.keep_history() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION keep_history(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.keep_history() IS 'Refuses changes of history.';

--
-- Name: keep_template(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.keep_template() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM orchestrator.refuse('SO409', format('template %s version %s cannot change', OLD.name, OLD.version), 'templates',
            'Insert the next version and move deployments to it: UPDATE deployments SET template_version = ….');
    ELSIF EXISTS (SELECT FROM orchestrator.deployments d WHERE d.template_id = OLD.id AND d.template_version = OLD.version) THEN
        PERFORM orchestrator.refuse('SO409', format('template %s version %s is in use', OLD.name, OLD.version), 'templates',
            'Deployments keep their template for good, deleted ones too, so that their history can be read.');
    END IF;
    RETURN OLD;
END
$$;

ALTER FUNCTION orchestrator.keep_template() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION keep_template(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.keep_template() IS 'Refuses changes of a template version.';

--
-- Name: keep_window(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.keep_window() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_named text := orchestrator.window_users(OLD, true);
BEGIN
    PERFORM orchestrator.require_window(OLD.namespace);
    IF v_named IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', format('the window %s is in use', OLD.name), 'name', format('First change what names it: %s.', v_named));
    END IF;
    RETURN OLD;
END
$$;

ALTER FUNCTION orchestrator.keep_window() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION keep_window(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.keep_window() IS 'Guards a window against being deleted.';

--
-- Name: kind_rank(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.kind_rank(p_kind text) RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN p_kind = 'ConfigMap' THEN 10 WHEN p_kind = 'Secret' THEN 20 WHEN p_kind = 'PersistentVolumeClaim' THEN 30
                WHEN p_kind = 'Service' THEN 40 WHEN p_kind IN ('NetworkPolicy', 'PodDisruptionBudget') THEN 45
                WHEN p_kind IN ('StatefulSet', 'Deployment', 'CronJob') THEN 50 WHEN p_kind IN ('Ingress', 'HorizontalPodAutoscaler') THEN 60 ELSE 90 END
$$;

ALTER FUNCTION orchestrator.kind_rank(p_kind text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION kind_rank(p_kind text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.kind_rank(p_kind text) IS 'Where a kind stands in the order of apply.';

--
-- Name: list_keys(text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.list_keys(p_field text, p_value jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE WHEN jsonb_typeof(p_value) <> 'array' THEN NULL
                WHEN p_field IN ('containers', 'initContainers', 'env', 'volumes', 'imagePullSecrets') THEN ARRAY['name']
                WHEN p_field = 'ports' THEN ARRAY[CASE WHEN p_value @? '$[*].containerPort' THEN 'containerPort' ELSE 'port' END, 'protocol']
                WHEN p_field = 'volumeMounts' THEN ARRAY['mountPath']
                WHEN p_field = 'volumeDevices' THEN ARRAY['devicePath']
                WHEN p_field = 'hostAliases' THEN ARRAY['ip']
                WHEN p_field = 'topologySpreadConstraints' THEN ARRAY['topologyKey', 'whenUnsatisfiable'] END
$_$;

ALTER FUNCTION orchestrator.list_keys(p_field text, p_value jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION list_keys(p_field text, p_value jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.list_keys(p_field text, p_value jsonb) IS 'What tells the items of a list apart to the API server.';

--
-- Name: list_leases(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.list_leases() RETURNS TABLE(cluster_id integer, deployment_id uuid, worker text, since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT d.cluster_id, d.id, e.worker, e.since
      FROM orchestrator.messages q
      JOIN orchestrator.deployments d ON d.id = (q.message ->> 'id')::uuid
     CROSS JOIN LATERAL (
         SELECT e.data_json ->> 'worker' AS worker, e.created_at AS since FROM orchestrator.deployment_events e
          WHERE e.deployment_id = d.id AND e.type = 'ReconcileStarted' ORDER BY e.id DESC LIMIT 1) e
     WHERE q.vt > now() AND ((SELECT orchestrator.sees_everything()) OR d.namespace = ANY ((SELECT orchestrator.allowed_namespaces())::text[]))
$$;

ALTER FUNCTION orchestrator.list_leases() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION list_leases(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.list_leases() IS 'The deployments in work, and with which worker.';

--
-- Name: list_objects(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.list_objects(p_id uuid) RETURNS TABLE(kind text, namespace text, name text, wanted text, live text, health text, reason text, message text, managed boolean, applied_generation bigint, differs bigint, manager text, missing_since timestamp with time zone, last_seen_at timestamp with time zone, created_at timestamp with time zone, digest jsonb, warning jsonb, events jsonb)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH asked AS (
        SELECT m ->> 'kind' AS kind, m #>> '{metadata,name}' AS name, d.namespace, orchestrator.describe_manifest(m) AS wanted, o
          FROM orchestrator.deployments d,
               jsonb_array_elements(orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at)) WITH ORDINALITY t (m, o)
         WHERE d.id = p_id AND d.desired_state <> 'Deleted'
    ), cache AS (
        SELECT c.observed_json AS seen, c.events_json AS told FROM orchestrator.deployment_observed c WHERE c.deployment_id = p_id
    )
    SELECT coalesce(r.kind, a.kind), coalesce(r.namespace, a.namespace), coalesce(r.name, a.name), a.wanted,
           CASE WHEN r.missing_since IS NOT NULL OR r.kind IS NULL THEN NULL
                ELSE orchestrator.describe_digest(r.kind, c.seen -> (r.kind || '/' || r.name), r.health) END,
           r.health, coalesce(r.reason, ''), coalesce(r.message, ''), coalesce(r.managed, false), r.applied_generation,
           CASE WHEN r.differs THEN (SELECT count(*) FROM orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j WHERE j.policy <> 'Ignore') ELSE 0 END,
           r.drift -> 0 ->> 'manager', r.missing_since, r.last_seen_at,
           (c.seen -> (r.kind || '/' || r.name) ->> 'createdAt')::timestamptz,
           c.seen -> (r.kind || '/' || r.name),
           c.seen -> 'warnings' -> (coalesce(r.kind, a.kind) || '/' || coalesce(r.name, a.name)),
           coalesce(c.told -> (coalesce(r.kind, a.kind) || '/' || coalesce(r.name, a.name)), '[]')
      FROM asked a
      FULL JOIN (SELECT * FROM orchestrator.deployment_resources x WHERE x.deployment_id = p_id) r USING (kind, name)
      LEFT JOIN cache c ON true
     ORDER BY a.o NULLS LAST, r.kind = 'Pod', kind, name
$$;

ALTER FUNCTION orchestrator.list_objects(p_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION list_objects(p_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.list_objects(p_id uuid) IS 'Every object of a deployment, what is wanted beside what runs.';

--
-- Name: locate(jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.locate(p_manifest jsonb, p_path text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rest text := CASE WHEN p_path ~ '^\[' OR p_path = '' THEN p_path ELSE '.' || p_path END;
    v_node jsonb := p_manifest;
    v_path text[] := '{}';
    v_step text;
    v_spelt text;
BEGIN
    WHILE v_rest <> '' LOOP
        v_step := NULL;
        IF jsonb_typeof(v_node) = 'object' THEN
            SELECT k, s INTO v_step, v_spelt
              FROM jsonb_object_keys(v_node) k, LATERAL (SELECT CASE WHEN k ~ '[./]' THEN '[' || k || ']' ELSE '.' || k END) t (s)
             WHERE starts_with(v_rest, s) AND substr(v_rest, length(s) + 1, 1) IN ('', '.', '[');
        ELSIF jsonb_typeof(v_node) = 'array' THEN
            v_spelt := substring(v_rest FROM '^\[[^\]]*=[^\]]*\]');
            SELECT (o - 1)::text INTO v_step
              FROM jsonb_array_elements(v_node) WITH ORDINALITY t (e, o)
             WHERE jsonb_typeof(e) = 'object' AND e ?| ARRAY(
                       SELECT split_part(pair, '=', 1) FROM regexp_split_to_table(substr(v_spelt, 2, length(v_spelt) - 2), ',(?=[A-Za-z]+=)') pair)
               AND NOT EXISTS (
                       SELECT FROM regexp_split_to_table(substr(v_spelt, 2, length(v_spelt) - 2), ',(?=[A-Za-z]+=)') pair
                        WHERE e ->> split_part(pair, '=', 1) <> substr(pair, strpos(pair, '=') + 1))
             ORDER BY o LIMIT 1;
        END IF;
        IF v_step IS NULL THEN
            RETURN NULL;
        END IF;
        v_path := v_path || v_step;
        v_node := v_node #> ARRAY[v_step];
        v_rest := substr(v_rest, length(v_spelt) + 1);
    END LOOP;
    RETURN v_path;
END
$$;

ALTER FUNCTION orchestrator.locate(p_manifest jsonb, p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION locate(p_manifest jsonb, p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.locate(p_manifest jsonb, p_path text) IS 'Where a path with list keys leads in a manifest.';

--
-- Name: locate_observations(integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.locate_observations(p_cluster_id integer, p_batch jsonb) RETURNS orchestrator.observation[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce(array_agg(ROW(o.change, o.api_version, o.kind, o.namespace, o.name, o.uid, o.resource_version,
                                  coalesce(r.deployment_id, d.id), o.generation, o.ours, coalesce(o.fields_hash, 'none'), o.deleting,
                                  CASE WHEN o.deleting THEN 'Progressing' ELSE o.health END,
                                  CASE WHEN o.deleting THEN 'Terminating' ELSE coalesce(o.reason, '') END,
                                  coalesce(o.message, ''), o.digest)::orchestrator.observation), '{}')
      FROM jsonb_populate_recordset(NULL::orchestrator.observation, p_batch) o
      LEFT JOIN LATERAL (
          SELECT k.deployment_id FROM orchestrator.deployment_resources k
           WHERE k.cluster_id = p_cluster_id AND k.kind = o.kind AND k.namespace = o.namespace AND k.name = o.name OFFSET 0) r ON true
      LEFT JOIN LATERAL (
          SELECT k.id FROM orchestrator.deployments k WHERE k.id = o.deployment_id AND k.cluster_id = p_cluster_id OFFSET 0) d ON true
     WHERE coalesce(r.deployment_id, d.id) IS NOT NULL
$$;

ALTER FUNCTION orchestrator.locate_observations(p_cluster_id integer, p_batch jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION locate_observations(p_cluster_id integer, p_batch jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.locate_observations(p_cluster_id integer, p_batch jsonb) IS 'Finds the deployment of each observation.';

--
-- Name: lock_deployments(uuid[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.lock_deployments(p_ids uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_ids uuid[] := ARRAY(SELECT d.id FROM orchestrator.deployments d WHERE d.id = ANY (p_ids) ORDER BY d.id FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
    RETURN ARRAY(SELECT s.deployment_id FROM orchestrator.reconcile_slots s
                  WHERE s.deployment_id = ANY (v_ids) ORDER BY s.deployment_id FOR UPDATE SKIP LOCKED);
END
$$;

ALTER FUNCTION orchestrator.lock_deployments(p_ids uuid[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION lock_deployments(p_ids uuid[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.lock_deployments(p_ids uuid[]) IS 'Locks what is free of these deployments.';

--
-- Name: lost_before(jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.lost_before(p_drift jsonb, p_before jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN p_drift @> '[{"path": "metadata.managedFields"}]' AND p_before IS NOT NULL
                THEN p_drift || (SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(p_before) c WHERE c ->> 'path' <> 'metadata.managedFields')
                ELSE p_drift END
$$;

ALTER FUNCTION orchestrator.lost_before(p_drift jsonb, p_before jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION lost_before(p_drift jsonb, p_before jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.lost_before(p_drift jsonb, p_before jsonb) IS 'A drift with what is still lost from before.';

--
-- Name: make_password_link(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.make_password_link(name text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    c_lasts CONSTANT interval := '7 days';
    v_secret text := orchestrator.random_secret();
    v_user orchestrator.users;
BEGIN
    PERFORM orchestrator.require_everything('users');
    v_user := orchestrator.find_user(make_password_link.name);
    IF v_user.disabled_at IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO409', format('%s is disabled', v_user.name), 'name', 'SELECT enable_user(name) first.');
    END IF;
    UPDATE orchestrator.users u SET link_expires_at = now() + c_lasts WHERE u.id = v_user.id;
    UPDATE orchestrator.user_secrets s SET link_hash = sha256(convert_to(v_secret, 'UTF8')) WHERE s.user_id = v_user.id;
    RETURN v_secret;
END
$$;

ALTER FUNCTION orchestrator.make_password_link(name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION make_password_link(name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.make_password_link(name text) IS 'A secret for /welcome/<secret>, where the user chooses a password; good once, for seven days.';

--
-- Name: make_token(text, text, text[], interval, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.make_token(name text, role text DEFAULT NULL::text, namespaces text[] DEFAULT NULL::text[], expires_in interval DEFAULT '90 days'::interval, "user" text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

ALTER FUNCTION orchestrator.make_token(name text, role text, namespaces text[], expires_in interval, "user" text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION make_token(name text, role text, namespaces text[], expires_in interval, "user" text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.make_token(name text, role text, namespaces text[], expires_in interval, "user" text) IS 'Makes an API token and tells it this once.';

--
-- Name: manifest_changes(jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.manifest_changes(p_before jsonb, p_after jsonb) RETURNS TABLE(path text, before jsonb, after jsonb)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH b AS MATERIALIZED (SELECT * FROM orchestrator.manifest_paths(p_before)),
         a AS MATERIALIZED (SELECT * FROM orchestrator.manifest_paths(p_after))
    SELECT path, b.value, a.value
      FROM b FULL JOIN a USING (path)
     WHERE b.value IS DISTINCT FROM a.value
       AND CASE WHEN a.value IS NULL THEN EXISTS (SELECT FROM a p WHERE p.path = b.parent AND NOT p.leaf)
                WHEN b.value IS NULL THEN EXISTS (SELECT FROM b p WHERE p.path = a.parent AND NOT p.leaf)
                ELSE a.leaf OR b.leaf END
$$;

ALTER FUNCTION orchestrator.manifest_changes(p_before jsonb, p_after jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION manifest_changes(p_before jsonb, p_after jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.manifest_changes(p_before jsonb, p_after jsonb) IS 'Where two manifests of one object differ, path by path.';

--
-- Name: manifest_of(jsonb, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.manifest_of(p_spec jsonb, p_kind text, p_name text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT m FROM jsonb_array_elements(p_spec) m WHERE m ->> 'kind' = p_kind AND m #>> '{metadata,name}' = p_name LIMIT 1
$$;

ALTER FUNCTION orchestrator.manifest_of(p_spec jsonb, p_kind text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION manifest_of(p_spec jsonb, p_kind text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.manifest_of(p_spec jsonb, p_kind text, p_name text) IS 'One object of a rendered spec.';

--
-- Name: manifest_paths(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.manifest_paths(p_manifest jsonb) RETURNS TABLE(path text, parent text, value jsonb, leaf boolean, steps jsonb)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH RECURSIVE nodes (path, parent, field, value, steps) AS (
        SELECT '', NULL::text, '', p_manifest, '[]'::jsonb
        UNION ALL
        SELECT n.path || c.step, n.path, c.field, c.value, n.steps || jsonb_build_array(c.key)
          FROM nodes n CROSS JOIN LATERAL (
              SELECT CASE WHEN f.key ~ '[./]' THEN '[' || f.key || ']' WHEN n.path = '' THEN f.key ELSE '.' || f.key END AS step, f.key AS field, f.value, to_jsonb(f.key) AS key
                FROM jsonb_each(CASE WHEN jsonb_typeof(n.value) = 'object' THEN n.value ELSE '{}' END) f
              UNION ALL
              SELECT '[' || (SELECT string_agg(format('%s=%s', k, coalesce(i.value ->> k, CASE k WHEN 'protocol' THEN 'TCP' END)), ',' ORDER BY o)
                               FROM unnest(l.keys) WITH ORDINALITY t (k, o)) || ']', '', i.value,
                     (SELECT jsonb_object_agg(k, coalesce(i.value -> k, CASE k WHEN 'protocol' THEN '"TCP"'::jsonb END)) FROM unnest(l.keys) k)
                FROM (SELECT orchestrator.list_keys(n.field, n.value) AS keys) l,
                     jsonb_array_elements(CASE WHEN l.keys IS NOT NULL THEN n.value ELSE '[]' END) i
          ) c
    )
    SELECT n.path, n.parent, n.value, jsonb_typeof(n.value) <> 'object' AND orchestrator.list_keys(n.field, n.value) IS NULL, n.steps FROM nodes n
$$;

ALTER FUNCTION orchestrator.manifest_paths(p_manifest jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION manifest_paths(p_manifest jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.manifest_paths(p_manifest jsonb) IS 'Every place of a manifest, with the keys of lists.';

--
-- Name: mark_stale(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.mark_stale(p_cluster text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_most CONSTANT integer := 10000;
    v_cluster orchestrator.clusters;
    v_since timestamptz;
    v_kinds text[];
    v_ids uuid[] := '{}';
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    IF NOT pg_try_advisory_xact_lock(hashtext('orchestrator.mark_stale'), v_cluster.id) THEN
        RETURN 0;
    END IF;
    v_since := now() - make_interval(secs => 2 * v_cluster.resync_seconds);
    v_kinds := ARRAY(SELECT w.kind FROM orchestrator.watch_streams w WHERE w.cluster_id = v_cluster.id AND w.synced_at >= v_since);
    IF v_kinds <> '{}' THEN
        v_ids := ARRAY(
            SELECT d.id FROM orchestrator.deployments d
             WHERE d.cluster_id = v_cluster.id AND d.finalised_at IS NULL AND d.stale_since IS NOT NULL
               AND (SELECT max(r.last_seen_at) FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) >= v_since
             LIMIT c_most);
    END IF;
    IF 'ConfigMap' <> ALL (v_kinds) THEN
        v_ids := v_ids || ARRAY(
            SELECT d.id FROM orchestrator.deployments d
             WHERE d.cluster_id = v_cluster.id AND d.finalised_at IS NULL AND d.stale_since IS NULL
               AND (SELECT max(r.last_seen_at) FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) < v_since
             LIMIT c_most);
    END IF;
    v_ids := orchestrator.lock_deployments(v_ids);
    IF v_ids = '{}' THEN
        RETURN 0;
    END IF;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, actor)
    SELECT d.id, d.generation, 'system', CASE WHEN d.stale_since IS NULL THEN 'DeploymentStale' ELSE 'DeploymentSeenAgain' END, 'orchestrator'
      FROM orchestrator.deployments d WHERE d.id = ANY (v_ids);
    UPDATE orchestrator.deployments d SET stale_since = CASE WHEN d.stale_since IS NULL THEN (
               SELECT max(r.last_seen_at) FROM orchestrator.deployment_resources r WHERE r.deployment_id = d.id AND r.managed) END
     WHERE d.id = ANY (v_ids);
    PERFORM orchestrator.refresh_status(v_ids);
    RETURN cardinality(v_ids);
END
$$;

ALTER FUNCTION orchestrator.mark_stale(p_cluster text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION mark_stale(p_cluster text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.mark_stale(p_cluster text) IS 'Marks deployments the watcher no longer sees.';

--
-- Name: may_run_rollout(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.may_run_rollout(p_who text, p_namespace text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce((SELECT u.disabled_at IS NULL AND u.role IN ('operator', 'admin') AND (u.namespaces IS NULL OR p_namespace = ANY (u.namespaces))
                       FROM orchestrator.users u WHERE u.name = p_who), true)
$$;

ALTER FUNCTION orchestrator.may_run_rollout(p_who text, p_namespace text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION may_run_rollout(p_who text, p_namespace text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.may_run_rollout(p_who text, p_namespace text) IS 'Whether a rollout may change a namespace in a person''s name.';

--
-- Name: measure_queues(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.measure_queues() RETURNS TABLE(cluster text, lane text, depth bigint, leased bigint, oldest_seconds double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT c.name, l.lane, count(q.msg_id), count(q.msg_id) FILTER (WHERE q.vt > clock_timestamp()),
           coalesce(extract(epoch FROM clock_timestamp() - min(q.enqueued_at)), 0)
      FROM orchestrator.clusters c
     CROSS JOIN (VALUES ('now'), ('bulk')) l (lane)
      LEFT JOIN orchestrator.messages q ON q.queue = orchestrator.queue_name(c.id, l.lane)
     GROUP BY c.id, c.name, l.lane ORDER BY c.id, l.lane
$$;

ALTER FUNCTION orchestrator.measure_queues() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION measure_queues(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.measure_queues() IS 'Depth and age of every queue.';

--
-- Name: measure_snapshots(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.measure_snapshots() RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
                THEN coalesce(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0)::double precision END
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
       AND (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
$$;

ALTER FUNCTION orchestrator.measure_snapshots() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION measure_snapshots(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.measure_snapshots() IS 'Age of the oldest open snapshot in seconds.';

--
-- Name: move_window(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.move_window() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_opens timestamptz := (SELECT s.opens FROM orchestrator.window_spans(NEW, now()) s ORDER BY s.opens LIMIT 1);
BEGIN
    WITH moved AS (
        UPDATE orchestrator.planned_restarts p
           SET in_window = NEW.name, opens = v_opens, due = CASE WHEN p.when_empty AND p.due < v_opens THEN p.due ELSE v_opens END
         WHERE p.window_id = NEW.id AND p.state = 'planned'
        RETURNING p.cluster_id
    )
    SELECT NULL FROM (SELECT DISTINCT m.cluster_id FROM moved m) c CROSS JOIN LATERAL orchestrator.nudge(c.cluster_id) INTO v_opens;
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.move_window() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION move_window(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.move_window() IS 'Moves what waits for a window that was changed.';

--
-- Name: named_rules(jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.named_rules(p_rules jsonb, p_deployment text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE WHEN p_rules = '[]' THEN p_rules ELSE replace(p_rules::text, '${name}', p_deployment)::jsonb END
$_$;

ALTER FUNCTION orchestrator.named_rules(p_rules jsonb, p_deployment text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION named_rules(p_rules jsonb, p_deployment text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.named_rules(p_rules jsonb, p_deployment text) IS 'A template''s drift rules for one deployment.';

--
-- Name: narrower_role(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.narrower_role(p_one text, p_other text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT (ARRAY['viewer', 'operator', 'admin'])[least(array_position(ARRAY['viewer', 'operator', 'admin'], p_one),
                                                        array_position(ARRAY['viewer', 'operator', 'admin'], p_other))]
$$;

ALTER FUNCTION orchestrator.narrower_role(p_one text, p_other text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION narrower_role(p_one text, p_other text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.narrower_role(p_one text, p_other text) IS 'The lesser of two roles.';

--
-- Name: near_zones(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.near_zones(p_zone text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH asked AS (
        SELECT DISTINCT substr(lower(left(p_zone, 60)), n, 3) AS run FROM generate_series(1, greatest(length(left(p_zone, 60)) - 2, 1)) n
    ), near AS (
        SELECT z.name, 2.0 * count(*) / (length(z.name) - 2 + (SELECT count(*) FROM asked)) AS likeness
          FROM pg_timezone_names z JOIN asked a ON strpos(lower(z.name), a.run) > 0
         WHERE z.name ~ '^[A-Z][A-Za-z_]+/' GROUP BY z.name ORDER BY likeness DESC, z.name LIMIT 3
    )
    SELECT string_agg(n.name, ', ' ORDER BY n.likeness DESC, n.name) FROM near n
$$;

ALTER FUNCTION orchestrator.near_zones(p_zone text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION near_zones(p_zone text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.near_zones(p_zone text) IS 'Time zones that are called much like this.';

--
-- Name: newest_event(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce(max(e.xid), '0'), coalesce(max(e.id), 0)
      FROM (SELECT n.xid, n.id FROM orchestrator.deployment_events n
             WHERE n.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY n.xid DESC, n.id DESC LIMIT 1) e
$$;

ALTER FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION newest_event(OUT xid xid8, OUT id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint) IS 'Where the history ends so far: a place for events_after.';

--
-- Name: next_windows(integer, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.next_windows(p_each integer DEFAULT 3, p_after timestamp with time zone DEFAULT now()) RETURNS TABLE(window_id bigint, name text, opens timestamp with time zone, closes timestamp with time zone, is_open boolean, opens_there timestamp without time zone, closes_there timestamp without time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT w.id, w.name, s.opens, s.closes, s.opens <= p_after, s.opens AT TIME ZONE w.zone, s.closes AT TIME ZONE w.zone
      FROM orchestrator.maintenance_windows w
     CROSS JOIN LATERAL (SELECT * FROM orchestrator.window_spans(w, p_after, 7 * least(p_each, 100) + 1) s ORDER BY s.opens LIMIT p_each) s
     ORDER BY s.opens, w.name, w.id
$$;

ALTER FUNCTION orchestrator.next_windows(p_each integer, p_after timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION next_windows(p_each integer, p_after timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.next_windows(p_each integer, p_after timestamp with time zone) IS 'When each window is open next, and how often so many times later.';

--
-- Name: nudge(integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.nudge(p_cluster_id integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF pg_try_advisory_xact_lock(hashtext('orchestrator.nudge'), p_cluster_id) THEN
        PERFORM pg_notify('orchestrator_c' || p_cluster_id, '');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.nudge(p_cluster_id integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION nudge(p_cluster_id integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.nudge(p_cluster_id integer) IS 'Wakes the workers of a cluster.';

--
-- Name: open_session(bigint, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.open_session(p_user_id bigint, p_address text, p_user_agent text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_lasts CONSTANT interval := '7 days';
    v_id bigint;
    v_cookie text;
BEGIN
    DELETE FROM orchestrator.sessions s USING (
        SELECT o.id FROM orchestrator.sessions o WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT 20 FOR UPDATE SKIP LOCKED) old
     WHERE s.id = old.id;
    INSERT INTO orchestrator.sessions (user_id, address, user_agent, expires_at)
    VALUES (p_user_id, left(p_address, 100), left(p_user_agent, 300), now() + c_lasts) RETURNING id INTO v_id;
    v_cookie := format('%s_%s', v_id, orchestrator.random_secret());
    INSERT INTO orchestrator.session_secrets (session_id, hash) VALUES (v_id, sha256(convert_to(v_cookie, 'UTF8')));
    RETURN v_cookie;
END
$$;

ALTER FUNCTION orchestrator.open_session(p_user_id bigint, p_address text, p_user_agent text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION open_session(p_user_id bigint, p_address text, p_user_agent text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.open_session(p_user_id bigint, p_address text, p_user_agent text) IS 'Opens a session of the page; answers its cookie.';

--
-- Name: outlook(text, boolean, orchestrator.reconcile_slots, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE
        WHEN p_finalised THEN 'gone'
        WHEN p_state = 'Paused' THEN 'held'
        WHEN (p_slot).quarantined_at IS NOT NULL OR (p_slot).last_error_permanent THEN 'stuck'
        WHEN p_unreachable_since IS NOT NULL THEN 'away'
        WHEN (p_slot).due_at > now() THEN 'retrying'
        WHEN (p_slot).msg_id IS NOT NULL OR (p_slot).due_at IS NOT NULL THEN 'now'
        ELSE 'resting' END
$$;

ALTER FUNCTION orchestrator.outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone) IS 'What happens to a deployment next: gone, held, stuck, away, now, retrying or resting.';

--
-- Name: parameter_problems(bigint, integer, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb) RETURNS TABLE(path text, message text, hint text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_program orchestrator.template_programs := orchestrator.find_program(p_template_id, p_version);
    v_given jsonb;
    v_required text[];
BEGIN
    FOR v_given, v_required IN
        SELECT jsonb_build_object(p.key, p.value), '{}'::text[] FROM jsonb_each(p_parameters) p
        UNION ALL
        SELECT '{}', ARRAY[r] FROM unnest(v_program.required) r WHERE NOT p_parameters ? r
    LOOP
        BEGIN
            PERFORM orchestrator.check_parameters(v_program.properties, v_required, v_given, '{}');
        EXCEPTION WHEN SQLSTATE 'SO422' THEN
            GET STACKED DIAGNOSTICS path = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
            RETURN NEXT;
        END;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb) IS 'All that a template version does not allow about parameters.';

--
-- Name: path_fits(text[], text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.path_fits(p_pattern text[], p_path text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT cardinality(p_pattern) <= cardinality(p_path) AND NOT EXISTS (
        SELECT FROM unnest(p_pattern, p_path[:cardinality(p_pattern)]) s (wanted, found)
         WHERE wanted <> '*' AND wanted <> found
           AND NOT (wanted LIKE '[%' AND found LIKE '[%' AND NOT EXISTS (
                    SELECT FROM unnest(string_to_array(trim(wanted, '[]'), ',')) key
                     WHERE NOT EXISTS (SELECT FROM unnest(string_to_array(trim(found, '[]'), ',')) has
                                        WHERE has = key OR (key LIKE '%=*' AND starts_with(has, left(key, -1)))))))
$$;

ALTER FUNCTION orchestrator.path_fits(p_pattern text[], p_path text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION path_fits(p_pattern text[], p_path text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.path_fits(p_pattern text[], p_path text[]) IS 'Whether a path fits a pattern or lies below it.';

--
-- Name: path_steps(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.path_steps(p_path text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT ARRAY(SELECT CASE WHEN m[2] IS NULL THEN m[1] WHEN strpos(m[2], '=') > 0 THEN '[' || m[2] || ']' ELSE m[2] END
                   FROM regexp_matches(p_path, '([^].[]+)|\[([^]]*)\]', 'g') m)
$$;

ALTER FUNCTION orchestrator.path_steps(p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION path_steps(p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.path_steps(p_path text) IS 'A path as its steps.';

--
-- Name: pause_rollout(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.pause_rollout(p_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
BEGIN
    IF v_rollout.state NOT IN ('running', 'rolling_back') THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is %s', p_id, v_rollout.state), 'state', 'Only what is under way can be paused.');
    END IF;
    UPDATE orchestrator.rollouts r SET state = 'paused', message = format('Paused by %s.', orchestrator.current_actor()) WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutPaused', '', orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;

ALTER FUNCTION orchestrator.pause_rollout(p_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION pause_rollout(p_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.pause_rollout(p_id bigint) IS 'Starts no further member of a rollout until it is resumed.';

--
-- Name: plan(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.plan(p_id uuid) RETURNS TABLE(step integer, kind text, name text, action text, path text, live jsonb, wanted jsonb, restart text, reason text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    v_deployment orchestrator.deployments;
    v_object record;
    v_held text;
    v_template_rules jsonb;
    v_manifests jsonb;
BEGIN
    PERFORM orchestrator.require_deployment(p_id);
    SELECT * INTO v_deployment FROM orchestrator.deployments d WHERE d.id = p_id;
    v_template_rules := (SELECT t.drift_rules_json FROM orchestrator.templates t WHERE t.id = v_deployment.template_id AND t.version = v_deployment.template_version);
    v_manifests := orchestrator.wanted_manifests(v_deployment.desired_spec_json, v_deployment.desired_state, v_deployment.restarted_at);
    v_held := CASE WHEN v_deployment.desired_state = 'Paused' THEN 'held by request (Paused): ' END;
    FOR v_object IN
        SELECT row_number() OVER (ORDER BY o.goes, CASE WHEN o.goes THEN -o.rank ELSE o.rank END, o.name, o.kind)::integer AS step, o.*,
               bool_or(o.rank = 0 AND (o.missing OR NOT o.managed)) OVER () AND o.rank > 0 AND o.kind <> 'PersistentVolumeClaim' AS new_owner,
               EXISTS (SELECT FROM orchestrator.deployment_resources p
                        WHERE p.deployment_id = p_id AND p.kind = 'Pod' AND p.reason <> 'Terminating' AND p.revision <> o.revision
                          AND regexp_replace(p.revision, '-[^-]*$', '') = regexp_replace(o.revision, '-[^-]*$', '')) AS outdated
          FROM (SELECT kind, name, w.manifest AS wanted, a.manifest AS applied, w.kind IS NULL OR v_deployment.desired_state = 'Deleted' AS goes,
                       coalesce(w.rank, orchestrator.kind_rank(kind)) AS rank, r.kind IS NOT NULL AS managed, r.revision,
                       r.missing_since IS NOT NULL AS missing, r.rendered_hash IS NULL AS replaced,
                       CASE WHEN r.drift IS NOT NULL THEN (
                           SELECT jsonb_agg(j.change || jsonb_build_object('held', j.held))
                             FROM orchestrator.judge_drift(p_id, v_deployment.name, v_deployment.desired_state, v_template_rules, v_deployment.drift_rules,
                                                           v_deployment.drift_policy, r.kind, r.name, r.drift) j) END AS drift,
                       -- As claim() does: nearly always nobody has taken anything, and nobody may.
                       CASE WHEN r.kind IS NULL OR (r.drift IS NULL AND r.enforce_once IS NULL AND v_template_rules = '[]' AND v_deployment.drift_rules = '[]'
                                                    AND v_deployment.drift_policy = 'Enforce') THEN '{}'
                            ELSE orchestrator.withhold(p_id, v_deployment.name, v_deployment.desired_state, v_template_rules, v_deployment.drift_rules,
                                     v_deployment.drift_policy, v_manifests, r.kind, r.name, coalesce(r.drift, '[]'), r.applied_generation, r.enforce_once) END AS withheld,
                       coalesce(r.withheld, '{}') AS yielded
                  FROM orchestrator.dressed_manifests(p_id, v_deployment.name, v_deployment.template_version, v_manifests) w
                  FULL JOIN (SELECT * FROM orchestrator.deployment_resources x WHERE x.deployment_id = p_id AND x.managed) r USING (kind, name)
                  LEFT JOIN (SELECT g.generation, m.kind, m.name, m.manifest
                               FROM (SELECT DISTINCT x.applied_generation FROM orchestrator.deployment_resources x WHERE x.deployment_id = p_id) g (generation)
                              CROSS JOIN LATERAL orchestrator.applied_manifests(p_id, g.generation) m) a (generation, for_kind, for_name, manifest)
                         ON a.generation = r.applied_generation AND a.for_kind = r.kind AND a.for_name = r.name) o
         WHERE o.managed OR NOT o.goes
         ORDER BY 1
    LOOP
        RETURN QUERY
        SELECT v_object.step, v_object.kind, v_object.name, CASE WHEN v_held IS NULL THEN c.action ELSE 'none' END, c.path, c.live, c.wanted,
               c.restart, CASE WHEN c.action = 'none' THEN c.reason ELSE concat(v_held, c.reason) END
          FROM (
            SELECT CASE WHEN k.kept THEN 'none' ELSE 'prune' END AS action, '' AS path,
                   CASE WHEN v_object.missing THEN '"missing"' ELSE '"present"' END::jsonb AS live,
                   CASE WHEN k.kept THEN '"present"' ELSE '"absent"' END::jsonb AS wanted, NULL AS restart,
                   CASE WHEN v_deployment.desired_state = 'Deleted' THEN 'the deployment is deleted' ELSE 'no longer asked for' END
                   || CASE WHEN v_object.kind <> 'PersistentVolumeClaim' THEN '' WHEN k.kept THEN '; its data is kept' ELSE '; ITS DATA IS DELETED' END AS reason
              FROM (SELECT v_object.kind = 'PersistentVolumeClaim' AND (v_deployment.desired_state <> 'Deleted' OR v_deployment.keep_data)) k (kept)
             WHERE v_object.goes
            UNION ALL
            SELECT CASE WHEN l.let_be THEN 'none' ELSE 'create' END, '', '"missing"', '"present"', NULL,
                   CASE WHEN v_object.missing THEN 'was deleted from outside' ELSE 'is not there yet' END || CASE WHEN l.let_be THEN ', and is left alone: it is ignored' ELSE '' END
              FROM (SELECT coalesce((v_object.withheld -> 'let_be')::boolean, false)) l (let_be)
             WHERE NOT v_object.goes AND (v_object.missing OR NOT v_object.managed)
            UNION ALL
            SELECT CASE WHEN l.let_be THEN 'none' ELSE 'replace' END, '', '"replaced"', '"present"', NULL,
                   'was replaced from outside' || CASE WHEN l.let_be THEN ', and is left alone: it is ignored' ELSE '; all of it is put right' END
              FROM (SELECT coalesce((v_object.withheld -> 'let_be')::boolean, false)) l (let_be)
             WHERE NOT v_object.goes AND v_object.managed AND NOT v_object.missing AND v_object.replaced
            UNION ALL
            SELECT p.* FROM orchestrator.plan_object(
                           v_object.applied, v_object.wanted, v_object.drift,
                           ARRAY(SELECT jsonb_array_elements_text(coalesce(v_object.withheld -> 'paths', '[]'))), v_object.yielded,
                           v_object.new_owner, v_object.outdated) p
             WHERE NOT v_object.goes AND v_object.managed AND NOT v_object.missing AND NOT v_object.replaced
          ) c;
    END LOOP;
END
$_$;

ALTER FUNCTION orchestrator.plan(p_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION plan(p_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.plan(p_id uuid) IS 'What the next reconciliation would do, object by object and path by path; writes nothing.';

--
-- Name: plan_object(jsonb, jsonb, jsonb, text[], text[], boolean, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean) RETURNS TABLE(action text, path text, live jsonb, wanted jsonb, restart text, reason text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH drifted AS MATERIALIZED (
        SELECT f ->> 'path' AS path, nullif(f -> 'live', 'null') AS live, f -> 'wanted' AS wanted, coalesce(f ->> 'manager', 'another') AS manager,
               EXISTS (SELECT FROM unnest(p_withheld) w
                        WHERE w = f ->> 'path' OR starts_with(w, (f ->> 'path') || '.') OR starts_with(w, (f ->> 'path') || '[')) AS left_out,
               CASE f ->> 'held' WHEN 'ignored' THEN 'and is left alone: it is ignored'
                                 WHEN 'undecided' THEN 'and is left alone until it is adopted or put back'
                                 WHEN 'contested' THEN 'and is contested: it is put back after a while'
                                 WHEN 'shut' THEN 'and is put back once its window opens'
                                 ELSE 'and is left alone' END AS held
          FROM jsonb_array_elements(coalesce(p_drift, '[]')) f
    ), asked AS MATERIALIZED (
        SELECT c.path, CASE WHEN f.path IS NULL OR f.live IS NOT NULL AND f.path <> c.path THEN c.before ELSE f.live END AS live, c.after, f.manager, f.held,
               CASE WHEN c.after IS NULL THEN f.manager IS NOT NULL OR c.path = ANY (p_yielded)
                    ELSE EXISTS (SELECT FROM unnest(p_withheld) w WHERE w = c.path OR starts_with(w, c.path || '.') OR starts_with(w, c.path || '[')) END AS left_out
          FROM orchestrator.manifest_changes(p_applied, p_wanted) c
          LEFT JOIN LATERAL (SELECT * FROM drifted d WHERE c.path = d.path OR starts_with(c.path, d.path || '.') OR starts_with(c.path, d.path || '[')
                              ORDER BY length(d.path) DESC LIMIT 1) f ON true
         WHERE p_applied <> p_wanted
    ), restart AS (
        SELECT p_wanted #> w.at IS DISTINCT FROM p_applied #> w.at AND p_wanted #> w.at IS NOT NULL AS asked
          FROM (SELECT '{spec,template,metadata,annotations,server-orchestrator.io/restarted-at}'::text[]) w (at)
    ), rows AS (
        SELECT CASE WHEN a.left_out THEN 'none' ELSE 'change' END AS action, a.path, a.live, a.after AS wanted,
               CASE WHEN a.left_out AND a.after IS NULL THEN format('no longer asked for; left to %s, who changed it', coalesce(a.manager, 'others'))
                    WHEN a.left_out AND a.manager IS NULL THEN 'asked for, and left alone: a rule ignores it'
                    WHEN a.left_out THEN format('asked for, but was changed by %s %s', a.manager, a.held)
                    WHEN a.manager IS NOT NULL THEN format('asked for, and was changed by %s', a.manager)
                    WHEN t.asked AND a.path LIKE 'spec.template.metadata.annotations%' THEN 'a restart is asked for' ELSE 'asked for' END AS reason
          FROM asked a CROSS JOIN restart t
        UNION ALL
        SELECT CASE WHEN f.left_out THEN 'none' ELSE 'change' END, f.path, f.live, coalesce(w.value, f.wanted),
               format('was changed by %s, %s', f.manager, CASE WHEN f.left_out THEN f.held ELSE 'and is put back' END)
          FROM drifted f LEFT JOIN orchestrator.manifest_paths(p_wanted) w USING (path)
         WHERE NOT EXISTS (SELECT FROM asked a WHERE a.path = f.path)
        UNION ALL
        SELECT 'change', '', NULL, '"present"', 'what was last applied is not known any more' WHERE p_applied IS NULL
        UNION ALL
        SELECT 'change', 'metadata.ownerReferences', '"the root that is gone"', '"the new root"', 'its root is made anew' WHERE p_new_owner
    ), pods AS (
        SELECT CASE WHEN p_wanted ->> 'kind' NOT IN ('StatefulSet', 'Deployment') OR p_wanted #> '{spec,replicas}' = '0' OR p_applied #> '{spec,replicas}' = '0' THEN NULL
                    WHEN p_wanted #>> '{spec,updateStrategy,type}' = 'OnDelete'
                    THEN CASE WHEN (SELECT t.asked FROM restart t) THEN 'now'
                              WHEN p_outdated OR EXISTS (SELECT FROM rows r WHERE r.action <> 'none' AND r.path LIKE 'spec.template%') THEN 'needed' END
                    WHEN EXISTS (SELECT FROM rows r WHERE r.action <> 'none' AND r.path LIKE 'spec.template%') THEN 'rolling' END AS restart
    )
    SELECT r.action, r.path,
           CASE WHEN h.hidden AND r.live IS NOT NULL THEN '"(hidden)"' ELSE r.live END,
           CASE WHEN h.hidden AND r.wanted IS NOT NULL THEN '"(hidden)"' ELSE r.wanted END,
           CASE WHEN r.path LIKE 'spec.template%' AND r.action <> 'none' THEN p.restart END, r.reason
      FROM rows r CROSS JOIN pods p
     CROSS JOIN LATERAL (SELECT p_wanted ->> 'kind' = 'Secret' AND r.path LIKE 'data%') h (hidden)
    UNION ALL
    SELECT 'none', '', '"present"', '"present"', p.restart,
           CASE WHEN p.restart IS NULL THEN 'stands as asked for' ELSE 'stands as asked for, but its pods do not until a restart' END
      FROM pods p WHERE NOT EXISTS (SELECT FROM rows)
     ORDER BY 2
$$;

ALTER FUNCTION orchestrator.plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean) IS 'What would change of one object that stands, path by path.';

--
-- Name: plan_restart(uuid, text, boolean, timestamp with time zone, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.plan_restart(id uuid, in_window text DEFAULT NULL::text, when_empty boolean DEFAULT false, at timestamp with time zone DEFAULT NULL::timestamp with time zone, only_if_required boolean DEFAULT true) RETURNS orchestrator.planned_restarts
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_deployment record;
    v_window orchestrator.maintenance_windows;
    v_plan orchestrator.planned_restarts;
BEGIN
    PERFORM orchestrator.require_deployment(plan_restart.id);
    IF plan_restart.in_window IS NULL AND plan_restart.at IS NULL AND plan_restart.when_empty IS NOT TRUE THEN
        PERFORM orchestrator.refuse('SO422', 'a plan needs something to wait for', 'in_window',
            'Name a window (in_window), say when_empty, or give a time (at). restart(id) restarts now.');
    ELSIF plan_restart.in_window IS NOT NULL AND plan_restart.at IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO422', 'a restart waits for a window or for a time, not for both', 'at', 'Leave one of them out.');
    ELSIF plan_restart.at NOT BETWEEN now() AND now() + interval '1 year' THEN
        PERFORM orchestrator.refuse('SO422', format('a restart cannot be planned for %s', plan_restart.at), 'at',
            'Give a time within the year to come. restart(id) restarts now.');
    END IF;
    SELECT d.name, d.namespace, d.cluster_id, d.generation, d.desired_state INTO v_deployment
      FROM orchestrator.deployments d WHERE d.id = plan_restart.id FOR NO KEY UPDATE;
    PERFORM orchestrator.check_restart(v_deployment.name, v_deployment.desired_state, NULL, now());
    IF plan_restart.in_window IS NOT NULL THEN
        v_window := orchestrator.require_known_window(plan_restart.in_window, v_deployment.namespace, 'in_window');
    END IF;
    PERFORM orchestrator.end_planned_restart(plan_restart.id, 'cancelled', 'replaced by a newer plan');
    INSERT INTO orchestrator.planned_restarts (deployment_id, cluster_id, window_id, in_window, when_empty, only_if_required, opens, asked_by)
    VALUES (plan_restart.id, v_deployment.cluster_id, v_window.id, v_window.name, plan_restart.when_empty IS TRUE, plan_restart.only_if_required IS NOT FALSE,
            coalesce(plan_restart.at, (SELECT s.opens FROM orchestrator.window_spans(v_window, now()) s ORDER BY s.opens LIMIT 1)), orchestrator.current_actor())
    RETURNING * INTO v_plan;
    UPDATE orchestrator.planned_restarts p
       SET due = CASE WHEN p.when_empty AND orchestrator.players_online(p.deployment_id) = 0 THEN now() ELSE p.opens END
     WHERE p.id = v_plan.id RETURNING * INTO v_plan;
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    VALUES (v_plan.deployment_id, v_deployment.generation, 'user', 'RestartPlanned', orchestrator.describe_plan(v_plan), v_plan.asked_by);
    PERFORM orchestrator.nudge(v_plan.cluster_id);
    RETURN v_plan;
END
$$;

ALTER FUNCTION orchestrator.plan_restart(id uuid, in_window text, when_empty boolean, at timestamp with time zone, only_if_required boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION plan_restart(id uuid, in_window text, when_empty boolean, at timestamp with time zone, only_if_required boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.plan_restart(id uuid, in_window text, when_empty boolean, at timestamp with time zone, only_if_required boolean) IS 'Plans a restart in a window, when nobody plays, or at a time.';

--
-- Name: players_online(uuid, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.players_online(p_deployment_id uuid, p_at timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT p.online
      FROM orchestrator.deployment_players p
      JOIN orchestrator.deployments d ON d.id = p.deployment_id JOIN orchestrator.clusters c ON c.id = d.cluster_id
     WHERE p.deployment_id = p_deployment_id AND p.as_of > p_at - make_interval(secs => c.players_fresh_seconds)
$$;

ALTER FUNCTION orchestrator.players_online(p_deployment_id uuid, p_at timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION players_online(p_deployment_id uuid, p_at timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.players_online(p_deployment_id uuid, p_at timestamp with time zone) IS 'How many play on a server; NULL where nobody told it lately.';

--
-- Name: policy_for(jsonb, jsonb, text, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text) RETURNS orchestrator.drift_verdict
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_steps text[];
    v_verdict orchestrator.drift_verdict;
BEGIN
    v_verdict.policy := p_default;
    v_verdict.automatic := false;
    v_verdict.source := 'default';
    -- Nearly always there are none.
    IF p_template_rules <> '[]' OR p_deployment_rules <> '[]' THEN
        v_steps := orchestrator.path_steps(p_path);
        SELECT r.rule ->> 'policy', coalesce((r.rule ->> 'automatic')::boolean, false), r.rule ->> 'window', r.source, r.rule INTO v_verdict
          FROM (SELECT rule, 'template' AS source, place FROM jsonb_array_elements(p_template_rules) WITH ORDINALITY t (rule, place)
                UNION ALL
                SELECT rule, 'deployment', place FROM jsonb_array_elements(p_deployment_rules) WITH ORDINALITY t (rule, place)) r
         CROSS JOIN LATERAL (SELECT orchestrator.path_steps(coalesce(r.rule ->> 'path', '')) AS steps) p
         WHERE coalesce(r.rule ->> 'kind', p_kind) = p_kind AND coalesce(r.rule ->> 'name', p_name) = p_name
           AND orchestrator.path_fits(p.steps, v_steps)
         ORDER BY (SELECT count(*) FROM unnest(p.steps) step WHERE strpos(step, '*') = 0) DESC, r.rule ? 'name' DESC, r.rule ? 'kind' DESC,
                  r.source = 'deployment' DESC, r.place DESC
         LIMIT 1;
        IF NOT FOUND THEN
            v_verdict := (p_default, false, NULL, 'default', NULL)::orchestrator.drift_verdict;
        END IF;
    END IF;
    IF p_path = '' AND v_verdict.policy = 'Adopt' THEN
        v_verdict.policy := 'Enforce';
    END IF;
    RETURN v_verdict;
END
$$;

ALTER FUNCTION orchestrator.policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text) IS 'What becomes of a change from outside at one path of one object, and the rule that says so.';

--
-- Name: prepare_changed_deployment(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.prepare_changed_deployment() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    v_program orchestrator.template_programs;
    v_spec_edited boolean := true;
    v_given boolean := NEW.parameters IS DISTINCT FROM OLD.parameters;
    v_moved boolean := (NEW.template_id, NEW.template_version) IS DISTINCT FROM (OLD.template_id, OLD.template_version);
    v_otherwise boolean := (NEW.desired_state, NEW.drift_policy, NEW.drift_rules, NEW.keep_data, NEW.name, NEW.namespace, NEW.cluster_id, NEW.restarted_at)
        IS DISTINCT FROM (OLD.desired_state, OLD.drift_policy, OLD.drift_rules, OLD.keep_data, OLD.name, OLD.namespace, OLD.cluster_id, OLD.restarted_at);
    v_name text;
BEGIN
    NEW.generation := OLD.generation;
    -- A spec that was not written is the same chunks of the toast table, which needs no look into them. Before Postgres 17 they cannot be
    -- asked for; PL/pgSQL reads an expression only when it comes to it. Where there are none, or others, the spec itself is compared.
    IF current_setting('server_version_num')::integer >= 170000 THEN
        v_spec_edited := (pg_column_toast_chunk_id(NEW.desired_spec_json) = pg_column_toast_chunk_id(OLD.desired_spec_json)) IS NOT TRUE;
    END IF;
    v_spec_edited := v_spec_edited AND NEW.desired_spec_json IS DISTINCT FROM OLD.desired_spec_json;
    IF NOT (v_given OR v_spec_edited OR v_moved OR v_otherwise) THEN
        RETURN NEW;
    END IF;
    -- What did not change was judged when it was written. Asking only where it did also saves fetching the spec from its
    -- toast table: a whole row that is passed to a function takes it along, for more than the checks themselves cost.
    IF v_otherwise OR v_moved OR OLD.desired_state = 'Deleted' THEN
        IF (NEW.name, NEW.namespace, NEW.cluster_id, NEW.template_id) IS DISTINCT FROM (OLD.name, OLD.namespace, OLD.cluster_id, OLD.template_id)
           OR OLD.desired_state = 'Deleted' THEN
            PERFORM orchestrator.check_unmoved(OLD, NEW);
        END IF;
        IF (NEW.desired_state, NEW.drift_policy, NEW.keep_data) IS DISTINCT FROM (OLD.desired_state, OLD.drift_policy, OLD.keep_data) THEN
            PERFORM orchestrator.check_identity(NEW);
        END IF;
        IF NEW.drift_rules IS DISTINCT FROM OLD.drift_rules THEN
            PERFORM orchestrator.check_drift_rules(NEW.drift_rules, false);
            PERFORM orchestrator.check_rule_windows(NEW.drift_rules, NEW.namespace);
        END IF;
    END IF;
    IF v_given OR v_spec_edited OR v_moved THEN
        SELECT * INTO v_program FROM orchestrator.template_programs p WHERE p.template_id = NEW.template_id AND p.template_version = NEW.template_version;
        IF NOT FOUND THEN
            PERFORM orchestrator.find_program(NEW.template_id, NEW.template_version);  -- refuses
        END IF;
        IF v_spec_edited THEN
            IF v_given OR v_moved THEN
                PERFORM orchestrator.refuse('SO422', 'the spec and what it is made from cannot change in one statement', 'desired_spec_json',
                    'Change parameters or template_version first, then the spec.');
            END IF;
            NEW.parameters := orchestrator.invert_spec(v_program, OLD.desired_spec_json, NEW.desired_spec_json, OLD.parameters, NEW.name, NEW.namespace, NEW.id);
        END IF;
        PERFORM orchestrator.check_parameters(v_program.properties, v_program.required, NEW.parameters,
                                              CASE WHEN v_moved THEN '{}' ELSE OLD.parameters END);
        NEW.desired_spec_json := orchestrator.render_program(v_program, NEW.parameters, NEW.name, NEW.namespace, NEW.id);
        IF v_program.guarded THEN
            PERFORM orchestrator.check_policy(NEW.desired_spec_json);
        END IF;
        IF v_moved OR v_program.claim_parameters IS NULL THEN
            PERFORM orchestrator.check_storage(OLD.desired_spec_json, NEW.desired_spec_json);
        ELSE
            -- No other parameter reaches a claim, so what was rendered before need not be fetched to be looked at.
            FOREACH v_name IN ARRAY v_program.claim_parameters LOOP
                IF NEW.parameters -> v_name IS DISTINCT FROM OLD.parameters -> v_name THEN
                    PERFORM orchestrator.check_storage(OLD.desired_spec_json, NEW.desired_spec_json);
                    EXIT;
                END IF;
            END LOOP;
        END IF;
        IF v_moved THEN
            PERFORM orchestrator.check_kept_data(NEW.id, NEW.cluster_id, NEW.namespace, NEW.desired_spec_json);
            PERFORM orchestrator.check_not_lowered_unseen(NEW.template_id, OLD.template_version, OLD.parameters, NEW.template_version, NEW.parameters);
        END IF;
    END IF;
    IF v_otherwise AND NEW.restarted_at IS DISTINCT FROM OLD.restarted_at THEN
        NEW.restarted_at := orchestrator.check_restart(NEW.name, NEW.desired_state, OLD.restarted_at, NEW.restarted_at);
        PERFORM orchestrator.end_planned_restart(NEW.id, 'cancelled', 'it is restarted now');
    END IF;
    NEW.generation := OLD.generation + 1;
    NEW.restart_required := false;
    NEW.updated_at := clock_timestamp();
    -- Back again, or only to discard what it left behind: anything else was refused.
    IF OLD.finalised_at IS NOT NULL THEN
        NEW.finalised_at := NULL;
        NEW.last_applied_generation := 0;
    END IF;
    NEW.status_summary := CASE WHEN NEW.desired_state = 'Paused' THEN 'Paused'
                               WHEN NEW.desired_state = 'Deleted' THEN 'Deleting' ELSE 'Progressing' END;
    NEW.status_message := CASE NEW.desired_state WHEN 'Paused' THEN 'Held by request: nothing is changed at the cluster.'
                          ELSE orchestrator.waiting_message(NEW.cluster_id, NEW.generation) END;
    RETURN NEW;
END
$$;

ALTER FUNCTION orchestrator.prepare_changed_deployment() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION prepare_changed_deployment(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.prepare_changed_deployment() IS 'Checks, renders and counts a change of intent.';

--
-- Name: prepare_cluster(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.prepare_cluster() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_queue text;
BEGIN
    FOREACH v_queue IN ARRAY ARRAY[orchestrator.queue_name(NEW.id, 'now'), orchestrator.queue_name(NEW.id, 'bulk')] LOOP
        PERFORM pgmq.create(v_queue);
        -- Claims update every row in place and settles delete it: vacuum early, and leave room for heap-only updates.
        EXECUTE format('ALTER TABLE pgmq.%I SET (fillfactor = 70, autovacuum_vacuum_threshold = 1000, '
                       'autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)', 'q_' || v_queue);
        PERFORM orchestrator.attach_queue(v_queue);
    END LOOP;
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.prepare_cluster() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION prepare_cluster(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.prepare_cluster() IS 'Creates the queues of a new cluster.';

--
-- Name: prepare_new_deployment(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.prepare_new_deployment() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    v_program orchestrator.template_programs;
    v_rendered jsonb;
BEGIN
    IF NEW.cluster_id IS NULL THEN
        SELECT c.id INTO NEW.cluster_id FROM orchestrator.clusters c ORDER BY c.name <> 'default', c.id LIMIT 1;
    END IF;
    IF NOT EXISTS (SELECT FROM orchestrator.clusters c WHERE c.id = NEW.cluster_id) THEN
        PERFORM orchestrator.refuse('SO404', format('there is no cluster %s', coalesce(NEW.cluster_id::text, '(any)')), 'cluster_id',
            'Known: ' || coalesce((SELECT string_agg(format('%s = %s', c.id, c.name), ', ' ORDER BY c.name) FROM orchestrator.clusters c), 'none') || '.');
    END IF;
    NEW.id := coalesce(NEW.id, gen_random_uuid());
    NEW.namespace := coalesce(NEW.namespace, 'default');
    NEW.parameters := coalesce(NEW.parameters, '{}');
    PERFORM orchestrator.check_identity(NEW);
    PERFORM orchestrator.check_drift_rules(NEW.drift_rules, false);
    PERFORM orchestrator.check_rule_windows(NEW.drift_rules, NEW.namespace);
    PERFORM orchestrator.require_namespace(NEW.namespace);
    IF NEW.desired_state = 'Deleted' THEN
        PERFORM orchestrator.refuse('SO422', 'a new deployment cannot be Deleted', 'desired_state', 'Begin with Active, Stopped or Paused.');
    END IF;
    PERFORM orchestrator.check_name_is_free(NEW);
    IF NEW.template_version IS NULL THEN
        SELECT max(t.version) INTO NEW.template_version FROM orchestrator.templates t WHERE t.id = NEW.template_id;
    END IF;
    v_program := orchestrator.find_program(NEW.template_id, NEW.template_version);
    PERFORM orchestrator.check_parameters(v_program.properties, v_program.required, NEW.parameters, '{}');
    v_rendered := orchestrator.render_program(v_program, NEW.parameters, NEW.name, NEW.namespace, NEW.id);
    IF NEW.desired_spec_json IS NOT NULL AND NEW.desired_spec_json <> v_rendered THEN
        PERFORM orchestrator.refuse('SO422', 'a new deployment takes its spec from its template', 'desired_spec_json', 'Leave it out and set parameters.');
    END IF;
    IF v_program.guarded THEN
        PERFORM orchestrator.check_policy(v_rendered);
    END IF;
    PERFORM orchestrator.check_kept_data(NEW.id, NEW.cluster_id, NEW.namespace, v_rendered);
    NEW.desired_spec_json := v_rendered;
    NEW.generation := 1;
    NEW.last_applied_generation := 0;
    NEW.restarted_at := NULL;
    NEW.restart_required := false;
    NEW.status_summary := CASE NEW.desired_state WHEN 'Paused' THEN 'Paused' ELSE 'Progressing' END;
    NEW.status_message := CASE NEW.desired_state WHEN 'Paused' THEN 'Held by request: nothing is changed at the cluster.'
                          ELSE orchestrator.waiting_message(NEW.cluster_id, NEW.generation) END;
    NEW.stale_since := NULL;
    NEW.finalised_at := NULL;
    NEW.created_at := clock_timestamp();
    NEW.updated_at := NEW.created_at;
    RETURN NEW;
END
$$;

ALTER FUNCTION orchestrator.prepare_new_deployment() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION prepare_new_deployment(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.prepare_new_deployment() IS 'Completes, checks and renders a new deployment.';

--
-- Name: prepare_template(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.prepare_template() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_program orchestrator.template_programs;
    v_sample jsonb;
BEGIN
    IF NEW.name !~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a template', NEW.name), 'name',
            'Use up to 40 small letters, digits and -, beginning and ending with a letter or digit.');
    END IF;
    -- Two writers of one name must not both see it new.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.templates:' || NEW.name, 0));
    NEW.id := coalesce((SELECT t.id FROM orchestrator.templates t WHERE t.name = NEW.name LIMIT 1), nextval('orchestrator.template_ids'));
    NEW.version := coalesce(NEW.version, (SELECT max(t.version) FROM orchestrator.templates t WHERE t.name = NEW.name) + 1, 1);
    IF EXISTS (SELECT FROM orchestrator.templates t WHERE t.id = NEW.id AND t.version = NEW.version) THEN
        PERFORM orchestrator.refuse('SO409', format('template %s version %s exists', NEW.name, NEW.version), 'version',
            'A version never changes: leave the version out to write the next one.');
    END IF;
    PERFORM orchestrator.check_drift_rules(NEW.drift_rules_json, true);
    PERFORM orchestrator.check_rule_windows(NEW.drift_rules_json, NULL);
    v_program := orchestrator.compile_template(NEW.base_spec_json, NEW.allowed_mutations_json);
    SELECT coalesce(jsonb_object_agg(key, coalesce(value -> 'default', value -> 'enum' -> 0,
               CASE value ->> 'type' WHEN 'string' THEN '"x"' WHEN 'boolean' THEN 'true' ELSE coalesce(value -> 'minimum', '1') END)), '{}')
      INTO v_sample FROM jsonb_each(v_program.properties);
    v_sample := v_sample || coalesce((SELECT jsonb_object_agg(c, true) FROM unnest(v_program.conditions) c WHERE c IS NOT NULL), '{}');
    PERFORM orchestrator.check_policy(orchestrator.render_program(v_program, v_sample, 'sample', 'default', gen_random_uuid()));
    RETURN NEW;
END
$_$;

ALTER FUNCTION orchestrator.prepare_template() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION prepare_template(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.prepare_template() IS 'Checks and numbers a new template version.';

--
-- Name: prepare_window(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.prepare_window() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_days CONSTANT text[] := '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}';
    c_full CONSTANT text[] := '{Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday}';
    v_day text;
    v_other orchestrator.maintenance_windows;
    v_zone text;
    v_named text;
BEGIN
    PERFORM orchestrator.require_window(NEW.namespace);
    IF TG_OP = 'UPDATE' THEN
        PERFORM orchestrator.require_window(OLD.namespace);
    ELSE
        NEW.created_by := orchestrator.current_actor();
    END IF;
    IF NEW.name IS NULL OR NEW.name !~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a window', NEW.name), 'name',
            'Use up to 40 small letters, digits and -, beginning and ending with a letter or digit.');
    ELSIF NEW.namespace !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no namespace', NEW.namespace), 'namespace',
            'Use up to 63 small letters, digits and -; none at all (NULL) is every namespace.');
    ELSIF cardinality(coalesce(NEW.days, '{}')) = 0 THEN
        PERFORM orchestrator.refuse('SO422', 'a window on no day never opens', 'days', format('Name some of %s.', array_to_string(c_days, ', ')));
    END IF;
    FOREACH v_day IN ARRAY NEW.days LOOP
        IF v_day IS NULL OR initcap(v_day) <> ALL (c_days || c_full) THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" is no day', v_day), 'days', format('Allowed: %s.', array_to_string(c_days, ', ')));
        END IF;
    END LOOP;
    NEW.days := ARRAY(SELECT d FROM unnest(c_days) WITH ORDINALITY a (d, n)
                       WHERE d IN (SELECT left(initcap(g), 3) FROM unnest(NEW.days) g) ORDER BY n);
    IF NEW.starts IS NULL OR NEW.starts >= '24:00' OR date_trunc('minute', NEW.starts::interval) <> NEW.starts::interval THEN
        PERFORM orchestrator.refuse('SO422', format('a window cannot start at %s', coalesce(NEW.starts::text, 'no time')), 'starts',
            'Use hours and minutes from 00:00 to 23:59.');
    END IF;
    -- As hours: a day of an interval would be as long as the clocks of the session's zone make it.
    NEW.lasts := make_interval(secs => extract(epoch FROM NEW.lasts)::double precision);
    IF NEW.lasts IS NULL OR NEW.lasts < '1 minute' OR NEW.lasts > '24 hours' OR date_trunc('minute', NEW.lasts) <> NEW.lasts THEN
        PERFORM orchestrator.refuse('SO422', format('a window cannot last %s', coalesce(nullif(NEW.lasts, '0')::text, 'no time')), 'lasts',
            'Use whole minutes, from 1 minute to 24 hours; with more days it opens more often.');
    END IF;
    SELECT z.name INTO v_zone FROM pg_timezone_names z WHERE lower(z.name) = lower(NEW.zone) ORDER BY z.name = NEW.zone DESC LIMIT 1;
    IF v_zone IS NULL OR v_zone ~ '^(posix|right)/' THEN
        PERFORM orchestrator.refuse('SO422', format('there is no time zone "%s"', NEW.zone), 'zone',
            coalesce(format('Did you mean %s? ', orchestrator.near_zones(NEW.zone)), '') || 'SELECT name FROM pg_timezone_names lists all.');
    END IF;
    NEW.zone := v_zone;
    -- Two writers of one name must not both find it free.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.windows', 0));
    SELECT * INTO v_other FROM orchestrator.maintenance_windows w
     WHERE w.name = NEW.name AND w.id <> NEW.id AND (w.namespace = NEW.namespace OR w.namespace IS NULL OR NEW.namespace IS NULL) LIMIT 1;
    IF FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('%s has a window "%s" already', coalesce('the namespace ' || v_other.namespace, 'every namespace'), NEW.name),
            'name', 'Choose another name: what a deployment calls a window must be one.');
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.name <> OLD.name OR NEW.namespace IS DISTINCT FROM OLD.namespace) THEN
        v_named := orchestrator.window_users(OLD, NEW.namespace IS DISTINCT FROM OLD.namespace);
        IF v_named IS NOT NULL AND NOT (NEW.name = OLD.name AND NEW.namespace IS NULL) THEN
            PERFORM orchestrator.refuse('SO409', format('the window %s is in use', OLD.name), CASE WHEN NEW.name <> OLD.name THEN 'name' ELSE 'namespace' END,
                format('First change what names it: %s.', v_named));
        END IF;
    END IF;
    RETURN NEW;
END
$_$;

ALTER FUNCTION orchestrator.prepare_window() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION prepare_window(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.prepare_window() IS 'Checks a maintenance window.';

--
-- Name: preview(text, text, jsonb, text, text, integer, text, boolean, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.preview(name text, template text, parameters jsonb DEFAULT '{}'::jsonb, namespace text DEFAULT 'default'::text, cluster text DEFAULT NULL::text, template_version integer DEFAULT NULL::integer, desired_state text DEFAULT 'Active'::text, keep_data boolean DEFAULT true, drift_policy text DEFAULT 'Enforce'::text, drift_rules jsonb DEFAULT '[]'::jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.deploy(preview.name, preview.template, preview.parameters, preview.namespace, preview.cluster,
                                preview.template_version, preview.desired_state, preview.keep_data, preview.drift_policy, preview.drift_rules);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;

ALTER FUNCTION orchestrator.preview(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION preview(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.preview(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) IS 'What deploy() would make of the same arguments; writes nothing.';

--
-- Name: preview_adopt(uuid, text[], bigint, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.preview_adopt(id uuid, paths text[] DEFAULT NULL::text[], generation bigint DEFAULT NULL::bigint, seen text[] DEFAULT NULL::text[]) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.adopt(preview_adopt.id, preview_adopt.paths, preview_adopt.generation, preview_adopt.seen);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;

ALTER FUNCTION orchestrator.preview_adopt(id uuid, paths text[], generation bigint, seen text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION preview_adopt(id uuid, paths text[], generation bigint, seen text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.preview_adopt(id uuid, paths text[], generation bigint, seen text[]) IS 'What adopt() would do; writes nothing.';

--
-- Name: preview_change(uuid, jsonb, text, integer, boolean, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.preview_change(p_id uuid, p_parameters jsonb DEFAULT '{}'::jsonb, p_desired_state text DEFAULT NULL::text, p_template_version integer DEFAULT NULL::integer, p_keep_data boolean DEFAULT NULL::boolean, p_drift_policy text DEFAULT NULL::text, p_drift_rules jsonb DEFAULT NULL::jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    UPDATE orchestrator.deployments d
       SET parameters = (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(d.parameters || p_parameters) WHERE value <> 'null'),
           desired_state = coalesce(p_desired_state, d.desired_state),
           template_version = coalesce(p_template_version, d.template_version),
           keep_data = coalesce(p_keep_data, d.keep_data),
           drift_policy = coalesce(p_drift_policy, d.drift_policy),
           drift_rules = coalesce(p_drift_rules, d.drift_rules)
     WHERE d.id = p_id;
    PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_id), 'id', 'SELECT id, name FROM deployments lists them.');
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;

ALTER FUNCTION orchestrator.preview_change(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION preview_change(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.preview_change(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) IS 'What a change of a deployment would do; writes nothing.';

--
-- Name: preview_rollback(uuid, bigint, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.preview_rollback(id uuid, generation bigint, force boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.rollback(preview_rollback.id, preview_rollback.generation, preview_rollback.force);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;

ALTER FUNCTION orchestrator.preview_rollback(id uuid, generation bigint, force boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION preview_rollback(id uuid, generation bigint, force boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.preview_rollback(id uuid, generation bigint, force boolean) IS 'What rollback() would do; writes nothing.';

--
-- Name: preview_rollout(text, integer, uuid[], jsonb, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.preview_rollout(template text, version integer DEFAULT NULL::integer, ids uuid[] DEFAULT NULL::uuid[], parameters jsonb DEFAULT '{}'::jsonb, force boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    c_most CONSTANT integer := 1000;
    v_version record;
    v_found jsonb;
    v_first jsonb;
BEGIN
    SELECT f.template_id, f.version INTO v_version FROM orchestrator.find_version(preview_rollout.template, preview_rollout.version) f;
    WITH tried AS MATERIALIZED (
        SELECT * FROM orchestrator.try_upgrades(preview_rollout.template, v_version.version, preview_rollout.ids, preview_rollout.parameters, preview_rollout.force, c_most)
                 WITH ORDINALITY t (deployment_id, namespace, name, template_version, changes, restarts, code, path, message, hint, o)
    )
    SELECT jsonb_build_object(
               'members', cardinality(orchestrator.find_movable(v_version.template_id, v_version.version, preview_rollout.ids)),
               'tried', count(DISTINCT t.deployment_id), 'changes', count(*) FILTER (WHERE t.changes), 'restarts', count(*) FILTER (WHERE t.restarts),
               'refused', count(DISTINCT t.deployment_id) FILTER (WHERE t.code IS NOT NULL),
               'refusals', coalesce(jsonb_agg(to_jsonb(t) - '{changes,restarts,o}'::text[] ORDER BY t.o) FILTER (WHERE t.code IS NOT NULL), '[]')),
           (SELECT jsonb_build_object('deployment_id', f.deployment_id, 'namespace', f.namespace, 'name', f.name)
              FROM tried f WHERE f.changes ORDER BY f.o LIMIT 1)
      INTO v_found, v_first FROM tried t;
    IF v_first IS NOT NULL THEN
        v_first := v_first || jsonb_build_object('plan', orchestrator.preview_upgrade(
            (v_first ->> 'deployment_id')::uuid, v_version.version, preview_rollout.parameters, preview_rollout.force) -> 'plan');
    END IF;
    RETURN v_found || jsonb_build_object('first', v_first);
END
$$;

ALTER FUNCTION orchestrator.preview_rollout(template text, version integer, ids uuid[], parameters jsonb, force boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION preview_rollout(template text, version integer, ids uuid[], parameters jsonb, force boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.preview_rollout(template text, version integer, ids uuid[], parameters jsonb, force boolean) IS 'What a rollout would do: counts, refusals, and the plan of the first that changes; writes nothing.';

--
-- Name: preview_upgrade(uuid, integer, jsonb, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.preview_upgrade(id uuid, version integer DEFAULT NULL::integer, parameters jsonb DEFAULT '{}'::jsonb, force boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_tried text;
BEGIN
    PERFORM set_config('orchestrator.preview', 'on', true);  -- undone with this block
    PERFORM orchestrator.upgrade(preview_upgrade.id, preview_upgrade.version, preview_upgrade.parameters, preview_upgrade.force);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
    RETURN orchestrator.describe_preview(v_tried::jsonb);
END
$$;

ALTER FUNCTION orchestrator.preview_upgrade(id uuid, version integer, parameters jsonb, force boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION preview_upgrade(id uuid, version integer, parameters jsonb, force boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.preview_upgrade(id uuid, version integer, parameters jsonb, force boolean) IS 'What upgrade() would do; writes nothing.';

--
-- Name: promote(text, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.promote(p_cluster text, p_limit integer DEFAULT 200) RETURNS double precision
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_ids uuid[];
BEGIN
    SELECT array_agg(due.deployment_id) INTO v_ids
      FROM (SELECT s.deployment_id FROM orchestrator.reconcile_slots s
             WHERE s.cluster_id = v_cluster_id AND s.due_at <= now() ORDER BY s.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED) due;
    IF v_ids IS NOT NULL THEN
        PERFORM orchestrator.enqueue(v_cluster_id, v_ids, 'bulk');
    END IF;
    RETURN least(orchestrator.carry_out_restarts(v_cluster_id),
                 (SELECT greatest(extract(epoch FROM s.due_at - now()), 0) FROM orchestrator.reconcile_slots s
                   WHERE s.cluster_id = v_cluster_id AND s.due_at IS NOT NULL ORDER BY s.due_at LIMIT 1));
END
$$;

ALTER FUNCTION orchestrator.promote(p_cluster text, p_limit integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION promote(p_cluster text, p_limit integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.promote(p_cluster text, p_limit integer) IS 'Queues deployments whose time has come.';

--
-- Name: put_away(jsonb, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.put_away(p_taken jsonb, p_most_reads integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_message record;
BEGIN
    FOR v_message IN
        SELECT t.* FROM jsonb_to_recordset(p_taken) AS t (queue text, msg_id bigint, token integer, id uuid)
          LEFT JOIN orchestrator.reconcile_slots s ON s.deployment_id = t.id AND s.msg_id = t.msg_id AND s.queue = t.queue
         WHERE s.deployment_id IS NULL OR t.token > p_most_reads
    LOOP
        PERFORM orchestrator.quarantine(v_message.queue, v_message.msg_id, v_message.id);
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.put_away(p_taken jsonb, p_most_reads integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION put_away(p_taken jsonb, p_most_reads integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.put_away(p_taken jsonb, p_most_reads integer) IS 'Takes messages out of the queue that must not be handed out.';

--
-- Name: put_back(uuid, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.put_back(id uuid, paths text[] DEFAULT NULL::text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_deployment record;
    v_path text;
    v_objects text;
    v_count bigint;
BEGIN
    PERFORM orchestrator.require_deployment(put_back.id);
    SELECT d.name, d.desired_state INTO v_deployment FROM orchestrator.deployments d WHERE d.id = put_back.id FOR NO KEY UPDATE;
    IF v_deployment.desired_state IN ('Paused', 'Deleted') THEN
        PERFORM orchestrator.refuse('SO409', format('%s is %s', v_deployment.name, lower(v_deployment.desired_state)), 'desired_state',
            'Nothing is put back while it is. Set desired_state to Active first.');
    END IF;
    FOREACH v_path IN ARRAY coalesce(paths, '{}') LOOP
        SELECT count(*), string_agg(f.spelt, ', ' ORDER BY f.spelt) INTO v_count, v_objects
          FROM orchestrator.differences(put_back.id) f WHERE v_path IN (f.path, f.spelt);
        IF v_count = 0 THEN
            PERFORM orchestrator.refuse('SO409', format('nothing differs at %s', v_path), 'paths.' || v_path,
                'It changed meanwhile, or is spelled otherwise: SELECT kind, object, path FROM drift lists what differs.');
        ELSIF v_count > 1 THEN
            PERFORM orchestrator.refuse('SO422', format('several objects differ at %s', v_path), 'paths.' || v_path, 'Say which: ' || v_objects || '.');
        END IF;
    END LOOP;
    -- With what was asked for before and no worker has carried out yet.
    UPDATE orchestrator.deployment_resources r SET enforce_once = ARRAY(SELECT p FROM unnest(r.enforce_once) p UNION SELECT p FROM unnest(f.paths) p ORDER BY 1)
      FROM (SELECT f.kind, f.name, array_agg(f.path) AS paths FROM orchestrator.differences(put_back.id) f
             WHERE CASE WHEN put_back.paths IS NULL THEN f.held IS DISTINCT FROM 'ignored' ELSE f.path = ANY (put_back.paths) OR f.spelt = ANY (put_back.paths) END
             GROUP BY f.kind, f.name) f
     WHERE r.deployment_id = put_back.id AND r.kind = f.kind AND r.name = f.name;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('nothing of %s is to be put back', v_deployment.name), 'paths',
            'Nothing differs, or no path was named: SELECT kind, object, path FROM drift lists what differs.');
    END IF;
    PERFORM orchestrator.request_reconcile(ARRAY[put_back.id], 'put_back', orchestrator.current_actor());
END
$$;

ALTER FUNCTION orchestrator.put_back(id uuid, paths text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION put_back(id uuid, paths text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.put_back(id uuid, paths text[]) IS 'Has what waits or is held put back once, whatever its policy.';

--
-- Name: put_template(text, jsonb, jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb DEFAULT '[]'::jsonb) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_newest orchestrator.templates;
    v_version integer;
BEGIN
    -- As in prepare_template: a second writer of the same waits, and then finds it written.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.templates:' || p_name, 0));
    SELECT * INTO v_newest FROM orchestrator.templates t WHERE t.name = p_name ORDER BY t.version DESC LIMIT 1;
    IF v_newest.base_spec_json = p_base_spec AND v_newest.allowed_mutations_json = p_schema AND v_newest.drift_rules_json = p_drift_rules THEN
        RETURN v_newest.version;
    END IF;
    INSERT INTO orchestrator.templates (name, base_spec_json, allowed_mutations_json, drift_rules_json)
    VALUES (p_name, p_base_spec, p_schema, p_drift_rules) RETURNING version INTO v_version;
    RETURN v_version;
END
$$;

ALTER FUNCTION orchestrator.put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb) IS 'Writes the next version of a template unless nothing changed.';

--
-- Name: quantity(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.quantity(p_quantity text) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT m[1]::numeric * CASE m[2]
        WHEN 'm' THEN 0.001 WHEN '' THEN 1
        WHEN 'k' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'G' THEN 1e9 WHEN 'T' THEN 1e12 WHEN 'P' THEN 1e15 WHEN 'E' THEN 1e18
        WHEN 'Ki' THEN 2 ^ 10::numeric WHEN 'Mi' THEN 2 ^ 20::numeric WHEN 'Gi' THEN 2 ^ 30::numeric
        WHEN 'Ti' THEN 2 ^ 40::numeric WHEN 'Pi' THEN 2 ^ 50::numeric WHEN 'Ei' THEN 2 ^ 60::numeric END
    FROM regexp_match(p_quantity, '^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|)$') m
$_$;

ALTER FUNCTION orchestrator.quantity(p_quantity text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION quantity(p_quantity text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.quantity(p_quantity text) IS 'A Kubernetes quantity as a number.';

--
-- Name: quarantine(text, bigint, uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_known boolean;
BEGIN
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = p_deployment_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM orchestrator.deployments d WHERE d.id = p_deployment_id) THEN
        RETURN;
    END IF;
    PERFORM 1 FROM orchestrator.reconcile_slots s WHERE s.deployment_id = p_deployment_id FOR UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM orchestrator.reconcile_slots s WHERE s.deployment_id = p_deployment_id) THEN
        RETURN;
    END IF;
    UPDATE orchestrator.reconcile_slots s
       SET msg_id = NULL, quarantined_at = now(), last_error_permanent = true,
           last_error = 'quarantined: taken five times without an answer'
     WHERE s.deployment_id = p_deployment_id AND s.msg_id = p_msg_id AND s.queue = p_queue;
    v_known := FOUND;
    PERFORM pgmq.archive(p_queue, p_msg_id);
    IF v_known THEN
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'system', 'ReconcileQuarantined', jsonb_build_object('msg_id', p_msg_id, 'queue', p_queue), 'orchestrator'
          FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
        PERFORM orchestrator.refresh_status(ARRAY[p_deployment_id]);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid) IS 'Puts away a message nobody can settle.';

--
-- Name: queue_dry_run(jsonb, uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.queue_dry_run(p_preview jsonb, p_deployment_id uuid) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_most_unfinished CONSTANT integer := 50;
    c_waits CONSTANT interval := '2 minutes';
    v_target jsonb := p_preview -> 'target';
    v_cluster orchestrator.clusters;
    v_id bigint;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.id = (v_target ->> 'cluster_id')::integer;
    IF v_target ->> 'desired_state' = 'Deleted' THEN
        PERFORM orchestrator.refuse('SO409', 'nothing is applied for what is deleted, so there is nothing to ask the cluster', 'desired_state',
            'SELECT * FROM plan(id) tells what goes and what is kept.');
    END IF;
    PERFORM orchestrator.end_dry_runs(v_cluster.name);
    IF (SELECT count(*) FROM orchestrator.dry_runs r WHERE r.cluster_id = v_cluster.id AND r.finished_at IS NULL) >= c_most_unfinished THEN
        PERFORM orchestrator.refuse('SO409', format('%s dry runs wait for cluster %s already', c_most_unfinished, v_cluster.name), 'cluster',
            'Wait for those: each ends within two minutes.');
    END IF;
    INSERT INTO orchestrator.dry_runs (deployment_id, cluster_id, namespace, name, generation, proposal, asked_by, expires_at, message)
    VALUES (p_deployment_id, v_cluster.id, v_target ->> 'namespace', v_target ->> 'name', (p_preview ->> 'generation')::bigint,
            v_target || jsonb_build_object('manifests', jsonb_path_query_array(p_preview, '$.objects[*] ? (@.change != "removed").manifest')),
            orchestrator.current_actor(), now() + c_waits,
            CASE WHEN v_cluster.unreachable_since IS NULL THEN ''
                 ELSE format('cluster %s does not answer: %s', v_cluster.name, v_cluster.unreachable_reason) END)
    RETURNING id INTO v_id;
    PERFORM orchestrator.nudge(v_cluster.id);
    RETURN v_id;
END
$_$;

ALTER FUNCTION orchestrator.queue_dry_run(p_preview jsonb, p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION queue_dry_run(p_preview jsonb, p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.queue_dry_run(p_preview jsonb, p_deployment_id uuid) IS 'Keeps a preview for a worker to ask the cluster.';

--
-- Name: queue_name(integer, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.queue_name(p_cluster_id integer, p_lane text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN format('c%s_%s', p_cluster_id, p_lane);
END
$$;

ALTER FUNCTION orchestrator.queue_name(p_cluster_id integer, p_lane text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION queue_name(p_cluster_id integer, p_lane text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.queue_name(p_cluster_id integer, p_lane text) IS 'Name of a cluster''s queue.';

--
-- Name: random_secret(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.random_secret() RETURNS text
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;

ALTER FUNCTION orchestrator.random_secret() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION random_secret(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.random_secret() IS 'A text that nobody can guess.';

--
-- Name: read_back(uuid, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    c_ours CONSTANT text := '^metadata\.(ownerReferences|labels(\[app\.kubernetes\.io/managed-by\])?$)|\[server-orchestrator\.io/';
    v_deployment orchestrator.deployments;
    v_change jsonb;
    v_live jsonb;
    v_spec jsonb;
    v_manifest jsonb;
    v_number bigint;
    v_path text[];
    v_program orchestrator.template_programs;
    v_parameters jsonb;
    v_rendered jsonb;
BEGIN
    IF orchestrator.acting_role() IS NOT NULL THEN
        PERFORM orchestrator.require_deployment(p_deployment_id);
    END IF;
    SELECT * INTO v_deployment FROM orchestrator.deployments d WHERE d.id = p_deployment_id;
    v_spec := v_deployment.desired_spec_json;
    v_change := (SELECT c FROM orchestrator.deployment_resources r, jsonb_array_elements(r.drift) c
                  WHERE r.cluster_id = v_deployment.cluster_id AND r.kind = p_kind AND r.namespace = v_deployment.namespace AND r.name = p_object
                    AND r.deployment_id = p_deployment_id AND c ->> 'path' = p_path LIMIT 1);
    v_live := v_change -> 'live';
    hint := 'Put it back, change the template, or have a rule ignore it.';
    refusal := CASE
        WHEN v_deployment.desired_state = 'Deleted' THEN 'the server is deleted'
        WHEN v_change IS NULL THEN 'the object itself is gone, or another has taken its name'
        WHEN p_path = 'metadata.managedFields' THEN 'the record of who owns its fields was erased, and no value differs'
        WHEN p_kind = 'Secret' AND p_path ~ '^(data|stringData)\M' THEN 'it is a secret, and those are never read'
        WHEN p_path ~ c_ours THEN 'server-orchestrator sets it for itself'
        WHEN v_change -> 'absent' = 'true' OR coalesce(v_live, 'null') = 'null' THEN 'it was removed, and no value of a parameter leaves it out'
        WHEN v_change -> 'cut' = 'true' THEN 'the value is too long, or of no text, to be kept whole'
        WHEN v_deployment.desired_state = 'Stopped' AND p_path = 'spec.replicas' AND p_kind IN ('Deployment', 'StatefulSet')
            THEN 'the server is stopped, so it has no replicas whatever its parameters say' END;
    IF refusal IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT m, o - 1 INTO v_manifest, v_number FROM jsonb_array_elements(v_spec) WITH ORDINALITY t (m, o)
     WHERE m ->> 'kind' = p_kind AND m #>> '{metadata,name}' = p_object;
    v_path := orchestrator.locate(v_manifest, p_path);
    IF v_path IS NULL THEN
        refusal := 'no parameter fills this place';
        RETURN;
    ELSIF v_manifest #> v_path = v_live THEN
        refusal := 'it has the wanted value already';
        RETURN;
    END IF;
    v_program := orchestrator.find_program(v_deployment.template_id, v_deployment.template_version);
    v_parameters := orchestrator.invert_spec(v_program, v_manifest #> v_path, v_live, v_deployment.parameters,
        v_deployment.name, v_deployment.namespace, v_deployment.id, v_number::text || v_path);
    PERFORM orchestrator.check_parameters(v_program.properties, v_program.required, v_parameters, v_deployment.parameters);
    v_rendered := orchestrator.render_program(v_program, v_parameters, v_deployment.name, v_deployment.namespace, v_deployment.id);
    IF v_program.guarded THEN
        PERFORM orchestrator.check_policy(v_rendered);
    END IF;
    PERFORM orchestrator.check_storage(v_spec, v_rendered);
    IF orchestrator.manifest_of(orchestrator.wanted_manifests(v_rendered, v_deployment.desired_state, v_deployment.restarted_at), p_kind, p_object)
       #> v_path IS DISTINCT FROM v_live THEN
        refusal := 'what is read back from it would be written otherwise';
        RETURN;
    END IF;
    hint := NULL;
    adopts := (SELECT jsonb_object_agg(key, jsonb_build_object('from', coalesce(v_deployment.parameters -> key, v_program.defaults -> key), 'to', value))
                 FROM jsonb_each(v_parameters) WHERE value IS DISTINCT FROM v_deployment.parameters -> key);
EXCEPTION WHEN SQLSTATE 'SO422' OR SQLSTATE 'SO409' THEN
    GET STACKED DIAGNOSTICS refusal = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END
$_$;

ALTER FUNCTION orchestrator.read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text) IS 'What adopting one drifted path would set, or why it cannot be adopted.';

--
-- Name: read_password_link(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.read_password_link(p_secret text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_name text;
BEGIN
    SELECT u.name INTO v_name FROM orchestrator.user_secrets s JOIN orchestrator.users u ON u.id = s.user_id
     WHERE s.link_hash = sha256(convert_to(p_secret, 'UTF8')) AND u.link_expires_at > now() AND u.disabled_at IS NULL;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', 'this link has been used, replaced, or has expired', 'link',
            'Ask an admin for another: SELECT orchestrator.make_password_link(name). On the machine of a local stack: orchestrator people link NAME.');
    END IF;
    RETURN v_name;
END
$$;

ALTER FUNCTION orchestrator.read_password_link(p_secret text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION read_password_link(p_secret text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.read_password_link(p_secret text) IS 'Whose one-time link this is.';

--
-- Name: read_queue(text, integer, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
    v_ids bigint[] := ARRAY(SELECT q.msg_id FROM orchestrator.messages q WHERE q.queue = p_queue AND q.vt <= clock_timestamp()
                             ORDER BY q.msg_id LIMIT p_limit FOR UPDATE SKIP LOCKED);
    v_read jsonb;
BEGIN
    IF v_ids = '{}' THEN
        RETURN NULL;
    END IF;
    WITH taken AS (
        UPDATE orchestrator.messages q
           SET last_read_at = clock_timestamp(), vt = clock_timestamp() + make_interval(secs => p_lease_seconds), read_ct = q.read_ct + 1
         WHERE q.queue = p_queue AND q.msg_id = ANY (v_ids) RETURNING q.msg_id, q.read_ct, q.message)
    SELECT jsonb_agg(jsonb_build_object('queue', p_queue, 'msg_id', t.msg_id, 'token', t.read_ct, 'id', t.message ->> 'id')) INTO v_read FROM taken t;
    RETURN v_read;
END
$$;

ALTER FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION read_queue(p_queue text, p_limit integer, p_lease_seconds integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) IS 'Reads one queue.';

--
-- Name: reconcile_now(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.reconcile_now(p_deployment_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    PERFORM orchestrator.require_deployment(p_deployment_id);
    PERFORM 1 FROM orchestrator.deployments d WHERE d.id = p_deployment_id AND d.finalised_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_deployment_id), 'id',
            'SELECT id, name FROM deployments lists them; deleted ones have nothing to reconcile.');
    END IF;
    UPDATE orchestrator.put_backs p SET next_at = now() WHERE p.deployment_id = p_deployment_id AND p.next_at > now();
    PERFORM orchestrator.request_reconcile(ARRAY[p_deployment_id], 'reconcile_now', orchestrator.current_actor());
END
$$;

ALTER FUNCTION orchestrator.reconcile_now(p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION reconcile_now(p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.reconcile_now(p_deployment_id uuid) IS 'Queues a deployment now, whatever its back-off.';

--
-- Name: record_changed_deployments(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_changed_deployments() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_nestloop TO 'off'
    AS $_$
DECLARE
    v_one record;
    v_actor text;
    v_ids uuid[];
    v_rollback bigint;
    v_adopted jsonb;
    v_automatic boolean := false;
    v_client text;
    v_more jsonb := '{}';
    v_run record;
BEGIN
    SELECT a.id, a.cluster_id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.drift_rules, a.keep_data, a.restarted_at,
           a.status_summary, a.status_message, b.generation AS old_generation, b.status_summary AS old_status,
           (b.id, b.generation, b.template_id, b.template_version, b.parameters, b.desired_state, b.drift_policy, b.keep_data, NULL, NULL, b.restarted_at, NULL, NULL, b.drift_rules, NULL)::orchestrator.deployment_revisions AS was,
           EXISTS (SELECT FROM after_rows OFFSET 1) AS of_many
      INTO v_one FROM after_rows a, before_rows b LIMIT 1;
    IF v_one.of_many THEN
        -- A generation never falls, so equal sums mean that none rose: cheaper than a join, and every write of status asks.
        IF (SELECT sum(a.generation) FROM after_rows a) = (SELECT sum(b.generation) FROM before_rows b) THEN
            RETURN NULL;
        END IF;
    ELSIF v_one.generation IS NOT DISTINCT FROM v_one.old_generation THEN
        RETURN NULL;
    END IF;
    v_actor := coalesce(CASE WHEN current_setting('orchestrator.planned_restart', true) <> '' THEN orchestrator.restart_actor() END,
                        CASE WHEN current_setting('orchestrator.rollout', true) <> '' THEN orchestrator.rollout_actor() END,
                        orchestrator.current_actor());
    v_client := orchestrator.current_client();
    v_rollback := nullif(current_setting('orchestrator.rollback', true), '');  -- by rollback()
    v_adopted := nullif(current_setting('orchestrator.adopt', true), '');  -- by adopt()
    IF v_adopted IS NOT NULL THEN
        -- By a rule only if a watcher has told of it: any session can set a setting.
        v_automatic := v_adopted ? 'automatic' AND pg_has_role(session_user, 'orchestrator_watcher', 'MEMBER');
        v_actor := format(CASE WHEN v_automatic THEN '%2$s' ELSE '%1$s (%2$s)' END, v_actor,
                          (SELECT string_agg('adopt:' || m, ', ') FROM jsonb_array_elements_text(v_adopted -> 'managers') m));
        v_more := jsonb_build_object('adopted', v_adopted);
    END IF;
    IF v_rollback IS NOT NULL THEN
        v_more := v_more || jsonb_build_object('rollback', jsonb_build_object('to', v_rollback));
    END IF;
    IF NOT v_one.of_many THEN
        v_run := orchestrator.request_run(v_one.id, v_one.cluster_id);
        INSERT INTO orchestrator.deployment_revisions
               (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, drift_rules, keep_data, restarted_at, actor, rolled_back_to, adopted, client)
        VALUES (v_one.id, v_one.generation, v_one.template_id, v_one.template_version, v_one.parameters, v_one.desired_state, v_one.drift_policy, v_one.drift_rules, v_one.keep_data, v_one.restarted_at, v_actor, v_rollback, v_adopted, v_client);
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT v_one.id, v_one.generation, e.source, e.type, e.data_json, e.actor
          FROM (VALUES (true, CASE WHEN v_automatic THEN 'system' ELSE 'user' END, 'DeploymentChanged',
                        orchestrator.describe_change(v_one.was, (v_one.id, v_one.generation, v_one.template_id, v_one.template_version, v_one.parameters, v_one.desired_state, v_one.drift_policy, v_one.keep_data, NULL, NULL, v_one.restarted_at, NULL, NULL, v_one.drift_rules, NULL)::orchestrator.deployment_revisions) || v_more, v_actor),
                       (v_one.status_summary <> v_one.old_status, 'system', 'StatusChanged',
                        jsonb_build_object('from', v_one.old_status, 'to', v_one.status_summary, 'message', v_one.status_message), 'orchestrator'),
                       (v_run.queued, 'user', 'DeploymentQueued', '{"reason": "changed"}', v_actor)) e (told, source, type, data_json, actor)
         WHERE e.told;
        IF v_run.unreachable THEN
            PERFORM orchestrator.defer(v_one.cluster_id, ARRAY[v_one.id]);
        END IF;
        RETURN NULL;
    END IF;
    -- One statement, because starting one costs more than the rows of a single change.
    WITH changed AS MATERIALIZED (
        SELECT a.id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.drift_rules, a.keep_data, a.restarted_at,
               (b.id, b.generation, b.template_id, b.template_version, b.parameters, b.desired_state, b.drift_policy, b.keep_data, NULL, NULL, b.restarted_at, NULL, NULL, b.drift_rules, NULL)::orchestrator.deployment_revisions AS was,
               b.status_summary AS old_status, a.status_summary, a.status_message
          FROM after_rows a JOIN before_rows b USING (id) WHERE a.generation > b.generation
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT c.id, c.generation, CASE WHEN v_automatic THEN 'system' ELSE 'user' END, 'DeploymentChanged', orchestrator.describe_change(c.was,
                   (c.id, c.generation, c.template_id, c.template_version, c.parameters, c.desired_state, c.drift_policy, c.keep_data, NULL, NULL, c.restarted_at, NULL, NULL, c.drift_rules, NULL)::orchestrator.deployment_revisions)
                   || v_more, v_actor
          FROM changed c
        UNION ALL
        SELECT c.id, c.generation, 'system', 'StatusChanged',
               jsonb_build_object('from', c.old_status, 'to', c.status_summary, 'message', c.status_message), 'orchestrator'
          FROM changed c WHERE c.status_summary <> c.old_status
    ), kept AS (
        INSERT INTO orchestrator.deployment_revisions
               (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, drift_rules, keep_data, restarted_at, actor, rolled_back_to, adopted, client)
        SELECT c.id, c.generation, c.template_id, c.template_version, c.parameters, c.desired_state, c.drift_policy, c.drift_rules, c.keep_data, c.restarted_at, v_actor, v_rollback, v_adopted, v_client
          FROM changed c
    )
    SELECT array_agg(c.id) INTO v_ids FROM changed c;
    PERFORM orchestrator.request_reconcile(v_ids, 'changed', v_actor);
    RETURN NULL;
END
$_$;

ALTER FUNCTION orchestrator.record_changed_deployments() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_changed_deployments(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_changed_deployments() IS 'Records and queues changed deployments.';

--
-- Name: record_digests(orchestrator.observation[], orchestrator.observation[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH news AS (
        SELECT o.deployment_id, array_agg(o.kind || '/' || o.name) FILTER (WHERE o.change = 'gone') AS gone,
               jsonb_object_agg(o.kind || '/' || o.name, o.digest) FILTER (WHERE o.change = 'seen' AND o.digest IS NOT NULL) AS seen
          FROM (SELECT * FROM unnest(p_gone) UNION ALL SELECT * FROM unnest(p_seen)) o GROUP BY o.deployment_id
    ), merged AS (
        SELECT c.deployment_id, (c.observed_json - coalesce(n.gone, '{}')) || coalesce(n.seen, '{}') AS observed_json
          FROM news n JOIN orchestrator.deployment_observed c USING (deployment_id)
    )
    UPDATE orchestrator.deployment_observed c SET observed_json = m.observed_json, observed_at = now()
      FROM merged m WHERE c.deployment_id = m.deployment_id AND c.observed_json <> m.observed_json
$$;

ALTER FUNCTION orchestrator.record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]) IS 'Updates the cache of live status.';

--
-- Name: record_drift(text, jsonb, uuid[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[] DEFAULT '{}'::uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_ids uuid[];
    v_drifted uuid[];
BEGIN
    p_rows := orchestrator.without_adopted(p_rows);
    WITH judged AS (
        UPDATE orchestrator.deployment_resources r
           SET drift = n.drift,
               drifted_at = CASE WHEN n.drift IS NOT NULL THEN coalesce(r.drifted_at, now()) END,
               -- Less what somebody undid by now: what becomes of that path later is not what a person decided about.
               enforce_once = nullif(ARRAY(SELECT p FROM unnest(r.enforce_once) p WHERE n.drift @> jsonb_build_array(jsonb_build_object('path', p))), '{}')
          FROM jsonb_to_recordset(p_rows) AS j (deployment_id uuid, kind text, namespace text, name text, drift jsonb)
          JOIN orchestrator.deployment_resources o ON o.cluster_id = v_cluster_id AND o.kind = j.kind AND o.namespace = j.namespace AND o.name = j.name
         CROSS JOIN LATERAL (SELECT nullif(orchestrator.lost_before(j.drift, o.drift), '[]') AS drift) n
         WHERE r.cluster_id = v_cluster_id AND r.kind = j.kind AND r.namespace = j.namespace AND r.name = j.name AND r.drift IS DISTINCT FROM n.drift
        RETURNING r.deployment_id, r.kind, r.namespace, r.name, r.drift, coalesce(o.drift, '[]') AS was
    ), news AS MATERIALIZED (
        SELECT d.id, d.generation, j.kind, j.namespace, j.name, n.changes, n.put_back
          FROM judged j
          JOIN orchestrator.deployments d ON d.id = j.deployment_id
          JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
         CROSS JOIN LATERAL (
               SELECT jsonb_agg(f.change) AS changes, bool_or(f.held IS NULL) AS put_back
                 FROM orchestrator.judge_drift(d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, j.kind, j.name, j.drift) f
                WHERE CASE WHEN f.held IS NULL THEN NOT j.was @> jsonb_build_array(f.change)
                           ELSE f.held <> 'ignored' AND NOT j.was @> jsonb_build_array(jsonb_build_object('path', f.path, 'manager', f.change -> 'manager')) END) n
         WHERE j.drift IS NOT NULL AND n.changes IS NOT NULL
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT n.id, n.generation, 'k8s_watch', 'ResourceModifiedExternally',
               jsonb_build_object('kind', n.kind, 'namespace', n.namespace, 'name', n.name, 'changes', n.changes),
               coalesce(n.changes -> 0 ->> 'manager', 'kubernetes')
          FROM news n
    )
    SELECT array_agg(DISTINCT j.deployment_id), (SELECT array_agg(DISTINCT n.id) FROM news n WHERE n.put_back)
      INTO v_ids, v_drifted FROM judged j;
    -- Of all that was looked at: a rule may be newer than the drift.
    PERFORM orchestrator.adopt_automatically(ARRAY(SELECT j.deployment_id FROM jsonb_to_recordset(p_rows) AS j (deployment_id uuid, drift jsonb) WHERE j.drift <> '[]'));
    v_ids := v_ids || p_unjudged;
    IF v_drifted IS NOT NULL THEN
        v_drifted := orchestrator.request_unless_paused(v_drifted, 'drift');
        v_ids := ARRAY(SELECT i FROM unnest(v_ids) i WHERE i <> ALL (v_drifted));
    END IF;
    PERFORM orchestrator.refresh_status(v_ids);
END
$$;

ALTER FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[]) IS 'Writes what changed behind our back.';

--
-- Name: record_gone(integer, orchestrator.observation[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_gone(p_cluster_id integer, p_gone orchestrator.observation[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_missing uuid[];
    v_removed uuid[];
BEGIN
    -- Gone once more, after a worker made it again: no news, but newer than that worker's settlement may think.
    UPDATE orchestrator.deployment_resources r SET resource_version = o.resource_version
      FROM unnest(p_gone) o
     WHERE r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name AND r.missing_since IS NOT NULL;
    WITH missing AS (
        UPDATE orchestrator.deployment_resources r
           SET missing_since = now(), resource_version = o.resource_version, health = 'Progressing', reason = 'Missing',
               message = 'deleted from outside', drift = NULL, drifted_at = NULL
          FROM unnest(p_gone) o JOIN orchestrator.deployments d ON d.id = o.deployment_id
         WHERE r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
           AND r.managed AND r.missing_since IS NULL AND orchestrator.is_wanted(d, r.kind, r.name)
        RETURNING d.id, d.generation, r.kind, r.namespace, r.name, r.uid
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT m.id, m.generation, 'k8s_watch', 'ResourceDeletedExternally',
               jsonb_build_object('kind', m.kind, 'namespace', m.namespace, 'name', m.name, 'uid', m.uid), 'kubernetes' FROM missing m
    )
    SELECT array_agg(DISTINCT m.id) INTO v_missing FROM missing m;
    WITH removed AS (
        DELETE FROM orchestrator.deployment_resources r
         USING unnest(p_gone) o, orchestrator.deployments d
         WHERE d.id = o.deployment_id
           AND r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
           AND NOT (r.managed AND orchestrator.is_wanted(d, r.kind, r.name))
        RETURNING d.id
    )
    SELECT array_agg(DISTINCT r.id) INTO v_removed FROM removed r;
    -- A pod that went needs no worker, except where a deletion waits for it.
    PERFORM orchestrator.refresh_status(v_removed);
    IF v_missing IS NOT NULL THEN
        v_missing := ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(p_gone) o
                            WHERE o.deployment_id = ANY (v_missing) AND EXISTS (
                        SELECT FROM orchestrator.judge_object(p_cluster_id, o.kind, o.namespace, o.name) j WHERE j.path = '' AND j.held IS NULL));
        PERFORM orchestrator.refresh_status(ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(p_gone) o WHERE o.deployment_id <> ALL (v_missing)));
    END IF;
    RETURN coalesce(v_missing, '{}') || ARRAY(
        SELECT d.id FROM orchestrator.deployments d WHERE d.id = ANY (v_removed) AND d.desired_state = 'Deleted' AND d.finalised_at IS NULL);
END
$$;

ALTER FUNCTION orchestrator.record_gone(p_cluster_id integer, p_gone orchestrator.observation[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_gone(p_cluster_id integer, p_gone orchestrator.observation[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_gone(p_cluster_id integer, p_gone orchestrator.observation[]) IS 'Writes which objects no longer exist.';

--
-- Name: record_inventory(uuid, bigint, jsonb, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF jsonb_array_length(p_applied) > 0 THEN
        INSERT INTO orchestrator.deployment_resources AS r
               (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, fields_hash, applied_generation,
                applied_resource_version, applied_fields, applied_fields_hash, rendered_hash, withheld, enforce_once, drift, drifted_at, health, reason, message, last_seen_at, managed)
        SELECT p_id, d.cluster_id, a.api_version, a.kind, a.namespace, a.name, a.uid, a.resource_version, a.fields_hash, p_generation,
               a.resource_version, a.fields, a.fields_hash, a.rendered_hash, a.withheld, a.enforced, nullif(a.drift, '[]'),
               CASE WHEN a.drift <> '[]' THEN now() END, a.health, coalesce(a.reason, ''), coalesce(a.message, ''), now(), true
          FROM jsonb_to_recordset(p_applied) AS a (api_version text, kind text, namespace text, name text, uid text, resource_version bigint,
                                                   fields jsonb, fields_hash text, rendered_hash text,
                                                   withheld text[], enforced text[], drift jsonb, health text, reason text, message text)
          JOIN orchestrator.deployments d ON d.id = p_id
        ON CONFLICT (cluster_id, kind, namespace, name) DO UPDATE
           SET deployment_id = excluded.deployment_id, api_version = excluded.api_version, uid = excluded.uid,
               resource_version = greatest(r.resource_version, excluded.resource_version),
               fields_hash = CASE WHEN r.uid = excluded.uid AND r.resource_version > excluded.resource_version THEN r.fields_hash ELSE excluded.fields_hash END,
               applied_generation = excluded.applied_generation, applied_resource_version = excluded.applied_resource_version,
               applied_fields = excluded.applied_fields, applied_fields_hash = excluded.applied_fields_hash, rendered_hash = excluded.rendered_hash,
               withheld = excluded.withheld,
               -- Only what this run knew of has been carried out.
               enforce_once = nullif(ARRAY(SELECT unnest(r.enforce_once) EXCEPT SELECT unnest(excluded.enforce_once)), '{}'),
               -- Drift seen above our own apply is news; drift from below it has just been put back, but for what was left to others.
               drift = CASE WHEN r.uid = excluded.uid AND r.resource_version > excluded.resource_version
                                 AND (r.fields_hash <> excluded.fields_hash OR excluded.withheld IS NOT NULL) THEN r.drift ELSE excluded.drift END,
               drifted_at = CASE WHEN r.uid = excluded.uid AND r.resource_version > excluded.resource_version
                                      AND (r.fields_hash <> excluded.fields_hash OR excluded.withheld IS NOT NULL) THEN r.drifted_at
                                 WHEN excluded.drift IS NOT NULL THEN coalesce(r.drifted_at, excluded.drifted_at) END,
               missing_since = CASE WHEN r.resource_version > excluded.resource_version THEN r.missing_since END,
               -- Nor is a changed workload well as it was before: until it is observed, what its own answer told.
               health = CASE WHEN excluded.health IS NULL OR (r.uid = excluded.uid AND r.resource_version >= excluded.resource_version) THEN r.health ELSE excluded.health END,
               reason = CASE WHEN excluded.health IS NULL OR (r.uid = excluded.uid AND r.resource_version >= excluded.resource_version) THEN r.reason ELSE excluded.reason END,
               message = CASE WHEN excluded.health IS NULL OR (r.uid = excluded.uid AND r.resource_version >= excluded.resource_version) THEN r.message ELSE excluded.message END,
               last_seen_at = excluded.last_seen_at, managed = true;
    END IF;
    IF jsonb_array_length(p_pruned) > 0 THEN
        DELETE FROM orchestrator.deployment_resources r
         USING jsonb_to_recordset(p_pruned) AS p (kind text, namespace text, name text)
         WHERE r.deployment_id = p_id AND r.kind = p.kind AND r.namespace = p.namespace AND r.name = p.name;
    END IF;
END
$$;

ALTER FUNCTION orchestrator.record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb) IS 'Writes what a worker applied and pruned.';

--
-- Name: record_kubernetes_events(text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_kubernetes_events(p_cluster text, p_batch jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_told uuid[];
    v_warned uuid[];
BEGIN
    WITH named AS (
        SELECT CASE WHEN w.kind = 'ReplicaSet' THEN 'Deployment' ELSE w.kind END AS kind, w.namespace,
               CASE WHEN w.kind = 'ReplicaSet' THEN regexp_replace(w.name, '-[^-]*$', '') ELSE w.name END AS name,
               w.type, w.reason, left(w.message, 1000) AS message, w.count, w.last_at
          FROM jsonb_to_recordset(p_batch) AS w (type text, kind text, namespace text, name text, reason text, message text, count integer, last_at timestamptz)
         WHERE w.kind = 'Pod' OR w.type = 'Warning'
    ), ours AS (
        SELECT r.deployment_id, n.kind || '/' || n.name AS key, n.type, n.reason, n.message, n.count, n.last_at
          FROM named n JOIN orchestrator.deployment_resources r ON r.kind = n.kind AND r.namespace = n.namespace AND r.name = n.name
          JOIN orchestrator.clusters c ON c.id = r.cluster_id AND c.name = p_cluster
    ), held AS (
        SELECT id FROM unnest(orchestrator.lock_deployments(ARRAY(SELECT DISTINCT o.deployment_id FROM ours o))) id
    ), merged AS (
        SELECT DISTINCT ON (a.deployment_id, a.key, a.type, a.reason, a.message) a.*
          FROM (SELECT o.* FROM ours o JOIN held h ON h.id = o.deployment_id
                UNION ALL
                SELECT h.id, k.key, e.type, e.reason, e.message, e.count, e.last_at
                  FROM held h JOIN orchestrator.deployment_observed c ON c.deployment_id = h.id, jsonb_each(c.events_json) k,
                       jsonb_to_recordset(k.value) AS e (type text, reason text, message text, count integer, last_at timestamptz)) a
         WHERE a.last_at > now() - interval '1 hour'
         ORDER BY a.deployment_id, a.key, a.type, a.reason, a.message, a.last_at DESC, a.count DESC
    ), ranked AS (
        SELECT m.*, row_number() OVER (PARTITION BY m.deployment_id, m.key ORDER BY m.last_at DESC, m.reason) AS of_object,
               row_number() OVER (PARTITION BY m.deployment_id ORDER BY m.last_at DESC, m.reason) AS of_all
          FROM merged m
    ), lists AS (
        SELECT r.deployment_id, r.key, jsonb_agg(jsonb_build_object('type', r.type, 'reason', r.reason, 'message', r.message,
                   'count', r.count, 'last_at', r.last_at) ORDER BY r.last_at DESC, r.reason) AS list
          FROM ranked r WHERE r.of_object <= 10 AND r.of_all <= 200 GROUP BY r.deployment_id, r.key
    ), events AS (
        SELECT h.id, coalesce(jsonb_object_agg(l.key, l.list) FILTER (WHERE l.key IS NOT NULL), '{}') AS events
          FROM held h LEFT JOIN lists l ON l.deployment_id = h.id GROUP BY h.id
    ), warned AS (
        SELECT o.deployment_id, jsonb_object_agg(o.key, jsonb_build_object(
                   'reason', o.reason, 'message', o.message, 'count', o.count, 'last_at', o.last_at) ORDER BY o.last_at) AS warnings
          FROM ours o WHERE o.type = 'Warning' GROUP BY o.deployment_id
    ), cache AS (
        SELECT e.id, e.events, w.warnings IS NOT NULL AS warned,
               CASE WHEN w.warnings IS NULL THEN c.observed_json ELSE jsonb_set(c.observed_json, '{warnings}', w.warnings || coalesce((
                   SELECT jsonb_object_agg(k.key, k.value) FROM jsonb_each(c.observed_json -> 'warnings') k
                    WHERE (k.value ->> 'last_at')::timestamptz > now() - interval '1 hour' AND NOT w.warnings ? k.key), '{}')) END AS observed
          FROM events e JOIN orchestrator.deployment_observed c ON c.deployment_id = e.id LEFT JOIN warned w ON w.deployment_id = e.id
    ), kept AS (
        UPDATE orchestrator.deployment_observed c SET observed_json = n.observed, events_json = n.events
          FROM cache n WHERE c.deployment_id = n.id AND (c.observed_json, c.events_json) IS DISTINCT FROM (n.observed, n.events)
        RETURNING c.deployment_id, n.warned
    )
    SELECT array_agg(k.deployment_id), array_agg(k.deployment_id) FILTER (WHERE k.warned) INTO v_told, v_warned FROM kept k;
    PERFORM orchestrator.refresh_status(v_warned);
    IF v_told IS NOT NULL THEN
        -- Open pages show them; they are no history, which would have told.
        PERFORM pg_notify('orchestrator_events', '');
    END IF;
END
$_$;

ALTER FUNCTION orchestrator.record_kubernetes_events(p_cluster text, p_batch jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_kubernetes_events(p_cluster text, p_batch jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_kubernetes_events(p_cluster text, p_batch jsonb) IS 'Keeps what Kubernetes itself tells about our objects.';

--
-- Name: record_new_deployments(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_new_deployments() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    v_actor text := orchestrator.current_actor();
    v_ids uuid[] := ARRAY(SELECT a.id FROM after_rows a);
BEGIN
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT a.id, a.generation, 'user', 'DeploymentCreated',
           jsonb_build_object('name', a.name, 'namespace', a.namespace, 'template', t.name, 'template_version', a.template_version,
                              'parameters', a.parameters, 'desired_state', a.desired_state), v_actor
      FROM after_rows a JOIN orchestrator.templates t ON t.id = a.template_id AND t.version = a.template_version;
    INSERT INTO orchestrator.deployment_revisions
           (deployment_id, generation, template_id, template_version, parameters, desired_state, drift_policy, drift_rules, keep_data, actor, client)
    SELECT a.id, a.generation, a.template_id, a.template_version, a.parameters, a.desired_state, a.drift_policy, a.drift_rules, a.keep_data, v_actor, orchestrator.current_client()
      FROM after_rows a;
    INSERT INTO orchestrator.deployment_observed (deployment_id) SELECT unnest(v_ids);
    INSERT INTO orchestrator.reconcile_slots (deployment_id, cluster_id) SELECT a.id, a.cluster_id FROM after_rows a;
    PERFORM orchestrator.request_reconcile(v_ids, 'created', v_actor);
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.record_new_deployments() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_new_deployments(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_new_deployments() IS 'Records and queues new deployments.';

--
-- Name: record_observations(text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb) RETURNS TABLE(verdict text, deployment_id uuid, kind text, namespace text, name text, deployment_name text, generation bigint, template_version integer, root_uid text, applied_fields jsonb, wanted jsonb, known jsonb, unjudged boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_batch orchestrator.observation[];
    v_ids uuid[];
    v_held uuid[];
    v_gone orchestrator.observation[];
    v_seen orchestrator.observation[];
    v_suspects orchestrator.observation[];
    v_changed uuid[];
    v_suspected uuid[];
    v_recreated boolean;
    v_lost uuid[] := '{}';
BEGIN
    v_batch := orchestrator.locate_observations(v_cluster_id, p_batch);
    v_ids := ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(v_batch) o);
    v_held := orchestrator.lock_deployments(v_ids);
    -- A drift waits for each of these statements, and nearly always there is nothing for most of them to do.
    IF cardinality(v_held) < cardinality(v_ids) THEN
        RETURN QUERY SELECT 'busy', o.deployment_id, o.kind, o.namespace, o.name, NULL::text, NULL::bigint, NULL::integer, NULL::text, NULL::jsonb, NULL::jsonb, NULL::jsonb, NULL::boolean
          FROM unnest(v_batch) o WHERE o.deployment_id <> ALL (v_held);
    END IF;
    -- All that the inventory has to say of these objects is asked for at once. An older observation never overwrites a newer one; an
    -- equal one may bring the health that our own apply could not know.
    -- Suspects are objects whose owned fields differ from what we applied. Older than our apply is no news. One that was judged before is
    -- judged again: the fields lost may be the same and their values others, and what was seen before its apply was settled was not
    -- judged. So is one that leaves fields to others: those may have other values by now, and ours tell nothing of it. A newer
    -- generation with the same fields is an apply of ours that is not settled yet: its other values are no news.
    SELECT coalesce(array_agg(o) FILTER (WHERE o.change = 'gone'), '{}'),
           coalesce(array_agg(o) FILTER (WHERE o.change = 'seen'), '{}'),
           coalesce(array_agg(o) FILTER (WHERE o.change = 'seen' AND r.managed AND r.uid = o.uid AND o.resource_version > r.applied_resource_version
               AND (r.withheld IS NOT NULL OR (o.fields_hash <> r.applied_fields_hash
                    AND NOT (coalesce(o.generation > r.applied_generation, false) AND left(o.fields_hash, 16) = left(r.applied_fields_hash, 16))))
               AND d.desired_state <> 'Deleted'), '{}'),
           coalesce(array_agg(DISTINCT o.deployment_id) FILTER (WHERE o.change = 'seen' AND (r.kind IS NULL OR r.missing_since IS NOT NULL
               OR (r.health, r.reason, r.message, r.revision) IS DISTINCT FROM (o.health, o.reason, o.message, o.digest ->> 'revision')
               OR (r.drift IS NOT NULL AND r.withheld IS NULL AND o.fields_hash = r.applied_fields_hash))), '{}'),
           coalesce(bool_or(o.change = 'seen' AND r.uid <> o.uid AND NOT o.ours), false)
      INTO v_gone, v_seen, v_suspects, v_changed, v_recreated
      FROM unnest(v_batch) o
      LEFT JOIN LATERAL (
          SELECT k.kind, k.uid, k.managed, k.resource_version, k.applied_resource_version, k.applied_generation, k.applied_fields_hash, k.withheld,
                 k.missing_since, k.health, k.reason, k.message, k.revision, k.drift
            FROM orchestrator.deployment_resources k
           WHERE k.cluster_id = v_cluster_id AND k.kind = o.kind AND k.namespace = o.namespace AND k.name = o.name OFFSET 0) r ON true
      LEFT JOIN LATERAL (SELECT k.desired_state FROM orchestrator.deployments k WHERE k.id = o.deployment_id OFFSET 0) d ON true
     WHERE o.deployment_id = ANY (v_held) AND o.resource_version >= coalesce(r.resource_version, 0);
    IF v_gone <> '{}' THEN
        v_lost := orchestrator.record_gone(v_cluster_id, v_gone);
    END IF;
    IF v_recreated THEN
        v_lost := v_lost || orchestrator.record_recreated(v_cluster_id, v_seen);
    END IF;
    IF v_seen <> '{}' THEN
        PERFORM orchestrator.record_seen(v_cluster_id, v_seen);
    END IF;
    IF v_lost <> '{}' THEN
        PERFORM orchestrator.request_unless_paused(v_lost, 'observed');
        v_changed := v_changed || v_lost;
    END IF;
    IF v_suspects = '{}' THEN
        PERFORM orchestrator.record_digests(v_gone, v_seen);
        PERFORM orchestrator.refresh_status(v_changed);
        RETURN;
    END IF;
    -- Somebody waits for a drift to be told of, and nobody for the status of a deployment that is put right at once.
    v_suspected := ARRAY(SELECT o.deployment_id FROM unnest(v_suspects) o);
    IF NOT v_changed <@ v_suspected THEN
        PERFORM orchestrator.refresh_status(ARRAY(SELECT c FROM unnest(v_changed) c WHERE c <> ALL (v_suspected)));
    END IF;
    RETURN QUERY
    SELECT 'suspect', d.id, o.kind, o.namespace, o.name, d.name, r.applied_generation, d.template_version, root.uid, r.applied_fields,
           (SELECT m FROM jsonb_array_elements(orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at)) m
             WHERE m ->> 'kind' = o.kind AND m -> 'metadata' ->> 'name' = o.name LIMIT 1), r.drift, d.id = ANY (v_changed)
      FROM unnest(v_suspects) o
      JOIN orchestrator.deployments d ON d.id = o.deployment_id
      JOIN orchestrator.deployment_resources r ON r.cluster_id = v_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
      LEFT JOIN orchestrator.deployment_resources root
             ON root.cluster_id = v_cluster_id AND root.kind = 'ConfigMap' AND root.namespace = d.namespace AND root.name = d.name || '-root';
END
$$;

ALTER FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_observations(p_cluster text, p_batch jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb) IS 'Writes what a watcher saw.';

--
-- Name: record_players(uuid, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_players(p_deployment_id uuid, p_online integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

ALTER FUNCTION orchestrator.record_players(p_deployment_id uuid, p_online integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_players(p_deployment_id uuid, p_online integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_players(p_deployment_id uuid, p_online integer) IS 'Tells how many play on a server.';

--
-- Name: record_put_backs(uuid, bigint, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    WITH done AS (
        SELECT DISTINCT ON (r.kind, r.name, b.path) d.cluster_id, r.kind, r.name, b.path, b.manager
          FROM jsonb_to_recordset(p_resources) AS r (kind text, name text, put_back jsonb)
         CROSS JOIN LATERAL jsonb_to_recordset(r.put_back) AS b (path text, manager text)
          JOIN orchestrator.deployments d ON d.id = p_id
         ORDER BY r.kind, r.name, b.path
    ), known AS (
        SELECT n.*, p.contested_since, coalesce(p.put_backs, 0) AS put_backs, c.contested_after, c.contested_wait_seconds,
               c.contested_longest_wait_seconds, p.recent AS known_recent,
               ARRAY(SELECT t FROM unnest(p.recent) t WHERE t > now() - make_interval(secs => c.contested_within_seconds)) || now() AS recent
          FROM done n
          JOIN orchestrator.clusters c ON c.id = n.cluster_id
          LEFT JOIN orchestrator.put_backs p ON p.deployment_id = p_id AND p.kind = n.kind AND p.name = n.name AND p.path = n.path
    ), counted AS (
        SELECT k.cluster_id, k.kind, k.name, k.path, k.manager, k.contested_since IS NOT NULL OR cardinality(k.recent) >= k.contested_after AS contested,
               CASE WHEN k.contested_since IS NULL THEN cardinality(k.recent) ELSE k.put_backs + 1 END AS put_backs,
               CASE WHEN k.contested_since IS NULL THEN k.recent ELSE k.known_recent END AS recent,
               CASE WHEN k.contested_since IS NULL THEN 0 ELSE least(k.put_backs + 1 - cardinality(k.known_recent), 20) END AS doublings,
               k.contested_wait_seconds, k.contested_longest_wait_seconds
          FROM known k
    ), written AS (
        INSERT INTO orchestrator.put_backs AS p
               (deployment_id, cluster_id, kind, name, path, manager, put_backs, recent, last_at, generation, contested_since, next_at)
        SELECT p_id, n.cluster_id, n.kind, n.name, n.path, n.manager, n.put_backs, n.recent, now(), p_generation, CASE WHEN n.contested THEN now() END,
               CASE WHEN n.contested THEN now() + make_interval(secs =>
                   least(n.contested_longest_wait_seconds, n.contested_wait_seconds * 2 ^ n.doublings) * (1 + random())) END
          FROM counted n
        ON CONFLICT (deployment_id, kind, name, path) DO UPDATE
           SET manager = coalesce(excluded.manager, p.manager), put_backs = excluded.put_backs, recent = excluded.recent, last_at = excluded.last_at, generation = excluded.generation,
               contested_since = coalesce(p.contested_since, excluded.contested_since), next_at = excluded.next_at
        RETURNING p.*
    )
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, 'system', 'Contested',
           jsonb_build_object('kind', w.kind, 'namespace', d.namespace, 'name', w.name, 'path', w.path, 'manager', w.manager, 'put_back', w.put_backs,
                              'within', c.contested_within_seconds, 'next', w.next_at), coalesce(w.manager, 'kubernetes')
      FROM written w JOIN orchestrator.deployments d ON d.id = w.deployment_id JOIN orchestrator.clusters c ON c.id = w.cluster_id
     WHERE w.put_backs = cardinality(w.recent) AND w.contested_since IS NOT NULL;
END
$$;

ALTER FUNCTION orchestrator.record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb) IS 'Counts what was put back, and tells what is contested.';

--
-- Name: record_recreated(integer, orchestrator.observation[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_ids uuid[];
BEGIN
    WITH recreated AS (
        UPDATE orchestrator.deployment_resources r
           SET uid = o.uid, rendered_hash = NULL, applied_fields = NULL, applied_fields_hash = NULL, applied_resource_version = NULL,
               missing_since = NULL, drift = NULL, drifted_at = NULL
          FROM unnest(p_seen) o JOIN orchestrator.deployments d ON d.id = o.deployment_id,
               LATERAL (SELECT b.uid FROM orchestrator.deployment_resources b
                         WHERE b.cluster_id = p_cluster_id AND b.kind = o.kind AND b.namespace = o.namespace AND b.name = o.name) old
         WHERE r.cluster_id = p_cluster_id AND r.kind = o.kind AND r.namespace = o.namespace AND r.name = o.name
           AND r.managed AND r.uid <> o.uid AND NOT o.ours AND d.desired_state <> 'Deleted'
        RETURNING d.id, d.generation, r.kind, r.namespace, r.name, old.uid AS was, r.uid
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT c.id, c.generation, 'k8s_watch', 'ResourceRecreated',
               jsonb_build_object('kind', c.kind, 'namespace', c.namespace, 'name', c.name, 'from_uid', c.was, 'to_uid', c.uid), 'kubernetes' FROM recreated c
    )
    SELECT array_agg(DISTINCT c.id) INTO v_ids FROM recreated c;
    RETURN ARRAY(SELECT DISTINCT o.deployment_id FROM unnest(p_seen) o
                  WHERE o.deployment_id = ANY (v_ids) AND NOT o.ours AND EXISTS (
                        SELECT FROM orchestrator.judge_object(p_cluster_id, o.kind, o.namespace, o.name) j WHERE j.path = '' AND j.held IS NULL));
END
$$;

ALTER FUNCTION orchestrator.record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]) IS 'Writes which objects were replaced from outside.';

--
-- Name: record_relist(text, text, bigint, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb) RETURNS TABLE(namespace text, name text, uid text, deployment_id uuid, generation bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_nestloop TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    v_cluster orchestrator.clusters;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    -- Rows somebody holds are being written this moment, which is as good as seen.
    WITH present AS (
        SELECT * FROM jsonb_to_recordset(p_present) AS p (namespace text, name text, uid text)
    ), seen AS (
        SELECT r.namespace, r.name FROM orchestrator.deployment_resources r JOIN present p USING (namespace, name, uid)
         WHERE r.cluster_id = v_cluster.id AND r.kind = p_kind AND r.last_seen_at < now() - make_interval(secs => v_cluster.resync_seconds * 0.4)
           FOR NO KEY UPDATE OF r SKIP LOCKED
    )
    UPDATE orchestrator.deployment_resources r SET last_seen_at = now()
      FROM seen s WHERE r.cluster_id = v_cluster.id AND r.kind = p_kind AND r.namespace = s.namespace AND r.name = s.name;
    INSERT INTO orchestrator.watch_streams AS w (cluster_id, kind, state, synced_at) VALUES (v_cluster.id, p_kind, 'synced', now())
    ON CONFLICT (cluster_id, kind) DO UPDATE SET state = 'synced', error = NULL, synced_at = now(),
           changed_at = CASE WHEN w.state = 'synced' THEN w.changed_at ELSE now() END;
    RETURN QUERY
    SELECT r.namespace, r.name, r.uid, r.deployment_id, r.applied_generation FROM orchestrator.deployment_resources r
      LEFT JOIN jsonb_to_recordset(p_present) AS p (namespace text, name text, uid text) USING (namespace, name)
     WHERE r.cluster_id = v_cluster.id AND r.kind = p_kind AND r.missing_since IS NULL AND r.resource_version <= p_resource_version
       -- An edit that was seen before its apply was settled could not be judged then: have it looked at now.
       AND (p.name IS NULL OR (r.managed AND r.drift IS NULL AND r.uid = p.uid AND r.fields_hash <> r.applied_fields_hash));
END
$$;

ALTER FUNCTION orchestrator.record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb) IS 'Writes that a kind was listed in full; answers what it lacked.';

--
-- Name: record_seen(integer, orchestrator.observation[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_seen(p_cluster_id integer, p_seen orchestrator.observation[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO orchestrator.deployment_resources AS r
           (deployment_id, cluster_id, api_version, kind, namespace, name, uid, resource_version, fields_hash, health, reason, message,
            revision, last_seen_at, managed)
    SELECT o.deployment_id, p_cluster_id, o.api_version, o.kind, o.namespace, o.name, o.uid, o.resource_version, o.fields_hash,
           o.health, o.reason, o.message, o.digest ->> 'revision', now(), o.ours AND o.kind <> 'Pod'
      FROM unnest(p_seen) o
    ON CONFLICT (cluster_id, kind, namespace, name) DO UPDATE
       SET uid = excluded.uid, resource_version = excluded.resource_version, fields_hash = excluded.fields_hash, health = excluded.health,
           reason = excluded.reason, message = excluded.message, revision = excluded.revision, last_seen_at = excluded.last_seen_at, missing_since = NULL,
           -- What our own apply was answered with (rewritten) reads the same to us as no drift.
           drift = CASE WHEN r.withheld IS NOT NULL OR excluded.fields_hash IS DISTINCT FROM r.applied_fields_hash OR r.drift @> '[{"reason": "rewritten"}]' THEN r.drift END,
           drifted_at = CASE WHEN r.withheld IS NOT NULL OR excluded.fields_hash IS DISTINCT FROM r.applied_fields_hash OR r.drift @> '[{"reason": "rewritten"}]' THEN r.drifted_at END;
END
$$;

ALTER FUNCTION orchestrator.record_seen(p_cluster_id integer, p_seen orchestrator.observation[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_seen(p_cluster_id integer, p_seen orchestrator.observation[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_seen(p_cluster_id integer, p_seen orchestrator.observation[]) IS 'Writes which objects exist, and how they are.';

--
-- Name: record_stream(text, text, text, bigint, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    INSERT INTO orchestrator.watch_streams AS w (cluster_id, kind, state, restarts, error, synced_at)
    SELECT c.id, p_kind, p_state, p_restarts, p_error, CASE WHEN p_state = 'synced' THEN now() END
      FROM orchestrator.clusters c WHERE c.name = p_cluster
    ON CONFLICT (cluster_id, kind) DO UPDATE
       SET state = excluded.state, restarts = excluded.restarts, error = excluded.error,
           changed_at = CASE WHEN w.state = excluded.state THEN w.changed_at ELSE now() END,
           synced_at = coalesce(excluded.synced_at, w.synced_at)
$$;

ALTER FUNCTION orchestrator.record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text) IS 'Writes the state of a watch.';

--
-- Name: refresh_status(uuid[], bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.refresh_status(p_ids uuid[], p_applied bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF coalesce(p_ids, '{}') = '{}' THEN
        RETURN;
    END IF;
    WITH changed AS (
        SELECT d.id, d.generation, d.status_summary AS was, a.summary, a.message, a.restart_required,
               greatest(d.last_applied_generation, p_applied) AS applied
          FROM orchestrator.assess_deployments(p_ids, p_applied) a JOIN orchestrator.deployments d ON d.id = a.id
         WHERE (d.status_summary, d.status_message, d.restart_required) IS DISTINCT FROM (a.summary, a.message, a.restart_required)
            OR d.last_applied_generation < p_applied
    ), told AS (
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT c.id, c.generation, 'system', 'StatusChanged', jsonb_build_object('from', c.was, 'to', c.summary, 'message', c.message), 'orchestrator'
          FROM changed c WHERE c.was <> c.summary
    )
    UPDATE orchestrator.deployments d SET status_summary = c.summary, status_message = c.message, restart_required = c.restart_required,
           last_applied_generation = c.applied
      FROM changed c WHERE d.id = c.id;
END
$$;

ALTER FUNCTION orchestrator.refresh_status(p_ids uuid[], p_applied bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION refresh_status(p_ids uuid[], p_applied bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.refresh_status(p_ids uuid[], p_applied bigint) IS 'Writes the status of deployments where it changed.';

--
-- Name: refuse(text, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = p_message, DETAIL = p_path, HINT = p_hint;
END
$$;

ALTER FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION refuse(p_code text, p_message text, p_path text, p_hint text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) IS 'Raises an error with SQLSTATE, message, path (DETAIL) and hint.';

--
-- Name: refuse_delete(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.refuse_delete() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.refuse('SO409', 'deployments are not deleted as rows', 'deployments',
        'UPDATE deployments SET desired_state = ''Deleted'' WHERE …; objects then go in order and the history stays.');
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.refuse_delete() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION refuse_delete(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.refuse_delete() IS 'Refuses DELETE of deployments.';

--
-- Name: release(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.release(p_leases jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_lease jsonb;
    v_slot orchestrator.reconcile_slots;
    v_count integer := 0;
    v_free uuid[] := orchestrator.lock_deployments(ARRAY(SELECT (l ->> 'deployment_id')::uuid FROM jsonb_array_elements(p_leases) l));
BEGIN
    FOR v_lease IN SELECT l FROM jsonb_array_elements(p_leases) l WHERE (l ->> 'deployment_id')::uuid = ANY (v_free)
                   ORDER BY l ->> 'queue', (l ->> 'msg_id')::bigint LOOP
        CONTINUE WHEN NOT orchestrator.end_lease(v_lease);
        UPDATE orchestrator.reconcile_slots s SET msg_id = NULL WHERE s.deployment_id = (v_lease ->> 'deployment_id')::uuid RETURNING s.* INTO v_slot;
        PERFORM orchestrator.enqueue(v_slot.cluster_id, ARRAY[v_slot.deployment_id], 'now');
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;

ALTER FUNCTION orchestrator.release(p_leases jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION release(p_leases jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.release(p_leases jsonb) IS 'Hands leases back.';

--
-- Name: render_program(orchestrator.template_programs, jsonb, text, text, uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.render_program(p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_given jsonb := p_parameters || jsonb_build_object('name', p_name, 'namespace', p_namespace, 'id', p_id);
    v_names text[] := p_program.parameter_names;
    v_arguments text[] := p_program.arguments;
    v_bodies text[] := p_program.bodies;
    v_conditions text[] := p_program.conditions;
    v_parts text[] := '{}';
    v_count integer := cardinality(v_names);
BEGIN
    -- Few statements: in PL/pgSQL each costs about as much as what it does here.
    FOR i IN 1 .. v_count LOOP
        CONTINUE WHEN NOT v_given ? v_names[i];
        v_arguments[i] := (v_given -> v_names[i])::text;
        v_arguments[v_count + i] := CASE WHEN left(v_arguments[i], 1) = '"' THEN substr(v_arguments[i], 2, length(v_arguments[i]) - 2) ELSE v_arguments[i] END;
    END LOOP;
    FOR i IN 1 .. cardinality(v_bodies) LOOP
        -- A manifest whose condition does not hold is NULL, which array_to_string leaves out.
        v_parts[i] := CASE WHEN v_arguments[array_position(v_names, v_conditions[i])] <> 'true' THEN NULL ELSE format(v_bodies[i], VARIADIC v_arguments) END;
        v_arguments[2 * v_count + i] := coalesce(md5(v_parts[i]), '');
    END LOOP;
    RETURN ('[' || array_to_string(v_parts, ',') || ']')::jsonb;
END
$$;

ALTER FUNCTION orchestrator.render_program(p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION render_program(p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.render_program(p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid) IS 'Renders a compiled template for one deployment.';

--
-- Name: repair(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.repair(p_cluster text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_lost uuid[];
    v_ids uuid[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('orchestrator.repair'), v_cluster_id) THEN
        RETURN 0;
    END IF;
    WITH lost AS (
        SELECT s.deployment_id FROM orchestrator.reconcile_slots s
         WHERE s.cluster_id = v_cluster_id AND s.msg_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM orchestrator.messages q
                    WHERE q.queue = s.queue AND q.msg_id = s.msg_id AND q.message ->> 'id' = s.deployment_id::text)
         ORDER BY s.deployment_id FOR UPDATE SKIP LOCKED
    ), cleared AS (
        UPDATE orchestrator.reconcile_slots s SET msg_id = NULL, queue = NULL FROM lost WHERE s.deployment_id = lost.deployment_id
        RETURNING s.deployment_id
    )
    SELECT array_agg(c.deployment_id) INTO v_lost FROM cleared c;
    v_ids := ARRAY(SELECT s.deployment_id FROM orchestrator.reconcile_slots s
                    WHERE s.cluster_id = v_cluster_id AND s.msg_id IS NULL AND s.due_at IS NULL AND s.quarantined_at IS NULL
                      AND NOT s.last_error_permanent AND (s.requested > s.settled OR s.deployment_id = ANY (coalesce(v_lost, '{}')))
                    ORDER BY s.deployment_id FOR UPDATE SKIP LOCKED);
    IF v_ids <> '{}' THEN
        PERFORM orchestrator.enqueue(v_cluster_id, v_ids, 'bulk');
        INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
        SELECT d.id, d.generation, 'system', 'DeploymentQueued', '{"reason": "repair"}', 'orchestrator'
          FROM orchestrator.deployments d WHERE d.id = ANY (v_ids);
    END IF;
    RETURN cardinality(v_ids);
END
$$;

ALTER FUNCTION orchestrator.repair(p_cluster text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION repair(p_cluster text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.repair(p_cluster text) IS 'Queues again what lost its message.';

--
-- Name: replace_password(bigint, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.replace_password(p_user_id bigint, p_hash text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF coalesce(p_hash, '') !~ '^\$argon2id\$' THEN
        PERFORM orchestrator.refuse('SO422', 'this is no hash of a password', 'password', 'Give one of argon2id; a password itself is never sent to Postgres.');
    END IF;
    UPDATE orchestrator.users u SET password_set_at = now(), link_expires_at = NULL WHERE u.id = p_user_id;
    UPDATE orchestrator.user_secrets s SET password_hash = p_hash, link_hash = NULL WHERE s.user_id = p_user_id;
    DELETE FROM orchestrator.sessions s WHERE s.user_id = p_user_id;
END
$_$;

ALTER FUNCTION orchestrator.replace_password(p_user_id bigint, p_hash text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION replace_password(p_user_id bigint, p_hash text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.replace_password(p_user_id bigint, p_hash text) IS 'Sets the hash of a user''s password and ends their sessions.';

--
-- Name: report_cluster(text, boolean, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    -- Longer than workers let pass between two reports (UPKEEP_SECONDS in workers/upkeep.py).
    c_lately CONSTANT interval := '20 seconds';
    v_id integer;
    v_ids uuid[];
    v_was_reachable boolean;
BEGIN
    SELECT c.id, c.unreachable_since IS NULL INTO v_id, v_was_reachable FROM orchestrator.clusters c WHERE c.name = p_cluster;
    UPDATE orchestrator.processes p SET reached_at = CASE WHEN p_reachable THEN now() END
     WHERE p.cluster_id = v_id AND p.kind = 'worker' AND p.name = p_worker AND (p_reachable OR p.reached_at IS NOT NULL);
    IF NOT p_reachable AND EXISTS (
        SELECT FROM orchestrator.processes p
         WHERE p.cluster_id = v_id AND p.kind = 'worker' AND p.name IS DISTINCT FROM p_worker AND p.reached_at > now() - c_lately) THEN
        RETURN;
    END IF;
    UPDATE orchestrator.clusters c
       SET reachable_since = CASE WHEN p_reachable THEN now() END,
           unreachable_since = CASE WHEN NOT p_reachable THEN coalesce(c.unreachable_since, now()) END,
           unreachable_reason = CASE WHEN NOT p_reachable THEN p_reason END
     WHERE c.id = v_id AND ((c.unreachable_since IS NULL) <> p_reachable OR (NOT p_reachable AND c.unreachable_reason IS DISTINCT FROM p_reason));
    v_ids := orchestrator.lock_deployments(ARRAY(
        SELECT s.deployment_id FROM orchestrator.reconcile_slots s
         WHERE s.cluster_id = v_id
           AND CASE WHEN p_reachable THEN s.deferred_since IS NOT NULL
                    -- Whose own run was deferred has its event, and learns why from the first report.
                    WHEN s.deferred_since IS NOT NULL THEN v_was_reachable
                    ELSE s.msg_id IS NOT NULL OR s.due_at <= now() END));
    IF v_ids = '{}' THEN
        RETURN;
    END IF;
    IF p_reachable THEN
        UPDATE orchestrator.reconcile_slots s SET deferred_since = NULL, due_at = CASE WHEN s.due_at IS NOT NULL THEN now() END
         WHERE s.deployment_id = ANY (v_ids);
        PERFORM orchestrator.nudge(v_id);
    ELSE
        PERFORM orchestrator.defer(v_id, v_ids);
    END IF;
    PERFORM orchestrator.refresh_status(v_ids);
END
$$;

ALTER FUNCTION orchestrator.report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text) IS 'Records whether a cluster is reachable.';

--
-- Name: report_process(text, text, text, double precision, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    INSERT INTO orchestrator.processes AS p (cluster_id, kind, name, active, started_at)
    SELECT c.id, p_kind, p_name, p_active, now() - make_interval(secs => p_age_seconds) FROM orchestrator.clusters c WHERE c.name = p_cluster
    ON CONFLICT (cluster_id, kind, name) DO UPDATE SET active = excluded.active, started_at = excluded.started_at, last_seen_at = now();
    -- Never waiting: several clear away at once, each holding its own row.
    DELETE FROM orchestrator.processes p USING (
        SELECT o.cluster_id, o.kind, o.name FROM orchestrator.processes o
         WHERE o.last_seen_at < now() - interval '1 minute'
            OR (o.active AND p_active AND o.kind = 'watcher' AND p_kind = 'watcher' AND o.name <> p_name
                AND o.cluster_id = (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster))
           FOR UPDATE SKIP LOCKED) old
     WHERE (p.cluster_id, p.kind, p.name) = (old.cluster_id, old.kind, old.name);
$$;

ALTER FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean) IS 'A worker or watcher says that it is there.';

--
-- Name: request_dry_run(uuid, jsonb, text, integer, boolean, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.request_dry_run(p_id uuid, p_parameters jsonb DEFAULT '{}'::jsonb, p_desired_state text DEFAULT NULL::text, p_template_version integer DEFAULT NULL::integer, p_keep_data boolean DEFAULT NULL::boolean, p_drift_policy text DEFAULT NULL::text, p_drift_rules jsonb DEFAULT NULL::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM orchestrator.require_deployment(p_id);
    RETURN orchestrator.queue_dry_run(orchestrator.preview_change(
        p_id, p_parameters, p_desired_state, p_template_version, p_keep_data, p_drift_policy, p_drift_rules), p_id);
END
$$;

ALTER FUNCTION orchestrator.request_dry_run(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION request_dry_run(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.request_dry_run(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) IS 'Asks the cluster what it would say to a change; answers the id of a row in dry_runs.';

--
-- Name: request_new_dry_run(text, text, jsonb, text, text, integer, text, boolean, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.request_new_dry_run(name text, template text, parameters jsonb DEFAULT '{}'::jsonb, namespace text DEFAULT 'default'::text, cluster text DEFAULT NULL::text, template_version integer DEFAULT NULL::integer, desired_state text DEFAULT 'Active'::text, keep_data boolean DEFAULT true, drift_policy text DEFAULT 'Enforce'::text, drift_rules jsonb DEFAULT '[]'::jsonb) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT orchestrator.queue_dry_run(orchestrator.preview(
        name, template, parameters, namespace, cluster, template_version, desired_state, keep_data, drift_policy, drift_rules), NULL)
$$;

ALTER FUNCTION orchestrator.request_new_dry_run(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION request_new_dry_run(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.request_new_dry_run(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) IS 'Asks the cluster what it would say to a new deployment; answers the id of a row in dry_runs.';

--
-- Name: request_reconcile(uuid[], text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.request_reconcile(p_ids uuid[], p_reason text, p_actor text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_nestloop TO 'on'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    c_bulk_above CONSTANT integer := 50;
    v_lane text := CASE WHEN cardinality(p_ids) > c_bulk_above THEN 'bulk' ELSE 'now' END;
    v_queue text;
    v_messages bigint[];
    v_cluster record;
BEGIN
    FOR v_cluster IN
        SELECT locked.cluster_id,
               array_agg(locked.deployment_id) FILTER (WHERE locked.msg_id IS NULL) AS resting,
               array_agg(locked.deployment_id) FILTER (WHERE locked.msg_id IS NOT NULL) AS queued,
               (SELECT c.unreachable_since IS NOT NULL FROM orchestrator.clusters c WHERE c.id = locked.cluster_id) AS unreachable
          FROM (SELECT s.cluster_id, s.deployment_id, s.msg_id FROM orchestrator.reconcile_slots s
                 WHERE s.deployment_id = ANY (p_ids) ORDER BY s.deployment_id FOR UPDATE) locked
         GROUP BY locked.cluster_id
    LOOP
        IF v_cluster.queued IS NOT NULL THEN
            UPDATE orchestrator.reconcile_slots s
               SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false
             WHERE s.deployment_id = ANY (v_cluster.queued);
        END IF;
        IF v_cluster.resting IS NOT NULL THEN
            -- As orchestrator.enqueue, but the slot is written once: each statement costs more than the rows it changes.
            v_queue := orchestrator.queue_name(v_cluster.cluster_id, v_lane);
            v_messages := orchestrator.send_messages(v_queue, v_cluster.resting);
            UPDATE orchestrator.reconcile_slots s
               SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false,
                   msg_id = sent.msg_id, queue = v_queue
              FROM unnest(v_cluster.resting, v_messages) sent (id, msg_id)
             WHERE s.deployment_id = sent.id;
            INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
            SELECT d.id, d.generation, CASE WHEN p_reason IN ('created', 'changed', 'reconcile_now') THEN 'user' ELSE 'system' END,
                   'DeploymentQueued', jsonb_build_object('reason', p_reason), p_actor
              FROM orchestrator.deployments d WHERE d.id = ANY (v_cluster.resting);
            PERFORM orchestrator.nudge(v_cluster.cluster_id);
        END IF;
        IF v_cluster.unreachable THEN
            PERFORM orchestrator.defer(v_cluster.cluster_id, p_ids);
        END IF;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.request_reconcile(p_ids uuid[], p_reason text, p_actor text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION request_reconcile(p_ids uuid[], p_reason text, p_actor text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.request_reconcile(p_ids uuid[], p_reason text, p_actor text) IS 'Requests a reconciliation of deployments.';

--
-- Name: request_run(uuid, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_queue text := orchestrator.queue_name(p_cluster_id, 'now');
    v_message bigint := nextval(format('pgmq.%I', 'q_' || v_queue || '_msg_id_seq')::regclass);
BEGIN
    UPDATE orchestrator.reconcile_slots s
       SET requested = s.requested + 1, failures = 0, due_at = NULL, quarantined_at = NULL, last_error = NULL, last_error_permanent = false,
           msg_id = coalesce(s.msg_id, v_message), queue = CASE WHEN s.msg_id IS NULL THEN v_queue ELSE s.queue END
     WHERE s.deployment_id = p_id
    RETURNING s.msg_id = v_message, (SELECT c.unreachable_since IS NOT NULL FROM orchestrator.clusters c WHERE c.id = s.cluster_id)
      INTO queued, unreachable;
    IF queued THEN
        INSERT INTO orchestrator.messages (msg_id, vt, message, queue) VALUES (v_message, clock_timestamp(), jsonb_build_object('id', p_id), v_queue);
        PERFORM orchestrator.nudge(p_cluster_id);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean) IS 'Requests a reconciliation of one deployment.';

--
-- Name: request_unless_paused(uuid[], text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.request_unless_paused(p_ids uuid[], p_reason text) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_ids uuid[] := ARRAY(SELECT d.id FROM orchestrator.deployments d
                           WHERE d.id = ANY (p_ids) AND d.desired_state <> 'Paused' AND d.finalised_at IS NULL);
BEGIN
    IF v_ids <> '{}' THEN
        PERFORM orchestrator.request_reconcile(v_ids, p_reason, 'orchestrator');
    END IF;
    RETURN v_ids;
END
$$;

ALTER FUNCTION orchestrator.request_unless_paused(p_ids uuid[], p_reason text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION request_unless_paused(p_ids uuid[], p_reason text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.request_unless_paused(p_ids uuid[], p_reason text) IS 'Queues deployments that are not paused.';

--
-- Name: require_deployment(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_deployment(p_deployment_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
BEGIN
    IF NOT EXISTS (SELECT FROM orchestrator.deployments d
                    WHERE d.id = p_deployment_id AND (v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))) THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_deployment_id), 'id',
            'SELECT id, name FROM deployments lists those you may see.');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.require_deployment(p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_deployment(p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_deployment(p_deployment_id uuid) IS 'Refuses a deployment that this session does not see.';

--
-- Name: require_everything(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_everything(p_what text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
BEGIN
    IF v_namespaces IS NOT NULL THEN
        PERFORM orchestrator.refuse('SO403', format('%s concern every namespace, and %s is limited to %s', p_what, orchestrator.current_actor(),
                    coalesce(nullif(array_to_string(v_namespaces, ', '), ''), 'none')), p_what,
            'Ask an admin who is not limited to namespaces.');
    END IF;
    RETURN true;
END
$$;

ALTER FUNCTION orchestrator.require_everything(p_what text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_everything(p_what text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_everything(p_what text) IS 'Refuses what concerns all namespaces to somebody limited to some.';

--
-- Name: require_kept(xid8, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_kept(p_xid xid8, p_id bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF (p_xid, p_id) <> ('0', 0) AND EXISTS (SELECT FROM orchestrator.dropped_events d WHERE (d.xid, d.id) > (p_xid, p_id)) THEN
        PERFORM orchestrator.refuse('SO410', 'events after this place were dropped meanwhile: they are kept for a time only', 'after',
            'Read the present state, then follow from now. What is left of the history is told from its start.');
    END IF;
    RETURN true;
END
$$;

ALTER FUNCTION orchestrator.require_kept(p_xid xid8, p_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_kept(p_xid xid8, p_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_kept(p_xid xid8, p_id bigint) IS 'Refuses a place in the history from which events are missing.';

--
-- Name: require_known_window(text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_known_window(p_name text, p_namespace text, p_path text) RETURNS orchestrator.maintenance_windows
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_window orchestrator.maintenance_windows := orchestrator.find_window(p_name, p_namespace);
BEGIN
    IF v_window.id IS NULL THEN
        PERFORM orchestrator.refuse('SO404', format('the namespace %s has no window "%s"', p_namespace, p_name), p_path,
            coalesce((SELECT format('There are: %s.', string_agg(w.name, ', ' ORDER BY w.name)) FROM orchestrator.maintenance_windows w
                       WHERE w.namespace IS NULL OR w.namespace = p_namespace),
                     'There is none yet: an admin inserts one into maintenance_windows.'));
    END IF;
    RETURN v_window;
END
$$;

ALTER FUNCTION orchestrator.require_known_window(p_name text, p_namespace text, p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_known_window(p_name text, p_namespace text, p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_known_window(p_name text, p_namespace text, p_path text) IS 'The window of a name, or a refusal.';

--
-- Name: require_namespace(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_namespace(p_namespace text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
BEGIN
    IF NOT p_namespace = ANY (v_namespaces) THEN
        PERFORM orchestrator.refuse('SO403', format('%s may not use the namespace "%s"', orchestrator.current_actor(), p_namespace), 'namespace',
            CASE cardinality(v_namespaces) WHEN 0 THEN 'Ask an admin for a namespace.'
                 ELSE format('Allowed: %s.', array_to_string(v_namespaces, ', ')) END);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.require_namespace(p_namespace text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_namespace(p_namespace text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_namespace(p_namespace text) IS 'Refuses a namespace that this session may not use.';

--
-- Name: require_rollout(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_rollout(p_id bigint) RETURNS orchestrator.rollouts
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_namespaces text[] := orchestrator.allowed_namespaces();
    v_rollout orchestrator.rollouts;
    v_seen boolean;
    v_whole boolean;
BEGIN
    SELECT * INTO v_rollout FROM orchestrator.rollouts r WHERE r.id = p_id FOR NO KEY UPDATE;
    SELECT bool_or(v_namespaces IS NULL OR d.namespace = ANY (v_namespaces)), bool_and(v_namespaces IS NULL OR d.namespace = ANY (v_namespaces))
      INTO v_seen, v_whole FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id WHERE m.rollout_id = p_id;
    IF v_seen IS NOT TRUE THEN
        PERFORM orchestrator.refuse('SO404', format('there is no rollout %s', p_id), 'id', 'SELECT id, state FROM rollouts lists those you may see.');
    ELSIF NOT v_whole THEN
        PERFORM orchestrator.refuse('SO403', format('rollout %s has members in namespaces that are not yours', p_id), 'id',
            'Ask whoever started it, or an admin who is not limited to namespaces.');
    END IF;
    RETURN v_rollout;
END
$$;

ALTER FUNCTION orchestrator.require_rollout(p_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_rollout(p_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_rollout(p_id bigint) IS 'The rollout that somebody decides about, or a refusal.';

--
-- Name: require_window(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.require_window(p_namespace text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF p_namespace IS NULL THEN
        PERFORM orchestrator.require_everything('windows without a namespace');
    ELSE
        PERFORM orchestrator.require_namespace(p_namespace);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.require_window(p_namespace text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION require_window(p_namespace text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.require_window(p_namespace text) IS 'Refuses a window that this session may not write.';

--
-- Name: restart(uuid); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.restart(p_deployment_id uuid) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_generation bigint;
BEGIN
    UPDATE orchestrator.deployments d SET restarted_at = clock_timestamp() WHERE d.id = p_deployment_id RETURNING d.generation INTO v_generation;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', p_deployment_id), 'id', 'SELECT id, name FROM deployments lists them.');
    END IF;
    RETURN v_generation;
END
$$;

ALTER FUNCTION orchestrator.restart(p_deployment_id uuid) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION restart(p_deployment_id uuid); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.restart(p_deployment_id uuid) IS 'Restarts what a deployment runs; answers the generation that does.';

--
-- Name: restart_actor(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.restart_actor() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT p.asked_by || CASE WHEN p.in_window IS NOT NULL THEN ' in the window ' || p.in_window WHEN p.when_empty THEN ' when empty' ELSE ' at its time' END
      FROM orchestrator.planned_restarts p
     WHERE p.id = nullif(current_setting('orchestrator.planned_restart', true), '')::bigint AND p.state = 'done' AND p.ended_at = now()
$$;

ALTER FUNCTION orchestrator.restart_actor() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION restart_actor(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.restart_actor() IS 'In whose name a planned restart is carried out now.';

--
-- Name: resume_rollout(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.resume_rollout(p_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
BEGIN
    IF v_rollout.state <> 'paused' THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is %s', p_id, v_rollout.state), 'state', 'Only what is paused can be resumed.');
    END IF;
    UPDATE orchestrator.rollouts r SET state = CASE WHEN r.back THEN 'rolling_back' ELSE 'running' END, message = '', run_by = orchestrator.current_actor()
     WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutResumed', '', orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;

ALTER FUNCTION orchestrator.resume_rollout(p_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION resume_rollout(p_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.resume_rollout(p_id bigint) IS 'Goes on with a rollout that was paused.';

--
-- Name: revoke_token(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.revoke_token(id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_token record;
BEGIN
    SELECT t.id, u.name AS user_name, orchestrator.narrower_role(t.role, u.role) AS role,
           orchestrator.common_namespaces(t.namespaces, u.namespaces) AS namespaces,
           EXISTS (WITH RECURSIVE line AS (
                       SELECT t.id, t.parent_id
                       UNION SELECT p.id, p.parent_id FROM line JOIN orchestrator.api_tokens p ON p.id = line.parent_id)
                   SELECT FROM line WHERE line.id = orchestrator.entered_token()) AS is_of_this
      INTO v_token
      FROM orchestrator.api_tokens t JOIN orchestrator.users u ON u.id = t.user_id WHERE t.id = revoke_token.id;
    IF v_token.is_of_this IS NOT TRUE THEN
        IF NOT FOUND OR NOT (v_token.user_name = orchestrator.current_actor()
                             OR (orchestrator.acting_role() = 'admin' AND orchestrator.sees_everything())) THEN
            PERFORM orchestrator.refuse('SO404', format('there is no token %s', revoke_token.id), 'id',
                'SELECT id, name FROM api_tokens lists those you may revoke.');
        END IF;
        IF NOT orchestrator.is_within_token(v_token.role, v_token.namespaces) THEN
            PERFORM orchestrator.refuse('SO403', format('token %s allows more than the one you use', v_token.id), 'id',
                'Revoke it on the page, or with a token that allows as much.');
        END IF;
    END IF;
    UPDATE orchestrator.api_tokens t SET revoked_at = now() WHERE t.id = v_token.id AND t.revoked_at IS NULL;
END
$$;

ALTER FUNCTION orchestrator.revoke_token(id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION revoke_token(id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.revoke_token(id bigint) IS 'Ends an API token at once, and those that were made with it.';

--
-- Name: roll_back_rollout(bigint, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.roll_back_rollout(p_id bigint, p_force boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_rollout orchestrator.rollouts := orchestrator.require_rollout(p_id);
    v_member record;
    v_refused text;
BEGIN
    IF v_rollout.back THEN
        PERFORM orchestrator.refuse('SO409', format('rollout %s is on its way back, or was', p_id), 'state',
            'Resume it if it is paused; a single deployment goes back with rollback(id, generation).');
    END IF;
    UPDATE orchestrator.rollout_members m SET state = 'skipped', message = 'It was not reached before the rollout was turned back.', ended_at = now()
     WHERE m.rollout_id = p_id AND m.state = 'waiting';
    FOR v_member IN
        SELECT m.deployment_id, m.from_generation, m.to_generation, d.name, d.generation, d.rollout_id, d.desired_state
          FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
         WHERE m.rollout_id = p_id AND m.state IN ('started', 'done', 'failed') AND m.to_generation > m.from_generation ORDER BY d.id FOR NO KEY UPDATE OF d
    LOOP
        v_refused := CASE
            WHEN v_member.rollout_id <> p_id THEN format('It is a member of rollout %s by now.', v_member.rollout_id)
            WHEN v_member.generation = v_member.to_generation AND v_member.desired_state <> 'Deleted' THEN orchestrator.rollback_refusal(v_member.deployment_id, v_member.from_generation, p_force) END;
        UPDATE orchestrator.rollout_members m
           SET state = CASE WHEN v_refused IS NULL THEN 'waiting' ELSE 'refused' END, message = coalesce(v_refused, ''), waited_seconds = 0,
               ended_at = CASE WHEN v_refused IS NOT NULL THEN now() END
         WHERE m.rollout_id = p_id AND m.deployment_id = v_member.deployment_id;
        UPDATE orchestrator.deployments d SET rollout_id = p_id WHERE d.id = v_member.deployment_id AND v_refused IS NULL;
    END LOOP;
    UPDATE orchestrator.rollouts r SET state = 'rolling_back', back = true, force = coalesce(p_force, false), message = '', run_by = orchestrator.current_actor()
     WHERE r.id = p_id;
    PERFORM orchestrator.tell_rollout(p_id, 'RolloutTurnedBack', '', orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(p_id);
END
$$;

ALTER FUNCTION orchestrator.roll_back_rollout(p_id bigint, p_force boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION roll_back_rollout(p_id bigint, p_force boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.roll_back_rollout(p_id bigint, p_force boolean) IS 'Puts the members that a rollout changed back to what they were.';

--
-- Name: rollback(uuid, bigint, boolean, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.rollback(id uuid, generation bigint, force boolean DEFAULT false, restart boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_now record;
    v_then orchestrator.deployment_revisions;
    v_tried text;
    v_restart boolean := false;
    v_generation bigint;
BEGIN
    SELECT d.name, d.desired_state, d.template_id, d.template_version, d.parameters, d.restart_required INTO v_now
      FROM orchestrator.deployments d WHERE d.id = rollback.id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', rollback.id), 'id', 'SELECT id, name FROM deployments lists them.');
    END IF;
    SELECT * INTO v_then FROM orchestrator.deployment_revisions r WHERE r.deployment_id = rollback.id AND r.generation = rollback.generation;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('deployment %s has no generation %s', rollback.id, rollback.generation), 'generation',
            'SELECT generation FROM deployment_revisions WHERE deployment_id = … lists them.');
    ELSIF v_now.desired_state = 'Deleted' THEN
        -- Its keep_data of then could discard the world that is kept now.
        PERFORM orchestrator.refuse('SO409', format('%s is deleted and cannot be rolled back', v_now.name), 'desired_state',
            'Set desired_state to Active first: that brings it back as it was, with its data if that was kept.');
    END IF;
    IF rollback.force IS NOT TRUE THEN
        PERFORM orchestrator.check_not_lowered(v_now.template_id, v_now.template_version, v_now.parameters, v_then.template_version, v_then.parameters);
    END IF;
    IF rollback.restart AND v_now.desired_state = 'Active' THEN
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.rollback(rollback.id, rollback.generation, rollback.force);
        EXCEPTION WHEN SQLSTATE 'SO200' THEN
            GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
            v_restart := v_now.restart_required OR orchestrator.waits_for_restart(v_tried::jsonb);
        END;
    END IF;
    -- Only for this statement: record_changed_deployments tells of it.
    PERFORM set_config('orchestrator.rollback', v_then.generation::text, true);
    PERFORM set_config('orchestrator.judged', 'rollback', true);
    UPDATE orchestrator.deployments d
       SET parameters = v_then.parameters, template_version = v_then.template_version, drift_policy = v_then.drift_policy, drift_rules = v_then.drift_rules,
           keep_data = v_then.keep_data,
           restarted_at = CASE WHEN v_restart THEN clock_timestamp() ELSE d.restarted_at END
     WHERE d.id = rollback.id RETURNING d.generation INTO v_generation;
    PERFORM set_config('orchestrator.rollback', '', true);
    PERFORM set_config('orchestrator.judged', '', true);
    RETURN v_generation;
END
$$;

ALTER FUNCTION orchestrator.rollback(id uuid, generation bigint, force boolean, restart boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION rollback(id uuid, generation bigint, force boolean, restart boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.rollback(id uuid, generation bigint, force boolean, restart boolean) IS 'Makes the intent of an earlier generation a new one; answers which.';

--
-- Name: rollback_refusal(uuid, bigint, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.rollback_refusal(p_id uuid, p_generation bigint, p_force boolean) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
    PERFORM orchestrator.rollback(p_id, p_generation, p_force);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'SO200' THEN
    RETURN NULL;
WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
    RETURN SQLERRM;
END
$$;

ALTER FUNCTION orchestrator.rollback_refusal(p_id uuid, p_generation bigint, p_force boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION rollback_refusal(p_id uuid, p_generation bigint, p_force boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.rollback_refusal(p_id uuid, p_generation bigint, p_force boolean) IS 'Why rollback() would refuse.';

--
-- Name: rollout_actor(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.rollout_actor() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT format('rollout:%s by %s', r.id, r.run_by) FROM orchestrator.rollouts r
     WHERE r.id = nullif(current_setting('orchestrator.rollout', true), '')::bigint AND r.looked_at = now()
$$;

ALTER FUNCTION orchestrator.rollout_actor() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION rollout_actor(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.rollout_actor() IS 'In whose name a rollout changes a member now.';

--
-- Name: schedule_next(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.schedule_next(p_settlement jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c_longest_seconds CONSTANT double precision := 300;
    v_id uuid := p_settlement ->> 'deployment_id';
    v_outcome text := p_settlement ->> 'outcome';
    v_seen bigint := p_settlement ->> 'seen';
    v_permanent boolean := coalesce((p_settlement ->> 'permanent')::boolean, false);
    v_look_again double precision := p_settlement ->> 'look_again_seconds';
    -- What was asked for while the last objects went has been answered by their being gone.
    v_finalised boolean := v_outcome = 'finalised' AND (SELECT d.finalised_at IS NOT NULL FROM orchestrator.deployments d WHERE d.id = v_id);
    v_slot orchestrator.reconcile_slots;
BEGIN
    UPDATE orchestrator.reconcile_slots s
       SET msg_id = NULL, queue = NULL,
           settled = CASE WHEN v_finalised THEN s.requested WHEN v_outcome IN ('failed', 'deferred') AND NOT v_permanent THEN s.settled ELSE v_seen END,
           failures = CASE WHEN v_outcome = 'failed' THEN s.failures + 1 WHEN v_outcome = 'deferred' THEN s.failures ELSE 0 END,
           last_error = CASE v_outcome WHEN 'failed' THEN coalesce(p_settlement ->> 'error', 'the worker gave no reason') WHEN 'deferred' THEN s.last_error END,
           last_error_permanent = v_outcome = 'failed' AND v_permanent,
           due_at = CASE
               -- Full jitter: a thousand that failed together must not come back together.
               WHEN v_outcome = 'failed' AND NOT v_permanent THEN now() + make_interval(secs =>
                   coalesce((p_settlement ->> 'retry_seconds')::double precision, 0)
                   + least(c_longest_seconds, 2 ^ least(s.failures + 1, 20)) * random())
               WHEN v_outcome = 'deferred' THEN now() + make_interval(secs => coalesce((p_settlement ->> 'retry_seconds')::double precision, 5))
               WHEN v_look_again IS NOT NULL THEN now() + make_interval(secs => v_look_again) END
     WHERE s.deployment_id = v_id
    RETURNING s.* INTO v_slot;
    IF v_finalised THEN
        RETURN;
    ELSIF v_slot.requested > v_seen OR orchestrator.was_overtaken(p_settlement) THEN
        PERFORM orchestrator.enqueue(v_slot.cluster_id, ARRAY[v_id], 'now');
    ELSIF v_outcome = 'deferred' THEN
        PERFORM orchestrator.defer(v_slot.cluster_id, ARRAY[v_id], p_settlement ->> 'error');
    END IF;
END
$$;

ALTER FUNCTION orchestrator.schedule_next(p_settlement jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION schedule_next(p_settlement jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.schedule_next(p_settlement jsonb) IS 'Decides when a settled deployment is looked at again.';

--
-- Name: sees_everything(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.sees_everything() RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN orchestrator.allowed_namespaces() IS NULL;
END
$$;

ALTER FUNCTION orchestrator.sees_everything() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION sees_everything(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.sees_everything() IS 'Whether this session is limited to no namespaces.';

--
-- Name: send_messages(text, uuid[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.send_messages(p_queue text, p_ids uuid[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_sequence regclass := format('pgmq.%I', 'q_' || p_queue || '_msg_id_seq');
    v_messages bigint[];
BEGIN
    WITH sent AS (
        INSERT INTO orchestrator.messages (msg_id, vt, message, queue)
        SELECT nextval(v_sequence), clock_timestamp(), jsonb_build_object('id', i), p_queue FROM unnest(p_ids) i RETURNING msg_id)
    SELECT array_agg(s.msg_id) INTO v_messages FROM sent s;
    RETURN v_messages;
END
$$;

ALTER FUNCTION orchestrator.send_messages(p_queue text, p_ids uuid[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION send_messages(p_queue text, p_ids uuid[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.send_messages(p_queue text, p_ids uuid[]) IS 'Sends one queue message for each deployment.';

--
-- Name: settle(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.settle(p_settlement jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_id uuid := p_settlement ->> 'deployment_id';
    v_outcome text := p_settlement ->> 'outcome';
    v_generation bigint := p_settlement ->> 'generation';
BEGIN
    IF NOT orchestrator.end_lease(p_settlement) THEN
        RETURN 'lost';
    END IF;
    -- Events first: drift that the watcher has told of already is not told again by the worker that met it.
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT v_id, v_generation, 'reconciler', e ->> 'type', coalesce(e -> 'data', '{}'), 'orchestrator'
      FROM jsonb_array_elements(p_settlement -> 'events') e
     WHERE e ->> 'type' <> 'ResourceModifiedExternally' OR NOT EXISTS (
           SELECT FROM orchestrator.deployment_resources r
            WHERE r.deployment_id = v_id AND r.kind = e #>> '{data,kind}' AND r.name = e #>> '{data,name}' AND r.drift IS NOT NULL);
    PERFORM orchestrator.record_inventory(v_id, v_generation, p_settlement -> 'resources', p_settlement -> 'pruned');
    IF p_settlement @? '$.resources[*].put_back[0]' THEN
        PERFORM orchestrator.record_put_backs(v_id, v_generation, p_settlement -> 'resources');
    END IF;
    IF p_settlement @? '$.restarted[0]' THEN
        -- What was just deleted is not well until the watcher has seen its successor.
        UPDATE orchestrator.deployment_resources r
           SET health = 'Progressing', reason = 'Terminating', message = 'It is being restarted.'
          FROM jsonb_to_recordset(p_settlement -> 'restarted') AS p (namespace text, name text, uid text)
         WHERE r.deployment_id = v_id AND r.kind = 'Pod' AND r.namespace = p.namespace AND r.name = p.name AND r.uid = p.uid;
    END IF;
    IF v_outcome = 'finalised' THEN
        PERFORM orchestrator.finalise(v_id, v_generation);
    END IF;
    PERFORM orchestrator.schedule_next(p_settlement);
    PERFORM orchestrator.refresh_status(ARRAY[v_id], CASE v_outcome WHEN 'succeeded' THEN v_generation END);
    RETURN 'settled';
END
$_$;

ALTER FUNCTION orchestrator.settle(p_settlement jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION settle(p_settlement jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.settle(p_settlement jsonb) IS 'Ends one reconciliation, if its lease is still held.';

--
-- Name: settle_all(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.settle_all(p_settlements jsonb) RETURNS TABLE(deployment_id uuid, answer text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    v_free uuid[] := orchestrator.lock_deployments(ARRAY(SELECT (s ->> 'deployment_id')::uuid FROM jsonb_array_elements(p_settlements) s));
    v_settlement jsonb;
BEGIN
    FOR deployment_id, v_settlement IN
        SELECT (s ->> 'deployment_id')::uuid, s FROM jsonb_array_elements(p_settlements) s
         WHERE (s ->> 'deployment_id')::uuid = ANY (v_free) ORDER BY s ->> 'queue', (s ->> 'msg_id')::bigint
    LOOP
        answer := orchestrator.settle(v_settlement);
        RETURN NEXT;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.settle_all(p_settlements jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION settle_all(p_settlements jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.settle_all(p_settlements jsonb) IS 'Ends several reconciliations at once, where their leases are still held.';

--
-- Name: settle_dry_run(bigint, integer, text, jsonb, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE orchestrator.dry_runs r
       SET state = p_state, answers = p_answers, message = p_message, leased_until = NULL,
           finished_at = CASE WHEN p_state <> 'queued' THEN clock_timestamp() END
     WHERE r.id = p_id AND r.attempts = p_token AND r.state = 'running';
    RETURN CASE WHEN FOUND THEN 'settled' ELSE 'lost' END;
END
$$;

ALTER FUNCTION orchestrator.settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text) IS 'Writes what a cluster answered to a dry run.';

--
-- Name: shows_drift(integer, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM orchestrator.judge_object(p_cluster_id, p_kind, p_namespace, p_name) j WHERE j.policy <> 'Ignore')
$$;

ALTER FUNCTION orchestrator.shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) IS 'Whether an object differs in more than what is ignored.';

--
-- Name: shut_until(uuid, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.shut_until(p_deployment_id uuid, p_window text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT s.opens
      FROM orchestrator.deployments d
     CROSS JOIN LATERAL orchestrator.find_window(p_window, d.namespace) w
     CROSS JOIN LATERAL (SELECT min(s.opens) AS opens FROM orchestrator.window_spans(w, now()) s) s
     WHERE d.id = p_deployment_id AND s.opens > now()
$$;

ALTER FUNCTION orchestrator.shut_until(p_deployment_id uuid, p_window text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION shut_until(p_deployment_id uuid, p_window text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.shut_until(p_deployment_id uuid, p_window text) IS 'When the window opens that a rule of a deployment names; NULL if it is open.';

--
-- Name: sign_in_as(text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.sign_in_as(p_name text, p_address text, p_user_agent text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_user_id bigint;
BEGIN
    SELECT u.id INTO v_user_id FROM orchestrator.users u WHERE u.name = p_name AND u.disabled_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO403', format('nobody here is called "%s"', p_name), 'name', 'Ask an admin to add you under this name.');
    END IF;
    RETURN orchestrator.open_session(v_user_id, p_address, p_user_agent);
END
$$;

ALTER FUNCTION orchestrator.sign_in_as(p_name text, p_address text, p_user_agent text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION sign_in_as(p_name text, p_address text, p_user_agent text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.sign_in_as(p_name text, p_address text, p_user_agent text) IS 'Signs in whom a trusted provider has vouched for; answers the cookie.';

--
-- Name: spell_path(text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.spell_path(p_kind text, p_object text, p_path text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT format('%s/%s:%s', p_kind, p_object, p_path)
$$;

ALTER FUNCTION orchestrator.spell_path(p_kind text, p_object text, p_path text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION spell_path(p_kind text, p_object text, p_path text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.spell_path(p_kind text, p_object text, p_path text) IS 'A path of one object among those of a deployment.';

--
-- Name: start_members(orchestrator.rollouts); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.start_members(p_rollout orchestrator.rollouts) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    -- Each is a few milliseconds; the rest is left to the next look.
    c_most CONSTANT integer := 50;
    v_unavailable bigint;
    v_count integer := 0;
    v_member record;
    v_now record;
BEGIN
    SELECT count(*) FILTER (WHERE d.desired_state = 'Active' AND (m.state = 'started' OR d.status_summary <> 'Healthy'))
      INTO v_unavailable
      FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
     WHERE m.rollout_id = p_rollout.id AND d.rollout_id = p_rollout.id;
    FOR v_member IN
        SELECT m.deployment_id, CASE WHEN p_rollout.back THEN m.to_generation ELSE m.from_generation END AS generation, m.from_generation,
               d.desired_state = 'Active' AND d.status_summary = 'Healthy' AS well
          FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
         WHERE m.rollout_id = p_rollout.id AND m.state = 'waiting' AND m.batch = (
               SELECT min(b.batch) FROM orchestrator.rollout_members b WHERE b.rollout_id = p_rollout.id AND b.state IN ('waiting', 'started'))
         ORDER BY m.position
    LOOP
        EXIT WHEN v_count >= c_most;
        CONTINUE WHEN v_member.well AND v_unavailable >= p_rollout.max_unavailable;
        -- Again, locked: what was read above may be old by now.
        SELECT d.generation, d.namespace, d.desired_state = 'Active' AND d.status_summary = 'Healthy' AS well INTO v_now
          FROM orchestrator.deployments d JOIN orchestrator.clusters c ON c.id = d.cluster_id
         WHERE d.id = v_member.deployment_id AND c.unreachable_since IS NULL FOR NO KEY UPDATE OF d SKIP LOCKED;
        CONTINUE WHEN NOT FOUND OR (v_now.well AND v_unavailable >= p_rollout.max_unavailable);
        v_count := v_count + 1;
        IF v_now.generation <> v_member.generation THEN
            PERFORM orchestrator.end_member(p_rollout.id, v_member.deployment_id, 'skipped', orchestrator.describe_newer(v_member.deployment_id, v_now.generation));
        ELSIF NOT orchestrator.may_run_rollout(p_rollout.run_by, v_now.namespace) THEN
            PERFORM orchestrator.hold_rollout(p_rollout.id, format('%s, in whose name it runs, may not change all of its members any more. '
                'Whoever may, resumes it in their own name.', p_rollout.run_by));
            RETURN;
        ELSIF orchestrator.change_member(p_rollout, v_member.deployment_id, v_member.from_generation) AND v_now.well THEN
            v_unavailable := v_unavailable + 1;
        END IF;
    END LOOP;
    -- What came to its end at once makes room, perhaps for the next batch: look again.
    IF v_count > 0 THEN
        PERFORM orchestrator.wake_rollout(p_rollout.id);
    END IF;
END
$$;

ALTER FUNCTION orchestrator.start_members(p_rollout orchestrator.rollouts) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION start_members(p_rollout orchestrator.rollouts); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.start_members(p_rollout orchestrator.rollouts) IS 'Changes the members of a rollout whose turn it is.';

--
-- Name: start_rollout(text, integer, uuid[], integer, integer, jsonb, boolean, boolean, boolean, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.start_rollout(template text, version integer DEFAULT NULL::integer, ids uuid[] DEFAULT NULL::uuid[], batch_size integer DEFAULT 5, max_unavailable integer DEFAULT 1, parameters jsonb DEFAULT '{}'::jsonb, pause_on_failure boolean DEFAULT true, restart boolean DEFAULT true, force boolean DEFAULT false, patience_seconds integer DEFAULT 300) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_version integer;
    v_ids uuid[];
    v_held record;
    v_id bigint;
BEGIN
    PERFORM orchestrator.refuse('SO422', format('%s must be from %s to %s', c.name, c.least, c.most), c.name, format('Such as %s.', c.usual))
       FROM (VALUES ('batch_size', start_rollout.batch_size, 1, 10000, 5), ('max_unavailable', start_rollout.max_unavailable, 1, 10000, 1),
                    ('patience_seconds', start_rollout.patience_seconds, 1, 86400, 300)) c (name, value, least, most, usual)
      WHERE c.value BETWEEN c.least AND c.most IS NOT TRUE;
    IF jsonb_typeof(start_rollout.parameters) IS DISTINCT FROM 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'parameters must be a JSON object', 'parameters', 'Write {"name": value, …}.');
    END IF;
    SELECT f.template_id, f.version INTO v_template_id, v_version FROM orchestrator.find_version(start_rollout.template, start_rollout.version) f;
    v_ids := orchestrator.find_movable(v_template_id, v_version, start_rollout.ids);
    IF v_ids = '{}' THEN
        PERFORM orchestrator.refuse('SO422', format('there is nothing to move to version %s of %s', v_version, start_rollout.template), 'ids',
            'Every deployment that you see is there already, or none is made from this template.');
    END IF;
    -- Two that start at once over the same: the second waits here, and then finds them held.
    FOR v_held IN SELECT d.id, d.name, d.rollout_id FROM orchestrator.deployments d WHERE d.id = ANY (v_ids) ORDER BY d.id FOR NO KEY UPDATE LOOP
        IF v_held.rollout_id IS NOT NULL THEN
            PERFORM orchestrator.refuse('SO409', format('%s is a member of rollout %s', v_held.name, v_held.rollout_id), 'ids.' || v_held.id,
                format('Wait until rollout %s has ended, abort it, or name other deployments.', v_held.rollout_id));
        END IF;
    END LOOP;
    INSERT INTO orchestrator.rollouts (template_id, to_version, parameters, batch_size, max_unavailable, pause_on_failure, restart, force, patience_seconds, run_by, created_by)
    VALUES (v_template_id, v_version, start_rollout.parameters, start_rollout.batch_size, start_rollout.max_unavailable,
            coalesce(start_rollout.pause_on_failure, true), coalesce(start_rollout.restart, true), coalesce(start_rollout.force, false),
            start_rollout.patience_seconds, orchestrator.current_actor(), orchestrator.current_actor())
    RETURNING id INTO v_id;
    INSERT INTO orchestrator.rollout_members (rollout_id, deployment_id, position, batch, state, message, from_generation, ended_at)
    SELECT v_id, d.id, m.o, CASE WHEN r.message IS NULL THEN (count(*) FILTER (WHERE r.message IS NULL) OVER (ORDER BY m.o) - 1) / start_rollout.batch_size + 1 END,
           CASE WHEN r.message IS NULL THEN 'waiting' ELSE 'refused' END, coalesce(r.message, ''), d.generation, CASE WHEN r.message IS NOT NULL THEN now() END
      FROM unnest(v_ids) WITH ORDINALITY m (id, o)
      JOIN orchestrator.deployments d ON d.id = m.id
      LEFT JOIN (SELECT u.deployment_id, string_agg(u.message, '; ' ORDER BY u.path) AS message
                   FROM orchestrator.upgrade_refusals(start_rollout.template, v_version, v_ids, start_rollout.parameters, coalesce(start_rollout.force, false)) u
                  GROUP BY u.deployment_id) r ON r.deployment_id = m.id;
    UPDATE orchestrator.deployments d SET rollout_id = v_id
      FROM orchestrator.rollout_members m WHERE m.rollout_id = v_id AND m.state = 'waiting' AND d.id = m.deployment_id;
    PERFORM orchestrator.tell_rollout(v_id, 'RolloutStarted', format('to version %s of %s', v_version, start_rollout.template), orchestrator.current_actor());
    PERFORM orchestrator.wake_rollout(v_id);
    RETURN v_id;
END
$$;

ALTER FUNCTION orchestrator.start_rollout(template text, version integer, ids uuid[], batch_size integer, max_unavailable integer, parameters jsonb, pause_on_failure boolean, restart boolean, force boolean, patience_seconds integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION start_rollout(template text, version integer, ids uuid[], batch_size integer, max_unavailable integer, parameters jsonb, pause_on_failure boolean, restart boolean, force boolean, patience_seconds integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.start_rollout(template text, version integer, ids uuid[], batch_size integer, max_unavailable integer, parameters jsonb, pause_on_failure boolean, restart boolean, force boolean, patience_seconds integer) IS 'Moves deployments to a version of their template in batches; answers the rollout.';

--
-- Name: store_program(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.store_program() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_program orchestrator.template_programs := orchestrator.compile_template(NEW.base_spec_json, NEW.allowed_mutations_json);
BEGIN
    v_program.template_id := NEW.id;
    v_program.template_version := NEW.version;
    INSERT INTO orchestrator.template_programs SELECT v_program.*;
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.store_program() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION store_program(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.store_program() IS 'Stores the compiled form of a new template.';

--
-- Name: take_messages(integer, integer, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_now text := orchestrator.queue_name(p_cluster_id, 'now');
    v_bulk text := orchestrator.queue_name(p_cluster_id, 'bulk');
    v_share integer := greatest(p_limit / 4, CASE WHEN random() < 0.25 THEN 1 ELSE 0 END);
    v_read jsonb;
    v_more boolean;
BEGIN
    v_read := coalesce(orchestrator.read_queue(v_now, p_limit - v_share, p_lease_seconds), '[]');
    v_more := jsonb_array_length(v_read) = p_limit - v_share;
    IF jsonb_array_length(v_read) < p_limit THEN
        v_read := v_read || coalesce(orchestrator.read_queue(v_bulk, p_limit - jsonb_array_length(v_read), p_lease_seconds), '[]');
    END IF;
    -- What the bulk queue leaves of its share goes to the interactive one after all: a free place never hides waiting work.
    IF v_more AND jsonb_array_length(v_read) < p_limit THEN
        v_read := v_read || coalesce(orchestrator.read_queue(v_now, p_limit - jsonb_array_length(v_read), p_lease_seconds), '[]');
    END IF;
    RETURN nullif(v_read, '[]');
END
$$;

ALTER FUNCTION orchestrator.take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer) IS 'Reads both queues of a cluster.';

--
-- Name: tell_rollout(bigint, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO orchestrator.rollout_events (rollout_id, type, message, actor) VALUES (p_rollout_id, p_type, p_message, p_actor);
    INSERT INTO orchestrator.deployment_events (deployment_id, generation, source, type, data_json, actor)
    SELECT d.id, d.generation, CASE p_actor WHEN 'orchestrator' THEN 'system' ELSE 'user' END, p_type,
           jsonb_build_object('rollout', p_rollout_id, 'message', p_message), p_actor
      FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
     WHERE m.rollout_id = p_rollout_id AND m.state IN ('waiting', 'started');
END
$$;

ALTER FUNCTION orchestrator.tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text) IS 'Writes a step of a rollout into the histories it concerns.';

--
-- Name: tend_contests(text, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.tend_contests(p_cluster text, p_most integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_cluster orchestrator.clusters;
    v_since timestamptz;
    v_held uuid[];
    v_due uuid[];
    v_count integer;
BEGIN
    SELECT * INTO v_cluster FROM orchestrator.clusters c WHERE c.name = p_cluster;
    IF NOT pg_try_advisory_xact_lock(hashtext('orchestrator.tend_contests'), v_cluster.id) THEN
        RETURN 0;
    END IF;
    v_since := now() - make_interval(secs => v_cluster.contested_within_seconds);
    -- What was put back now and then is no fight.
    DELETE FROM orchestrator.put_backs p
     WHERE (p.deployment_id, p.kind, p.name, p.path) IN (
           SELECT b.deployment_id, b.kind, b.name, b.path FROM orchestrator.put_backs b
            WHERE b.cluster_id = v_cluster.id AND b.last_at < v_since AND b.contested_since IS NULL LIMIT p_most FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_held := orchestrator.lock_deployments(ARRAY(
        (SELECT c.deployment_id FROM orchestrator.contested c
           JOIN orchestrator.reconcile_slots s ON s.deployment_id = c.deployment_id
          WHERE c.cluster_id = v_cluster.id AND c.next_at <= now() AND c.differs AND s.msg_id IS NULL AND s.due_at IS NULL
          ORDER BY c.next_at LIMIT p_most / 2)
        UNION
        (SELECT p.deployment_id FROM orchestrator.put_backs p
          WHERE p.cluster_id = v_cluster.id AND p.contested_since IS NOT NULL ORDER BY random() LIMIT p_most / 2)));
    IF v_held = '{}' THEN
        RETURN v_count;
    END IF;
    WITH over AS (
        SELECT c.deployment_id, c.kind, c.object, c.path,
               CASE WHEN NOT orchestrator.is_wanted(d, c.kind, c.object) THEN 'gone'
                    WHEN j.policy = 'Ignore' THEN 'ignored' WHEN j.policy = 'Adopt' THEN 'undecided'
                    WHEN p.last_at < v_since AND NOT c.differs THEN 'quiet' END AS why
          FROM orchestrator.contested c
          JOIN orchestrator.put_backs p ON p.deployment_id = c.deployment_id AND p.kind = c.kind AND p.name = c.object AND p.path = c.path
          JOIN orchestrator.deployments d ON d.id = c.deployment_id
         CROSS JOIN LATERAL orchestrator.judge_contest(c.deployment_id, c.kind, c.object, c.path) j
         WHERE c.deployment_id = ANY (v_held)
    )
    SELECT v_count + count(orchestrator.end_contest(o.deployment_id, o.kind, o.object, o.path, o.why)) INTO v_count FROM over o WHERE o.why IS NOT NULL;
    -- What rests only: a run that is due or under way tries it anyway.
    v_due := ARRAY(
        SELECT DISTINCT c.deployment_id FROM orchestrator.contested c
          JOIN orchestrator.reconcile_slots s ON s.deployment_id = c.deployment_id
         CROSS JOIN LATERAL orchestrator.judge_contest(c.deployment_id, c.kind, c.object, c.path) j
         WHERE c.deployment_id = ANY (v_held) AND c.differs AND j.held IS NULL AND s.msg_id IS NULL AND s.due_at IS NULL);
    PERFORM orchestrator.request_unless_paused(v_due, 'contested');
    RETURN v_count + cardinality(v_due);
END
$$;

ALTER FUNCTION orchestrator.tend_contests(p_cluster text, p_most integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION tend_contests(p_cluster text, p_most integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.tend_contests(p_cluster text, p_most integer) IS 'Ends fights that are over, and asks for what may be put back again.';

--
-- Name: tend_windows(text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.tend_windows(p_cluster text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    c_most CONSTANT integer := 1000;
    v_cluster_id integer := (SELECT c.id FROM orchestrator.clusters c WHERE c.name = p_cluster);
    v_open text[] := ARRAY(SELECT w.name FROM orchestrator.maintenance_windows w WHERE orchestrator.window_is_open(w));
    v_ids uuid[];
BEGIN
    IF v_open = '{}' OR NOT pg_try_advisory_xact_lock(hashtext('orchestrator.tend_windows'), v_cluster_id) THEN
        RETURN 0;
    END IF;
    v_ids := ARRAY(
        SELECT DISTINCT d.id
          FROM orchestrator.deployment_resources r
          JOIN orchestrator.deployments d ON d.id = r.deployment_id
          JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
          JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id
         CROSS JOIN LATERAL orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j
         WHERE r.cluster_id = v_cluster_id AND r.differs AND s.msg_id IS NULL AND s.due_at IS NULL AND s.quarantined_at IS NULL
           AND NOT s.last_error_permanent AND d.desired_state <> 'Paused' AND (t.drift_rules_json || d.drift_rules) @? '$[*].window'
           AND j.held IS NULL AND j.maintenance_window = ANY (v_open)
         LIMIT c_most);
    PERFORM orchestrator.request_unless_paused(orchestrator.lock_deployments(v_ids), 'window');
    RETURN cardinality(v_ids);
END
$_$;

ALTER FUNCTION orchestrator.tend_windows(p_cluster text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION tend_windows(p_cluster text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.tend_windows(p_cluster text) IS 'Asks for what waited for a window that is open by now.';

--
-- Name: text_as(text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.text_as(p_text text, p_type text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE
        WHEN p_type = 'boolean' AND p_text IN ('true', 'false') THEN p_text::jsonb
        WHEN p_type IN ('integer', 'number') AND p_text ~ '^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$' THEN p_text::jsonb
        ELSE to_jsonb(p_text)
    END
$_$;

ALTER FUNCTION orchestrator.text_as(p_text text, p_type text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION text_as(p_text text, p_type text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.text_as(p_text text, p_type text) IS 'Reads an interpolated text back as a JSON value.';

--
-- Name: timeline(uuid, bigint, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.timeline(p_id uuid, p_before bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 200) RETURNS TABLE(run bigint, generation bigint, began_at timestamp with time zone, outcome text, settled_seconds numeric, healthy_seconds numeric, steps jsonb)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH recent AS (
        SELECT e.*, e.source <> 'reconciler' AND e.type IN ('DeploymentCreated', 'DeploymentChanged', 'DeploymentQueued',
                        'ResourceModifiedExternally', 'ResourceDeletedExternally', 'ResourceRecreated') AS sets_off
          FROM orchestrator.deployment_events e
         WHERE e.deployment_id = p_id AND (p_before IS NULL OR e.id < p_before)
         ORDER BY e.id DESC LIMIT least(p_limit, 1000)
    ), counted AS (
        SELECT r.*, count(*) FILTER (WHERE r.type = 'ReconcileStarted') OVER (ORDER BY r.id) AS started,
               bool_or(r.sets_off) OVER (PARTITION BY r.xid) AS with_cause,
               max(r.id) FILTER (WHERE r.sets_off) OVER (ORDER BY r.id)
                   > coalesce(max(r.id) FILTER (WHERE r.type = 'ReconcileStarted') OVER (ORDER BY r.id), 0) AS asked
          FROM recent r
    ), numbered AS (
        -- What sets a run off belongs to the attempt that is still to come, and so do a status written with it and its wait for the cluster.
        SELECT c.*, c.started + (c.sets_off OR (c.type = 'StatusChanged' AND c.with_cause)
                                 OR (c.type = 'ReconcileDeferred' AND c.asked))::integer AS attempt,
               max(c.started) OVER () AS newest
          FROM counted c
    ), timed AS (
        SELECT n.*, extract(epoch FROM n.created_at - lag(n.created_at) OVER own) AS seconds,
               extract(epoch FROM n.created_at - first_value(n.created_at) OVER own) AS since
          FROM numbered n WINDOW own AS (PARTITION BY n.attempt ORDER BY n.id)
    )
    SELECT min(t.id), max(t.generation), min(t.created_at),
           CASE WHEN bool_or(t.type IN ('ReconcileSucceeded', 'ReconcileHeld', 'DeploymentDeleted')) THEN 'succeeded'
                WHEN bool_or(t.type IN ('ReconcileFailed', 'ReconcileQuarantined')) THEN 'failed'
                WHEN bool_or(t.type = 'ReconcileDeferred') THEN 'deferred'
                WHEN NOT bool_or(t.type = 'ReconcileStarted') THEN 'waiting'
                WHEN t.attempt = min(t.newest) THEN 'working' ELSE 'unfinished' END,
           round(min(t.since) FILTER (WHERE t.type IN ('ReconcileSucceeded', 'ReconcileHeld', 'ReconcileFailed', 'DeploymentDeleted')), 3),
           round(min(t.since) FILTER (WHERE t.type = 'StatusChanged' AND t.data_json ->> 'to' IN ('Healthy', 'Stopped')), 3),
           jsonb_agg(jsonb_build_object('id', t.id, 'type', t.type, 'source', t.source, 'actor', t.actor, 'at', t.created_at,
                                        'seconds', round(t.seconds, 3), 'data', t.data_json) ORDER BY t.id)
      FROM timed t GROUP BY t.attempt ORDER BY t.attempt DESC
$$;

ALTER FUNCTION orchestrator.timeline(p_id uuid, p_before bigint, p_limit integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION timeline(p_id uuid, p_before bigint, p_limit integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.timeline(p_id uuid, p_before bigint, p_limit integer) IS 'A deployment''s history by runs, newest first.';

--
-- Name: try_upgrades(text, integer, uuid[], jsonb, boolean, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.try_upgrades(template text, version integer DEFAULT NULL::integer, ids uuid[] DEFAULT NULL::uuid[], parameters jsonb DEFAULT '{}'::jsonb, force boolean DEFAULT false, most integer DEFAULT NULL::integer) RETURNS TABLE(deployment_id uuid, namespace text, name text, template_version integer, changes boolean, restarts boolean, code text, path text, message text, hint text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_template_id bigint;
    v_version integer;
    v_parameters jsonb;
    v_tried text;
BEGIN
    SELECT f.template_id, f.version INTO v_template_id, v_version FROM orchestrator.find_version(try_upgrades.template, try_upgrades.version) f;
    FOR deployment_id, namespace, name, template_version, v_parameters IN
        SELECT d.id, d.namespace, d.name, d.template_version, d.parameters
          FROM unnest(orchestrator.find_movable(v_template_id, v_version, try_upgrades.ids)) WITH ORDINALITY m (id, o)
          JOIN orchestrator.deployments d ON d.id = m.id
         WHERE try_upgrades.most IS NULL OR m.o <= try_upgrades.most ORDER BY m.o
    LOOP
        changes := NULL;
        restarts := NULL;
        code := NULL;
        path := NULL;
        message := NULL;
        hint := NULL;
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.upgrade(deployment_id, v_version, try_upgrades.parameters, try_upgrades.force);
        EXCEPTION
            WHEN SQLSTATE 'SO200' THEN
                GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
                changes := v_tried::jsonb -> 'before' <> v_tried::jsonb -> 'after';
                restarts := orchestrator.waits_for_restart(v_tried::jsonb);
                RETURN NEXT;
            WHEN SQLSTATE 'SO403' OR SQLSTATE 'SO404' OR SQLSTATE 'SO409' OR SQLSTATE 'SO422' THEN
                GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, path = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
                IF code = 'SO422' AND path LIKE 'parameters%' AND jsonb_typeof(try_upgrades.parameters) = 'object' THEN
                    v_parameters := (SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}')
                                       FROM jsonb_each(v_parameters || try_upgrades.parameters) p WHERE p.value <> 'null');
                    FOR path, message, hint IN SELECT p.path, p.message, p.hint FROM orchestrator.parameter_problems(v_template_id, v_version, v_parameters) p LOOP
                        RETURN NEXT;
                    END LOOP;
                ELSE
                    RETURN NEXT;
                END IF;
        END;
    END LOOP;
END
$$;

ALTER FUNCTION orchestrator.try_upgrades(template text, version integer, ids uuid[], parameters jsonb, force boolean, most integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION try_upgrades(template text, version integer, ids uuid[], parameters jsonb, force boolean, most integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.try_upgrades(template text, version integer, ids uuid[], parameters jsonb, force boolean, most integer) IS 'What upgrade() would do to each of many deployments, or refuse; writes nothing.';

--
-- Name: upgrade(uuid, integer, jsonb, boolean, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.upgrade(id uuid, version integer DEFAULT NULL::integer, parameters jsonb DEFAULT '{}'::jsonb, force boolean DEFAULT false, restart boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    v_now record;
    v_version integer;
    v_parameters jsonb;
    v_tried text;
    v_restart boolean := false;
    v_generation bigint;
BEGIN
    SELECT d.name, d.desired_state, d.template_id, d.template_version, d.parameters, d.restart_required INTO v_now
      FROM orchestrator.deployments d WHERE d.id = upgrade.id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM orchestrator.refuse('SO404', format('there is no deployment %s', upgrade.id), 'id', 'SELECT id, name FROM deployments lists them.');
    ELSIF v_now.desired_state = 'Deleted' THEN
        PERFORM orchestrator.refuse('SO409', format('%s is deleted and moves to no other version', v_now.name), 'desired_state',
            'Set desired_state to Active first: that brings it back as it was, with its data if that was kept.');
    ELSIF jsonb_typeof(upgrade.parameters) IS DISTINCT FROM 'object' THEN
        PERFORM orchestrator.refuse('SO422', 'parameters must be a JSON object', 'parameters', 'Write {"name": value, …}.');
    END IF;
    v_version := coalesce(upgrade.version, (SELECT max(t.version) FROM orchestrator.templates t WHERE t.id = v_now.template_id));
    IF NOT EXISTS (SELECT FROM orchestrator.templates t WHERE t.id = v_now.template_id AND t.version = v_version) THEN
        PERFORM orchestrator.refuse('SO404', format('its template has no version %s', v_version), 'template_version', 'There are: '
            || (SELECT string_agg(t.version::text, ', ' ORDER BY t.version) FROM orchestrator.templates t WHERE t.id = v_now.template_id) || '.');
    END IF;
    v_parameters := (SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}') FROM jsonb_each(v_now.parameters || upgrade.parameters) p WHERE p.value <> 'null');
    PERFORM orchestrator.check_parameters_fit(v_now.template_id, v_version, v_parameters);
    IF upgrade.force IS NOT TRUE THEN
        PERFORM orchestrator.check_not_lowered(v_now.template_id, v_now.template_version, v_now.parameters, v_version, v_parameters);
    END IF;
    IF upgrade.restart AND v_now.desired_state = 'Active' THEN
        BEGIN
            PERFORM set_config('orchestrator.preview', 'check', true);  -- undone with this block
            PERFORM orchestrator.upgrade(upgrade.id, v_version, upgrade.parameters, upgrade.force);
        EXCEPTION WHEN SQLSTATE 'SO200' THEN
            GET STACKED DIAGNOSTICS v_tried = PG_EXCEPTION_DETAIL;
            v_restart := v_now.restart_required OR orchestrator.waits_for_restart(v_tried::jsonb);
        END;
    END IF;
    -- Only for this statement: what it lowers is refused above, or meant.
    PERFORM set_config('orchestrator.judged', 'upgrade', true);
    UPDATE orchestrator.deployments d
       SET parameters = v_parameters, template_version = v_version,
           restarted_at = CASE WHEN v_restart THEN clock_timestamp() ELSE d.restarted_at END
     WHERE d.id = upgrade.id RETURNING d.generation INTO v_generation;
    PERFORM set_config('orchestrator.judged', '', true);
    RETURN v_generation;
END
$$;

ALTER FUNCTION orchestrator.upgrade(id uuid, version integer, parameters jsonb, force boolean, restart boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION upgrade(id uuid, version integer, parameters jsonb, force boolean, restart boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.upgrade(id uuid, version integer, parameters jsonb, force boolean, restart boolean) IS 'Moves a deployment to another version of its template; answers the generation.';

--
-- Name: upgrade_refusals(text, integer, uuid[], jsonb, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.upgrade_refusals(template text, version integer DEFAULT NULL::integer, ids uuid[] DEFAULT NULL::uuid[], parameters jsonb DEFAULT '{}'::jsonb, force boolean DEFAULT false) RETURNS TABLE(deployment_id uuid, namespace text, name text, template_version integer, code text, path text, message text, hint text)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT t.deployment_id, t.namespace, t.name, t.template_version, t.code, t.path, t.message, t.hint
      FROM orchestrator.try_upgrades(upgrade_refusals.template, upgrade_refusals.version, upgrade_refusals.ids, upgrade_refusals.parameters, upgrade_refusals.force) t
     WHERE t.code IS NOT NULL
$$;

ALTER FUNCTION orchestrator.upgrade_refusals(template text, version integer, ids uuid[], parameters jsonb, force boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION upgrade_refusals(template text, version integer, ids uuid[], parameters jsonb, force boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.upgrade_refusals(template text, version integer, ids uuid[], parameters jsonb, force boolean) IS 'What upgrade() would refuse, deployment by deployment; writes nothing.';

--
-- Name: use_password_link(text, text, text, text); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_user_id bigint;
BEGIN
    v_user_id := (orchestrator.find_user(orchestrator.read_password_link(p_secret))).id;
    -- Once more, now that the user is locked: of two who use one link at once the second finds it void.
    PERFORM orchestrator.read_password_link(p_secret);
    PERFORM orchestrator.replace_password(v_user_id, p_hash);
    RETURN orchestrator.open_session(v_user_id, p_address, p_user_agent);
END
$$;

ALTER FUNCTION orchestrator.use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text) IS 'Sets a password by a one-time link, once; answers the cookie of a session.';

--
-- Name: waiting_message(integer, bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.waiting_message(p_cluster_id integer, p_generation bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN c.unreachable_since IS NULL THEN format('Generation %s waits for a worker.', p_generation)
                ELSE format('Generation %s waits: the cluster is not reachable (%s).', p_generation, c.unreachable_reason) END
    FROM orchestrator.clusters c WHERE c.id = p_cluster_id
$$;

ALTER FUNCTION orchestrator.waiting_message(p_cluster_id integer, p_generation bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION waiting_message(p_cluster_id integer, p_generation bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.waiting_message(p_cluster_id integer, p_generation bigint) IS 'Says what a changed deployment waits for.';

--
-- Name: waits_for_restart(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.waits_for_restart(p_tried jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (
        SELECT FROM jsonb_array_elements(p_tried -> 'after') a JOIN jsonb_array_elements(nullif(p_tried -> 'before', 'null')) b
            ON b -> 'kind' = a -> 'kind' AND b #> '{metadata,name}' = a #> '{metadata,name}'
         WHERE a #>> '{spec,updateStrategy,type}' = 'OnDelete' AND a #> '{spec,template}' <> b #> '{spec,template}')
$$;

ALTER FUNCTION orchestrator.waits_for_restart(p_tried jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION waits_for_restart(p_tried jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.waits_for_restart(p_tried jsonb) IS 'Whether what a tried write changes takes effect only with a restart.';

--
-- Name: wake_rollout(bigint); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.wake_rollout(p_rollout_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE orchestrator.rollouts r SET under_way = true, finished_at = NULL WHERE r.id = p_rollout_id AND (NOT r.under_way OR r.finished_at IS NOT NULL);
    PERFORM orchestrator.nudge(c.cluster_id) FROM (
        SELECT DISTINCT d.cluster_id FROM orchestrator.rollout_members m JOIN orchestrator.deployments d ON d.id = m.deployment_id
         WHERE m.rollout_id = p_rollout_id AND m.state IN ('waiting', 'started')) c;
END
$$;

ALTER FUNCTION orchestrator.wake_rollout(p_rollout_id bigint) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION wake_rollout(p_rollout_id bigint); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.wake_rollout(p_rollout_id bigint) IS 'Has workers look at a rollout.';

--
-- Name: wake_rollout_of_member(); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.wake_rollout_of_member() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF (NEW.status_summary, NEW.generation, NEW.last_applied_generation, NEW.restart_required, NEW.stale_since)
       IS DISTINCT FROM (OLD.status_summary, OLD.generation, OLD.last_applied_generation, OLD.restart_required, OLD.stale_since) THEN
        PERFORM orchestrator.nudge(NEW.cluster_id);
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION orchestrator.wake_rollout_of_member() OWNER TO orchestrator_owner;

--
-- Name: FUNCTION wake_rollout_of_member(); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.wake_rollout_of_member() IS 'Wakes workers when a member of a rollout changed.';

--
-- Name: wanted_manifests(jsonb, text, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN p_state <> 'Stopped' AND p_restarted_at IS NULL THEN p_spec ELSE (
        SELECT jsonb_agg(CASE WHEN m ->> 'kind' = 'CronJob' AND p_state = 'Stopped' THEN jsonb_set(m, '{spec,suspend}', 'true')
                              WHEN m ->> 'kind' NOT IN ('Deployment', 'StatefulSet') THEN m
                              WHEN p_restarted_at IS NULL THEN s.stated
                              ELSE jsonb_set(s.stated, '{spec,template,metadata}',
                                       coalesce(m #> '{spec,template,metadata}', '{}') || jsonb_build_object('annotations',
                                       coalesce(m #> '{spec,template,metadata,annotations}', '{}') || jsonb_build_object('server-orchestrator.io/restarted-at',
                                           to_char(p_restarted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))) END ORDER BY o)
          FROM jsonb_array_elements(p_spec) WITH ORDINALITY t (m, o)
         CROSS JOIN LATERAL (SELECT CASE WHEN p_state = 'Stopped' THEN jsonb_set(m, '{spec,replicas}', '0') ELSE m END AS stated) s) END
$$;

ALTER FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone) IS 'A deployment''s manifests in its desired state.';

--
-- Name: was_overtaken(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.was_overtaken(p_settlement jsonb) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (
        SELECT FROM jsonb_to_recordset(p_settlement -> 'resources') AS a (kind text, namespace text, name text)
          JOIN orchestrator.deployment_resources r ON r.kind = a.kind AND r.namespace = a.namespace AND r.name = a.name
         CROSS JOIN LATERAL orchestrator.judge_object(r.cluster_id, r.kind, r.namespace, r.name) j
         WHERE r.deployment_id = (p_settlement ->> 'deployment_id')::uuid AND (r.drift IS NOT NULL OR r.missing_since IS NOT NULL) AND j.held IS NULL)
$$;

ALTER FUNCTION orchestrator.was_overtaken(p_settlement jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION was_overtaken(p_settlement jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.was_overtaken(p_settlement jsonb) IS 'Whether what a run applied was undone before it was settled.';

--
-- Name: window_is_open(orchestrator.maintenance_windows, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM orchestrator.window_spans(p_window, p_at, 1) s WHERE s.opens <= p_at)
$$;

ALTER FUNCTION orchestrator.window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone) IS 'Whether a window is open: SELECT name, window_is_open(w) FROM maintenance_windows w.';

--
-- Name: window_opens(orchestrator.maintenance_windows, timestamp with time zone); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone DEFAULT now()) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT min(s.opens) FROM orchestrator.window_spans(p_window, p_after) s WHERE s.opens > p_after
$$;

ALTER FUNCTION orchestrator.window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone) IS 'When a window opens next: SELECT name, window_opens(w) FROM maintenance_windows w.';

--
-- Name: window_spans(orchestrator.maintenance_windows, timestamp with time zone, integer); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer DEFAULT 8) RETURNS TABLE(opens timestamp with time zone, closes timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT o.opens, o.opens + (p_window).lasts
      FROM generate_series(-2, p_days) n
     CROSS JOIN LATERAL (SELECT (p_at AT TIME ZONE (p_window).zone)::date + n) d (day)
     CROSS JOIN LATERAL (SELECT orchestrator.at_wall_clock(d.day + (p_window).starts, (p_window).zone)) o (opens)
     WHERE to_char(d.day, 'Dy') = ANY ((p_window).days) AND o.opens + (p_window).lasts > p_at
     ORDER BY o.opens
$$;

ALTER FUNCTION orchestrator.window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer) IS 'When a window opens and closes, from a moment on.';

--
-- Name: window_users(orchestrator.maintenance_windows, boolean); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.window_users(p_window orchestrator.maintenance_windows, p_plans boolean) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH naming AS (
        SELECT jsonb_build_array(jsonb_build_object('window', (p_window).name)) AS rules
    ), users AS (
        SELECT format('the planned restart of %s/%s', d.namespace, d.name) AS what
          FROM orchestrator.planned_restarts p JOIN orchestrator.deployments d ON d.id = p.deployment_id
         WHERE p_plans AND p.window_id = (p_window).id AND p.state = 'planned'
        UNION ALL
        SELECT format('a drift rule of %s/%s', d.namespace, d.name)
          FROM naming n JOIN orchestrator.deployments d ON d.drift_rules @> n.rules
         WHERE d.finalised_at IS NULL AND d.namespace = coalesce((p_window).namespace, d.namespace)
        UNION ALL
        SELECT format('a drift rule of version %s of the template %s', t.version, t.name)
          FROM naming n JOIN orchestrator.templates t ON t.drift_rules_json @> n.rules
         WHERE (p_window).namespace IS NULL
    )
    SELECT string_agg(u.what, ', ') FROM (SELECT u.what FROM users u ORDER BY u.what LIMIT 10) u
$$;

ALTER FUNCTION orchestrator.window_users(p_window orchestrator.maintenance_windows, p_plans boolean) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION window_users(p_window orchestrator.maintenance_windows, p_plans boolean); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.window_users(p_window orchestrator.maintenance_windows, p_plans boolean) IS 'What names a window.';

--
-- Name: withhold(uuid, text, text, jsonb, jsonb, text, jsonb, text, text, jsonb, bigint, text[]); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.withhold(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb, p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_template_rules jsonb := orchestrator.named_rules(p_template_rules, p_deployment);
    v_once text[] := coalesce(p_enforce_once, '{}');
    v_held jsonb;
    v_lost jsonb;
    v_let_be boolean;
    v_by_rule boolean := jsonb_path_exists(p_template_rules || p_rules, '$[*] ? (@.policy == "Ignore")');
    v_manifest jsonb;
    v_found record;
BEGIN
    SELECT coalesce(jsonb_agg(j.change || jsonb_build_object('held', j.held)) FILTER (WHERE j.path <> '' AND j.held <> 'rewritten' AND j.path <> ALL (v_once)), '[]'),
           coalesce(jsonb_agg(jsonb_build_object('path', j.path, 'manager', j.change -> 'manager'))
                    FILTER (WHERE j.path <> '' AND (j.held IS NULL OR j.path = ANY (v_once))), '[]'),
           coalesce(bool_or(j.path = '' AND j.held IS NOT NULL AND '' <> ALL (v_once)), false)
      INTO v_held, v_lost, v_let_be
      FROM orchestrator.judge_drift(p_deployment_id, p_deployment, p_state, p_template_rules, p_rules, p_default, p_kind, p_name, p_drift || '[{"path": ""}]') j;
    SELECT NULL::jsonb AS steps, NULL::jsonb AS paths INTO v_found;
    IF v_held <> '[]' OR v_by_rule THEN
        v_manifest := orchestrator.manifest_of(p_manifests, p_kind, p_name);
        SELECT jsonb_agg(l.steps ORDER BY l.path) AS steps, jsonb_agg(l.path ORDER BY l.path) AS paths INTO v_found
          FROM (SELECT p.path, p.steps, p.value FROM orchestrator.manifest_paths(
                           CASE WHEN p_kind = 'Secret' THEN v_manifest - 'stringData' || jsonb_build_object('data', (
                                     SELECT coalesce(jsonb_object_agg(k, true), '{}') FROM jsonb_object_keys(coalesce(v_manifest -> 'data', '{}') || coalesce(v_manifest -> 'stringData', '{}')) k))
                                ELSE v_manifest END - 'apiVersion' - 'kind' #- '{metadata,name}' #- '{metadata,namespace}') p
                 WHERE p.path NOT IN ('', 'metadata') AND NOT orchestrator.below_atomic(p.path) AND (p.leaf OR p.value IN ('{}', '[]') OR orchestrator.below_atomic(p.path || '.'))) l
         WHERE l.path NOT LIKE '%[server-orchestrator.io/%' AND l.path <> ALL (v_once)
           AND NOT (l.path = 'spec.replicas' AND p_kind IN ('Deployment', 'StatefulSet') AND 'Stopped' IN (p_state, (
                    SELECT v.desired_state FROM orchestrator.deployment_revisions v
                     WHERE v.deployment_id = p_deployment_id AND v.generation = p_applied_generation)))
           AND (EXISTS (SELECT FROM jsonb_array_elements(v_held) h
                         WHERE (l.path = h ->> 'path' OR starts_with(l.path, (h ->> 'path') || '.') OR starts_with(l.path, (h ->> 'path') || '['))
                           AND NOT (h ->> 'held' = 'undecided' AND l.path = h ->> 'path' AND l.value = h -> 'live'))
                OR (v_by_rule AND NOT (p_kind = 'ConfigMap' AND p_name = p_deployment || '-root')
                    AND (SELECT v.policy = 'Ignore' AND v.source <> 'default'
                           FROM orchestrator.policy_for(v_template_rules, p_rules, p_default, p_kind, p_name, l.path) v)));
    END IF;
    RETURN jsonb_build_object('drifted', v_lost <> '[]', 'lost', v_lost, 'withheld', coalesce(v_found.steps, '[]'), 'paths', coalesce(v_found.paths, '[]'),
                              'undecided', jsonb_path_query_array(v_held, '$[*] ? (@.held != "ignored").path'), 'enforce_once', to_jsonb(v_once), 'let_be', v_let_be);
END
$_$;

ALTER FUNCTION orchestrator.withhold(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb, p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION withhold(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb, p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.withhold(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb, p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]) IS 'What an apply of one object must leave to others.';

--
-- Name: withhold_found(uuid, text, text, text, jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT orchestrator.withhold(d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy,
                                 orchestrator.wanted_manifests(d.desired_spec_json, d.desired_state, d.restarted_at),
                                 r.kind, r.name, orchestrator.lost_before(p_drift, r.drift), r.applied_generation, r.enforce_once)
      FROM orchestrator.deployments d
      JOIN orchestrator.templates t ON t.id = d.template_id AND t.version = d.template_version
      JOIN orchestrator.deployment_resources r ON r.cluster_id = d.cluster_id AND r.kind = p_kind AND r.namespace = p_namespace AND r.name = p_name
     WHERE d.id = p_deployment_id AND r.deployment_id = d.id
$$;

ALTER FUNCTION orchestrator.withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb) IS 'What an apply must leave to others, by changes a worker found itself.';

--
-- Name: without_adopted(jsonb); Type: FUNCTION; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE FUNCTION orchestrator.without_adopted(p_rows jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce(jsonb_agg(CASE WHEN d.last_applied_generation < d.generation
                                   THEN j || jsonb_build_object('drift', (
                                        SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(j -> 'drift') c
                                         WHERE c ->> 'reason' IS DISTINCT FROM 'overwritten' AND (c -> 'wanted' IS DISTINCT FROM c -> 'live' OR c -> 'cut' = 'true' OR j ->> 'kind' = 'Secret')))
                                   ELSE j END), '[]')
      FROM jsonb_array_elements(p_rows) j LEFT JOIN orchestrator.deployments d ON d.id = (j ->> 'deployment_id')::uuid
$$;

ALTER FUNCTION orchestrator.without_adopted(p_rows jsonb) OWNER TO orchestrator_owner;

--
-- Name: FUNCTION without_adopted(p_rows jsonb); Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON FUNCTION orchestrator.without_adopted(p_rows jsonb) IS 'Reports of drift, less what stands as it is wanted and an apply will take over.';

--
-- Name: answered_requests; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.answered_requests (
    actor text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    status integer,
    headers jsonb,
    body text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE orchestrator.answered_requests OWNER TO orchestrator_owner;

--
-- Name: TABLE answered_requests; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.answered_requests IS 'Answers by Idempotency-Key, kept for a day; private to begin_request and end_request.';

--
-- Name: COLUMN answered_requests.actor; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.actor IS 'Whose key it is.';

--
-- Name: COLUMN answered_requests.key; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.key IS 'As the sender chose it.';

--
-- Name: COLUMN answered_requests.request_hash; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.request_hash IS 'Tells a repeat from another request under the same key.';

--
-- Name: COLUMN answered_requests.status; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.status IS 'What was answered; NULL only inside the transaction that answers.';

--
-- Name: COLUMN answered_requests.headers; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.headers IS 'That went with the answer.';

--
-- Name: COLUMN answered_requests.body; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.body IS 'The answer, byte for byte.';

--
-- Name: COLUMN answered_requests.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.answered_requests.created_at IS 'A day later the key is free again.';

--
-- Name: api_tokens; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.api_tokens (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    namespaces text[],
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    parent_id bigint,
    CONSTRAINT api_tokens_role_is_known CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text])))
)
WITH (fillfactor='80');

ALTER TABLE orchestrator.api_tokens OWNER TO orchestrator_owner;

--
-- Name: TABLE api_tokens; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.api_tokens IS 'Tokens for the HTTP API. What one allows is never more than its user may, also when that is reduced later.';

--
-- Name: COLUMN api_tokens.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.id IS 'The number in the token itself.';

--
-- Name: COLUMN api_tokens.user_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.user_id IS 'In whose name it acts.';

--
-- Name: COLUMN api_tokens.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.name IS 'What it is for.';

--
-- Name: COLUMN api_tokens.role; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.role IS 'viewer, operator or admin, at most.';

--
-- Name: COLUMN api_tokens.namespaces; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.namespaces IS 'The only namespaces it is good for; NULL is all of its user''s.';

--
-- Name: COLUMN api_tokens.expires_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.expires_at IS 'Until when it is good; NULL is until revoked.';

--
-- Name: COLUMN api_tokens.last_used_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.last_used_at IS 'To the minute.';

--
-- Name: COLUMN api_tokens.revoked_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.revoked_at IS 'Since when it is good for nothing.';

--
-- Name: COLUMN api_tokens.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.created_at IS 'When.';

--
-- Name: COLUMN api_tokens.created_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.created_by IS 'Who made it.';

--
-- Name: COLUMN api_tokens.parent_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.api_tokens.parent_id IS 'The token that made it, and with which it ends; NULL where a person did.';

--
-- Name: api_tokens_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.api_tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.api_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: schema_migrations; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE orchestrator.schema_migrations OWNER TO orchestrator_owner;

--
-- Name: TABLE schema_migrations; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.schema_migrations IS 'Which migrations, routines and views this database has, by checksum.';

--
-- Name: applied_migrations; Type: VIEW; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE VIEW orchestrator.applied_migrations AS
 SELECT name,
    checksum
   FROM orchestrator.schema_migrations m;

ALTER VIEW orchestrator.applied_migrations OWNER TO orchestrator_owner;

--
-- Name: VIEW applied_migrations; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON VIEW orchestrator.applied_migrations IS 'Which migrations, routines and views this database has, by checksum.';

--
-- Name: COLUMN applied_migrations.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.applied_migrations.name IS 'Of the file, without its ending.';

--
-- Name: COLUMN applied_migrations.checksum; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.applied_migrations.checksum IS 'SHA-256 of its text.';

--
-- Name: clusters; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.clusters (
    id integer NOT NULL,
    name text NOT NULL,
    resync_seconds integer DEFAULT 60 NOT NULL,
    unreachable_since timestamp with time zone DEFAULT now(),
    unreachable_reason text DEFAULT 'no worker has reached this cluster yet'::text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    contested_after integer DEFAULT 3 NOT NULL,
    contested_within_seconds integer DEFAULT 600 NOT NULL,
    contested_wait_seconds integer DEFAULT 60 NOT NULL,
    contested_longest_wait_seconds integer DEFAULT 3600 NOT NULL,
    players_fresh_seconds integer DEFAULT 300 NOT NULL,
    reachable_since timestamp with time zone,
    CONSTRAINT clusters_name_is_a_label CHECK ((name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'::text)),
    CONSTRAINT clusters_resync_is_bounded CHECK (((resync_seconds >= 5) AND (resync_seconds <= 3600)))
);

ALTER TABLE orchestrator.clusters OWNER TO orchestrator_owner;

--
-- Name: TABLE clusters; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.clusters IS 'Kubernetes clusters. Credentials never live here: workers and watchers hold their own.';

--
-- Name: COLUMN clusters.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.id IS 'Names its queues and its channel.';

--
-- Name: COLUMN clusters.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.name IS 'What workers and watchers are started with.';

--
-- Name: COLUMN clusters.resync_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.resync_seconds IS 'How often the watcher lists everything again; a deployment not seen for two of these is stale.';

--
-- Name: COLUMN clusters.unreachable_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.unreachable_since IS 'Since when no worker reaches the API server; NULL while it answers.';

--
-- Name: COLUMN clusters.unreachable_reason; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.unreachable_reason IS 'What the last worker that tried was told; NULL while the API server answers.';

--
-- Name: COLUMN clusters.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.created_at IS 'When it was made known.';

--
-- Name: COLUMN clusters.contested_after; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.contested_after IS 'A path that is put back this often is contested,';

--
-- Name: COLUMN clusters.contested_within_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.contested_within_seconds IS 'if it was within so many seconds; so many without another put-back end it.';

--
-- Name: COLUMN clusters.contested_wait_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.contested_wait_seconds IS 'What is contested waits so long before it is put back again, then twice that, and so on; some random time more each time.';

--
-- Name: COLUMN clusters.contested_longest_wait_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.contested_longest_wait_seconds IS 'The wait doubles up to this.';

--
-- Name: COLUMN clusters.players_fresh_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.players_fresh_seconds IS 'For how long a number of players is believed after it was told.';

--
-- Name: COLUMN clusters.reachable_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.clusters.reachable_since IS 'Since when workers reach the API server; NULL while they do not, and where they did before this was noted.';

--
-- Name: clusters_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.clusters ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.clusters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: deployment_resources; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.deployment_resources (
    deployment_id uuid NOT NULL,
    cluster_id integer NOT NULL,
    api_version text NOT NULL,
    kind text NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    uid text,
    resource_version bigint DEFAULT 0 NOT NULL,
    fields_hash text,
    applied_generation bigint,
    applied_resource_version bigint,
    applied_fields jsonb,
    applied_fields_hash text,
    rendered_hash text,
    health text,
    reason text DEFAULT ''::text NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    drift jsonb,
    drifted_at timestamp with time zone,
    missing_since timestamp with time zone,
    last_seen_at timestamp with time zone,
    managed boolean NOT NULL,
    revision text,
    differs boolean GENERATED ALWAYS AS (((drift IS NOT NULL) OR (missing_since IS NOT NULL) OR ((applied_generation IS NOT NULL) AND (rendered_hash IS NULL)))) STORED NOT NULL,
    withheld text[],
    enforce_once text[]
)
WITH (fillfactor='60');

ALTER TABLE orchestrator.deployment_resources OWNER TO orchestrator_owner;

--
-- Name: TABLE deployment_resources; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.deployment_resources IS 'Inventory: every object of a deployment, what we applied to it and what was last seen of it.';

--
-- Name: COLUMN deployment_resources.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.deployment_id IS 'Whose it is.';

--
-- Name: COLUMN deployment_resources.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.cluster_id IS 'Where it is.';

--
-- Name: COLUMN deployment_resources.api_version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.api_version IS 'Of the object.';

--
-- Name: COLUMN deployment_resources.kind; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.kind IS 'Of the object.';

--
-- Name: COLUMN deployment_resources.namespace; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.namespace IS 'Of the object.';

--
-- Name: COLUMN deployment_resources.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.name IS 'Of the object.';

--
-- Name: COLUMN deployment_resources.uid; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.uid IS 'Tells the object apart from another that later takes its name.';

--
-- Name: COLUMN deployment_resources.resource_version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.resource_version IS 'Of the newest observation or apply; an older one is never written.';

--
-- Name: COLUMN deployment_resources.fields_hash; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.fields_hash IS 'Hash of the fields our manager owned when last seen.';

--
-- Name: COLUMN deployment_resources.applied_generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.applied_generation IS 'The generation that last changed it.';

--
-- Name: COLUMN deployment_resources.applied_resource_version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.applied_resource_version IS 'What our last apply left behind; only an observation above it can be drift.';

--
-- Name: COLUMN deployment_resources.applied_fields; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.applied_fields IS 'The fields our manager owned right after our last apply.';

--
-- Name: COLUMN deployment_resources.applied_fields_hash; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.applied_fields_hash IS 'Hash of the fields our manager owned right after our last apply; a difference is drift.';

--
-- Name: COLUMN deployment_resources.rendered_hash; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.rendered_hash IS 'Hash of the manifest last applied, less its generation label; equal means nothing to apply.';

--
-- Name: COLUMN deployment_resources.health; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.health IS 'Healthy, Progressing, Degraded or Suspended; NULL until seen.';

--
-- Name: COLUMN deployment_resources.reason; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.reason IS 'One word for the health.';

--
-- Name: COLUMN deployment_resources.message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.message IS 'A sentence for the health.';

--
-- Name: COLUMN deployment_resources.drift; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.drift IS 'Paths that were changed behind our back: path, wanted, live, manager, since. Secret values never.';

--
-- Name: COLUMN deployment_resources.drifted_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.drifted_at IS 'Since when it differs.';

--
-- Name: COLUMN deployment_resources.missing_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.missing_since IS 'Since when it is gone though wanted.';

--
-- Name: COLUMN deployment_resources.last_seen_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.last_seen_at IS 'When it was last observed, listed or applied.';

--
-- Name: COLUMN deployment_resources.managed; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.managed IS 'We applied it. Pods and copies that merely carry our label are only observed.';

--
-- Name: COLUMN deployment_resources.revision; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.revision IS 'Of a pod: what it was made from. Of a StatefulSet that waits for restarts (updateStrategy OnDelete): what its pods should be made from.';

--
-- Name: COLUMN deployment_resources.differs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.differs IS 'It stands otherwise at the cluster than it should: changed, missing, or replaced by another.';

--
-- Name: COLUMN deployment_resources.withheld; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.withheld IS 'Paths that our last apply left to others; NULL nearly always.';

--
-- Name: COLUMN deployment_resources.enforce_once; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_resources.enforce_once IS 'Paths that put_back() asked for, whatever their policy; the next apply carries them.';

--
-- Name: put_backs; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.put_backs (
    deployment_id uuid NOT NULL,
    cluster_id integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    path text NOT NULL,
    manager text,
    put_backs integer NOT NULL,
    recent timestamp with time zone[] NOT NULL,
    last_at timestamp with time zone NOT NULL,
    contested_since timestamp with time zone,
    next_at timestamp with time zone,
    generation bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE orchestrator.put_backs OWNER TO orchestrator_owner;

--
-- Name: TABLE put_backs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.put_backs IS 'Paths that were put back lately, and how often. Read the view contested.';

--
-- Name: COLUMN put_backs.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.deployment_id IS 'Whose object it is.';

--
-- Name: COLUMN put_backs.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.cluster_id IS 'Where it is.';

--
-- Name: COLUMN put_backs.kind; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.kind IS 'Of the object.';

--
-- Name: COLUMN put_backs.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.name IS 'Of the object.';

--
-- Name: COLUMN put_backs.path; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.path IS 'The field, with the keys of lists; empty for the object itself.';

--
-- Name: COLUMN put_backs.manager; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.manager IS 'Who changed it last, as far as that is known.';

--
-- Name: COLUMN put_backs.put_backs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.put_backs IS 'How often it was put back: in the time that counts, and once contested since that began.';

--
-- Name: COLUMN put_backs.recent; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.recent IS 'When: within the time that counts, and once contested those that made it so.';

--
-- Name: COLUMN put_backs.last_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.last_at IS 'When it was put back last.';

--
-- Name: COLUMN put_backs.contested_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.contested_since IS 'Since when somebody else is said to contest it; NULL while it was not put back too often.';

--
-- Name: COLUMN put_backs.next_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.next_at IS 'Contested, it is not put back before then, unless a person asks.';

--
-- Name: COLUMN put_backs.generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.put_backs.generation IS 'The intent that put it back last; a newer one does not wait.';

--
-- Name: contested; Type: VIEW; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE VIEW orchestrator.contested WITH (security_invoker='true') AS
 SELECT p.deployment_id,
    d.name AS deployment,
    p.kind,
    d.namespace,
    p.name AS object,
    p.path,
    p.manager,
    p.contested_since AS since,
    p.put_backs,
    p.next_at,
    p.cluster_id,
    p.recent[1] AS began_at,
    COALESCE(((r.missing_since IS NOT NULL) OR ((p.path = ''::text) AND (r.applied_generation IS NOT NULL) AND (r.rendered_hash IS NULL)) OR (r.drift @> jsonb_build_array(jsonb_build_object('path', p.path)))), false) AS differs
   FROM ((orchestrator.put_backs p
     JOIN orchestrator.deployments d ON ((d.id = p.deployment_id)))
     LEFT JOIN orchestrator.deployment_resources r ON (((r.cluster_id = p.cluster_id) AND (r.kind = p.kind) AND (r.namespace = d.namespace) AND (r.name = p.name) AND (r.deployment_id = p.deployment_id))))
  WHERE (p.contested_since IS NOT NULL);

ALTER VIEW orchestrator.contested OWNER TO orchestrator_owner;

--
-- Name: VIEW contested; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON VIEW orchestrator.contested IS 'Paths that were put back so often that somebody else must be setting them; each is tried less and less often.';

--
-- Name: COLUMN contested.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.deployment_id IS 'Whose object it is.';

--
-- Name: COLUMN contested.deployment; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.deployment IS 'Its name.';

--
-- Name: COLUMN contested.kind; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.kind IS 'Of the object.';

--
-- Name: COLUMN contested.namespace; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.namespace IS 'Of the object.';

--
-- Name: COLUMN contested.object; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.object IS 'Its name.';

--
-- Name: COLUMN contested.path; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.path IS 'The field, with the keys of lists; empty for the object itself.';

--
-- Name: COLUMN contested.manager; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.manager IS 'Who keeps setting it, as far as that is known: who deletes leaves no name.';

--
-- Name: COLUMN contested.since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.since IS 'Since when it is contested.';

--
-- Name: COLUMN contested.put_backs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.put_backs IS 'How often it was put back since began_at.';

--
-- Name: COLUMN contested.next_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.next_at IS 'It is not put back before then, unless a person asks.';

--
-- Name: COLUMN contested.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.cluster_id IS 'Where it is.';

--
-- Name: COLUMN contested.began_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.began_at IS 'When it was put back for the first time.';

--
-- Name: COLUMN contested.differs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.contested.differs IS 'It stands otherwise than wanted this moment.';

--
-- Name: deployment_events_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployment_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.deployment_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: deployment_observed; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.deployment_observed (
    deployment_id uuid NOT NULL,
    observed_json jsonb DEFAULT '{}'::jsonb NOT NULL,
    observed_at timestamp with time zone DEFAULT now() NOT NULL,
    events_json jsonb DEFAULT '{}'::jsonb NOT NULL
)
WITH (fillfactor='60');

ALTER TABLE orchestrator.deployment_observed OWNER TO orchestrator_owner;

--
-- Name: TABLE deployment_observed; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.deployment_observed IS 'A cache of selected live status by "Kind/name"; Kubernetes remains the authority.';

--
-- Name: COLUMN deployment_observed.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_observed.deployment_id IS 'Whose status it is.';

--
-- Name: COLUMN deployment_observed.observed_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_observed.observed_json IS 'By "Kind/name"; Kubernetes'' own warnings under "warnings".';

--
-- Name: COLUMN deployment_observed.observed_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_observed.observed_at IS 'When it last changed.';

--
-- Name: COLUMN deployment_observed.events_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_observed.events_json IS 'Kubernetes'' own events of the last hour by "Kind/name", newest first: of pods all, of the rest warnings.';

--
-- Name: deployment_players; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.deployment_players (
    deployment_id uuid NOT NULL,
    online integer NOT NULL,
    as_of timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE orchestrator.deployment_players OWNER TO orchestrator_owner;

--
-- Name: TABLE deployment_players; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.deployment_players IS 'How many play on a server, as last told by record_players(). players_online(id) answers it while it is fresh.';

--
-- Name: COLUMN deployment_players.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_players.deployment_id IS 'On which.';

--
-- Name: COLUMN deployment_players.online; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_players.online IS 'How many were online.';

--
-- Name: COLUMN deployment_players.as_of; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.deployment_players.as_of IS 'When.';

--
-- Name: templates; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.templates (
    id bigint NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    base_spec_json jsonb NOT NULL,
    allowed_mutations_json jsonb DEFAULT '{"type": "object", "properties": {}}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    drift_rules_json jsonb DEFAULT '[]'::jsonb NOT NULL
);

ALTER TABLE orchestrator.templates OWNER TO orchestrator_owner;

--
-- Name: TABLE templates; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.templates IS 'Manifests with parameters, and the JSON Schema those parameters must satisfy. A version never changes; write the next one.';

--
-- Name: COLUMN templates.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.id IS 'The same for every version of one name.';

--
-- Name: COLUMN templates.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.name IS 'What deploy() is given.';

--
-- Name: COLUMN templates.version; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.version IS 'Counts from 1.';

--
-- Name: COLUMN templates.base_spec_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.base_spec_json IS 'A list of Kubernetes manifests holding {"$param": …}, "${…}", $when, $hash and $generate.';

--
-- Name: COLUMN templates.allowed_mutations_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.allowed_mutations_json IS 'JSON Schema of the parameters: the only things a deployment may change.';

--
-- Name: COLUMN templates.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.created_at IS 'When this version was written.';

--
-- Name: COLUMN templates.drift_rules_json; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.templates.drift_rules_json IS 'What becomes of changes from outside, path by path: see orchestrator.policy_for. "${name}" in a name is the deployment''s.';

--
-- Name: drift; Type: VIEW; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE VIEW orchestrator.drift WITH (security_invoker='true') AS
 SELECT d.id AS deployment_id,
    d.name AS deployment,
    r.kind,
    r.namespace,
    r.name AS object,
    f.path,
    (f.change -> 'wanted'::text) AS wanted,
    (f.change -> 'live'::text) AS live,
    (f.change ->> 'manager'::text) AS manager,
    COALESCE(((f.change ->> 'since'::text))::timestamp with time zone, r.drifted_at, r.missing_since, r.last_seen_at) AS since,
    r.cluster_id,
    f.policy,
        CASE
            WHEN ((h.held = ANY (ARRAY['undecided'::text, 'shut'::text, 'contested'::text])) AND (d.finalised_at IS NULL) AND (d.desired_state <> 'Paused'::text)) THEN h.held
            WHEN ((h.held = 'rewritten'::text) AND (d.finalised_at IS NULL) AND (d.desired_state <> 'Paused'::text)) THEN 'stuck'::text
            ELSE orchestrator.outlook(d.desired_state, (d.finalised_at IS NOT NULL), s.*, k.unreachable_since)
        END AS outlook,
        CASE h.held
            WHEN 'shut'::text THEN orchestrator.shut_until(d.id, f.maintenance_window)
            WHEN 'contested'::text THEN orchestrator.contested_until(d.id, r.kind, r.name, f.path)
            ELSE s.due_at
        END AS due_at,
    (b.refusal IS NULL) AS adoptable,
    b.refusal AS not_adoptable,
    b.adopts,
    "left"(md5(concat(orchestrator.spell_path(r.kind, r.name, f.path), (f.change -> 'live'::text))), 16) AS seen,
    f.source AS rule_source,
    f.rule,
    ( SELECT p.contested_since
           FROM orchestrator.put_backs p
          WHERE ((p.deployment_id = d.id) AND (p.kind = r.kind) AND (p.name = r.name) AND (p.path = f.path))) AS contested_since
   FROM (((((((orchestrator.deployment_resources r
     JOIN orchestrator.deployments d ON ((d.id = r.deployment_id)))
     JOIN orchestrator.templates t ON (((t.id = d.template_id) AND (t.version = d.template_version))))
     JOIN orchestrator.reconcile_slots s ON ((s.deployment_id = d.id)))
     JOIN orchestrator.clusters k ON ((k.id = r.cluster_id)))
     CROSS JOIN LATERAL orchestrator.judge_drift(d.id, d.name, d.desired_state, t.drift_rules_json, d.drift_rules, d.drift_policy, r.kind, r.name, (COALESCE(r.drift, '[]'::jsonb) || orchestrator.existence((r.missing_since IS NOT NULL), r.applied_generation, r.rendered_hash))) f(path, change, policy, automatic, maintenance_window, source, rule, held))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (f.path = ANY (r.enforce_once)) THEN NULL::text
                    ELSE f.held
                END AS held) h)
     CROSS JOIN LATERAL orchestrator.read_back(d.id, r.kind, r.name, f.path) b(adopts, refusal, hint))
  WHERE (r.differs AND (f.policy <> 'Ignore'::text));

ALTER VIEW orchestrator.drift OWNER TO orchestrator_owner;

--
-- Name: VIEW drift; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON VIEW orchestrator.drift IS 'What differs at the cluster from what is wanted, path by path, who changed it, and what will happen.';

--
-- Name: COLUMN drift.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.deployment_id IS 'Whose object it is.';

--
-- Name: COLUMN drift.deployment; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.deployment IS 'Its name.';

--
-- Name: COLUMN drift.kind; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.kind IS 'Of the object.';

--
-- Name: COLUMN drift.namespace; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.namespace IS 'Of the object.';

--
-- Name: COLUMN drift.object; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.object IS 'Its name.';

--
-- Name: COLUMN drift.path; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.path IS 'The field, with the keys of lists; empty for the object itself.';

--
-- Name: COLUMN drift.wanted; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.wanted IS 'What we applied.';

--
-- Name: COLUMN drift.live; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.live IS 'What stands there now.';

--
-- Name: COLUMN drift.manager; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.manager IS 'Who owns it now.';

--
-- Name: COLUMN drift.since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.since IS 'Since when.';

--
-- Name: COLUMN drift.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.cluster_id IS 'Where it is.';

--
-- Name: COLUMN drift.policy; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.policy IS 'Enforce or Adopt: what becomes of it. What is ignored is not shown.';

--
-- Name: COLUMN drift.outlook; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.outlook IS 'now: it is being put back. undecided: it waits to be adopted or put back. shut: until its rule''s window opens, at due_at. contested: until due_at. held, away, stuck, retrying (at due_at), resting: see orchestrator.outlook.';

--
-- Name: COLUMN drift.due_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.due_at IS 'When the next attempt is due, if it waits for a time.';

--
-- Name: COLUMN drift.adoptable; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.adoptable IS 'Whether adopt() could make the live value the wanted one.';

--
-- Name: COLUMN drift.not_adoptable; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.not_adoptable IS 'Why not, if not.';

--
-- Name: COLUMN drift.adopts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.adopts IS 'The parameters that adopting it would set: {"memory": {"from": "2Gi", "to": "4Gi"}}.';

--
-- Name: COLUMN drift.seen; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.seen IS 'Stands for path and live value: adopt() takes it, and refuses if they are others by then.';

--
-- Name: COLUMN drift.rule_source; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.rule_source IS 'Where the policy comes from: a rule of the deployment or of its template, default (drift_policy), or fixed.';

--
-- Name: COLUMN drift.rule; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.rule IS 'The rule, if one decided it.';

--
-- Name: COLUMN drift.contested_since; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.drift.contested_since IS 'Since when somebody keeps setting it: see contested. NULL if nobody does.';

--
-- Name: dropped_events; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.dropped_events (
    only_one boolean DEFAULT true NOT NULL,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    CONSTRAINT dropped_events_has_one_row CHECK (only_one)
);

ALTER TABLE orchestrator.dropped_events OWNER TO orchestrator_owner;

--
-- Name: TABLE dropped_events; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.dropped_events IS 'The place of the last event that retention dropped; private to the routines.';

--
-- Name: dry_runs; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.dry_runs (
    id bigint NOT NULL,
    deployment_id uuid,
    cluster_id integer NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    generation bigint NOT NULL,
    proposal jsonb NOT NULL,
    asked_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    worker text,
    leased_until timestamp with time zone,
    answers jsonb DEFAULT '[]'::jsonb NOT NULL,
    refused boolean GENERATED ALWAYS AS ((answers @? '$[*]?(@."verdict" == "refused")'::jsonpath)) STORED NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT dry_runs_state_is_known CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

ALTER TABLE orchestrator.dry_runs OWNER TO orchestrator_owner;

--
-- Name: TABLE dry_runs; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.dry_runs IS 'What a cluster was asked before it was asked for: no object is written. Ask with request_dry_run(id) or request_new_dry_run(name, template). Kept for a day.';

--
-- Name: COLUMN dry_runs.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.id IS 'Rises.';

--
-- Name: COLUMN dry_runs.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.deployment_id IS 'Of which deployment; NULL for one that is not made yet.';

--
-- Name: COLUMN dry_runs.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.cluster_id IS 'Which cluster is asked.';

--
-- Name: COLUMN dry_runs.namespace; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.namespace IS 'Of the objects.';

--
-- Name: COLUMN dry_runs.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.name IS 'Of the deployment, or what it would be called.';

--
-- Name: COLUMN dry_runs.generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.generation IS 'What the change would become.';

--
-- Name: COLUMN dry_runs.proposal; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.proposal IS 'What would be wanted: id, template_version, desired_state, manifests.';

--
-- Name: COLUMN dry_runs.asked_by; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.asked_by IS 'Who asked.';

--
-- Name: COLUMN dry_runs.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.created_at IS 'When.';

--
-- Name: COLUMN dry_runs.expires_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.expires_at IS 'Until when a cluster that does not answer is waited for.';

--
-- Name: COLUMN dry_runs.state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.state IS 'queued, running, done (the cluster answered, see refused) or failed (it did not, see message).';

--
-- Name: COLUMN dry_runs.message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.message IS 'Why it waits or failed.';

--
-- Name: COLUMN dry_runs.attempts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.attempts IS 'How often a worker took it.';

--
-- Name: COLUMN dry_runs.worker; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.worker IS 'Who took it last.';

--
-- Name: COLUMN dry_runs.leased_until; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.leased_until IS 'After that another worker may take it.';

--
-- Name: COLUMN dry_runs.answers; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.answers IS 'Object by object: kind, name, verdict (ok, refused, unchanged), category, message, warnings, altered.';

--
-- Name: COLUMN dry_runs.refused; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.refused IS 'The cluster would refuse one at least.';

--
-- Name: COLUMN dry_runs.finished_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.dry_runs.finished_at IS 'When it was done or failed.';

--
-- Name: dry_runs_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.dry_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.dry_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: form_secrets; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.form_secrets (
    secret text NOT NULL,
    is_only boolean DEFAULT true NOT NULL,
    CONSTRAINT form_secrets_is_one_row CHECK (is_only)
);

ALTER TABLE orchestrator.form_secrets OWNER TO orchestrator_owner;

--
-- Name: TABLE form_secrets; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.form_secrets IS 'One row: what the page''s forms are signed with; private to the routines.';

--
-- Name: maintenance_windows_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.maintenance_windows ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.maintenance_windows_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: messages; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.messages (
    msg_id bigint NOT NULL,
    read_ct integer DEFAULT 0 NOT NULL,
    enqueued_at timestamp with time zone DEFAULT now() NOT NULL,
    last_read_at timestamp with time zone,
    vt timestamp with time zone NOT NULL,
    message jsonb,
    headers jsonb,
    queue text NOT NULL
)
PARTITION BY LIST (queue);

ALTER TABLE orchestrator.messages OWNER TO orchestrator_owner;

--
-- Name: TABLE messages; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.messages IS 'The messages of all queues: pgmq''s own tables, each a partition. orchestrator.attach_queue makes it one.';

--
-- Name: COLUMN messages.msg_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.msg_id IS 'Unique within its queue.';

--
-- Name: COLUMN messages.read_ct; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.read_ct IS 'How often it was claimed: the fencing token of a lease.';

--
-- Name: COLUMN messages.enqueued_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.enqueued_at IS 'When it was sent.';

--
-- Name: COLUMN messages.last_read_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.last_read_at IS 'When it was last claimed.';

--
-- Name: COLUMN messages.vt; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.vt IS 'From when on it may be claimed: the end of its lease.';

--
-- Name: COLUMN messages.message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.message IS 'Which deployment: {"id": uuid}.';

--
-- Name: COLUMN messages.headers; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.headers IS 'pgmq''s; unused.';

--
-- Name: COLUMN messages.queue; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.messages.queue IS 'The queue, as orchestrator.queue_name names it.';

--
-- Name: planned_restarts_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.planned_restarts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.planned_restarts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: processes; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.processes (
    cluster_id integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    started_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    reached_at timestamp with time zone,
    CONSTRAINT processes_kind_is_known CHECK ((kind = ANY (ARRAY['worker'::text, 'watcher'::text])))
)
WITH (fillfactor='50');

ALTER TABLE orchestrator.processes OWNER TO orchestrator_owner;

--
-- Name: TABLE processes; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.processes IS 'Workers and watchers that were seen lately. Read the views workers and watchers.';

--
-- Name: COLUMN processes.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.cluster_id IS 'Which cluster it serves.';

--
-- Name: COLUMN processes.kind; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.kind IS 'worker or watcher.';

--
-- Name: COLUMN processes.name; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.name IS 'What it was started with: its host and process id unless told otherwise.';

--
-- Name: COLUMN processes.active; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.active IS 'It works; a watcher that does not stands by for the one that does.';

--
-- Name: COLUMN processes.started_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.started_at IS 'Since when it runs.';

--
-- Name: COLUMN processes.last_seen_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.last_seen_at IS 'When it last said so.';

--
-- Name: COLUMN processes.reached_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.processes.reached_at IS 'When it last said that it reaches its cluster; NULL while it does not, and of a watcher.';

--
-- Name: rollout_events; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.rollout_events (
    id bigint NOT NULL,
    rollout_id bigint NOT NULL,
    type text NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE orchestrator.rollout_events OWNER TO orchestrator_owner;

--
-- Name: TABLE rollout_events; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.rollout_events IS 'Append-only history of each rollout; what became of its members is in deployment_events.';

--
-- Name: COLUMN rollout_events.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_events.id IS 'Rises.';

--
-- Name: COLUMN rollout_events.rollout_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_events.rollout_id IS 'Which rollout.';

--
-- Name: COLUMN rollout_events.type; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_events.type IS 'RolloutStarted, RolloutPaused, RolloutResumed, RolloutAborted, RolloutTurnedBack, RolloutFinished or RolledBack.';

--
-- Name: COLUMN rollout_events.message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_events.message IS 'The particulars, without names of members.';

--
-- Name: COLUMN rollout_events.actor; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_events.actor IS 'Who did it.';

--
-- Name: COLUMN rollout_events.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_events.created_at IS 'When.';

--
-- Name: rollout_events_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.rollout_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.rollout_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: rollout_members; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.rollout_members (
    rollout_id bigint NOT NULL,
    deployment_id uuid NOT NULL,
    "position" integer NOT NULL,
    batch integer,
    state text NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    from_generation bigint NOT NULL,
    to_generation bigint,
    back_generation bigint,
    waited_seconds double precision DEFAULT 0 NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT rollout_members_state_is_known CHECK ((state = ANY (ARRAY['waiting'::text, 'refused'::text, 'started'::text, 'done'::text, 'failed'::text, 'rolled_back'::text, 'skipped'::text])))
)
WITH (fillfactor='70');

ALTER TABLE orchestrator.rollout_members OWNER TO orchestrator_owner;

--
-- Name: TABLE rollout_members; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.rollout_members IS 'The deployments of a rollout, and how each fares.';

--
-- Name: COLUMN rollout_members.rollout_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.rollout_id IS 'Which rollout.';

--
-- Name: COLUMN rollout_members.deployment_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.deployment_id IS 'Which deployment.';

--
-- Name: COLUMN rollout_members."position"; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members."position" IS 'Its turn; what is not healthy comes first, since moving it makes nothing worse.';

--
-- Name: COLUMN rollout_members.batch; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.batch IS 'Its batch, from 1; NULL where it was refused at the start.';

--
-- Name: COLUMN rollout_members.state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.state IS 'waiting, started, done, failed, rolled_back, refused, or skipped. On the way back: waiting and started of being put back.';

--
-- Name: COLUMN rollout_members.message; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.message IS 'Why it was refused or skipped, or has failed.';

--
-- Name: COLUMN rollout_members.from_generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.from_generation IS 'Its generation when the rollout was started: the one that a roll back goes to.';

--
-- Name: COLUMN rollout_members.to_generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.to_generation IS 'The generation that moved it; NULL while none did.';

--
-- Name: COLUMN rollout_members.back_generation; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.back_generation IS 'The generation that put it back; NULL while none did.';

--
-- Name: COLUMN rollout_members.waited_seconds; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.waited_seconds IS 'How long it has not been well since its start, outages not counted.';

--
-- Name: COLUMN rollout_members.started_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.started_at IS 'When it was changed last.';

--
-- Name: COLUMN rollout_members.ended_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.rollout_members.ended_at IS 'When it came to its end.';

--
-- Name: rollouts_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.rollouts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.rollouts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: session_secrets; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.session_secrets (
    session_id bigint NOT NULL,
    hash bytea NOT NULL
);

ALTER TABLE orchestrator.session_secrets OWNER TO orchestrator_owner;

--
-- Name: TABLE session_secrets; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.session_secrets IS 'SHA-256 of each session''s cookie; private to the routines.';

--
-- Name: sessions; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.sessions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    address text NOT NULL,
    user_agent text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
)
WITH (fillfactor='80');

ALTER TABLE orchestrator.sessions OWNER TO orchestrator_owner;

--
-- Name: TABLE sessions; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.sessions IS 'Who is signed in to the page. A session that ended has no row.';

--
-- Name: COLUMN sessions.id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.id IS 'The number in the cookie.';

--
-- Name: COLUMN sessions.user_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.user_id IS 'Who.';

--
-- Name: COLUMN sessions.address; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.address IS 'From where.';

--
-- Name: COLUMN sessions.user_agent; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.user_agent IS 'With which browser, as it says itself.';

--
-- Name: COLUMN sessions.created_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.created_at IS 'Since when.';

--
-- Name: COLUMN sessions.last_seen_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.last_seen_at IS 'To the minute; one that is idle for long has ended.';

--
-- Name: COLUMN sessions.expires_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.sessions.expires_at IS 'When it ends whatever happens.';

--
-- Name: sessions_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.sessions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.sessions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: sign_in_attempts; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.sign_in_attempts (
    subject text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE orchestrator.sign_in_attempts OWNER TO orchestrator_owner;

--
-- Name: TABLE sign_in_attempts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.sign_in_attempts IS 'Failures to sign in, by user and by address; private to the routines.';

--
-- Name: template_ids; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE SEQUENCE orchestrator.template_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE orchestrator.template_ids OWNER TO orchestrator_owner;

--
-- Name: template_ids; Type: SEQUENCE OWNED BY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER SEQUENCE orchestrator.template_ids OWNED BY orchestrator.templates.id;

--
-- Name: token_secrets; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.token_secrets (
    token_id bigint NOT NULL,
    hash bytea NOT NULL
);

ALTER TABLE orchestrator.token_secrets OWNER TO orchestrator_owner;

--
-- Name: TABLE token_secrets; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.token_secrets IS 'SHA-256 of each token; private to the routines.';

--
-- Name: user_secrets; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.user_secrets (
    user_id bigint NOT NULL,
    password_hash text,
    link_hash bytea
);

ALTER TABLE orchestrator.user_secrets OWNER TO orchestrator_owner;

--
-- Name: TABLE user_secrets; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.user_secrets IS 'argon2 of each password, SHA-256 of each one-time link; private to the routines.';

--
-- Name: users_id_seq; Type: SEQUENCE; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: waiting; Type: VIEW; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE VIEW orchestrator.waiting WITH (security_invoker='true') AS
 SELECT c.name AS cluster,
    count(*) FILTER (WHERE (s.msg_id IS NOT NULL)) AS queued,
    count(*) FILTER (WHERE (s.due_at IS NOT NULL)) AS waiting,
    count(*) FILTER (WHERE (s.quarantined_at IS NOT NULL)) AS quarantined,
    count(*) FILTER (WHERE (s.last_error IS NOT NULL)) AS failing
   FROM (orchestrator.clusters c
     LEFT JOIN orchestrator.reconcile_slots s ON ((s.cluster_id = c.id)))
  GROUP BY c.name;

ALTER VIEW orchestrator.waiting OWNER TO orchestrator_owner;

--
-- Name: VIEW waiting; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON VIEW orchestrator.waiting IS 'How many deployments of each cluster are queued, waiting for a time, quarantined or failing.';

--
-- Name: COLUMN waiting.cluster; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.waiting.cluster IS 'Its name.';

--
-- Name: COLUMN waiting.queued; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.waiting.queued IS 'With a live message.';

--
-- Name: COLUMN waiting.waiting; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.waiting.waiting IS 'For a time to come.';

--
-- Name: COLUMN waiting.quarantined; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.waiting.quarantined IS 'Taken too often without an answer.';

--
-- Name: COLUMN waiting.failing; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.waiting.failing IS 'Whose last run failed.';

--
-- Name: watch_streams; Type: TABLE; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TABLE orchestrator.watch_streams (
    cluster_id integer NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    restarts bigint DEFAULT 0 NOT NULL,
    error text,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    synced_at timestamp with time zone,
    CONSTRAINT watch_streams_state_is_known CHECK ((state = ANY (ARRAY['connected'::text, 'synced'::text, 'lost'::text])))
)
WITH (fillfactor='50');

ALTER TABLE orchestrator.watch_streams OWNER TO orchestrator_owner;

--
-- Name: TABLE watch_streams; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON TABLE orchestrator.watch_streams IS 'One row a watched kind: whether its stream is connected and when it last listed everything.';

--
-- Name: COLUMN watch_streams.cluster_id; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.cluster_id IS 'Which cluster is watched.';

--
-- Name: COLUMN watch_streams.kind; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.kind IS 'Which kind.';

--
-- Name: COLUMN watch_streams.state; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.state IS 'connected, synced or lost.';

--
-- Name: COLUMN watch_streams.restarts; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.restarts IS 'How often the stream had to begin again.';

--
-- Name: COLUMN watch_streams.error; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.error IS 'Why it was lost.';

--
-- Name: COLUMN watch_streams.changed_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.changed_at IS 'When the state changed.';

--
-- Name: COLUMN watch_streams.synced_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watch_streams.synced_at IS 'When everything of the kind was last listed.';

--
-- Name: watchers; Type: VIEW; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE VIEW orchestrator.watchers WITH (security_invoker='true') AS
 SELECT c.name AS cluster,
    p.name AS watcher,
    p.active,
    p.started_at,
    p.last_seen_at
   FROM (orchestrator.processes p
     JOIN orchestrator.clusters c ON ((c.id = p.cluster_id)))
  WHERE ((p.kind = 'watcher'::text) AND (p.last_seen_at > (now() - '00:01:00'::interval)));

ALTER VIEW orchestrator.watchers OWNER TO orchestrator_owner;

--
-- Name: VIEW watchers; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON VIEW orchestrator.watchers IS 'Watchers that were seen within the last minute.';

--
-- Name: COLUMN watchers.cluster; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watchers.cluster IS 'Which cluster it watches.';

--
-- Name: COLUMN watchers.watcher; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watchers.watcher IS 'Its name.';

--
-- Name: COLUMN watchers.active; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watchers.active IS 'It watches; the others take over when it goes.';

--
-- Name: COLUMN watchers.started_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watchers.started_at IS 'Since when it runs.';

--
-- Name: COLUMN watchers.last_seen_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.watchers.last_seen_at IS 'When it last said so.';

--
-- Name: workers; Type: VIEW; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE VIEW orchestrator.workers WITH (security_invoker='true') AS
 SELECT c.name AS cluster,
    p.name AS worker,
    p.started_at,
    p.last_seen_at,
    COALESCE(b.busy, '[]'::jsonb) AS busy
   FROM ((orchestrator.processes p
     JOIN orchestrator.clusters c ON ((c.id = p.cluster_id)))
     LEFT JOIN ( SELECT l.cluster_id,
            l.worker,
            jsonb_agg(jsonb_build_object('id', d.id, 'namespace', d.namespace, 'name', d.name, 'since', l.since) ORDER BY l.since, d.id) AS busy
           FROM (orchestrator.list_leases() l(cluster_id, deployment_id, worker, since)
             JOIN orchestrator.deployments d ON ((d.id = l.deployment_id)))
          GROUP BY l.cluster_id, l.worker) b ON (((b.cluster_id = p.cluster_id) AND (b.worker = p.name))))
  WHERE ((p.kind = 'worker'::text) AND (p.last_seen_at > (now() - '00:01:00'::interval)));

ALTER VIEW orchestrator.workers OWNER TO orchestrator_owner;

--
-- Name: VIEW workers; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON VIEW orchestrator.workers IS 'Workers that were seen within the last minute, and the deployments in work with each.';

--
-- Name: COLUMN workers.cluster; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.workers.cluster IS 'Which cluster it works for.';

--
-- Name: COLUMN workers.worker; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.workers.worker IS 'Its name in events.';

--
-- Name: COLUMN workers.started_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.workers.started_at IS 'Since when it runs.';

--
-- Name: COLUMN workers.last_seen_at; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.workers.last_seen_at IS 'When it last said so.';

--
-- Name: COLUMN workers.busy; Type: COMMENT; Schema: orchestrator; Owner: orchestrator_owner
--

COMMENT ON COLUMN orchestrator.workers.busy IS 'What it works on now, of what you may see: id, namespace, name, since.';

--
-- Name: answered_requests answered_requests_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.answered_requests
    ADD CONSTRAINT answered_requests_pkey PRIMARY KEY (actor, key);

--
-- Name: api_tokens api_tokens_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

--
-- Name: clusters clusters_name_key; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.clusters
    ADD CONSTRAINT clusters_name_key UNIQUE (name);

--
-- Name: clusters clusters_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.clusters
    ADD CONSTRAINT clusters_pkey PRIMARY KEY (id);

--
-- Name: deployment_events deployment_events_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_events
    ADD CONSTRAINT deployment_events_pkey PRIMARY KEY (deployment_id, id);

--
-- Name: deployment_observed deployment_observed_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_observed
    ADD CONSTRAINT deployment_observed_pkey PRIMARY KEY (deployment_id);

--
-- Name: deployment_players deployment_players_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_players
    ADD CONSTRAINT deployment_players_pkey PRIMARY KEY (deployment_id);

--
-- Name: deployment_resources deployment_resources_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_resources
    ADD CONSTRAINT deployment_resources_pkey PRIMARY KEY (cluster_id, kind, namespace, name);

--
-- Name: deployment_revisions deployment_revisions_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_revisions
    ADD CONSTRAINT deployment_revisions_pkey PRIMARY KEY (deployment_id, generation);

--
-- Name: deployments deployments_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployments
    ADD CONSTRAINT deployments_pkey PRIMARY KEY (id);

--
-- Name: dropped_events dropped_events_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.dropped_events
    ADD CONSTRAINT dropped_events_pkey PRIMARY KEY (only_one);

--
-- Name: dry_runs dry_runs_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.dry_runs
    ADD CONSTRAINT dry_runs_pkey PRIMARY KEY (id);

--
-- Name: form_secrets form_secrets_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.form_secrets
    ADD CONSTRAINT form_secrets_pkey PRIMARY KEY (is_only);

--
-- Name: maintenance_windows maintenance_windows_name_is_one; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.maintenance_windows
    ADD CONSTRAINT maintenance_windows_name_is_one UNIQUE NULLS NOT DISTINCT (name, namespace);

--
-- Name: maintenance_windows maintenance_windows_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.maintenance_windows
    ADD CONSTRAINT maintenance_windows_pkey PRIMARY KEY (id);

--
-- Name: planned_restarts planned_restarts_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.planned_restarts
    ADD CONSTRAINT planned_restarts_pkey PRIMARY KEY (id);

--
-- Name: processes processes_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.processes
    ADD CONSTRAINT processes_pkey PRIMARY KEY (cluster_id, kind, name);

--
-- Name: put_backs put_backs_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.put_backs
    ADD CONSTRAINT put_backs_pkey PRIMARY KEY (deployment_id, kind, name, path);

--
-- Name: reconcile_slots reconcile_slots_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.reconcile_slots
    ADD CONSTRAINT reconcile_slots_pkey PRIMARY KEY (deployment_id);

--
-- Name: rollout_events rollout_events_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollout_events
    ADD CONSTRAINT rollout_events_pkey PRIMARY KEY (id);

--
-- Name: rollout_members rollout_members_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollout_members
    ADD CONSTRAINT rollout_members_pkey PRIMARY KEY (rollout_id, deployment_id);

--
-- Name: rollouts rollouts_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollouts
    ADD CONSTRAINT rollouts_pkey PRIMARY KEY (id);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

--
-- Name: session_secrets session_secrets_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.session_secrets
    ADD CONSTRAINT session_secrets_pkey PRIMARY KEY (session_id);

--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

--
-- Name: sign_in_attempts sign_in_attempts_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (subject);

--
-- Name: template_programs template_programs_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.template_programs
    ADD CONSTRAINT template_programs_pkey PRIMARY KEY (template_id, template_version);

--
-- Name: templates templates_name_version_key; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.templates
    ADD CONSTRAINT templates_name_version_key UNIQUE (name, version);

--
-- Name: templates templates_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.templates
    ADD CONSTRAINT templates_pkey PRIMARY KEY (id, version);

--
-- Name: token_secrets token_secrets_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.token_secrets
    ADD CONSTRAINT token_secrets_pkey PRIMARY KEY (token_id);

--
-- Name: user_secrets user_secrets_link_hash_key; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.user_secrets
    ADD CONSTRAINT user_secrets_link_hash_key UNIQUE (link_hash);

--
-- Name: user_secrets user_secrets_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.user_secrets
    ADD CONSTRAINT user_secrets_pkey PRIMARY KEY (user_id);

--
-- Name: users users_name_key; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.users
    ADD CONSTRAINT users_name_key UNIQUE (name);

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

--
-- Name: watch_streams watch_streams_pkey; Type: CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.watch_streams
    ADD CONSTRAINT watch_streams_pkey PRIMARY KEY (cluster_id, kind);

--
-- Name: answered_requests_by_age; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX answered_requests_by_age ON orchestrator.answered_requests USING btree (created_at);

--
-- Name: api_tokens_by_parent; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX api_tokens_by_parent ON orchestrator.api_tokens USING btree (parent_id) WHERE (parent_id IS NOT NULL);

--
-- Name: api_tokens_by_user; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX api_tokens_by_user ON orchestrator.api_tokens USING btree (user_id);

--
-- Name: deployment_events_by_time; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployment_events_by_time ON orchestrator.deployment_events USING brin (created_at) WITH (pages_per_range='32');

--
-- Name: deployment_events_in_commit_order; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployment_events_in_commit_order ON orchestrator.deployment_events USING btree (xid, id);

--
-- Name: deployment_events_of_deployment; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployment_events_of_deployment ON orchestrator.deployment_events USING btree (deployment_id, xid, id);

--
-- Name: deployment_resources_by_deployment; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployment_resources_by_deployment ON orchestrator.deployment_resources USING btree (deployment_id);

--
-- Name: deployment_resources_differing; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployment_resources_differing ON orchestrator.deployment_resources USING btree (cluster_id, deployment_id, kind, namespace, name) WHERE differs;

--
-- Name: deployments_by_creation; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_by_creation ON orchestrator.deployments USING btree (created_at, id) WHERE (finalised_at IS NULL);

--
-- Name: deployments_by_name; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_by_name ON orchestrator.deployments USING btree (name, id) INCLUDE (cluster_id, namespace, template_id, desired_state, status_summary) WHERE (finalised_at IS NULL);

--
-- Name: deployments_by_rollout; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_by_rollout ON orchestrator.deployments USING btree (rollout_id) WHERE (rollout_id IS NOT NULL);

--
-- Name: deployments_by_status; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_by_status ON orchestrator.deployments USING btree (status_summary, name, id) WHERE (finalised_at IS NULL);

--
-- Name: deployments_by_template; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_by_template ON orchestrator.deployments USING btree (template_id, template_version);

--
-- Name: deployments_by_update; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_by_update ON orchestrator.deployments USING btree (updated_at, id) WHERE (finalised_at IS NULL);

--
-- Name: deployments_gone; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_gone ON orchestrator.deployments USING btree (finalised_at, id) WHERE (finalised_at IS NOT NULL);

--
-- Name: deployments_name_is_unique; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE UNIQUE INDEX deployments_name_is_unique ON orchestrator.deployments USING btree (cluster_id, namespace, name) WHERE (finalised_at IS NULL);

--
-- Name: deployments_stale; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX deployments_stale ON orchestrator.deployments USING btree (cluster_id) WHERE (stale_since IS NOT NULL);

--
-- Name: dry_runs_by_age; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX dry_runs_by_age ON orchestrator.dry_runs USING btree (created_at);

--
-- Name: dry_runs_by_deployment; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX dry_runs_by_deployment ON orchestrator.dry_runs USING btree (deployment_id, id);

--
-- Name: dry_runs_unfinished; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX dry_runs_unfinished ON orchestrator.dry_runs USING btree (cluster_id, id) WHERE (finished_at IS NULL);

--
-- Name: planned_restarts_due; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX planned_restarts_due ON orchestrator.planned_restarts USING btree (cluster_id, due) WHERE ((state = 'planned'::text) AND (due IS NOT NULL));

--
-- Name: planned_restarts_in_window; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX planned_restarts_in_window ON orchestrator.planned_restarts USING btree (window_id);

--
-- Name: planned_restarts_live; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE UNIQUE INDEX planned_restarts_live ON orchestrator.planned_restarts USING btree (deployment_id) WHERE (state = 'planned'::text);

--
-- Name: planned_restarts_of_deployment; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX planned_restarts_of_deployment ON orchestrator.planned_restarts USING btree (deployment_id, id);

--
-- Name: put_backs_by_age; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX put_backs_by_age ON orchestrator.put_backs USING btree (cluster_id, last_at);

--
-- Name: put_backs_contested; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX put_backs_contested ON orchestrator.put_backs USING btree (cluster_id, next_at) WHERE (contested_since IS NOT NULL);

--
-- Name: reconcile_slots_deferred; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX reconcile_slots_deferred ON orchestrator.reconcile_slots USING btree (cluster_id) WHERE (deferred_since IS NOT NULL);

--
-- Name: reconcile_slots_due; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX reconcile_slots_due ON orchestrator.reconcile_slots USING btree (cluster_id, due_at) WHERE (due_at IS NOT NULL);

--
-- Name: rollout_events_by_rollout; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX rollout_events_by_rollout ON orchestrator.rollout_events USING btree (rollout_id, id);

--
-- Name: rollout_members_by_deployment; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX rollout_members_by_deployment ON orchestrator.rollout_members USING btree (deployment_id);

--
-- Name: rollouts_by_template; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX rollouts_by_template ON orchestrator.rollouts USING btree (template_id, to_version);

--
-- Name: rollouts_under_way; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX rollouts_under_way ON orchestrator.rollouts USING btree (id) WHERE under_way;

--
-- Name: sessions_by_expiry; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX sessions_by_expiry ON orchestrator.sessions USING btree (expires_at);

--
-- Name: sessions_by_user; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX sessions_by_user ON orchestrator.sessions USING btree (user_id);

--
-- Name: sign_in_attempts_by_time; Type: INDEX; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE INDEX sign_in_attempts_by_time ON orchestrator.sign_in_attempts USING btree (last_at);

--
-- Name: api_tokens announce; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER announce AFTER UPDATE OF revoked_at ON orchestrator.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();

--
-- Name: deployment_events announce; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER announce AFTER INSERT ON orchestrator.deployment_events FOR EACH STATEMENT WHEN (pg_try_advisory_xact_lock(hashtext('orchestrator.announce'::text), 0)) EXECUTE FUNCTION orchestrator.announce();

--
-- Name: dry_runs announce; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER announce AFTER UPDATE OF state ON orchestrator.dry_runs FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();

--
-- Name: rollout_events announce; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER announce AFTER INSERT ON orchestrator.rollout_events FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();

--
-- Name: sessions announce; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER announce AFTER DELETE ON orchestrator.sessions FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();

--
-- Name: users announce; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER announce AFTER UPDATE OF role, namespaces, disabled_at ON orchestrator.users FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.announce();

--
-- Name: clusters check_cluster; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER check_cluster BEFORE INSERT OR UPDATE OF contested_after, contested_within_seconds, contested_wait_seconds, contested_longest_wait_seconds ON orchestrator.clusters FOR EACH ROW EXECUTE FUNCTION orchestrator.check_cluster();

--
-- Name: api_tokens end_children; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER end_children AFTER UPDATE OF revoked_at, expires_at ON orchestrator.api_tokens FOR EACH ROW WHEN (((new.revoked_at IS DISTINCT FROM old.revoked_at) OR (new.expires_at IS DISTINCT FROM old.expires_at))) EXECUTE FUNCTION orchestrator.end_children();

--
-- Name: deployments end_preview; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER end_preview AFTER INSERT OR UPDATE OF name, namespace, cluster_id, template_id, template_version, parameters, desired_spec_json, desired_state, drift_policy, drift_rules, keep_data, restarted_at ON orchestrator.deployments FOR EACH ROW WHEN ((current_setting('orchestrator.preview'::text, true) = ANY (ARRAY['on'::text, 'check'::text]))) EXECUTE FUNCTION orchestrator.end_preview();

--
-- Name: deployment_events keep_history; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER keep_history BEFORE DELETE OR UPDATE OR TRUNCATE ON orchestrator.deployment_events FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.keep_history();

--
-- Name: deployment_revisions keep_history; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER keep_history BEFORE DELETE OR UPDATE OR TRUNCATE ON orchestrator.deployment_revisions FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.keep_history();

--
-- Name: rollout_events keep_history; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER keep_history BEFORE DELETE OR UPDATE OR TRUNCATE ON orchestrator.rollout_events FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.keep_history();

--
-- Name: templates keep_template; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER keep_template BEFORE DELETE OR UPDATE ON orchestrator.templates FOR EACH ROW EXECUTE FUNCTION orchestrator.keep_template();

--
-- Name: maintenance_windows keep_window; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER keep_window BEFORE DELETE ON orchestrator.maintenance_windows FOR EACH ROW EXECUTE FUNCTION orchestrator.keep_window();

--
-- Name: maintenance_windows move_window; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER move_window AFTER UPDATE ON orchestrator.maintenance_windows FOR EACH ROW EXECUTE FUNCTION orchestrator.move_window();

--
-- Name: deployments prepare_changed_deployment; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER prepare_changed_deployment BEFORE UPDATE OF name, namespace, cluster_id, template_id, template_version, parameters, desired_spec_json, desired_state, drift_policy, drift_rules, keep_data, restarted_at, generation ON orchestrator.deployments FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_changed_deployment();

--
-- Name: clusters prepare_cluster; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER prepare_cluster AFTER INSERT ON orchestrator.clusters FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_cluster();

--
-- Name: deployments prepare_new_deployment; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER prepare_new_deployment BEFORE INSERT ON orchestrator.deployments FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_new_deployment();

--
-- Name: templates prepare_template; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER prepare_template BEFORE INSERT ON orchestrator.templates FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_template();

--
-- Name: maintenance_windows prepare_window; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER prepare_window BEFORE INSERT OR UPDATE ON orchestrator.maintenance_windows FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_window();

--
-- Name: deployments record_changed_deployments; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER record_changed_deployments AFTER UPDATE ON orchestrator.deployments REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.record_changed_deployments();

--
-- Name: deployments record_new_deployments; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER record_new_deployments AFTER INSERT ON orchestrator.deployments REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.record_new_deployments();

--
-- Name: deployments refuse_delete; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER refuse_delete BEFORE DELETE ON orchestrator.deployments FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.refuse_delete();

--
-- Name: deployments refuse_truncate; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON orchestrator.deployments FOR EACH STATEMENT EXECUTE FUNCTION orchestrator.refuse_delete();

--
-- Name: templates store_program; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER store_program AFTER INSERT ON orchestrator.templates FOR EACH ROW EXECUTE FUNCTION orchestrator.store_program();

--
-- Name: deployments wake_rollout_of_member; Type: TRIGGER; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE TRIGGER wake_rollout_of_member AFTER UPDATE ON orchestrator.deployments FOR EACH ROW WHEN ((new.rollout_id IS NOT NULL)) EXECUTE FUNCTION orchestrator.wake_rollout_of_member();

--
-- Name: api_tokens api_tokens_parent_exists; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.api_tokens
    ADD CONSTRAINT api_tokens_parent_exists FOREIGN KEY (parent_id) REFERENCES orchestrator.api_tokens(id);

--
-- Name: api_tokens api_tokens_user_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES orchestrator.users(id);

--
-- Name: deployment_observed deployment_observed_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_observed
    ADD CONSTRAINT deployment_observed_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: deployment_players deployment_players_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_players
    ADD CONSTRAINT deployment_players_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: deployment_resources deployment_resources_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployment_resources
    ADD CONSTRAINT deployment_resources_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: deployments deployments_cluster_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployments
    ADD CONSTRAINT deployments_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES orchestrator.clusters(id);

--
-- Name: deployments deployments_template_id_template_version_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.deployments
    ADD CONSTRAINT deployments_template_id_template_version_fkey FOREIGN KEY (template_id, template_version) REFERENCES orchestrator.templates(id, version);

--
-- Name: dry_runs dry_runs_cluster_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.dry_runs
    ADD CONSTRAINT dry_runs_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES orchestrator.clusters(id);

--
-- Name: dry_runs dry_runs_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.dry_runs
    ADD CONSTRAINT dry_runs_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: planned_restarts planned_restarts_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.planned_restarts
    ADD CONSTRAINT planned_restarts_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: planned_restarts planned_restarts_window_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.planned_restarts
    ADD CONSTRAINT planned_restarts_window_id_fkey FOREIGN KEY (window_id) REFERENCES orchestrator.maintenance_windows(id) ON DELETE SET NULL;

--
-- Name: processes processes_cluster_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.processes
    ADD CONSTRAINT processes_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES orchestrator.clusters(id);

--
-- Name: put_backs put_backs_cluster_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.put_backs
    ADD CONSTRAINT put_backs_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES orchestrator.clusters(id);

--
-- Name: put_backs put_backs_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.put_backs
    ADD CONSTRAINT put_backs_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: reconcile_slots reconcile_slots_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.reconcile_slots
    ADD CONSTRAINT reconcile_slots_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: rollout_events rollout_events_rollout_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollout_events
    ADD CONSTRAINT rollout_events_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES orchestrator.rollouts(id);

--
-- Name: rollout_members rollout_members_deployment_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollout_members
    ADD CONSTRAINT rollout_members_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES orchestrator.deployments(id);

--
-- Name: rollout_members rollout_members_rollout_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollout_members
    ADD CONSTRAINT rollout_members_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES orchestrator.rollouts(id);

--
-- Name: rollouts rollouts_template_id_to_version_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.rollouts
    ADD CONSTRAINT rollouts_template_id_to_version_fkey FOREIGN KEY (template_id, to_version) REFERENCES orchestrator.templates(id, version);

--
-- Name: session_secrets session_secrets_session_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.session_secrets
    ADD CONSTRAINT session_secrets_session_id_fkey FOREIGN KEY (session_id) REFERENCES orchestrator.sessions(id) ON DELETE CASCADE;

--
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES orchestrator.users(id);

--
-- Name: template_programs template_programs_template_id_template_version_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.template_programs
    ADD CONSTRAINT template_programs_template_id_template_version_fkey FOREIGN KEY (template_id, template_version) REFERENCES orchestrator.templates(id, version) ON DELETE CASCADE;

--
-- Name: token_secrets token_secrets_token_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.token_secrets
    ADD CONSTRAINT token_secrets_token_id_fkey FOREIGN KEY (token_id) REFERENCES orchestrator.api_tokens(id);

--
-- Name: user_secrets user_secrets_user_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.user_secrets
    ADD CONSTRAINT user_secrets_user_id_fkey FOREIGN KEY (user_id) REFERENCES orchestrator.users(id);

--
-- Name: watch_streams watch_streams_cluster_id_fkey; Type: FK CONSTRAINT; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE ONLY orchestrator.watch_streams
    ADD CONSTRAINT watch_streams_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES orchestrator.clusters(id);

--
-- Name: users all_people; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY all_people ON orchestrator.users FOR SELECT TO orchestrator_admin USING (( SELECT orchestrator.sees_everything() AS sees_everything));

--
-- Name: clusters all_read; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY all_read ON orchestrator.clusters FOR SELECT USING (true);

--
-- Name: templates all_read; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY all_read ON orchestrator.templates FOR SELECT USING (true);

--
-- Name: clusters all_write; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY all_write ON orchestrator.clusters TO orchestrator_admin USING (( SELECT orchestrator.require_everything('clusters'::text) AS require_everything)) WITH CHECK (( SELECT orchestrator.require_everything('clusters'::text) AS require_everything));

--
-- Name: templates all_write; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY all_write ON orchestrator.templates TO orchestrator_admin USING (( SELECT orchestrator.require_everything('templates'::text) AS require_everything)) WITH CHECK (( SELECT orchestrator.require_everything('templates'::text) AS require_everything));

--
-- Name: api_tokens; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.api_tokens ENABLE ROW LEVEL SECURITY;

--
-- Name: deployment_events by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.deployment_events FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = deployment_events.deployment_id)
 OFFSET 0))));

--
-- Name: deployment_observed by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.deployment_observed FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = deployment_observed.deployment_id)
 OFFSET 0))));

--
-- Name: deployment_players by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.deployment_players FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = deployment_players.deployment_id)
 OFFSET 0))));

--
-- Name: deployment_resources by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.deployment_resources FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = deployment_resources.deployment_id)
 OFFSET 0))));

--
-- Name: deployment_revisions by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.deployment_revisions FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = deployment_revisions.deployment_id)
 OFFSET 0))));

--
-- Name: planned_restarts by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.planned_restarts FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = planned_restarts.deployment_id)
 OFFSET 0))));

--
-- Name: put_backs by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.put_backs FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = put_backs.deployment_id)
 OFFSET 0))));

--
-- Name: reconcile_slots by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.reconcile_slots FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = reconcile_slots.deployment_id)
 OFFSET 0))));

--
-- Name: rollout_members by_deployment; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_deployment ON orchestrator.rollout_members FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.deployments d
  WHERE (d.id = rollout_members.deployment_id)
 OFFSET 0))));

--
-- Name: rollout_events by_member; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_member ON orchestrator.rollout_events FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.rollout_members m
  WHERE (m.rollout_id = rollout_events.rollout_id)
 OFFSET 0))));

--
-- Name: rollouts by_member; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_member ON orchestrator.rollouts FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (EXISTS ( SELECT
   FROM orchestrator.rollout_members m
  WHERE (m.rollout_id = rollouts.id)
 OFFSET 0))));

--
-- Name: deployments by_namespace; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_namespace ON orchestrator.deployments USING ((( SELECT (orchestrator.allowed_namespaces() IS NULL)) OR (namespace = ANY (( SELECT orchestrator.allowed_namespaces() AS allowed_namespaces)::text[]))));

--
-- Name: dry_runs by_namespace; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_namespace ON orchestrator.dry_runs FOR SELECT USING ((( SELECT orchestrator.sees_everything() AS sees_everything) OR (namespace = ANY (( SELECT orchestrator.allowed_namespaces() AS allowed_namespaces)::text[]))));

--
-- Name: maintenance_windows by_namespace; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_namespace ON orchestrator.maintenance_windows USING (((namespace IS NULL) OR ( SELECT orchestrator.sees_everything() AS sees_everything) OR (namespace = ANY (( SELECT orchestrator.allowed_namespaces() AS allowed_namespaces)::text[]))));

--
-- Name: api_tokens by_user; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_user ON orchestrator.api_tokens FOR SELECT USING ((EXISTS ( SELECT
   FROM orchestrator.users u
  WHERE (u.id = api_tokens.user_id)
 OFFSET 0)));

--
-- Name: sessions by_user; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY by_user ON orchestrator.sessions FOR SELECT USING ((EXISTS ( SELECT
   FROM orchestrator.users u
  WHERE (u.id = sessions.user_id)
 OFFSET 0)));

--
-- Name: clusters; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.clusters ENABLE ROW LEVEL SECURITY;

--
-- Name: deployment_events; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployment_events ENABLE ROW LEVEL SECURITY;

--
-- Name: deployment_observed; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployment_observed ENABLE ROW LEVEL SECURITY;

--
-- Name: deployment_players; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployment_players ENABLE ROW LEVEL SECURITY;

--
-- Name: deployment_resources; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployment_resources ENABLE ROW LEVEL SECURITY;

--
-- Name: deployment_revisions; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployment_revisions ENABLE ROW LEVEL SECURITY;

--
-- Name: deployments; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.deployments ENABLE ROW LEVEL SECURITY;

--
-- Name: dry_runs; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.dry_runs ENABLE ROW LEVEL SECURITY;

--
-- Name: maintenance_windows; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.maintenance_windows ENABLE ROW LEVEL SECURITY;

--
-- Name: users oneself; Type: POLICY; Schema: orchestrator; Owner: orchestrator_owner
--

CREATE POLICY oneself ON orchestrator.users FOR SELECT USING ((name = ( SELECT orchestrator.current_actor() AS current_actor)));

--
-- Name: planned_restarts; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.planned_restarts ENABLE ROW LEVEL SECURITY;

--
-- Name: put_backs; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.put_backs ENABLE ROW LEVEL SECURITY;

--
-- Name: reconcile_slots; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.reconcile_slots ENABLE ROW LEVEL SECURITY;

--
-- Name: rollout_events; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.rollout_events ENABLE ROW LEVEL SECURITY;

--
-- Name: rollout_members; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.rollout_members ENABLE ROW LEVEL SECURITY;

--
-- Name: rollouts; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.rollouts ENABLE ROW LEVEL SECURITY;

--
-- Name: sessions; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.sessions ENABLE ROW LEVEL SECURITY;

--
-- Name: templates; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.templates ENABLE ROW LEVEL SECURITY;

--
-- Name: users; Type: ROW SECURITY; Schema: orchestrator; Owner: orchestrator_owner
--

ALTER TABLE orchestrator.users ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA orchestrator; Type: ACL; Schema: -; Owner: orchestrator_owner
--

GRANT USAGE ON SCHEMA orchestrator TO orchestrator_viewer;
GRANT USAGE ON SCHEMA orchestrator TO orchestrator_worker;
GRANT USAGE ON SCHEMA orchestrator TO orchestrator_watcher;
GRANT USAGE ON SCHEMA orchestrator TO orchestrator_api;

--
-- Name: FUNCTION abort_rollout(p_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.abort_rollout(p_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.abort_rollout(p_id bigint) TO orchestrator_operator;

--
-- Name: FUNCTION acting_role(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.acting_role() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.acting_role() TO orchestrator_viewer;

--
-- Name: FUNCTION adopt(id uuid, paths text[], generation bigint, seen text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.adopt(id uuid, paths text[], generation bigint, seen text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.adopt(id uuid, paths text[], generation bigint, seen text[]) TO orchestrator_operator;

--
-- Name: FUNCTION adopt_automatically(p_ids uuid[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.adopt_automatically(p_ids uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.adopt_paths(p_id uuid, p_paths text[], p_seen text[], p_automatic boolean) FROM PUBLIC;

--
-- Name: TABLE rollouts; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.rollouts TO orchestrator_viewer;

--
-- Name: FUNCTION advance_rollout(p_rollout orchestrator.rollouts); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.advance_rollout(p_rollout orchestrator.rollouts) FROM PUBLIC;

--
-- Name: FUNCTION advance_rollouts(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.advance_rollouts() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.advance_rollouts() TO orchestrator_worker;

--
-- Name: FUNCTION allowed_kinds(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.allowed_kinds() FROM PUBLIC;

--
-- Name: FUNCTION allowed_namespaces(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.allowed_namespaces() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.allowed_namespaces() TO orchestrator_viewer;

--
-- Name: FUNCTION announce(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.announce() FROM PUBLIC;

--
-- Name: FUNCTION applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.applied_fields(p_deployment_id uuid, p_kind text, p_namespace text, p_name text) TO orchestrator_worker;

--
-- Name: FUNCTION applied_manifests(p_id uuid, p_generation bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.applied_manifests(p_id uuid, p_generation bigint) FROM PUBLIC;

--
-- Name: FUNCTION assess_deployments(p_ids uuid[], p_applied bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.assess_deployments(p_ids uuid[], p_applied bigint) FROM PUBLIC;

--
-- Name: FUNCTION at_wall_clock(p_local timestamp without time zone, p_zone text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.at_wall_clock(p_local timestamp without time zone, p_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.at_wall_clock(p_local timestamp without time zone, p_zone text) TO orchestrator_viewer;

--
-- Name: FUNCTION attach_queue(p_queue text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.attach_queue(p_queue text) FROM PUBLIC;

--
-- Name: FUNCTION authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.authenticate(p_kind text, p_secret text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) TO orchestrator_api;

--
-- Name: FUNCTION begin_request(p_key text, p_hash text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.begin_request(p_key text, p_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.begin_request(p_key text, p_hash text) TO orchestrator_operator;

--
-- Name: FUNCTION begin_sign_in(p_name text, p_address text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.begin_sign_in(p_name text, p_address text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.begin_sign_in(p_name text, p_address text) TO orchestrator_api;

--
-- Name: FUNCTION below_atomic(p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.below_atomic(p_path text) FROM PUBLIC;

--
-- Name: FUNCTION cancel_restart(p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.cancel_restart(p_deployment_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.cancel_restart(p_deployment_id uuid) TO orchestrator_operator;

--
-- Name: FUNCTION carry_out_restart(p_deployment_id uuid, p_at timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.carry_out_restart(p_deployment_id uuid, p_at timestamp with time zone) FROM PUBLIC;

--
-- Name: FUNCTION carry_out_restarts(p_cluster_id integer, p_at timestamp with time zone, p_limit integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.carry_out_restarts(p_cluster_id integer, p_at timestamp with time zone, p_limit integer) FROM PUBLIC;

--
-- Name: FUNCTION catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.catch_up(p_cluster text, p_batch jsonb, p_suspects uuid[]) TO orchestrator_watcher;

--
-- Name: FUNCTION change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.change_member(p_rollout orchestrator.rollouts, p_deployment_id uuid, p_from_generation bigint) FROM PUBLIC;

--
-- Name: FUNCTION change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.change_password(p_name text, p_old_hash text, p_new_hash text, p_address text, p_user_agent text) TO orchestrator_api;

--
-- Name: FUNCTION change_user(name text, role text, namespaces text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.change_user(name text, role text, namespaces text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.change_user(name text, role text, namespaces text[]) TO orchestrator_admin;

--
-- Name: FUNCTION changed_paths(p_before jsonb, p_after jsonb, p_path text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.changed_paths(p_before jsonb, p_after jsonb, p_path text[]) FROM PUBLIC;

--
-- Name: FUNCTION check_cluster(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_cluster() FROM PUBLIC;

--
-- Name: FUNCTION check_confinement(p_context jsonb, p_at text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_confinement(p_context jsonb, p_at text) FROM PUBLIC;

--
-- Name: FUNCTION check_container(p_container jsonb, p_pod_context jsonb, p_at text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_container(p_container jsonb, p_pod_context jsonb, p_at text) FROM PUBLIC;

--
-- Name: FUNCTION check_drift_rules(p_rules jsonb, p_of_template boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_drift_rules(p_rules jsonb, p_of_template boolean) FROM PUBLIC;

--
-- Name: TABLE deployments; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.deployments TO orchestrator_viewer;
GRANT DELETE ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.id; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(id) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.name; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(name),UPDATE(name) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.cluster_id; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(cluster_id),UPDATE(cluster_id) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.namespace; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(namespace),UPDATE(namespace) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.template_id; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(template_id),UPDATE(template_id) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.template_version; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(template_version),UPDATE(template_version) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.parameters; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(parameters),UPDATE(parameters) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.desired_spec_json; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(desired_spec_json),UPDATE(desired_spec_json) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.desired_state; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(desired_state),UPDATE(desired_state) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.drift_policy; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(drift_policy),UPDATE(drift_policy) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.keep_data; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(keep_data),UPDATE(keep_data) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.restarted_at; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT UPDATE(restarted_at) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: COLUMN deployments.drift_rules; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(drift_rules),UPDATE(drift_rules) ON TABLE orchestrator.deployments TO orchestrator_operator;

--
-- Name: FUNCTION check_identity(p_deployment orchestrator.deployments); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_identity(p_deployment orchestrator.deployments) FROM PUBLIC;

--
-- Name: FUNCTION check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_kept_data(p_id uuid, p_cluster_id integer, p_namespace text, p_spec jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_manifest(p_manifest jsonb, p_number integer, p_properties jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_name_is_free(p_deployment orchestrator.deployments); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_name_is_free(p_deployment orchestrator.deployments) FROM PUBLIC;

--
-- Name: FUNCTION check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.check_not_lowered(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION check_not_lowered_unseen(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_not_lowered_unseen(p_template_id bigint, p_from_version integer, p_from jsonb, p_to_version integer, p_to jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_parameter(p_name text, p_property jsonb, p_value jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_parameter(p_name text, p_property jsonb, p_value jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_parameters(p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_parameters(p_properties jsonb, p_required text[], p_parameters jsonb, p_unchanged jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.check_parameters_fit(p_template_id bigint, p_version integer, p_parameters jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION check_path(p_pattern text, p_at text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_path(p_pattern text, p_at text) FROM PUBLIC;

--
-- Name: FUNCTION check_person(p_name text, p_role text, p_namespaces text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_person(p_name text, p_role text, p_namespaces text[]) FROM PUBLIC;

--
-- Name: FUNCTION check_policy(p_spec jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_policy(p_spec jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_property(p_name text, p_property jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_property(p_name text, p_property jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_restart(p_name text, p_state text, p_before timestamp with time zone, p_asked timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_restart(p_name text, p_state text, p_before timestamp with time zone, p_asked timestamp with time zone) FROM PUBLIC;

--
-- Name: FUNCTION check_rule_windows(p_rules jsonb, p_namespace text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_rule_windows(p_rules jsonb, p_namespace text) FROM PUBLIC;

--
-- Name: FUNCTION check_schema(p_schema jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_schema(p_schema jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_storage(p_before jsonb, p_after jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_storage(p_before jsonb, p_after jsonb) FROM PUBLIC;

--
-- Name: FUNCTION check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.check_unmoved(p_before orchestrator.deployments, p_after orchestrator.deployments) FROM PUBLIC;

--
-- Name: FUNCTION claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.claim(p_cluster text, p_worker text, p_limit integer, p_lease_seconds integer) TO orchestrator_worker;

--
-- Name: FUNCTION claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.claim_dry_run(p_cluster text, p_worker text, p_lease_seconds integer) TO orchestrator_worker;

--
-- Name: FUNCTION common_namespaces(p_one text[], p_other text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.common_namespaces(p_one text[], p_other text[]) FROM PUBLIC;

--
-- Name: FUNCTION compile_node(p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.compile_node(p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb) FROM PUBLIC;

--
-- Name: FUNCTION compile_template(p_base_spec jsonb, p_schema jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.compile_template(p_base_spec jsonb, p_schema jsonb) FROM PUBLIC;

--
-- Name: FUNCTION compile_text(p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.compile_text(p_text text, p_path text[], p_names text[], OUT body text, OUT bindings jsonb) FROM PUBLIC;

--
-- Name: FUNCTION contested_until(p_id uuid, p_kind text, p_name text, p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.contested_until(p_id uuid, p_kind text, p_name text, p_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.contested_until(p_id uuid, p_kind text, p_name text, p_path text) TO orchestrator_viewer;

--
-- Name: FUNCTION create_user(name text, role text, namespaces text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.create_user(name text, role text, namespaces text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.create_user(name text, role text, namespaces text[]) TO orchestrator_admin;

--
-- Name: FUNCTION current_actor(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.current_actor() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.current_actor() TO orchestrator_viewer;

--
-- Name: FUNCTION current_client(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.current_client() FROM PUBLIC;

--
-- Name: FUNCTION defer(p_cluster_id integer, p_ids uuid[], p_reason text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.defer(p_cluster_id integer, p_ids uuid[], p_reason text) FROM PUBLIC;

--
-- Name: FUNCTION deploy(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.deploy(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.deploy(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION deployments_as_of(p_at timestamp with time zone, p_after uuid, p_most integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.deployments_as_of(p_at timestamp with time zone, p_after uuid, p_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.deployments_as_of(p_at timestamp with time zone, p_after uuid, p_most integer) TO orchestrator_viewer;

--
-- Name: TABLE deployment_revisions; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.deployment_revisions TO orchestrator_viewer;

--
-- Name: FUNCTION describe_change(p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_change(p_before orchestrator.deployment_revisions, p_after orchestrator.deployment_revisions) FROM PUBLIC;

--
-- Name: FUNCTION describe_contests(p_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_contests(p_id uuid) FROM PUBLIC;

--
-- Name: FUNCTION describe_digest(p_kind text, p_digest jsonb, p_health text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_digest(p_kind text, p_digest jsonb, p_health text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.describe_digest(p_kind text, p_digest jsonb, p_health text) TO orchestrator_viewer;

--
-- Name: FUNCTION describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) FROM PUBLIC;

--
-- Name: FUNCTION describe_manifest(p_manifest jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_manifest(p_manifest jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.describe_manifest(p_manifest jsonb) TO orchestrator_viewer;

--
-- Name: FUNCTION describe_newer(p_deployment_id uuid, p_generation bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_newer(p_deployment_id uuid, p_generation bigint) FROM PUBLIC;

--
-- Name: TABLE planned_restarts; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.planned_restarts TO orchestrator_viewer;

--
-- Name: FUNCTION describe_plan(p_plan orchestrator.planned_restarts); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_plan(p_plan orchestrator.planned_restarts) FROM PUBLIC;

--
-- Name: FUNCTION describe_preview(p_tried jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_preview(p_tried jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.describe_preview(p_tried jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION describe_workload(p_spec jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.describe_workload(p_spec jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.describe_workload(p_spec jsonb) TO orchestrator_viewer;

--
-- Name: FUNCTION diff(p_id uuid, p_from bigint, p_to bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.diff(p_id uuid, p_from bigint, p_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.diff(p_id uuid, p_from bigint, p_to bigint) TO orchestrator_viewer;

--
-- Name: FUNCTION differences(p_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.differences(p_id uuid) FROM PUBLIC;

--
-- Name: FUNCTION disable_user(name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.disable_user(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.disable_user(name text) TO orchestrator_admin;

--
-- Name: FUNCTION dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.dressed_manifests(p_id uuid, p_name text, p_version integer, p_manifests jsonb) FROM PUBLIC;

--
-- Name: FUNCTION drop_old_events(p_older_than interval, p_limit integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.drop_old_events(p_older_than interval, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.drop_old_events(p_older_than interval, p_limit integer) TO orchestrator_admin;

--
-- Name: FUNCTION effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.effective_parameters(p_template_id bigint, p_version integer, p_parameters jsonb) TO orchestrator_viewer;

--
-- Name: FUNCTION enable_user(name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.enable_user(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.enable_user(name text) TO orchestrator_admin;

--
-- Name: FUNCTION end_children(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_children() FROM PUBLIC;

--
-- Name: FUNCTION end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_contest(p_id uuid, p_kind text, p_name text, p_path text, p_why text) FROM PUBLIC;

--
-- Name: FUNCTION end_dry_runs(p_cluster text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_dry_runs(p_cluster text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.end_dry_runs(p_cluster text) TO orchestrator_worker;

--
-- Name: FUNCTION end_lease(p_settlement jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_lease(p_settlement jsonb) FROM PUBLIC;

--
-- Name: FUNCTION end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_member(p_rollout_id bigint, p_deployment_id uuid, p_state text, p_message text) FROM PUBLIC;

--
-- Name: FUNCTION end_planned_restart(p_deployment_id uuid, p_state text, p_why text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_planned_restart(p_deployment_id uuid, p_state text, p_why text) FROM PUBLIC;

--
-- Name: FUNCTION end_preview(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_preview() FROM PUBLIC;

--
-- Name: FUNCTION end_process(p_cluster text, p_kind text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) TO orchestrator_worker;
GRANT ALL ON FUNCTION orchestrator.end_process(p_cluster text, p_kind text, p_name text) TO orchestrator_watcher;

--
-- Name: FUNCTION end_request(p_key text, p_status integer, p_headers jsonb, p_body text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_request(p_key text, p_status integer, p_headers jsonb, p_body text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.end_request(p_key text, p_status integer, p_headers jsonb, p_body text) TO orchestrator_operator;

--
-- Name: FUNCTION end_session(id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.end_session(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.end_session(id bigint) TO orchestrator_viewer;

--
-- Name: FUNCTION enqueue(p_cluster_id integer, p_ids uuid[], p_lane text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.enqueue(p_cluster_id integer, p_ids uuid[], p_lane text) FROM PUBLIC;

--
-- Name: FUNCTION enter(p_kind text, p_secret text, p_client text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.enter(p_kind text, p_secret text, p_client text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.enter(p_kind text, p_secret text, p_client text, OUT user_name text, OUT role text, OUT namespaces text[], OUT credential_id bigint) TO orchestrator_api;

--
-- Name: FUNCTION entered_token(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.entered_token() FROM PUBLIC;

--
-- Name: TABLE deployment_events; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.deployment_events TO orchestrator_viewer;

--
-- Name: FUNCTION events_after(p_xid xid8, p_id bigint, p_limit integer, p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.events_after(p_xid xid8, p_id bigint, p_limit integer, p_deployment_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.events_after(p_xid xid8, p_id bigint, p_limit integer, p_deployment_id uuid) TO orchestrator_viewer;

--
-- Name: FUNCTION events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.events_since(p_at timestamp with time zone, OUT xid xid8, OUT id bigint) TO orchestrator_viewer;

--
-- Name: FUNCTION existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.existence(p_missing boolean, p_applied_generation bigint, p_rendered_hash text) TO orchestrator_viewer;

--
-- Name: FUNCTION finalise(p_id uuid, p_generation bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.finalise(p_id uuid, p_generation bigint) FROM PUBLIC;

--
-- Name: FUNCTION find_movable(p_template_id bigint, p_version integer, p_ids uuid[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.find_movable(p_template_id bigint, p_version integer, p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.find_movable(p_template_id bigint, p_version integer, p_ids uuid[]) TO orchestrator_operator;

--
-- Name: FUNCTION find_program(p_template_id bigint, p_version integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.find_program(p_template_id bigint, p_version integer) FROM PUBLIC;

--
-- Name: TABLE users; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.users TO orchestrator_viewer;

--
-- Name: FUNCTION find_user(p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.find_user(p_name text) FROM PUBLIC;

--
-- Name: FUNCTION find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.find_version(p_template text, p_version integer, OUT template_id bigint, OUT version integer) TO orchestrator_operator;

--
-- Name: TABLE maintenance_windows; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.maintenance_windows TO orchestrator_viewer;
GRANT DELETE ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: COLUMN maintenance_windows.name; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(name),UPDATE(name) ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: COLUMN maintenance_windows.namespace; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(namespace),UPDATE(namespace) ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: COLUMN maintenance_windows.days; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(days),UPDATE(days) ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: COLUMN maintenance_windows.starts; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(starts),UPDATE(starts) ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: COLUMN maintenance_windows.lasts; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(lasts),UPDATE(lasts) ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: COLUMN maintenance_windows.zone; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(zone),UPDATE(zone) ON TABLE orchestrator.maintenance_windows TO orchestrator_admin;

--
-- Name: FUNCTION find_window(p_name text, p_namespace text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.find_window(p_name text, p_namespace text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.find_window(p_name text, p_namespace text) TO orchestrator_viewer;

--
-- Name: FUNCTION finish_rollout(p_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.finish_rollout(p_id bigint) FROM PUBLIC;

--
-- Name: FUNCTION finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.finish_sign_in(p_name text, p_hash text, p_address text, p_user_agent text) TO orchestrator_api;

--
-- Name: FUNCTION forbid(p_path text, p_why text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.forbid(p_path text, p_why text) FROM PUBLIC;

--
-- Name: FUNCTION form_secret(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.form_secret() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.form_secret() TO orchestrator_api;

--
-- Name: FUNCTION has_dry_runs(p_cluster text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.has_dry_runs(p_cluster text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.has_dry_runs(p_cluster text) TO orchestrator_worker;

--
-- Name: FUNCTION has_rollouts(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.has_rollouts() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.has_rollouts() TO orchestrator_worker;

--
-- Name: FUNCTION heartbeat(p_leases jsonb, p_lease_seconds integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.heartbeat(p_leases jsonb, p_lease_seconds integer) TO orchestrator_worker;

--
-- Name: FUNCTION hold_rollout(p_id bigint, p_reason text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.hold_rollout(p_id bigint, p_reason text) FROM PUBLIC;

--
-- Name: FUNCTION hold_user(name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.hold_user(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.hold_user(name text) TO orchestrator_admin;

--
-- Name: FUNCTION invert_spec(p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid, p_at text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.invert_spec(p_program orchestrator.template_programs, p_rendered jsonb, p_edited jsonb, p_parameters jsonb, p_name text, p_namespace text, p_id uuid, p_at text[]) FROM PUBLIC;

--
-- Name: FUNCTION is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.is_let_be(p_cluster_id integer, p_kind text, p_namespace text, p_name text) FROM PUBLIC;

--
-- Name: FUNCTION is_lower(p_from text, p_to text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.is_lower(p_from text, p_to text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.is_lower(p_from text, p_to text) TO orchestrator_viewer;

--
-- Name: FUNCTION is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.is_wanted(p_deployment orchestrator.deployments, p_kind text, p_name text) FROM PUBLIC;

--
-- Name: FUNCTION is_within_token(p_role text, p_namespaces text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.is_within_token(p_role text, p_namespaces text[]) FROM PUBLIC;

--
-- Name: FUNCTION judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.judge_contest(p_id uuid, p_kind text, p_name text, p_path text, OUT policy text, OUT held text) FROM PUBLIC;

--
-- Name: FUNCTION judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.judge_drift(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_kind text, p_name text, p_drift jsonb) TO orchestrator_viewer;

--
-- Name: FUNCTION judge_members(p_rollout orchestrator.rollouts); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.judge_members(p_rollout orchestrator.rollouts) FROM PUBLIC;

--
-- Name: FUNCTION judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.judge_object(p_cluster_id integer, p_kind text, p_namespace text, p_name text) TO orchestrator_viewer;

--
-- Name: TABLE reconcile_slots; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.reconcile_slots TO orchestrator_viewer;

--
-- Name: FUNCTION judge_status(p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint, p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint, p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.judge_status(p_id uuid, p_cluster_id integer, p_state text, p_finalised boolean, p_generation bigint, p_applied bigint, p_slot orchestrator.reconcile_slots, p_pods bigint, p_objects bigint, p_missing text, p_drift text, p_contested text, p_undecided text, p_worst text[], p_outdated bigint, OUT summary text, OUT message text, OUT restart_required boolean) FROM PUBLIC;

--
-- Name: FUNCTION keep_an_admin(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.keep_an_admin() FROM PUBLIC;

--
-- Name: FUNCTION keep_history(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.keep_history() FROM PUBLIC;

--
-- Name: FUNCTION keep_template(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.keep_template() FROM PUBLIC;

--
-- Name: FUNCTION keep_window(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.keep_window() FROM PUBLIC;

--
-- Name: FUNCTION kind_rank(p_kind text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.kind_rank(p_kind text) FROM PUBLIC;

--
-- Name: FUNCTION list_keys(p_field text, p_value jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.list_keys(p_field text, p_value jsonb) FROM PUBLIC;

--
-- Name: FUNCTION list_leases(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.list_leases() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.list_leases() TO orchestrator_viewer;

--
-- Name: FUNCTION list_objects(p_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.list_objects(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.list_objects(p_id uuid) TO orchestrator_viewer;

--
-- Name: FUNCTION locate(p_manifest jsonb, p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.locate(p_manifest jsonb, p_path text) FROM PUBLIC;

--
-- Name: FUNCTION locate_observations(p_cluster_id integer, p_batch jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.locate_observations(p_cluster_id integer, p_batch jsonb) FROM PUBLIC;

--
-- Name: FUNCTION lock_deployments(p_ids uuid[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.lock_deployments(p_ids uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION lost_before(p_drift jsonb, p_before jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.lost_before(p_drift jsonb, p_before jsonb) FROM PUBLIC;

--
-- Name: FUNCTION make_password_link(name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.make_password_link(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.make_password_link(name text) TO orchestrator_admin;

--
-- Name: FUNCTION make_token(name text, role text, namespaces text[], expires_in interval, "user" text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.make_token(name text, role text, namespaces text[], expires_in interval, "user" text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.make_token(name text, role text, namespaces text[], expires_in interval, "user" text) TO orchestrator_viewer;

--
-- Name: FUNCTION manifest_changes(p_before jsonb, p_after jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.manifest_changes(p_before jsonb, p_after jsonb) FROM PUBLIC;

--
-- Name: FUNCTION manifest_of(p_spec jsonb, p_kind text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.manifest_of(p_spec jsonb, p_kind text, p_name text) FROM PUBLIC;

--
-- Name: FUNCTION manifest_paths(p_manifest jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.manifest_paths(p_manifest jsonb) FROM PUBLIC;

--
-- Name: FUNCTION mark_stale(p_cluster text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.mark_stale(p_cluster text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.mark_stale(p_cluster text) TO orchestrator_worker;

--
-- Name: FUNCTION may_run_rollout(p_who text, p_namespace text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.may_run_rollout(p_who text, p_namespace text) FROM PUBLIC;

--
-- Name: FUNCTION measure_queues(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.measure_queues() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.measure_queues() TO orchestrator_viewer;

--
-- Name: FUNCTION measure_snapshots(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.measure_snapshots() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.measure_snapshots() TO orchestrator_viewer;

--
-- Name: FUNCTION move_window(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.move_window() FROM PUBLIC;

--
-- Name: FUNCTION named_rules(p_rules jsonb, p_deployment text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.named_rules(p_rules jsonb, p_deployment text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.named_rules(p_rules jsonb, p_deployment text) TO orchestrator_viewer;

--
-- Name: FUNCTION narrower_role(p_one text, p_other text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.narrower_role(p_one text, p_other text) FROM PUBLIC;

--
-- Name: FUNCTION near_zones(p_zone text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.near_zones(p_zone text) FROM PUBLIC;

--
-- Name: FUNCTION newest_event(OUT xid xid8, OUT id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint) TO orchestrator_viewer;
GRANT ALL ON FUNCTION orchestrator.newest_event(OUT xid xid8, OUT id bigint) TO orchestrator_api;

--
-- Name: FUNCTION next_windows(p_each integer, p_after timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.next_windows(p_each integer, p_after timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.next_windows(p_each integer, p_after timestamp with time zone) TO orchestrator_viewer;

--
-- Name: FUNCTION nudge(p_cluster_id integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.nudge(p_cluster_id integer) FROM PUBLIC;

--
-- Name: FUNCTION open_session(p_user_id bigint, p_address text, p_user_agent text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.open_session(p_user_id bigint, p_address text, p_user_agent text) FROM PUBLIC;

--
-- Name: FUNCTION outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.outlook(p_state text, p_finalised boolean, p_slot orchestrator.reconcile_slots, p_unreachable_since timestamp with time zone) TO orchestrator_viewer;

--
-- Name: FUNCTION parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.parameter_problems(p_template_id bigint, p_version integer, p_parameters jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION path_fits(p_pattern text[], p_path text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.path_fits(p_pattern text[], p_path text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.path_fits(p_pattern text[], p_path text[]) TO orchestrator_viewer;

--
-- Name: FUNCTION path_steps(p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.path_steps(p_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.path_steps(p_path text) TO orchestrator_viewer;

--
-- Name: FUNCTION pause_rollout(p_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.pause_rollout(p_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.pause_rollout(p_id bigint) TO orchestrator_operator;

--
-- Name: FUNCTION plan(p_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.plan(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.plan(p_id uuid) TO orchestrator_viewer;

--
-- Name: FUNCTION plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.plan_object(p_applied jsonb, p_wanted jsonb, p_drift jsonb, p_withheld text[], p_yielded text[], p_new_owner boolean, p_outdated boolean) FROM PUBLIC;

--
-- Name: FUNCTION plan_restart(id uuid, in_window text, when_empty boolean, at timestamp with time zone, only_if_required boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.plan_restart(id uuid, in_window text, when_empty boolean, at timestamp with time zone, only_if_required boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.plan_restart(id uuid, in_window text, when_empty boolean, at timestamp with time zone, only_if_required boolean) TO orchestrator_operator;

--
-- Name: FUNCTION players_online(p_deployment_id uuid, p_at timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.players_online(p_deployment_id uuid, p_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.players_online(p_deployment_id uuid, p_at timestamp with time zone) TO orchestrator_viewer;

--
-- Name: FUNCTION policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.policy_for(p_template_rules jsonb, p_deployment_rules jsonb, p_default text, p_kind text, p_name text, p_path text) TO orchestrator_viewer;

--
-- Name: FUNCTION prepare_changed_deployment(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.prepare_changed_deployment() FROM PUBLIC;

--
-- Name: FUNCTION prepare_cluster(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.prepare_cluster() FROM PUBLIC;

--
-- Name: FUNCTION prepare_new_deployment(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.prepare_new_deployment() FROM PUBLIC;

--
-- Name: FUNCTION prepare_template(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.prepare_template() FROM PUBLIC;

--
-- Name: FUNCTION prepare_window(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.prepare_window() FROM PUBLIC;

--
-- Name: FUNCTION preview(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.preview(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.preview(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION preview_adopt(id uuid, paths text[], generation bigint, seen text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.preview_adopt(id uuid, paths text[], generation bigint, seen text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.preview_adopt(id uuid, paths text[], generation bigint, seen text[]) TO orchestrator_operator;

--
-- Name: FUNCTION preview_change(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.preview_change(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.preview_change(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION preview_rollback(id uuid, generation bigint, force boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.preview_rollback(id uuid, generation bigint, force boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.preview_rollback(id uuid, generation bigint, force boolean) TO orchestrator_operator;

--
-- Name: FUNCTION preview_rollout(template text, version integer, ids uuid[], parameters jsonb, force boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.preview_rollout(template text, version integer, ids uuid[], parameters jsonb, force boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.preview_rollout(template text, version integer, ids uuid[], parameters jsonb, force boolean) TO orchestrator_operator;

--
-- Name: FUNCTION preview_upgrade(id uuid, version integer, parameters jsonb, force boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.preview_upgrade(id uuid, version integer, parameters jsonb, force boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.preview_upgrade(id uuid, version integer, parameters jsonb, force boolean) TO orchestrator_operator;

--
-- Name: FUNCTION promote(p_cluster text, p_limit integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.promote(p_cluster text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.promote(p_cluster text, p_limit integer) TO orchestrator_worker;

--
-- Name: FUNCTION put_away(p_taken jsonb, p_most_reads integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.put_away(p_taken jsonb, p_most_reads integer) FROM PUBLIC;

--
-- Name: FUNCTION put_back(id uuid, paths text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.put_back(id uuid, paths text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.put_back(id uuid, paths text[]) TO orchestrator_operator;

--
-- Name: FUNCTION put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.put_template(p_name text, p_base_spec jsonb, p_schema jsonb, p_drift_rules jsonb) TO orchestrator_admin;

--
-- Name: FUNCTION quantity(p_quantity text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.quantity(p_quantity text) FROM PUBLIC;

--
-- Name: FUNCTION quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.quarantine(p_queue text, p_msg_id bigint, p_deployment_id uuid) FROM PUBLIC;

--
-- Name: FUNCTION queue_dry_run(p_preview jsonb, p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.queue_dry_run(p_preview jsonb, p_deployment_id uuid) FROM PUBLIC;

--
-- Name: FUNCTION queue_name(p_cluster_id integer, p_lane text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.queue_name(p_cluster_id integer, p_lane text) FROM PUBLIC;

--
-- Name: FUNCTION random_secret(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.random_secret() FROM PUBLIC;

--
-- Name: FUNCTION read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.read_back(p_deployment_id uuid, p_kind text, p_object text, p_path text, OUT adopts jsonb, OUT refusal text, OUT hint text) TO orchestrator_viewer;

--
-- Name: FUNCTION read_password_link(p_secret text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.read_password_link(p_secret text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.read_password_link(p_secret text) TO orchestrator_api;

--
-- Name: FUNCTION read_queue(p_queue text, p_limit integer, p_lease_seconds integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.read_queue(p_queue text, p_limit integer, p_lease_seconds integer) FROM PUBLIC;

--
-- Name: FUNCTION reconcile_now(p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.reconcile_now(p_deployment_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.reconcile_now(p_deployment_id uuid) TO orchestrator_operator;

--
-- Name: FUNCTION record_changed_deployments(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_changed_deployments() FROM PUBLIC;

--
-- Name: FUNCTION record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_digests(p_gone orchestrator.observation[], p_seen orchestrator.observation[]) FROM PUBLIC;

--
-- Name: FUNCTION record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.record_drift(p_cluster text, p_rows jsonb, p_unjudged uuid[]) TO orchestrator_watcher;

--
-- Name: FUNCTION record_gone(p_cluster_id integer, p_gone orchestrator.observation[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_gone(p_cluster_id integer, p_gone orchestrator.observation[]) FROM PUBLIC;

--
-- Name: FUNCTION record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_inventory(p_id uuid, p_generation bigint, p_applied jsonb, p_pruned jsonb) FROM PUBLIC;

--
-- Name: FUNCTION record_kubernetes_events(p_cluster text, p_batch jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_kubernetes_events(p_cluster text, p_batch jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.record_kubernetes_events(p_cluster text, p_batch jsonb) TO orchestrator_watcher;

--
-- Name: FUNCTION record_new_deployments(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_new_deployments() FROM PUBLIC;

--
-- Name: FUNCTION record_observations(p_cluster text, p_batch jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.record_observations(p_cluster text, p_batch jsonb) TO orchestrator_watcher;

--
-- Name: FUNCTION record_players(p_deployment_id uuid, p_online integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_players(p_deployment_id uuid, p_online integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.record_players(p_deployment_id uuid, p_online integer) TO orchestrator_operator;

--
-- Name: FUNCTION record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_put_backs(p_id uuid, p_generation bigint, p_resources jsonb) FROM PUBLIC;

--
-- Name: FUNCTION record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_recreated(p_cluster_id integer, p_seen orchestrator.observation[]) FROM PUBLIC;

--
-- Name: FUNCTION record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.record_relist(p_cluster text, p_kind text, p_resource_version bigint, p_present jsonb) TO orchestrator_watcher;

--
-- Name: FUNCTION record_seen(p_cluster_id integer, p_seen orchestrator.observation[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_seen(p_cluster_id integer, p_seen orchestrator.observation[]) FROM PUBLIC;

--
-- Name: FUNCTION record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.record_stream(p_cluster text, p_kind text, p_state text, p_restarts bigint, p_error text) TO orchestrator_watcher;

--
-- Name: FUNCTION refresh_status(p_ids uuid[], p_applied bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.refresh_status(p_ids uuid[], p_applied bigint) FROM PUBLIC;

--
-- Name: FUNCTION refuse(p_code text, p_message text, p_path text, p_hint text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) TO orchestrator_viewer;
GRANT ALL ON FUNCTION orchestrator.refuse(p_code text, p_message text, p_path text, p_hint text) TO orchestrator_operator;

--
-- Name: FUNCTION refuse_delete(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.refuse_delete() FROM PUBLIC;

--
-- Name: FUNCTION release(p_leases jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.release(p_leases jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.release(p_leases jsonb) TO orchestrator_worker;

--
-- Name: FUNCTION render_program(p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.render_program(p_program orchestrator.template_programs, p_parameters jsonb, p_name text, p_namespace text, p_id uuid) FROM PUBLIC;

--
-- Name: FUNCTION repair(p_cluster text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.repair(p_cluster text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.repair(p_cluster text) TO orchestrator_worker;

--
-- Name: FUNCTION replace_password(p_user_id bigint, p_hash text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.replace_password(p_user_id bigint, p_hash text) FROM PUBLIC;

--
-- Name: FUNCTION report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.report_cluster(p_cluster text, p_reachable boolean, p_reason text, p_worker text) TO orchestrator_worker;

--
-- Name: FUNCTION report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean) TO orchestrator_worker;
GRANT ALL ON FUNCTION orchestrator.report_process(p_cluster text, p_kind text, p_name text, p_age_seconds double precision, p_active boolean) TO orchestrator_watcher;

--
-- Name: FUNCTION request_dry_run(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.request_dry_run(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.request_dry_run(p_id uuid, p_parameters jsonb, p_desired_state text, p_template_version integer, p_keep_data boolean, p_drift_policy text, p_drift_rules jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION request_new_dry_run(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.request_new_dry_run(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.request_new_dry_run(name text, template text, parameters jsonb, namespace text, cluster text, template_version integer, desired_state text, keep_data boolean, drift_policy text, drift_rules jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION request_reconcile(p_ids uuid[], p_reason text, p_actor text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.request_reconcile(p_ids uuid[], p_reason text, p_actor text) FROM PUBLIC;

--
-- Name: FUNCTION request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.request_run(p_id uuid, p_cluster_id integer, OUT queued boolean, OUT unreachable boolean) FROM PUBLIC;

--
-- Name: FUNCTION request_unless_paused(p_ids uuid[], p_reason text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.request_unless_paused(p_ids uuid[], p_reason text) FROM PUBLIC;

--
-- Name: FUNCTION require_deployment(p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_deployment(p_deployment_id uuid) FROM PUBLIC;

--
-- Name: FUNCTION require_everything(p_what text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_everything(p_what text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.require_everything(p_what text) TO orchestrator_viewer;

--
-- Name: FUNCTION require_kept(p_xid xid8, p_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_kept(p_xid xid8, p_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.require_kept(p_xid xid8, p_id bigint) TO orchestrator_viewer;

--
-- Name: FUNCTION require_known_window(p_name text, p_namespace text, p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_known_window(p_name text, p_namespace text, p_path text) FROM PUBLIC;

--
-- Name: FUNCTION require_namespace(p_namespace text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_namespace(p_namespace text) FROM PUBLIC;

--
-- Name: FUNCTION require_rollout(p_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_rollout(p_id bigint) FROM PUBLIC;

--
-- Name: FUNCTION require_window(p_namespace text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.require_window(p_namespace text) FROM PUBLIC;

--
-- Name: FUNCTION restart(p_deployment_id uuid); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.restart(p_deployment_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.restart(p_deployment_id uuid) TO orchestrator_operator;

--
-- Name: FUNCTION restart_actor(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.restart_actor() FROM PUBLIC;

--
-- Name: FUNCTION resume_rollout(p_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.resume_rollout(p_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.resume_rollout(p_id bigint) TO orchestrator_operator;

--
-- Name: FUNCTION revoke_token(id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.revoke_token(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.revoke_token(id bigint) TO orchestrator_viewer;

--
-- Name: FUNCTION roll_back_rollout(p_id bigint, p_force boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.roll_back_rollout(p_id bigint, p_force boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.roll_back_rollout(p_id bigint, p_force boolean) TO orchestrator_operator;

--
-- Name: FUNCTION rollback(id uuid, generation bigint, force boolean, restart boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.rollback(id uuid, generation bigint, force boolean, restart boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.rollback(id uuid, generation bigint, force boolean, restart boolean) TO orchestrator_operator;

--
-- Name: FUNCTION rollback_refusal(p_id uuid, p_generation bigint, p_force boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.rollback_refusal(p_id uuid, p_generation bigint, p_force boolean) FROM PUBLIC;

--
-- Name: FUNCTION rollout_actor(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.rollout_actor() FROM PUBLIC;

--
-- Name: FUNCTION schedule_next(p_settlement jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.schedule_next(p_settlement jsonb) FROM PUBLIC;

--
-- Name: FUNCTION sees_everything(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.sees_everything() FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.sees_everything() TO orchestrator_viewer;

--
-- Name: FUNCTION send_messages(p_queue text, p_ids uuid[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.send_messages(p_queue text, p_ids uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION settle(p_settlement jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.settle(p_settlement jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.settle(p_settlement jsonb) TO orchestrator_worker;

--
-- Name: FUNCTION settle_all(p_settlements jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.settle_all(p_settlements jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.settle_all(p_settlements jsonb) TO orchestrator_worker;

--
-- Name: FUNCTION settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.settle_dry_run(p_id bigint, p_token integer, p_state text, p_answers jsonb, p_message text) TO orchestrator_worker;

--
-- Name: FUNCTION shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.shows_drift(p_cluster_id integer, p_kind text, p_namespace text, p_name text) TO orchestrator_viewer;

--
-- Name: FUNCTION shut_until(p_deployment_id uuid, p_window text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.shut_until(p_deployment_id uuid, p_window text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.shut_until(p_deployment_id uuid, p_window text) TO orchestrator_viewer;

--
-- Name: FUNCTION sign_in_as(p_name text, p_address text, p_user_agent text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.sign_in_as(p_name text, p_address text, p_user_agent text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.sign_in_as(p_name text, p_address text, p_user_agent text) TO orchestrator_api;

--
-- Name: FUNCTION spell_path(p_kind text, p_object text, p_path text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.spell_path(p_kind text, p_object text, p_path text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.spell_path(p_kind text, p_object text, p_path text) TO orchestrator_viewer;

--
-- Name: FUNCTION start_members(p_rollout orchestrator.rollouts); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.start_members(p_rollout orchestrator.rollouts) FROM PUBLIC;

--
-- Name: FUNCTION start_rollout(template text, version integer, ids uuid[], batch_size integer, max_unavailable integer, parameters jsonb, pause_on_failure boolean, restart boolean, force boolean, patience_seconds integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.start_rollout(template text, version integer, ids uuid[], batch_size integer, max_unavailable integer, parameters jsonb, pause_on_failure boolean, restart boolean, force boolean, patience_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.start_rollout(template text, version integer, ids uuid[], batch_size integer, max_unavailable integer, parameters jsonb, pause_on_failure boolean, restart boolean, force boolean, patience_seconds integer) TO orchestrator_operator;

--
-- Name: FUNCTION store_program(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.store_program() FROM PUBLIC;

--
-- Name: FUNCTION take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.take_messages(p_cluster_id integer, p_limit integer, p_lease_seconds integer) FROM PUBLIC;

--
-- Name: FUNCTION tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.tell_rollout(p_rollout_id bigint, p_type text, p_message text, p_actor text) FROM PUBLIC;

--
-- Name: FUNCTION tend_contests(p_cluster text, p_most integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.tend_contests(p_cluster text, p_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.tend_contests(p_cluster text, p_most integer) TO orchestrator_worker;

--
-- Name: FUNCTION tend_windows(p_cluster text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.tend_windows(p_cluster text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.tend_windows(p_cluster text) TO orchestrator_worker;

--
-- Name: FUNCTION text_as(p_text text, p_type text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.text_as(p_text text, p_type text) FROM PUBLIC;

--
-- Name: FUNCTION timeline(p_id uuid, p_before bigint, p_limit integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.timeline(p_id uuid, p_before bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.timeline(p_id uuid, p_before bigint, p_limit integer) TO orchestrator_viewer;

--
-- Name: FUNCTION try_upgrades(template text, version integer, ids uuid[], parameters jsonb, force boolean, most integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.try_upgrades(template text, version integer, ids uuid[], parameters jsonb, force boolean, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.try_upgrades(template text, version integer, ids uuid[], parameters jsonb, force boolean, most integer) TO orchestrator_operator;

--
-- Name: FUNCTION upgrade(id uuid, version integer, parameters jsonb, force boolean, restart boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.upgrade(id uuid, version integer, parameters jsonb, force boolean, restart boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.upgrade(id uuid, version integer, parameters jsonb, force boolean, restart boolean) TO orchestrator_operator;

--
-- Name: FUNCTION upgrade_refusals(template text, version integer, ids uuid[], parameters jsonb, force boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.upgrade_refusals(template text, version integer, ids uuid[], parameters jsonb, force boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.upgrade_refusals(template text, version integer, ids uuid[], parameters jsonb, force boolean) TO orchestrator_operator;

--
-- Name: FUNCTION use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.use_password_link(p_secret text, p_hash text, p_address text, p_user_agent text) TO orchestrator_api;

--
-- Name: FUNCTION waiting_message(p_cluster_id integer, p_generation bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.waiting_message(p_cluster_id integer, p_generation bigint) FROM PUBLIC;

--
-- Name: FUNCTION waits_for_restart(p_tried jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.waits_for_restart(p_tried jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.waits_for_restart(p_tried jsonb) TO orchestrator_operator;

--
-- Name: FUNCTION wake_rollout(p_rollout_id bigint); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.wake_rollout(p_rollout_id bigint) FROM PUBLIC;

--
-- Name: FUNCTION wake_rollout_of_member(); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.wake_rollout_of_member() FROM PUBLIC;

--
-- Name: FUNCTION wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.wanted_manifests(p_spec jsonb, p_state text, p_restarted_at timestamp with time zone) TO orchestrator_viewer;

--
-- Name: FUNCTION was_overtaken(p_settlement jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.was_overtaken(p_settlement jsonb) FROM PUBLIC;

--
-- Name: FUNCTION window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.window_is_open(p_window orchestrator.maintenance_windows, p_at timestamp with time zone) TO orchestrator_viewer;

--
-- Name: FUNCTION window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.window_opens(p_window orchestrator.maintenance_windows, p_after timestamp with time zone) TO orchestrator_viewer;

--
-- Name: FUNCTION window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.window_spans(p_window orchestrator.maintenance_windows, p_at timestamp with time zone, p_days integer) TO orchestrator_viewer;

--
-- Name: FUNCTION window_users(p_window orchestrator.maintenance_windows, p_plans boolean); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.window_users(p_window orchestrator.maintenance_windows, p_plans boolean) FROM PUBLIC;

--
-- Name: FUNCTION withhold(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb, p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.withhold(p_deployment_id uuid, p_deployment text, p_state text, p_template_rules jsonb, p_rules jsonb, p_default text, p_manifests jsonb, p_kind text, p_name text, p_drift jsonb, p_applied_generation bigint, p_enforce_once text[]) FROM PUBLIC;

--
-- Name: FUNCTION withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION orchestrator.withhold_found(p_deployment_id uuid, p_kind text, p_namespace text, p_name text, p_drift jsonb) TO orchestrator_worker;

--
-- Name: FUNCTION without_adopted(p_rows jsonb); Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

REVOKE ALL ON FUNCTION orchestrator.without_adopted(p_rows jsonb) FROM PUBLIC;

--
-- Name: TABLE api_tokens; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.api_tokens TO orchestrator_viewer;

--
-- Name: TABLE applied_migrations; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.applied_migrations TO orchestrator_viewer;
GRANT SELECT ON TABLE orchestrator.applied_migrations TO orchestrator_api;
GRANT SELECT ON TABLE orchestrator.applied_migrations TO orchestrator_worker;
GRANT SELECT ON TABLE orchestrator.applied_migrations TO orchestrator_watcher;

--
-- Name: TABLE clusters; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.clusters TO orchestrator_viewer;
GRANT SELECT ON TABLE orchestrator.clusters TO orchestrator_worker;
GRANT SELECT ON TABLE orchestrator.clusters TO orchestrator_watcher;

--
-- Name: COLUMN clusters.name; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(name) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: COLUMN clusters.resync_seconds; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(resync_seconds),UPDATE(resync_seconds) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: COLUMN clusters.contested_after; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(contested_after),UPDATE(contested_after) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: COLUMN clusters.contested_within_seconds; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(contested_within_seconds),UPDATE(contested_within_seconds) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: COLUMN clusters.contested_wait_seconds; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(contested_wait_seconds),UPDATE(contested_wait_seconds) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: COLUMN clusters.contested_longest_wait_seconds; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(contested_longest_wait_seconds),UPDATE(contested_longest_wait_seconds) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: COLUMN clusters.players_fresh_seconds; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT UPDATE(players_fresh_seconds) ON TABLE orchestrator.clusters TO orchestrator_admin;

--
-- Name: TABLE deployment_resources; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.deployment_resources TO orchestrator_viewer;

--
-- Name: TABLE put_backs; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.put_backs TO orchestrator_viewer;

--
-- Name: TABLE contested; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.contested TO orchestrator_viewer;

--
-- Name: TABLE deployment_observed; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.deployment_observed TO orchestrator_viewer;

--
-- Name: TABLE deployment_players; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.deployment_players TO orchestrator_viewer;

--
-- Name: TABLE templates; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.templates TO orchestrator_viewer;
GRANT DELETE,UPDATE ON TABLE orchestrator.templates TO orchestrator_admin;

--
-- Name: COLUMN templates.name; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(name) ON TABLE orchestrator.templates TO orchestrator_admin;

--
-- Name: COLUMN templates.version; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(version) ON TABLE orchestrator.templates TO orchestrator_admin;

--
-- Name: COLUMN templates.base_spec_json; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(base_spec_json) ON TABLE orchestrator.templates TO orchestrator_admin;

--
-- Name: COLUMN templates.allowed_mutations_json; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(allowed_mutations_json) ON TABLE orchestrator.templates TO orchestrator_admin;

--
-- Name: COLUMN templates.drift_rules_json; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT INSERT(drift_rules_json) ON TABLE orchestrator.templates TO orchestrator_admin;

--
-- Name: TABLE drift; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.drift TO orchestrator_viewer;

--
-- Name: TABLE dry_runs; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.dry_runs TO orchestrator_viewer;

--
-- Name: TABLE processes; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.processes TO orchestrator_viewer;

--
-- Name: TABLE rollout_events; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.rollout_events TO orchestrator_viewer;

--
-- Name: TABLE rollout_members; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.rollout_members TO orchestrator_viewer;

--
-- Name: TABLE sessions; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.sessions TO orchestrator_viewer;

--
-- Name: TABLE waiting; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.waiting TO orchestrator_viewer;

--
-- Name: TABLE watch_streams; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.watch_streams TO orchestrator_viewer;

--
-- Name: TABLE watchers; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.watchers TO orchestrator_viewer;

--
-- Name: TABLE workers; Type: ACL; Schema: orchestrator; Owner: orchestrator_owner
--

GRANT SELECT ON TABLE orchestrator.workers TO orchestrator_viewer;

--
-- PostgreSQL database dump complete
--

