"""What each role may do and may not: the grants, walked."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any

import pytest

from tests.db.stage import Stage, denied, refused

ROLES = ("admin", "operator", "viewer", "api", "worker", "watcher")
READABLE = (
    "clusters", "templates", "deployments", "deployment_resources", "deployment_observed", "deployment_events",
    "deployment_revisions", "reconcile_slots", "watch_streams", "drift", "waiting", "users", "api_tokens", "sessions",
    "processes", "workers", "watchers", "put_backs", "contested", "maintenance_windows", "planned_restarts", "deployment_players",
    "dry_runs", "rollouts", "rollout_members", "rollout_events",
)  # fmt: skip
PRIVATE = (
    "template_programs",
    "schema_migrations",
    "user_secrets",
    "token_secrets",
    "session_secrets",
    "sign_in_attempts",
    "form_secrets",
    "dropped_events",
)
PEOPLE = {"admin", "operator", "viewer"}
# Each door with a call that gets past the grant, and who may use it.
DOORS: dict[str, tuple[str, set[str]]] = {
    "deploy": ("SELECT deploy('walk', 'web')", {"admin", "operator"}),
    "reconcile_now": ("SELECT reconcile_now((SELECT id FROM deployments LIMIT 1))", {"admin", "operator"}),
    "restart": ("SELECT restart((SELECT id FROM deployments LIMIT 1))", {"admin", "operator"}),
    "plan_restart": ("SELECT plan_restart(gen_random_uuid(), when_empty => true)", {"admin", "operator"}),
    "cancel_restart": ("SELECT cancel_restart(gen_random_uuid())", {"admin", "operator"}),
    "record_players": ("SELECT record_players(gen_random_uuid(), 0)", {"admin", "operator"}),
    "players_online": ("SELECT players_online(gen_random_uuid())", PEOPLE),
    "at_wall_clock": ("SELECT at_wall_clock('2026-11-24 04:00', 'Europe/Berlin')", PEOPLE),
    "window_spans": ("SELECT window_spans(NULL, now())", PEOPLE),
    "window_opens": ("SELECT window_opens(NULL)", PEOPLE),
    "window_is_open": ("SELECT window_is_open(NULL)", PEOPLE),
    "find_window": ("SELECT find_window('nights', 'games')", PEOPLE),
    "shut_until": ("SELECT shut_until(gen_random_uuid(), 'nights')", PEOPLE),
    "next_windows": ("SELECT * FROM next_windows()", PEOPLE),
    "refuse": ("SELECT refuse('SO422', 'm', 'p', 'h')", PEOPLE),
    "put_template": ("SELECT put_template('web', '[]', '{}')", {"admin"}),
    "drop_old_events": ("SELECT drop_old_events('30 days')", {"admin"}),
    "events_after": ("SELECT * FROM events_after()", PEOPLE),
    "require_kept": ("SELECT require_kept('0', 0)", PEOPLE),
    "events_since": ("SELECT * FROM events_since(now())", PEOPLE),
    "newest_event": ("SELECT * FROM newest_event()", PEOPLE | {"api"}),
    "measure_queues": ("SELECT * FROM measure_queues()", PEOPLE),
    "measure_snapshots": ("SELECT measure_snapshots()", PEOPLE),
    "request_dry_run": ("SELECT request_dry_run(gen_random_uuid())", {"admin", "operator"}),
    "request_new_dry_run": ("SELECT request_new_dry_run('walk', 'web')", {"admin", "operator"}),
    "claim_dry_run": ("SELECT claim_dry_run('default', 'w', 30)", {"worker"}),
    "settle_dry_run": ("SELECT settle_dry_run(0, 0, 'done', '[]', '')", {"worker"}),
    "has_dry_runs": ("SELECT has_dry_runs('default')", {"worker"}),
    "end_dry_runs": ("SELECT end_dry_runs('default')", {"worker"}),
    "plan": ("SELECT * FROM plan(gen_random_uuid())", PEOPLE),
    "preview": ("SELECT preview('walk', 'web')", {"admin", "operator"}),
    "preview_change": ("SELECT preview_change(gen_random_uuid())", {"admin", "operator"}),
    "describe_preview": ('SELECT describe_preview(\'{"parameters": {}, "after": []}\')', {"admin", "operator"}),
    "rollback": ("SELECT rollback(gen_random_uuid(), 1)", {"admin", "operator"}),
    "preview_rollback": ("SELECT preview_rollback(gen_random_uuid(), 1)", {"admin", "operator"}),
    "upgrade": ("SELECT upgrade(gen_random_uuid())", {"admin", "operator"}),
    "preview_upgrade": ("SELECT preview_upgrade(gen_random_uuid())", {"admin", "operator"}),
    "parameter_problems": ("SELECT parameter_problems(1, 1, '{}')", {"admin", "operator"}),
    "check_parameters_fit": ("SELECT check_parameters_fit(1, 1, '{}')", {"admin", "operator"}),
    "check_not_lowered": ("SELECT check_not_lowered(1, 1, '{}', 1, '{}')", {"admin", "operator"}),
    "adopt": ("SELECT adopt(gen_random_uuid())", {"admin", "operator"}),
    "preview_adopt": ("SELECT preview_adopt(gen_random_uuid())", {"admin", "operator"}),
    "read_back": ("SELECT read_back(gen_random_uuid(), 'Service', 'lobby', 'spec')", PEOPLE),
    "spell_path": ("SELECT spell_path('Service', 'lobby', 'spec')", PEOPLE),
    "waits_for_restart": ("SELECT waits_for_restart('{}')", {"admin", "operator"}),
    "find_version": ("SELECT find_version('web', 1)", {"admin", "operator"}),
    "find_movable": ("SELECT find_movable(1, 1, NULL)", {"admin", "operator"}),
    "try_upgrades": ("SELECT * FROM try_upgrades('web')", {"admin", "operator"}),
    "preview_rollout": ("SELECT preview_rollout('web')", {"admin", "operator"}),
    "upgrade_refusals": ("SELECT * FROM upgrade_refusals('web')", {"admin", "operator"}),
    "start_rollout": ("SELECT start_rollout('nope')", {"admin", "operator"}),
    "pause_rollout": ("SELECT pause_rollout(0)", {"admin", "operator"}),
    "resume_rollout": ("SELECT resume_rollout(0)", {"admin", "operator"}),
    "abort_rollout": ("SELECT abort_rollout(0)", {"admin", "operator"}),
    "roll_back_rollout": ("SELECT roll_back_rollout(0)", {"admin", "operator"}),
    "advance_rollouts": ("SELECT advance_rollouts()", {"worker"}),
    "has_rollouts": ("SELECT has_rollouts()", {"worker"}),
    "is_lower": ("SELECT is_lower('1.21', '1.9')", PEOPLE),
    "path_steps": ("SELECT path_steps('spec.replicas')", PEOPLE),
    "path_fits": ("SELECT path_fits('{spec}', '{spec,replicas}')", PEOPLE),
    "policy_for": ("SELECT policy_for('[]', '[]', 'Enforce', 'Service', 'lobby', 'spec')", PEOPLE),
    "named_rules": ("SELECT named_rules('[]', 'lobby')", PEOPLE),
    "judge_drift": (
        "SELECT judge_drift(NULL, 'lobby', 'Active', '[]', '[]', 'Enforce', 'Service', 'lobby', '[]')",
        PEOPLE,
    ),
    "judge_object": ("SELECT judge_object(1, 'Service', 'default', 'lobby')", PEOPLE),
    "shows_drift": ("SELECT shows_drift(1, 'Service', 'default', 'lobby')", PEOPLE),
    "existence": ("SELECT existence(false, NULL, NULL)", PEOPLE),
    "put_back": ("SELECT put_back(gen_random_uuid())", {"admin", "operator"}),
    "withhold_found": ("SELECT withhold_found(gen_random_uuid(), 'Service', 'default', 'lobby', '[]')", {"worker"}),
    "deployments_as_of": ("SELECT * FROM deployments_as_of(now())", PEOPLE),
    "diff": ("SELECT * FROM diff(gen_random_uuid(), 1, 2)", PEOPLE),
    "timeline": ("SELECT * FROM timeline(gen_random_uuid())", PEOPLE),
    "list_objects": ("SELECT * FROM list_objects(gen_random_uuid())", PEOPLE),
    "outlook": ("SELECT outlook('Active', false, NULL, NULL)", PEOPLE),
    "wanted_manifests": ("SELECT wanted_manifests('[]', 'Active', NULL)", PEOPLE),
    "effective_parameters": ("SELECT effective_parameters(1, 1, '{}')", PEOPLE),
    "describe_manifest": ("SELECT describe_manifest('{}')", PEOPLE),
    "describe_workload": ("SELECT describe_workload('{}')", PEOPLE),
    "describe_digest": ("SELECT describe_digest('Pod', '{}', 'Healthy')", PEOPLE),
    "begin_request": ("SELECT * FROM begin_request('k', repeat('0', 64))", {"admin", "operator"}),
    "end_request": ("SELECT end_request('k', 200, '{}', '')", {"admin", "operator"}),
    "current_actor": ("SELECT current_actor()", PEOPLE),
    "acting_role": ("SELECT acting_role()", PEOPLE),
    "allowed_namespaces": ("SELECT allowed_namespaces()", PEOPLE),
    "sees_everything": ("SELECT sees_everything()", PEOPLE),
    "require_everything": ("SELECT require_everything('tests')", PEOPLE),
    "form_secret": ("SELECT form_secret()", {"api"}),
    "enter": ("SELECT enter('token', '')", {"api"}),
    "authenticate": ("SELECT authenticate('token', '')", {"api"}),
    "begin_sign_in": ("SELECT begin_sign_in('nobody', '127.0.0.1')", {"api"}),
    "finish_sign_in": ("SELECT finish_sign_in('nobody', '', '127.0.0.1', '')", {"api"}),
    "sign_in_as": ("SELECT sign_in_as('nobody', '127.0.0.1', '')", {"api"}),
    "read_password_link": ("SELECT read_password_link('')", {"api"}),
    "use_password_link": ("SELECT use_password_link('', '', '127.0.0.1', '')", {"api"}),
    "change_password": ("SELECT change_password('nobody', '', '', '127.0.0.1', '')", {"api"}),
    "end_session": ("SELECT end_session(0)", PEOPLE),
    "create_user": ("SELECT create_user('ann', 'viewer')", {"admin"}),
    "change_user": ("SELECT change_user('nobody', 'viewer', NULL)", {"admin"}),
    "hold_user": ("SELECT hold_user('nobody')", {"admin"}),
    "disable_user": ("SELECT disable_user('nobody')", {"admin"}),
    "enable_user": ("SELECT enable_user('nobody')", {"admin"}),
    "make_password_link": ("SELECT make_password_link('nobody')", {"admin"}),
    "make_token": ("SELECT make_token('t')", PEOPLE),
    "revoke_token": ("SELECT revoke_token(0)", PEOPLE),
    "list_leases": ("SELECT * FROM list_leases()", PEOPLE),
    "report_process": ("SELECT report_process('default', 'worker', 'w', 0, true)", {"worker", "watcher"}),
    "end_process": ("SELECT end_process('default', 'worker', 'w')", {"worker", "watcher"}),
    "claim": ("SELECT * FROM claim('default', 'w', 1, 30)", {"worker"}),
    "heartbeat": ("SELECT heartbeat('[]', 30)", {"worker"}),
    "settle": ("SELECT settle('{}')", {"worker"}),
    "settle_all": ("SELECT settle_all('[]')", {"worker"}),
    "release": ("SELECT release('[]')", {"worker"}),
    "promote": ("SELECT promote('default')", {"worker"}),
    "repair": ("SELECT repair('default')", {"worker"}),
    "report_cluster": ("SELECT report_cluster('default', true, NULL)", {"worker"}),
    "mark_stale": ("SELECT mark_stale('default')", {"worker"}),
    "contested_until": ("SELECT contested_until(gen_random_uuid(), 'a', 'b', '')", PEOPLE),
    "tend_contests": ("SELECT tend_contests('default')", {"worker"}),
    "tend_windows": ("SELECT tend_windows('default')", {"worker"}),
    "applied_fields": ("SELECT applied_fields(gen_random_uuid(), 'a', 'b', 'c')", {"worker"}),
    "record_observations": ("SELECT record_observations('default', '[]')", {"watcher"}),
    "catch_up": ("SELECT catch_up('default', '[]', '{}')", {"watcher"}),
    "record_drift": ("SELECT record_drift('default', '[]')", {"watcher"}),
    "record_relist": ("SELECT record_relist('default', 'Pod', 1, '[]')", {"watcher"}),
    "record_kubernetes_events": ("SELECT record_kubernetes_events('default', '[]')", {"watcher"}),
    "record_stream": ("SELECT record_stream('default', 'Pod', 'synced', 0, NULL)", {"watcher"}),
}
# Past the grant, and refused for what was asked.
REFUSED = {
    "refuse": "SO422",
    "put_template": "SO422",
    "enter": "SO401",
    "authenticate": "SO401",
    "finish_sign_in": "SO401",
    "change_password": "SO401",
    "sign_in_as": "SO403",
} | dict.fromkeys(
    (
        "reconcile_now",
        "put_back",
        "read_back",
        "restart",
        "plan_restart",
        "cancel_restart",
        "record_players",
        "preview_change",
        "rollback",
        "preview_rollback",
        "upgrade",
        "preview_upgrade",
        "start_rollout",
        "pause_rollout",
        "resume_rollout",
        "abort_rollout",
        "roll_back_rollout",
        "plan",
        "adopt",
        "preview_adopt",
        "request_dry_run",
        "diff",
        "change_user",
        "hold_user",
        "disable_user",
        "enable_user",
        "make_password_link",
        "make_token",
        "read_password_link",
        "use_password_link",
        "revoke_token",
    ),
    "SO404",
)


@pytest.fixture(scope="module")
def walked(quiet_stage: Stage) -> Stage:
    return quiet_stage


def test_every_door_that_is_granted_to_somebody_is_walked_here(walked: Stage) -> None:
    granted = walked.rows(
        "SELECT DISTINCT p.proname AS name FROM pg_proc p, aclexplode(p.proacl) a"
        " WHERE p.pronamespace = 'orchestrator'::regnamespace AND a.grantee <> p.proowner"
    )
    assert {row["name"] for row in granted} == set(DOORS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("door", DOORS)
def test_a_door_opens_for_those_it_is_for_only(walked: Stage, role: str, door: str) -> None:
    call, allowed = DOORS[door]
    session = getattr(walked, role)
    with session.transaction(force_rollback=True):
        if role not in allowed:
            with denied():
                session.execute(call)
        elif door in REFUSED:
            with refused(REFUSED[door]):
                session.execute(call)
        else:
            session.execute(call)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_calls_an_inner_routine(walked: Stage, role: str) -> None:
    inner = walked.rows(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace IN ('orchestrator'::regnamespace, 'pgmq'::regnamespace)"
        " AND p.proname <> ALL (%s) AND has_function_privilege(%s, p.oid, 'EXECUTE')",
        list(DOORS),
        f"test_{role}",
    )
    assert inner == []


@pytest.mark.parametrize("role", ROLES)
def test_reading(walked: Stage, role: str) -> None:
    session = getattr(walked, role)
    for table in READABLE:
        if role == "api" or (role in {"worker", "watcher"} and table != "clusters"):
            with denied():
                session.execute(f"SELECT * FROM {table}")
        else:
            session.execute(f"SELECT * FROM {table}")
    for table in PRIVATE:
        with denied():
            session.execute(f"SELECT * FROM {table}")
    with denied():
        session.execute("SELECT * FROM pgmq.q_c1_now")


@pytest.mark.parametrize("role", ROLES)
def test_writing_tables_directly(walked: Stage, role: str) -> None:
    """Every column of every table, tried by its grant; what may be written is exactly this."""
    writable = walked.rows(
        """SELECT c.relname || '.' || a.attname AS column, string_agg(p, ' ' ORDER BY p) AS how
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE']) p
            WHERE c.relnamespace IN ('orchestrator'::regnamespace, 'pgmq'::regnamespace) AND c.relkind IN ('r', 'v')
              AND has_column_privilege(%s, c.oid, a.attnum, p) GROUP BY 1""",
        f"test_{role}",
    )
    intent = [
        "name",
        "cluster_id",
        "namespace",
        "template_id",
        "template_version",
        "parameters",
        "desired_spec_json",
        "desired_state",
        "drift_policy",
        "drift_rules",
        "keep_data",
    ]
    operator = {f"deployments.{column}": "INSERT UPDATE" for column in intent}
    operator |= {"deployments.id": "INSERT", "deployments.restarted_at": "UPDATE"}
    columns = ["name", "version", "base_spec_json", "allowed_mutations_json", "drift_rules_json"]
    admin = operator | {f"templates.{column}": "INSERT UPDATE" for column in columns}
    admin |= {
        "templates.id": "UPDATE",
        "templates.created_at": "UPDATE",
        "clusters.name": "INSERT",
        "clusters.resync_seconds": "INSERT UPDATE",
        "clusters.players_fresh_seconds": "UPDATE",
    }
    contested = ["after", "within_seconds", "wait_seconds", "longest_wait_seconds"]
    admin |= {f"clusters.contested_{column}": "INSERT UPDATE" for column in contested}
    columns = ["name", "namespace", "days", "starts", "lasts", "zone"]
    admin |= {f"maintenance_windows.{column}": "INSERT UPDATE" for column in columns}
    expected: dict[str, Any] = {"operator": operator, "admin": admin}
    assert {row["column"]: row["how"] for row in writable} == expected.get(role, {})


@pytest.mark.parametrize("role", ROLES)
def test_deleting_and_truncating(walked: Stage, role: str) -> None:
    found = walked.rows(
        "SELECT c.relname || ' ' || p AS what FROM pg_class c CROSS JOIN unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES', 'MAINTAIN']) p"
        " WHERE c.relnamespace IN ('orchestrator'::regnamespace, 'pgmq'::regnamespace) AND c.relkind = 'r' AND has_table_privilege(%s, c.oid, p)",
        f"test_{role}",
    )
    expected = {
        "operator": {"deployments DELETE"},
        "admin": {"deployments DELETE", "templates DELETE", "maintenance_windows DELETE"},
    }
    assert {row["what"] for row in found} == expected.get(role, set())


@pytest.mark.parametrize("role", ROLES)
def test_no_role_makes_objects_or_takes_on_another_role(walked: Stage, role: str) -> None:
    session = getattr(walked, role)
    for statement in (
        "CREATE TABLE orchestrator.mine ()",
        "CREATE FUNCTION orchestrator.mine() RETURNS void LANGUAGE sql AS ''",
        "CREATE SCHEMA mine",
        "ALTER TABLE deployments DISABLE TRIGGER USER",
        "SET ROLE orchestrator_owner",
        "SET session_replication_role = replica",
        "CREATE ROLE mine",
    ):
        with session.transaction(force_rollback=True), denied():
            session.execute(statement)


def test_worker_and_watcher_cannot_become_each_other_or_a_person(walked: Stage) -> None:
    for role in ("worker", "watcher"):
        member = walked.rows(
            "SELECT r AS role FROM unnest(%s::text[]) r WHERE pg_has_role(%s, 'orchestrator_' || r, 'MEMBER')",
            list(ROLES),
            f"test_{role}",
        )
        assert [row["role"] for row in member] == [role]


def test_our_roles_cannot_log_in_and_own_everything_of_ours(walked: Stage) -> None:
    assert (
        walked.rows(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'orchestrator%%' AND (rolcanlogin OR rolsuper OR rolcreaterole)"
        )
        == []
    )
    foreign = walked.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'orchestrator'::regnamespace AND relowner <> 'orchestrator_owner'::regrole"
        " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'orchestrator'::regnamespace AND proowner <> 'orchestrator_owner'::regrole"
    )
    assert foreign == []


def test_a_person_reads_through_views_with_their_own_rights(walked: Stage) -> None:
    """A view that ran as its owner would show what the reader may not see once rows are restricted."""
    invoking = walked.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'orchestrator'::regnamespace AND relkind = 'v' AND coalesce(reloptions::text, '') LIKE '%%security_invoker=true%%'"
    )
    assert {row["relname"] for row in invoking} >= {"drift", "waiting"}


def test_an_admin_adds_a_cluster_with_its_queues_and_sets_its_resync(stage: Stage) -> None:
    stage.admin.execute("INSERT INTO clusters (name, resync_seconds) VALUES ('second', 30)")
    stage.admin.execute("UPDATE clusters SET resync_seconds = 90 WHERE name = 'second'")
    stage.root.execute("SELECT * FROM pgmq.q_c2_now, pgmq.q_c2_bulk")
    with denied():
        stage.operator.execute("INSERT INTO clusters (name) VALUES ('third')")
    with denied():
        stage.admin.execute("UPDATE clusters SET unreachable_since = NULL")
    own = stage.deploy("lobby", cluster="second")
    assert stage.slot(own)["queue"] == "c2_now"
    assert stage.claim() == []
    row = stage.worker.execute("SELECT * FROM claim('second', 'w', 1, 30)").fetchone()
    assert row is not None
    assert row["deployment_id"] == own


def test_a_worker_of_one_cluster_is_no_door_to_another_queue(stage: Stage) -> None:
    """The queue's name comes from the caller, so it is compared, not trusted."""
    own = stage.deploy("lobby")
    (claimed,) = stage.claim()
    for queue in ("c1_bulk", "c9_now", "x; DROP TABLE deployments"):
        row = stage.worker.execute(
            "SELECT settle(%s) AS verdict",
            (
                json.dumps(
                    {"deployment_id": str(own), "queue": queue, "msg_id": claimed["msg_id"], "token": claimed["token"]}
                ),
            ),
        ).fetchone()
        assert row == {"verdict": "lost"}
