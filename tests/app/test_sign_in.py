"""Coming in by password or one-time link, and being put out, through the doors that the page uses."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from app.sign_in import SignIn, Visitor
from db import access
from db.access import Credential
from db.connection import open_pool
from db.database import Database as Way
from db.errors import Refused
from tests.conftest import Database
from tests.people import make_user

PASSWORD = "four words in a row"
HERE = Visitor("192.0.2.1", "a browser")
ELSEWHERE = Visitor("192.0.2.2", "another browser")


@pytest.fixture
async def way(database: Database) -> AsyncIterator[Way]:
    """The API's way to Postgres, in nobody's name."""
    async with open_pool(database.dsn_as("api"), name="test", size=4) as pool:
        yield Way(pool)


@pytest.fixture
def superuser(database: Database):
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        make_user(connection, "ann", "operator", ["games"])
        make_user(connection, "root", "admin", None)
        yield connection


@pytest.fixture
def doors(way: Way) -> SignIn:
    return SignIn(way)


def link(superuser: psycopg.Connection, name: str = "ann") -> str:
    row = superuser.execute("SELECT orchestrator.make_password_link(%s)", (name,)).fetchone()
    assert row is not None
    return row[0]


async def who(way: Way, credential: Credential) -> access.Identity:
    async with way.entered_with(credential).transaction() as session:
        return await access.whoami(session)


async def refused(status: int, waiting) -> Refused:
    with pytest.raises(Refused) as caught:
        await waiting
    assert caught.value.status == status, caught.value.message
    assert caught.value.hint
    return caught.value


async def test_a_link_sets_the_password_once_and_signs_in(way: Way, doors: SignIn, superuser) -> None:
    secret = link(superuser)
    assert await doors.whose_link(secret) == "ann"
    came = await doors.with_link(secret, PASSWORD, HERE)
    assert await who(way, came) == access.Identity("ann", "operator", ["games"])
    await refused(404, doors.whose_link(secret))
    await refused(404, doors.with_link(secret, PASSWORD, HERE))
    again = await doors.with_password("  ANN ", PASSWORD, HERE)
    assert (await who(way, again)).user == "ann"
    assert again != came


async def test_a_link_is_void_when_another_is_made_or_its_time_is_over_or_its_user_is_disabled(
    doors, superuser
) -> None:
    first, second = link(superuser), link(superuser)
    await refused(404, doors.whose_link(first))
    superuser.execute("UPDATE orchestrator.users SET link_expires_at = now() - interval '1 second'")
    await refused(404, doors.with_link(second, PASSWORD, HERE))
    third = link(superuser)
    superuser.execute("SELECT orchestrator.disable_user('ann')")
    superuser.execute("SELECT orchestrator.enable_user('ann')")
    await refused(404, doors.with_link(third, PASSWORD, HERE))


async def test_of_two_who_use_one_link_at_once_one_gets_in(doors: SignIn, superuser) -> None:
    secret = link(superuser)
    outcomes = await asyncio.gather(
        *(doors.with_link(secret, f"{PASSWORD} {n}", HERE) for n in range(2)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Credential", "Refused"]


async def test_who_is_wrong_is_told_nothing_more(doors: SignIn, superuser) -> None:
    await doors.with_link(link(superuser), PASSWORD, HERE)
    said = {
        (await refused(401, doors.with_password(name, password, HERE))).message
        for name, password in (
            ("ann", "wrong password"),
            ("nobody", PASSWORD),
            ("root", PASSWORD),
            ("", ""),
            ("ann", ""),
        )
    }
    assert len(said) == 1


async def test_who_is_unknown_costs_as_much_as_who_mistypes(doors: SignIn, superuser) -> None:
    """The bounds are wide: without the hash of nobody the difference is a hundredfold."""
    await doors.with_link(link(superuser), PASSWORD, HERE)

    async def seconds(name: str) -> float:
        best = 9.0
        for number in range(4):
            started = time.monotonic()
            await refused(401, doors.with_password(name, f"wrong {number}", HERE))
            best = min(best, time.monotonic() - started)
        return best

    known, unknown = await seconds("ann"), await seconds("nobody")
    assert known / 5 < unknown < known * 5


async def test_a_user_who_fails_often_waits_from_wherever_and_is_told_how_long(doors: SignIn, superuser) -> None:
    await doors.with_link(link(superuser), PASSWORD, HERE)
    for number in range(5):
        await refused(401, doors.with_password("ann", f"wrong {number}", Visitor(f"192.0.2.{number}", "")))
    for visitor in (HERE, ELSEWHERE):
        assert "Wait 1 s." in (await refused(429, doors.with_password("ann", PASSWORD, visitor))).hint
    superuser.execute("UPDATE orchestrator.sign_in_attempts SET failures = 12 WHERE subject = 'user ann'")
    assert "Wait 12" in (await refused(429, doors.with_password("ann", PASSWORD, HERE))).hint
    superuser.execute("UPDATE orchestrator.sign_in_attempts SET failures = 10000 WHERE subject = 'user ann'")
    assert "Wait 300 s." in (await refused(429, doors.with_password("ann", PASSWORD, HERE))).hint
    superuser.execute("UPDATE orchestrator.sign_in_attempts SET last_at = now() - interval '301 s'")
    await doors.with_password("ann", PASSWORD, HERE)
    await refused(401, doors.with_password("ann", "wrong", HERE))  # and counts from nought again


async def test_an_address_that_fails_often_waits_whoever_it_names(doors: SignIn, superuser) -> None:
    await doors.with_link(link(superuser), PASSWORD, HERE)
    superuser.execute("INSERT INTO orchestrator.sign_in_attempts (subject, failures) VALUES ('address 192.0.2.1', 24)")
    superuser.execute("DELETE FROM orchestrator.sessions")
    await refused(429, doors.with_password("ann", PASSWORD, HERE))
    await doors.with_password("ann", PASSWORD, ELSEWHERE)


async def test_who_is_signed_in_at_an_address_is_not_locked_out_by_others_there(doors: SignIn, superuser) -> None:
    await doors.with_link(link(superuser), PASSWORD, HERE)
    superuser.execute("INSERT INTO orchestrator.sign_in_attempts (subject, failures) VALUES ('address 192.0.2.1', 24)")
    await refused(429, doors.with_password("bob", PASSWORD, HERE))
    await doors.with_password("ann", PASSWORD, HERE)
    superuser.execute("UPDATE orchestrator.sign_in_attempts SET failures = 9, last_at = now()")
    superuser.execute("INSERT INTO orchestrator.sign_in_attempts (subject, failures) VALUES ('user ann', 9)")
    await refused(429, doors.with_password("ann", PASSWORD, HERE))


async def test_guesses_at_once_are_counted_too(doors: SignIn, superuser) -> None:
    await doors.with_link(link(superuser), PASSWORD, HERE)
    outcomes = await asyncio.gather(
        *(doors.with_password("ann", f"wrong {n}", HERE) for n in range(30)), return_exceptions=True
    )
    assert [outcome.status for outcome in outcomes].count(401) <= 6


async def test_attempts_of_yesterday_are_forgotten(doors: SignIn, superuser) -> None:
    superuser.execute(
        "INSERT INTO orchestrator.sign_in_attempts SELECT 'user ' || n, 9, now() - interval '2 days'"
        " FROM generate_series(1, 30) n"
    )
    await refused(401, doors.with_password("ann", PASSWORD, HERE))
    await refused(401, doors.with_password("ann", PASSWORD, HERE))
    row = superuser.execute("SELECT count(*) FROM orchestrator.sign_in_attempts").fetchone()
    assert row == (2,)


@pytest.mark.parametrize(
    "change",
    [
        "SELECT orchestrator.disable_user('ann')",
        "UPDATE orchestrator.sessions SET expires_at = now()",
        "UPDATE orchestrator.sessions SET last_seen_at = now() - interval '12 hours'",
        "SELECT orchestrator.end_session(id) FROM orchestrator.sessions",
    ],
)
async def test_a_session_ends_at_once(way: Way, doors: SignIn, superuser, change: str) -> None:
    came = await doors.with_link(link(superuser), PASSWORD, HERE)
    await who(way, came)
    superuser.execute(change.encode())
    await refused(401, who(way, came))


async def test_a_changed_role_holds_at_once(way: Way, doors: SignIn, superuser) -> None:
    came = await doors.with_link(link(superuser), PASSWORD, HERE)
    superuser.execute("SELECT orchestrator.change_user('ann', 'viewer', NULL)")
    assert await who(way, came) == access.Identity("ann", "viewer", None)


async def test_a_session_in_use_lasts_and_its_time_is_kept(way: Way, doors: SignIn, superuser) -> None:
    came = await doors.with_link(link(superuser), PASSWORD, HERE)
    superuser.execute("UPDATE orchestrator.sessions SET last_seen_at = now() - interval '11 hours'")
    await who(way, came)
    row = superuser.execute("SELECT last_seen_at > now() - interval '1 minute' FROM orchestrator.sessions").fetchone()
    assert row == (True,)


async def test_another_password_ends_every_session_but_the_new_one(way: Way, doors: SignIn, superuser) -> None:
    came = await doors.with_link(link(superuser), PASSWORD, HERE)
    other = await doors.with_password("ann", PASSWORD, ELSEWHERE)
    told = await refused(422, doors.change_password("ann", "wrong password", "another four words", HERE))
    assert told.path == "current"
    assert (await refused(422, doors.change_password("ann", PASSWORD, "short", HERE))).path == "password"
    new = await doors.change_password("ann", PASSWORD, "another four words", HERE)
    for ended in (came, other):
        await refused(401, who(way, ended))
    assert (await who(way, new)).user == "ann"
    await refused(401, doors.with_password("ann", PASSWORD, HERE))


async def test_a_link_ends_the_sessions_of_the_old_password(way: Way, doors: SignIn, superuser) -> None:
    came = await doors.with_link(link(superuser), PASSWORD, HERE)
    await doors.with_link(link(superuser), "another four words", HERE)
    await refused(401, who(way, came))


async def test_signing_out_ends_this_session_and_no_other(way: Way, doors: SignIn, superuser) -> None:
    came = await doors.with_link(link(superuser), PASSWORD, HERE)
    other = await doors.with_password("ann", PASSWORD, ELSEWHERE)
    async with way.entered_with(came).transaction() as session:
        assert {found.address for found in await access.list_sessions(session)} == {"192.0.2.1", "192.0.2.2"}
        await access.sign_out(session, came)
    await refused(401, who(way, came))
    assert (await who(way, other)).user == "ann"


@pytest.mark.parametrize("password", ["", "too short", "x" * 201])
async def test_an_unfit_password_is_refused_and_the_link_stays_good(doors: SignIn, superuser, password: str) -> None:
    secret = link(superuser)
    assert (await refused(422, doors.with_link(secret, password, HERE))).path == "password"
    assert await doors.whose_link(secret) == "ann"


async def test_no_secret_is_stored(doors: SignIn, superuser, database: Database) -> None:
    secret = link(superuser)
    came = await doors.with_link(secret, PASSWORD, HERE)
    left = link(superuser, "root")
    for table in ("users", "user_secrets", "sessions", "session_secrets", "api_tokens", "token_secrets"):
        held = str(superuser.execute(f"SELECT t::text FROM orchestrator.{table} t".encode()).fetchall())
        for told in (secret, came.secret, left, PASSWORD):
            assert told not in held, table
