"""Every table and every door with every role, limited to a namespace and not, at psql and as the API enters.

What a limited person finds is about their namespaces alone. A table or a door that is added without being listed here fails.
"""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.db.conftest import copied
from tests.db.stage import Row, Session, Stage, denied, refused
from tests.db.test_roles import DOORS, PRIVATE, READABLE, REFUSED
from tests.people import token_of

ROLES = ("viewer", "operator", "admin")
WAYS = ("psql", "enter")
LIMITS = (None, ["games"])
MINE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"

# How the rows of each table tell which deployment they are about.
BY_DEPLOYMENT = {
    "deployments": "id", "deployment_resources": "deployment_id", "deployment_observed": "deployment_id", "deployment_events": "deployment_id",
    "deployment_revisions": "deployment_id", "reconcile_slots": "deployment_id", "drift": "deployment_id",
    "put_backs": "deployment_id", "contested": "deployment_id",
    "dry_runs": "deployment_id",
    "planned_restarts": "deployment_id", "deployment_players": "deployment_id",
    "rollout_members": "deployment_id",
}  # fmt: skip
# About people: everybody sees their own, an admin of everything all.
BY_PERSON = {
    "users": "name",
    "api_tokens": "(SELECT name FROM users WHERE id = user_id)",
    "sessions": "(SELECT name FROM users WHERE id = user_id)",
}
# About no deployment and nobody; `waiting` counts, and `workers` tells only of deployments that one may see.
# Windows are everybody's or a namespace's.
SHARED = {
    "clusters",
    "templates",
    "watch_streams",
    "waiting",
    "processes",
    "workers",
    "watchers",
    "maintenance_windows",
    "rollouts",
    "rollout_events",
}

# Doors that are told a deployment, or may name one: called for one that is not the caller's, each refuses or finds nothing.
ABOUT_ONE: dict[str, str] = {
    "reconcile_now": f"SELECT reconcile_now('{OTHER}')",
    "put_back": f"SELECT put_back('{OTHER}')",
    "restart": f"SELECT restart('{OTHER}')",
    "plan_restart": f"SELECT plan_restart('{OTHER}', when_empty => true)",
    "cancel_restart": f"SELECT cancel_restart('{OTHER}')",
    "record_players": f"SELECT record_players('{OTHER}', 0)",
    "shut_until": f"SELECT 1 WHERE shut_until('{OTHER}', 'nights') IS NOT NULL",
    "players_online": f"SELECT 1 WHERE players_online('{OTHER}') IS NOT NULL",
    "preview_change": f"SELECT preview_change('{OTHER}', '{{}}', 'Stopped')",
    "request_dry_run": f"SELECT request_dry_run('{OTHER}')",
    "request_new_dry_run": "SELECT request_new_dry_run('other', 'web', namespace => 'vault-7')",
    "read_back": f"SELECT * FROM read_back('{OTHER}', 'Service', 'lobby', 'spec')",
    "plan": f"SELECT * FROM plan('{OTHER}')",
    "adopt": f"SELECT adopt('{OTHER}')",
    "preview_adopt": f"SELECT preview_adopt('{OTHER}')",
    "rollback": f"SELECT rollback('{OTHER}', 1)",
    "preview_rollback": f"SELECT preview_rollback('{OTHER}', 1)",
    "upgrade": f"SELECT upgrade('{OTHER}')",
    "preview_upgrade": f"SELECT preview_upgrade('{OTHER}')",
    "find_movable": f"SELECT find_movable((SELECT id FROM templates WHERE name = 'web' LIMIT 1), 1, ARRAY['{OTHER}']::uuid[])",
    "try_upgrades": f"SELECT * FROM try_upgrades('web', NULL, ARRAY['{OTHER}']::uuid[])",
    "preview_rollout": f"SELECT preview_rollout('web', NULL, ARRAY['{OTHER}']::uuid[])",
    "upgrade_refusals": f"SELECT * FROM upgrade_refusals('web', NULL, ARRAY['{OTHER}']::uuid[], '{{\"nope\": 1}}')",
    "start_rollout": f"SELECT start_rollout('web', ids => ARRAY['{OTHER}']::uuid[])",
    "pause_rollout": "SELECT pause_rollout(2)",
    "resume_rollout": "SELECT resume_rollout(2)",
    "abort_rollout": "SELECT abort_rollout(2)",
    "roll_back_rollout": "SELECT roll_back_rollout(2)",
    "deployments_as_of": f"SELECT * FROM deployments_as_of(now()) WHERE id = '{OTHER}'",
    "diff": f"SELECT * FROM diff('{OTHER}', 1, 2)",
    "contested_until": f"SELECT FROM contested_until('{OTHER}', 'Service', 'lobby', 'spec') u WHERE u IS NOT NULL",
    "timeline": f"SELECT * FROM timeline('{OTHER}')",
    "list_objects": f"SELECT * FROM list_objects('{OTHER}')",
    "events_after": f"SELECT * FROM events_after(p_deployment_id => '{OTHER}')",
    "deploy": "SELECT deploy('lobby', 'web', namespace => 'vault-7')",
    "preview": "SELECT preview('lobby', 'web', namespace => 'vault-7')",
    "list_leases": f"SELECT * FROM list_leases() WHERE deployment_id = '{OTHER}'",
}
# Doors that concern all namespaces: refused to who is limited.
FOR_ALL = {
    "put_template",
    "drop_old_events",
    "require_everything",
    "create_user",
    "change_user",
    "hold_user",
    "disable_user",
    "enable_user",
    "make_password_link",
}
# Doors that say and do nothing about any deployment, or nothing that is not handed to them.
HARMLESS = {
    "path_steps", "existence", "path_fits", "policy_for", "named_rules", "judge_drift", "judge_object", "shows_drift", "refuse", "newest_event", "events_since", "measure_queues", "measure_snapshots", "describe_preview", "outlook", "is_lower", "parameter_problems", "check_parameters_fit", "check_not_lowered", "wanted_manifests", "effective_parameters", "describe_manifest",
    "require_kept", "find_version", "waits_for_restart",
    "describe_workload", "describe_digest", "begin_request", "end_request", "current_actor", "acting_role", "allowed_namespaces", "sees_everything",
    "make_token", "revoke_token", "end_session", "at_wall_clock", "window_spans", "window_opens", "window_is_open", "next_windows",
    "spell_path",
    "find_window",
}  # fmt: skip


class World(Stage):
    """A stage with tokens, by user."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.tokens: dict[str, str] = {}


@pytest.fixture(scope="module")
def world(shipped_postgres: Database) -> Iterator[World]:
    """One deployment in `games`, one in `vault-7`, each with rows in every table; and a limited user for every role."""
    for database in copied(shipped_postgres):
        stage = World(database)
        stage.reachable()
        for identity, namespace in ((MINE, "games"), (OTHER, "vault-7")):
            stage.root.execute(
                "INSERT INTO deployments (id, name, namespace, template_id) SELECT %s, 'lobby', %s, id FROM templates WHERE name = 'web' LIMIT 1",
                (identity, namespace),
            )
        for claimed in stage.claim(10):
            stage.converge(claimed)
        stage.root.execute(
            "UPDATE deployment_resources SET drift = '[{\"path\": \"spec\"}]', drifted_at = now() WHERE kind = 'Service'"
        )
        stage.root.execute(
            "INSERT INTO put_backs SELECT id, cluster_id, 'Service', 'lobby', 'spec', 'hpa', 3, '{now}', now(), now(), now() + interval '1 hour', 99 FROM deployments"
        )
        for identity in (MINE, OTHER):
            stage.root.execute("UPDATE deployments SET parameters = '{\"replicas\": 2}' WHERE id = %s", (identity,))
        for identity in (MINE, OTHER):
            stage.root.execute("SELECT start_rollout('web', ids => ARRAY[%s]::uuid[])", (identity,))
        stage.claim(10)
        for identity in (MINE, OTHER):
            stage.root.execute(
                "SELECT plan_restart(%s, when_empty => true), record_players(%s, 3)", (identity, identity)
            )
            stage.root.execute("SELECT request_dry_run(%s)", (identity,))
        stage.root.execute(
            "INSERT INTO maintenance_windows (name, namespace, days, starts, lasts, zone) VALUES ('nights', 'vault-7', '{Mon}', '04:00', '1 hour', 'UTC')"
        )
        for role in ROLES:
            stage.tokens[f"test_{role}"] = token_of(database.dsn, role, ["games"], user=f"test_{role}")
            stage.tokens[f"all_{role}"] = token_of(database.dsn, role, user=f"all_{role}")
        yield stage
        stage.close()


@contextmanager
def acting(world: World, way: str, role: str, limit: list[str] | None) -> Iterator[Session]:
    """A transaction of somebody, undone after it."""
    if way == "psql":
        session = getattr(world, role)
        with session.transaction(force_rollback=True):
            if limit is None:
                world.root.execute("UPDATE users SET namespaces = NULL WHERE name = %s", (f"test_{role}",))
            try:
                yield session
            finally:
                world.root.execute("UPDATE users SET namespaces = '{games}' WHERE name = %s", (f"test_{role}",))
    else:
        with world.api.transaction(force_rollback=True):
            world.api.execute("SELECT enter('token', %s)", (world.tokens[f"{'test' if limit else 'all'}_{role}"],))
            yield world.api


def values(session: Session, query: str) -> set[Any]:
    return {str(next(iter(row.values()))) for row in session.execute(query).fetchall()}


def test_every_table_that_people_may_read_is_listed_here(world: World) -> None:
    assert BY_DEPLOYMENT.keys() | BY_PERSON.keys() | SHARED == set(READABLE)
    protected = world.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'orchestrator'::regnamespace AND relkind = 'r' AND relrowsecurity"
    )
    assert {row["relname"] for row in protected} >= (BY_DEPLOYMENT.keys() | BY_PERSON.keys()) - {"drift", "contested"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("limit", LIMITS)
def test_every_table_shows_what_is_within_the_limit_and_nothing_else(
    world: World, way: str, role: str, limit: list[str] | None
) -> None:
    seen = {MINE} if limit else {MINE, OTHER}
    with acting(world, way, role, limit) as session:
        for table, column in BY_DEPLOYMENT.items():
            assert values(session, f"SELECT {column} FROM {table}") == seen, table
        own = values(session, "SELECT current_actor()")
        everybody = {f"{who}_{other}" for who in ("test", "all") for other in ROLES}
        for table, column in BY_PERSON.items():
            if table != "sessions":
                assert values(session, f"SELECT {column} FROM {table}") == (
                    everybody if role == "admin" and not limit else own
                ), table
        for table in SHARED:
            found = str(session.execute(f"SELECT * FROM {table}").fetchall())
            assert (OTHER in found) <= (not limit), table
            assert ("vault-7" in found) <= (not limit), table
    for table in PRIVATE:
        with acting(world, way, role, limit) as session, denied():
            session.execute(f"SELECT * FROM {table}")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("limit", LIMITS)
def test_what_one_enters_as_may_write_what_its_login_may(world: World, role: str, limit: list[str] | None) -> None:
    """One statement a table and kind of write; each ends the same way at psql and through enter."""
    statements = [
        f"{write} {tail}"
        for table in (*READABLE, *PRIVATE)
        for write, tail in (
            ("DELETE FROM", table),
            ("TRUNCATE", table),
            ("INSERT INTO", f"{table} DEFAULT VALUES"),
        )
    ] + [f"UPDATE {table} SET {column} = {column}" for table, column in world_columns(world)]
    for statement in statements:
        ends: list[Any] = []
        for way in WAYS:
            with acting(world, way, role, limit) as session:
                try:
                    with session.transaction():
                        ends.append(session.execute(statement).rowcount)
                except psycopg.Error as error:
                    ends.append(error.sqlstate)
        assert ends[0] == ends[1], (statement, ends)
        if role == "viewer":
            assert ends[0] in {"42501", "42809", "55000", "428C9"}, (
                statement
            )  # denied, or no view or column to write to
        if limit and statement == "UPDATE deployments SET parameters = parameters" and role != "viewer":
            assert ends[0] == 1


def world_columns(world: World) -> list[tuple[str, str]]:
    rows = world.rows(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'orchestrator'::regnamespace AND c.relkind = 'r' AND a.attidentity = ''"
    )
    return [(row["relname"], row["attname"]) for row in rows]


@pytest.mark.parametrize("role", ROLES)
def test_a_door_opens_to_who_enters_as_to_a_login(world: World, role: str) -> None:
    for door, (call, allowed) in DOORS.items():
        with acting(world, "enter", role, None) as session:
            if role not in allowed:
                with denied():
                    session.execute(call)
            elif door in {"make_token", "reconcile_now", "restart"}:  # there is one to do it to
                session.execute(call)
            elif door in REFUSED:
                with refused(REFUSED[door]):
                    session.execute(call)
            else:
                session.execute(call)


def test_every_door_of_people_is_listed_here() -> None:
    doors = {door for door, (_, allowed) in DOORS.items() if allowed & set(ROLES)}
    assert ABOUT_ONE.keys() | FOR_ALL | HARMLESS == doors
    assert len(ABOUT_ONE) + len(FOR_ALL) + len(HARMLESS) == len(doors), "each once"


def state_of(world: World, deployment: str) -> list[Row]:
    return world.rows(
        "SELECT d::text AS d, s::text AS s FROM deployments d JOIN reconcile_slots s ON s.deployment_id = d.id WHERE d.id = %s",
        deployment,
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ROLES)
def test_no_door_leads_to_a_deployment_of_another_namespace(world: World, way: str, role: str) -> None:
    before = state_of(world, OTHER)
    for door, call in ABOUT_ONE.items():
        allowed = role in DOORS[door][1]
        with acting(world, way, role, ["games"]) as session:
            if not allowed:
                with denied():
                    session.execute(call)
            else:
                end: Any = None
                try:
                    with session.transaction():
                        end = session.execute(call).fetchall()
                except psycopg.Error as error:
                    end = error.sqlstate
                assert end in ([], "SO403", "SO404"), door
            assert state_of(world, OTHER) == before, door
        with acting(world, way, role, None) as session:  # and without the limit it does lead there
            if allowed and door in {"adopt", "preview_adopt"}:
                with refused("SO422", "Service"):  # for what the change is, not for where
                    session.execute(call)
            elif allowed and door not in {"deploy", "preview", "list_leases", "start_rollout", "resume_rollout"}:
                assert session.execute(call).rowcount > 0, door


@pytest.mark.parametrize("way", WAYS)
def test_no_door_that_concerns_all_opens_to_an_admin_of_some(world: World, way: str) -> None:
    for door in FOR_ALL:
        call = DOORS[door][0].replace("'[]', '{}'", '\'[]\', \'{"type": "object", "properties": {}}\'')
        with acting(world, way, "admin", ["games"]) as session, refused("SO422" if door == "put_template" else "SO403"):
            session.execute(call)
