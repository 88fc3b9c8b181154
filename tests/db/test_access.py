"""Who sees and changes what: rows by namespace, tokens never beyond their user, and no way around through a door."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.db.stage import Session, Stage, refused
from tests.people import UNKNOWN_TOKEN, session_of, token_of
from tests.waiting import eventually_blocking

BY_DEPLOYMENT = (
    "deployment_resources",
    "deployment_observed",
    "deployment_events",
    "deployment_revisions",
    "reconcile_slots",
)


@contextmanager
def entered(stage: Stage, token: str) -> Iterator[Session]:
    """A transaction as the API makes one; what it wrote is undone."""
    with stage.api.transaction(force_rollback=True):
        stage.api.execute("SELECT enter('token', %s)", (token,))
        yield stage.api


def column(session: Session, query: str, *values: Any) -> set[Any]:
    return {next(iter(row.values())) for row in session.execute(query, values).fetchall()}


@pytest.fixture
def two(stage: Stage) -> tuple[str, str]:
    """A deployment in the namespace `games`, one in `secret`, each with an object."""
    ids = tuple(str(stage.deploy("lobby", namespace=namespace)) for namespace in ("games", "secret"))
    for claimed in stage.claim(10):
        stage.converge(claimed)
    return ids


def test_who_is_limited_sees_and_changes_what_is_in_its_namespaces_only(stage: Stage, two: tuple[str, str]) -> None:
    mine, other = two
    with entered(stage, token_of(stage.database.dsn, "operator", ["games"])) as session:
        assert column(session, "SELECT namespace FROM deployments") == {"games"}
        for table in BY_DEPLOYMENT:
            assert {str(i) for i in column(session, f"SELECT deployment_id FROM {table}")} == {mine}, table
        assert {str(i) for i in column(session, "SELECT deployment_id FROM events_after()")} <= {mine}
        assert session.execute("UPDATE deployments SET desired_state = 'Stopped'").rowcount == 1
        assert session.execute("UPDATE deployments SET desired_state = 'Paused' WHERE id = %s", (other,)).rowcount == 0
        session.execute("SELECT reconcile_now(%s)", (mine,))
        session.execute("SELECT deploy('second', 'web', namespace => 'games')")
    for statement in (f"SELECT reconcile_now('{other}')", "SELECT reconcile_now(gen_random_uuid())"):
        with entered(stage, token_of(stage.database.dsn, "operator", ["games"])) as session, refused("SO404", "id"):
            session.execute(statement)


def test_writing_elsewhere_is_refused_with_what_is_allowed_and_tells_nothing(
    stage: Stage, two: tuple[str, str]
) -> None:
    token = token_of(stage.database.dsn, "operator", ["games", "lobbies"])
    for name in ("lobby", "free"):  # one that is taken there, one that is not
        with entered(stage, token) as session, refused("SO403", "namespace", "games, lobbies"):
            session.execute("SELECT deploy(%s, 'web', namespace => 'secret')", (name,))
    with entered(stage, token) as session, refused("SO403", "namespace"):
        session.execute(
            "INSERT INTO deployments (name, namespace, template_id) SELECT 'x', 'secret', id FROM templates LIMIT 1"
        )


def test_a_psql_login_is_limited_by_the_user_of_its_name(stage: Stage, two: tuple[str, str]) -> None:
    assert column(stage.operator, "SELECT namespace FROM deployments") == {"games", "secret"}
    stage.root.execute("SELECT create_user('test_operator', 'operator', '{games}')")
    assert column(stage.operator, "SELECT namespace FROM deployments") == {"games"}
    with refused("SO403", "namespace"):
        stage.operator.execute("SELECT deploy('x', 'web', namespace => 'secret')")
    stage.operator.execute("SET orchestrator.actor = 'admin'; SET orchestrator.namespaces = 'null'")
    assert column(stage.operator, "SELECT namespace FROM deployments") == {"games"}, (
        "a person's settings are not believed"
    )
    stage.root.execute("SELECT disable_user('test_operator')")
    assert column(stage.operator, "SELECT namespace FROM deployments") == set()


def test_the_api_sees_nothing_by_itself_whatever_role_it_takes_on(stage: Stage, two: tuple[str, str]) -> None:
    with stage.api.transaction(force_rollback=True):
        stage.api.execute("SET LOCAL ROLE orchestrator_admin")
        assert column(stage.api, "SELECT id FROM deployments") == set()
        stage.api.execute("SET LOCAL orchestrator.actor = 'forgetful'")
        assert column(stage.api, "SELECT id FROM deployments") == set()


def test_entering_lasts_for_one_transaction(stage: Stage) -> None:
    with entered(stage, token_of(stage.database.dsn, "operator", ["games"])) as session:
        row = session.execute(
            "SELECT current_actor() AS actor, acting_role() AS role, allowed_namespaces() AS namespaces, current_user AS who"
        ).fetchone()
        assert row == {
            "actor": "operator-games",
            "role": "operator",
            "namespaces": ["games"],
            "who": "orchestrator_operator",
        }
    assert stage.api.execute("SELECT current_user AS who").fetchone() == {"who": "test_api"}
    assert stage.api.execute("SELECT current_setting('orchestrator.actor', true) AS actor").fetchone() == {"actor": ""}


def test_a_token_never_allows_more_than_its_user_may_now(stage: Stage) -> None:
    def allowed(token: str) -> tuple[str, list[str] | None]:
        with entered(stage, token) as session:
            row = session.execute("SELECT acting_role() AS role, allowed_namespaces() AS namespaces").fetchone()
            assert row is not None
            return row["role"], row["namespaces"]

    token = token_of(stage.database.dsn, "admin", user="ann")
    make = """SELECT make_token('t', 'operator', '{games,lobbies}', "user" => 'ann') AS token"""
    narrow = stage.root.execute(make).fetchone()
    assert narrow is not None
    assert (allowed(token), allowed(narrow["token"])) == (("admin", None), ("operator", ["games", "lobbies"]))
    stage.root.execute("SELECT create_user('bob', 'admin')")
    stage.root.execute("SELECT change_user('ann', 'viewer', '{games,other}')")
    assert (allowed(token), allowed(narrow["token"])) == (("viewer", ["games", "other"]), ("viewer", ["games"]))
    stage.root.execute("SELECT disable_user('ann')")
    for gone in (token, narrow["token"]):
        with refused("SO401"), entered(stage, gone):
            pass
    stage.root.execute("SELECT enable_user('ann')")
    assert allowed(token) == ("viewer", ["games", "other"])
    stage.root.execute("SELECT revoke_token(id) FROM api_tokens")
    for gone in (token, narrow["token"], UNKNOWN_TOKEN, "", "so_1_"):
        with refused("SO401"), entered(stage, gone):
            pass


def test_an_expired_token_is_good_no_longer(stage: Stage) -> None:
    token = token_of(stage.database.dsn)
    stage.root.execute("UPDATE api_tokens SET expires_at = now() - interval '1 second'")
    with refused("SO401"), entered(stage, token):
        pass


def test_a_token_makes_no_token_that_may_more(stage: Stage) -> None:
    dsn = stage.database.dsn
    with entered(stage, token_of(dsn, "operator", ["games"])) as session:
        token = session.execute("SELECT make_token('mine') AS token").fetchone()
        assert token is not None
        session.execute("RESET ROLE")
        assert session.execute("SELECT role, namespaces FROM enter('token', %s)", (token["token"],)).fetchone() == {
            "role": "operator",
            "namespaces": ["games"],
        }
    for arguments, path in (
        ("'t', 'admin'", "role"),
        ("'t', 'viewer', '{games,secret}'", "namespaces"),
        ("""'t', "user" => 'admin'""", "user"),
    ):
        with entered(stage, token_of(dsn, "operator", ["games"])) as session, refused("SO403", path):
            session.execute(f"SELECT make_token({arguments})")
    # A narrow token of somebody who may more is bound by what it is, not by whose.
    token_of(dsn, "admin", user="ann")
    narrow = stage.root.execute("""SELECT make_token('t', 'viewer', '{games}', "user" => 'ann') AS token""").fetchone()
    assert narrow is not None
    with entered(stage, narrow["token"]) as session, refused("SO403", "role"):
        session.execute("SELECT make_token('t', 'admin')")


def test_an_admin_of_some_namespaces_manages_nothing_that_concerns_all(stage: Stage) -> None:
    for statement in (
        "SELECT create_user('ann', 'viewer')",
        "SELECT change_user('ann', 'viewer', NULL)",
        "SELECT disable_user('ann')",
        "SELECT enable_user('ann')",
        "SELECT make_password_link('ann')",
        "SELECT drop_old_events('30 days')",
        "SELECT put_template('new', '[]', '{\"type\": \"object\", \"properties\": {}}')",
        "UPDATE clusters SET resync_seconds = 5",
        "INSERT INTO clusters (name) VALUES ('second')",
        "DELETE FROM templates",
        "SELECT put_template('again', base_spec_json, allowed_mutations_json) FROM templates WHERE name = 'web'",
    ):
        with entered(stage, token_of(stage.database.dsn, "admin", ["games"])) as session:
            if "'[]'" in statement:
                with refused("SO422"):  # judged first; never written
                    session.execute(statement)
            else:
                with refused("SO403", hint="admin"):
                    session.execute(statement)


def test_people_see_themselves_and_an_admin_everybody(stage: Stage) -> None:
    dsn = stage.database.dsn
    tokens = {name: token_of(dsn, role, namespaces, user=name) for name, role, namespaces in
              (("ann", "admin", None), ("bob", "operator", None), ("cid", "admin", ["games"]))}  # fmt: skip
    for name, seen in (("ann", {"ann", "bob", "cid"}), ("bob", {"bob"}), ("cid", {"cid"})):
        with entered(stage, tokens[name]) as session:
            assert column(session, "SELECT name FROM users") == seen
            assert column(session, "SELECT u.name FROM api_tokens t JOIN users u ON u.id = t.user_id") == seen
    with entered(stage, tokens["bob"]) as session, refused("SO404", "id"):
        session.execute("SELECT revoke_token(%s)", (tokens["ann"].split("_")[1],))


def test_the_last_admin_stays(stage: Stage) -> None:
    stage.root.execute("SELECT create_user('ann', 'admin')")
    stage.root.execute("SELECT create_user('cid', 'admin', '{games}')")
    for statement in (
        "SELECT disable_user('ann')",
        "SELECT change_user('ann', 'operator', NULL)",
        "SELECT change_user('ann', 'admin', '{games}')",
    ):
        with refused("SO409"):
            stage.root.execute(statement)
    stage.root.execute("SELECT create_user('bob', 'admin')")
    stage.root.execute("SELECT disable_user('ann')")


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("create_user('', 'viewer')", "name"),
        ("create_user('Ann', 'viewer')", "name"),
        ("create_user(NULL, 'viewer')", "name"),
        ("create_user('orchestrator', 'viewer')", "name"),
        ("create_user('a b', 'viewer')", "name"),
        ("create_user('ann', 'root')", "role"),
        ("create_user('ann', NULL)", "role"),
        ("create_user('ann', 'viewer', '{}')", "namespaces"),
        ("create_user('ann', 'viewer', '{Games}')", "namespaces"),
        ("create_user('ann', 'viewer', '{NULL}')", "namespaces"),
        ("make_token('', \"user\" => 'ann')", "name"),
        ("make_token(E'a\\nb', \"user\" => 'ann')", "name"),
        ("make_token('t', expires_in => '-1 day', \"user\" => 'ann')", "expires_in"),
        ("make_token('t', 'root', \"user\" => 'ann')", "role"),
    ],
)
def test_what_cannot_be_is_refused_by_field(stage: Stage, call: str, path: str) -> None:
    if call.startswith("make_token"):
        stage.root.execute("SELECT create_user('ann', 'operator')")
    with refused("SO422", path):
        stage.root.execute(f"SELECT {call}")


def test_a_second_user_of_a_name_is_refused(stage: Stage) -> None:
    stage.root.execute("SELECT create_user('ann', 'operator')")
    with refused("SO409", "name"):
        stage.root.execute("SELECT create_user('ann', 'viewer')")


def test_the_time_of_use_is_kept_and_nobody_waits_for_it(stage: Stage) -> None:
    token = token_of(stage.database.dsn)
    first, second = stage.session("api"), stage.session("api")
    with first.transaction():
        first.execute("SELECT enter('token', %s)", (token,))
        with second.transaction():
            second.execute("SET LOCAL lock_timeout = '1ms'")
            second.execute("SELECT enter('token', %s)", (token,))
    used = stage.one("SELECT last_used_at FROM api_tokens")
    assert used is not None
    with entered(stage, token):
        assert stage.one("SELECT last_used_at FROM api_tokens") == used, "not again within the minute"
    stage.root.execute("UPDATE api_tokens SET last_used_at = last_used_at - interval '2 minutes'")
    with first.transaction():
        first.execute("SELECT enter('token', %s)", (token,))
    assert stage.one("SELECT last_used_at > %s - interval '1 second' FROM api_tokens", used)


# ---------------------------------------------------------------- tokens made by tokens, and ended by them


def made_with(stage: Stage, token: str, arguments: str = "'child'") -> str:
    """A token that is made with a token, and stays."""
    with stage.api.transaction():
        stage.api.execute("SELECT enter('token', %s)", (token,))
        row = stage.api.execute(f"SELECT make_token({arguments}) AS token").fetchone()
    assert row is not None
    return row["token"]


def id_of(token: str) -> int:
    return int(token.split("_")[1])


def end_of(stage: Stage, token: str) -> Any:
    return stage.one("SELECT expires_at FROM api_tokens WHERE id = %s", id_of(token))


def is_good(stage: Stage, token: str) -> bool:
    with stage.api.transaction(force_rollback=True):
        try:
            stage.api.execute("SELECT enter('token', %s)", (token,))
        except psycopg.Error as error:
            if error.sqlstate != "SO401":
                raise
            return False
    return True


def test_a_token_cannot_make_its_own_successor(stage: Stage) -> None:
    token = token_of(stage.database.dsn, "operator")
    stage.root.execute("UPDATE api_tokens SET expires_at = now() + interval '1 hour'")
    for arguments in ("'90 days'", "'for ever', expires_in => NULL", "'a year', expires_in => '1 year'"):
        child = made_with(stage, token, arguments)
        grandchild = made_with(stage, child, arguments)
        assert end_of(stage, token) == end_of(stage, child) == end_of(stage, grandchild)
    sooner = made_with(stage, token, "'soon', expires_in => '1 minute'")
    assert end_of(stage, sooner) < end_of(stage, token)
    assert stage.one("SELECT parent_id FROM api_tokens WHERE id = %s", id_of(sooner)) == id_of(token)


@pytest.mark.parametrize(
    "end",
    [
        "SELECT revoke_token(%s)",
        "UPDATE api_tokens SET expires_at = now() - interval '1 s' WHERE id = %s",
        "UPDATE api_tokens SET revoked_at = now() WHERE id = %s",
    ],
)
def test_what_a_token_made_ends_with_it(stage: Stage, end: str) -> None:
    token, other = token_of(stage.database.dsn, "operator"), token_of(stage.database.dsn, "operator")
    child = made_with(stage, token)
    line = [token, child, made_with(stage, child)]
    stage.root.execute(end, (id_of(token),))
    assert [is_good(stage, one) for one in (*line, other)] == [False, False, False, True]


def test_a_child_that_is_made_while_its_parent_is_revoked_ends_too(stage: Stage) -> None:
    token = token_of(stage.database.dsn, "operator")
    maker, revoker = stage.session("api"), stage.session()
    with ThreadPoolExecutor(1) as aside:
        with maker.transaction():
            maker.execute("SELECT enter('token', %s)", (token,))
            row = maker.execute("SELECT make_token('child') AS token").fetchone()
            pid = revoker.info.backend_pid
            revoking = aside.submit(revoker.execute, "SELECT revoke_token(%s)", (id_of(token),))
            eventually_blocking(
                lambda: stage.one("SELECT cardinality(pg_blocking_pids(%s))", pid) == 1,
                10,
                lambda: "nobody waits for the token that is being used to make another",
            )
        revoking.result()
    assert row is not None
    assert not is_good(stage, row["token"])


def test_a_token_ends_itself_its_children_and_what_allows_no_more(stage: Stage) -> None:
    dsn = stage.database.dsn
    full = token_of(dsn, "operator", ["games", "lobbies"], user="ann")
    make = """SELECT make_token('t', %s, %s, "user" => 'ann') AS token"""

    def narrow(role: str, namespaces: list[str]) -> str:
        row = stage.root.execute(make, (role, namespaces)).fetchone()
        assert row is not None
        return row["token"]

    viewer, games = narrow("viewer", ["games", "lobbies"]), narrow("operator", ["games"])
    for weak, stronger in ((viewer, full), (games, full), (viewer, games), (games, viewer)):
        with entered(stage, weak) as session, refused("SO403", "id", "page"):
            session.execute("SELECT revoke_token(%s)", (id_of(stronger),))
    for one, ended in ((full, viewer), (full, games), (viewer, viewer), (games, narrow("viewer", ["games"]))):
        with entered(stage, one) as session:
            session.execute("SELECT revoke_token(%s)", (id_of(ended),))
            session.execute("SELECT revoke_token(%s)", (id_of(ended),))
    # Also one that it made for somebody else, when it was an admin's still.
    admin = token_of(dsn, "admin", user="cid")
    child = made_with(stage, admin, """'for ann', "user" => 'ann'""")
    stage.root.execute("SELECT create_user('eve', 'admin'), change_user('cid', 'viewer', NULL)")
    with entered(stage, admin) as session:
        session.execute("SELECT revoke_token(%s)", (id_of(child),))
    with entered(stage, admin) as session, refused("SO404", "id"):
        session.execute("SELECT revoke_token(%s)", (id_of(full),))


def test_a_token_ends_no_session_that_allows_more(stage: Stage) -> None:
    full = token_of(stage.database.dsn, "operator", user="ann")
    cookie = session_of(stage.database.dsn, user="ann")
    number = int(cookie.split("_")[0])
    row = stage.root.execute("""SELECT make_token('t', 'viewer', "user" => 'ann') AS token""").fetchone()
    assert row is not None
    with entered(stage, row["token"]) as session, refused("SO403", "id"):
        session.execute("SELECT end_session(%s)", (number,))
    with entered(stage, full) as session:
        session.execute("SELECT end_session(%s)", (number,))
        assert column(session, "SELECT id FROM sessions") == set()
    with stage.api.transaction(force_rollback=True):
        stage.api.execute("SELECT enter('session', %s)", (cookie,))
        stage.api.execute("SELECT revoke_token(%s), end_session(%s)", (id_of(full), number))


def test_no_other_login_is_believed_about_its_credential(stage: Stage) -> None:
    token = token_of(stage.database.dsn, "operator", user="test_operator")
    stage.root.execute("UPDATE api_tokens SET expires_at = now() + interval '1 hour'")
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("SELECT set_config('orchestrator.credential', %s, true)", (f"token:{id_of(token)}",))
        stage.operator.execute("SELECT make_token('mine', expires_in => NULL)")
        assert column(stage.operator, "SELECT parent_id FROM api_tokens WHERE name = 'mine'") == {None}
