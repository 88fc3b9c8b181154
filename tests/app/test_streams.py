"""Server-sent events on real sockets and processes: nothing missed, nothing twice, whoever goes away in between."""

import asyncio
import contextlib
import random
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from app.cursors import pack
from app.streams import MOST_OF_A_USER
from db.feed import Place
from db.migrate import migrate
from deploy.postgres import FORGETFUL, prepare, running
from tests.app.conftest import Api, problem, serving
from tests.app.follower import STREAM, Follower
from tests.app.test_process import Process, client, started
from tests.conftest import Database
from tests.intent import TEMPLATES, Intent, intent_on
from tests.people import session_of, token_of
from tests.waiting import eventually

# Less than from one message of a stream to its next read, if nothing wakes it.
TOLD_SECONDS = 4.0


def written(intent: Intent) -> list[int]:
    """The ids of all events, in the order in which they became certain."""
    return [row["id"] for row in intent.rows("SELECT id FROM orchestrator.deployment_events ORDER BY xid, id")]


async def has_all(follower: Follower, intent: Intent, after: int = 0) -> None:
    """Every event once, in order."""
    expected = [number for number in written(intent) if number > after]
    await eventually(lambda: len(follower.ids) >= len(expected), 20, lambda: (follower.ids, expected))
    assert follower.ids == expected


async def test_a_stream_begins_now_and_tells_its_place(api: Api, templates: Intent) -> None:
    templates.deploy("before", "web")
    last = written(templates)[-1]
    async with Follower().following(api.client) as follower:
        templates.deploy("after", "web")
        await has_all(follower, templates, last)


async def test_after_nothing_a_stream_begins_at_the_start_of_history(api: Api, templates: Intent) -> None:
    for number in range(60):
        templates.deploy(f"d{number}", "web")
    async with Follower(after="").following(api.client) as follower:
        await has_all(follower, templates)
        templates.deploy("one-more", "web")
        await has_all(follower, templates)


async def test_the_cursor_of_a_page_is_a_place_to_follow_from(api: Api, templates: Intent) -> None:
    templates.deploy("one", "web")
    page = await api.get("/api/events", limit=1)
    templates.deploy("two", "web")
    async with Follower(after=page["next"]).following(api.client) as follower:
        await has_all(follower, templates, page["items"][-1]["id"])


async def test_a_stream_of_one_deployment_beats_and_comes_along_with_the_others(api: Api, templates: Intent) -> None:
    one, other = templates.deploy("one", "web"), templates.deploy("other", "web")
    path = f"/api/deployments/{one}/events"
    async with Follower(path).following(api.client) as follower:
        began = follower.place
        templates.change(other, replicas=2)
        await eventually(lambda: follower.place != began, 20, "the heartbeat tells a newer place")
        assert follower.messages == []
        templates.change(one, replicas=2)
        await eventually(lambda: follower.ids, 10, "its own event")
        assert {event["deployment_id"] for event in follower.named("message")} == {one}
    problem(await api.client.get(f"/api/deployments/{Intent.__name__}/events", headers=STREAM), 404)
    nobody = "00000000-0000-7000-8000-000000000000"
    problem(await api.client.get(f"/api/deployments/{nobody}/events", headers=STREAM), 404)


async def test_only_who_asks_for_a_stream_gets_one(api: Api, templates: Intent) -> None:
    for accept in ("*/*", "application/json", "text/event-stream;q=0.1, application/json", "nonsense", ";;=,/", ""):
        response = await api.client.get("/api/events", headers={"Accept": accept})
        assert response.headers["content-type"].startswith("application/json"), accept
        assert response.json()["items"] == []


async def test_a_place_that_is_no_cursor_of_ours_is_refused(api: Api, templates: Intent) -> None:
    far = pack(Place(900_000_000_000, 1))
    for wrong in ("17", "é", "WzEs", "Wy0xLDBd", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OSwxXQ", far):
        for headers, parameters, path in (
            ({"Last-Event-ID": wrong.encode()}, {}, "Last-Event-ID"),
            ({}, {"after": wrong}, "after"),
        ):
            refused = await api.client.get("/api/events", params=parameters, headers={**STREAM, **headers})
            assert problem(refused, 400)["path"] == path, wrong


async def test_a_client_may_have_so_many_streams_and_no_more(api: Api, templates: Intent) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MOST_OF_A_USER):
            await stack.enter_async_context(Follower().following(api.client))
        refused = problem(await api.client.get("/api/events", headers=STREAM), 429)
        assert str(MOST_OF_A_USER) in refused["detail"]
        listeners = templates.rows(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'api listen'"
        )
        assert len(listeners) == 1, "however many clients"
    metrics = (await api.client.get("/metrics")).text
    assert 'orchestrator_streams_ended_total{reason="gone"}' in metrics
    await eventually(lambda: may_follow(api), 10, "places are free again")


async def may_follow(api: Api) -> bool:
    with contextlib.suppress(AssertionError):
        async with Follower().following(api.client):
            return True
    return False


# ---------------------------------------------------------------- who may see what


async def test_a_stream_shows_what_its_client_may_see_and_no_more(
    api: Api, templates: Intent, database: Database
) -> None:
    mine, others = templates.deploy("mine", "web", namespace="games"), templates.deploy("others", "web")
    api.show(token_of(database.dsn, "viewer", ["games"]))
    async with Follower(after="").following(api.client) as follower:
        templates.change(others, replicas=2)
        templates.change(mine, replicas=2)
        await eventually(lambda: follower.ids == [row["id"] for row in templates.events(mine)], 10, "all of its own")
        assert {event["deployment_id"] for event in follower.named("message")} == {mine}
    problem(await api.client.get(f"/api/deployments/{others}/events", headers=STREAM), 404)


@pytest.mark.parametrize(
    "how",
    [
        "SELECT orchestrator.revoke_token(id) FROM orchestrator.api_tokens",
        "SELECT orchestrator.disable_user('viewer')",
    ],
)
async def test_a_stream_ends_with_the_right_to_see_it(
    api: Api, templates: Intent, database: Database, how: str
) -> None:
    made = templates.deploy("one", "web")
    token_of(database.dsn, user="the-admin-who-stays")
    api.show(token_of(database.dsn, "viewer"))
    async with Follower().following(api.client) as follower:
        templates.rows(how)
        await eventually(lambda: follower.is_over, 5, "sooner than the next heartbeat")
        templates.change(made, replicas=2)
        (end,) = follower.messages
        assert (end.event, end.data["status"]) == ("end", 401)
    problem(await api.client.get("/api/events", headers=STREAM), 401)


# ---------------------------------------------------------------- dropping and returning


async def test_rows_that_commit_out_of_order_reach_every_follower_once(
    api: Api, templates: Intent, database: Database
) -> None:
    made = templates.deploy("one", "web")
    async with Follower(after="").following(api.client) as follower:
        await has_all(follower, templates)
        with psycopg.connect(database.dsn_as("operator")) as slow:
            slow.execute("SELECT orchestrator.deploy('slow', template => 'web')")
            templates.change(made, replicas=2)
            async with Follower(after="").following(api.client) as other:
                await eventually(lambda: other.ids == follower.ids, 10, "what is certain, though more is committed")
            slow.rollback()
            slow.execute("SELECT orchestrator.deploy('slower', template => 'web')")
            templates.change(made, replicas=3)
            slow.commit()
        await has_all(follower, templates)
        await has_all(other, templates) if not other.is_over else None


async def test_through_two_processes_that_are_killed_nothing_is_missed_and_nothing_seen_twice(
    database: Database, templates: Intent, tmp_path: Path
) -> None:
    chance = random.Random(4)
    made = [templates.deploy(f"d{number}", "web") for number in range(5)]
    follower = Follower(after="")
    stop = asyncio.Event()
    writers = [asyncio.create_task(keep_changing(database, made[number], stop, seed=number)) for number in range(3)]
    for round_ in range(8):
        (tmp_path / str(round_)).mkdir()
        with started(tmp_path / str(round_), database) as process:
            async with client(process, token_of(database.dsn)) as http:
                for _ in range(chance.randrange(1, 4)):
                    async with follower.following(http):
                        before = len(follower.ids)
                        await eventually(lambda before=before: len(follower.ids) > before, 10, "more while it follows")
                        if round_ % 2:
                            process.popen.kill()
                            await eventually(lambda: follower.is_over, 10, "the connection broke")
                    if round_ % 2:
                        break
    stop.set()
    await asyncio.gather(*writers)
    (tmp_path / "last").mkdir()
    with started(tmp_path / "last", database) as process:
        async with client(process, token_of(database.dsn)) as http, follower.following(http):
            await has_all(follower, templates)


async def keep_changing(database: Database, deployment: str, stop: asyncio.Event, seed: int) -> None:
    """Changes in transactions of different lengths: they overlap, and commit in another order than they began."""
    chance = random.Random(seed)
    async with await psycopg.AsyncConnection.connect(database.dsn_as("operator")) as session:
        while not stop.is_set():
            for replicas in chance.sample(range(50), chance.randrange(1, 6)):
                await session.execute(
                    "UPDATE orchestrator.deployments SET parameters = parameters || %s::jsonb WHERE id = %s",
                    (f'{{"replicas": {replicas}}}', deployment),
                )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), chance.uniform(0, 0.02))
            await (session.commit() if chance.random() < 0.8 else session.rollback())


async def test_followers_of_two_processes_see_the_same(database: Database, templates: Intent, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with started(tmp_path / "a", database) as one, started(tmp_path / "b", database) as two:
        async with (
            client(one, token_of(database.dsn)) as first,
            client(two, token_of(database.dsn)) as second,
            Follower(after="").following(first) as here,
            Follower(after="").following(second) as there,
        ):
            made = templates.deploy("one", "web")
            for replicas in range(2, 12):
                templates.change(made, replicas=replicas)
            await has_all(here, templates)
            await has_all(there, templates)


# ---------------------------------------------------------------- Postgres away


async def test_streams_outlive_a_restart_of_postgres_and_say_so(scratch: Path) -> None:
    server = prepare(scratch / "streams", settings=FORGETFUL)
    log = scratch / "streams.log"
    async with serving(server.dsn()) as api:
        with running(server, log):
            await asyncio.to_thread(migrate, server.dsn())
            api.show(token_of(server.dsn()))
        problem(await api.client.get("/api/events", headers=STREAM), 503)
        async with contextlib.AsyncExitStack() as stack:
            with running(server, log):
                await eventually(lambda: is_ready(api), 30, "ready")
                follower = await stack.enter_async_context(Follower(after="").following(api.client))
                with psycopg.connect(server.dsn(), autocommit=True) as superuser:
                    tell(superuser, "before")
                await eventually(lambda: follower.ids, 10, "an event")
            await eventually(lambda: follower.named("away"), 20, "it says that the database is away")
            assert follower.named("away")[0]["status"] == 503
            assert not follower.is_over
            with running(server, log):
                with psycopg.connect(server.dsn(), autocommit=True) as superuser:
                    tell(superuser, "after")
                await eventually(lambda: len(follower.ids) == 2, 30, "it goes on by itself")
                assert follower.named("back") == [{}]
                assert [event["type"] for event in follower.named("message")] == ["before", "after"]


def tell(superuser: psycopg.Connection, kind: str, count: int = 1, size: int = 0) -> None:
    """Events of one that is not there, as large as asked for."""
    superuser.execute(
        "INSERT INTO orchestrator.deployment_events (deployment_id, source, type, actor, data_json)"
        " SELECT '00000000-0000-7000-8000-000000000000', 'system', %s, 'test', jsonb_build_object('n', repeat('x', %s))"
        " FROM generate_series(1, %s)",
        (kind, size, count),
    )


async def is_ready(api: Api) -> bool:
    return (await api.stranger.get("/readyz")).status_code == 200


async def test_a_lost_listener_is_replaced_and_no_stream_sees_it(
    api: Api, templates: Intent, database: Database
) -> None:
    async with Follower(after="").following(api.client) as follower:
        ended = templates.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'api listen' AND datname = current_database()"
        )
        assert len(ended) == 1
        templates.deploy("one", "web")
        await has_all(follower, templates)
        assert {message.event for message in follower.messages} == {"message"}


# ---------------------------------------------------------------- slow clients, and the end


def open_stream(process: Process, token: str) -> socket.socket:
    """A raw connection that asks for a stream, and whose buffer for the answer is small."""
    host, port = process.url().removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect((host, int(port)))
    request = f"GET /api/events?after= HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    connection.sendall(f"{request}Accept: text/event-stream\r\n\r\n".encode())
    return connection


def clients(process: Process) -> int:
    """How many connections of clients it holds."""
    port = f":{int(process.url().rsplit(':', 1)[1]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return sum(row[1].endswith(port) and row[3] != listening and row[9] != "0" for row in rows)


async def test_a_client_that_does_not_read_is_dropped_with_a_reason_and_costs_no_memory(
    database: Database, templates: Intent, tmp_path: Path
) -> None:
    token = token_of(database.dsn)
    with started(tmp_path, database) as process:
        async with client(process, token) as http:
            with psycopg.connect(database.dsn, autocommit=True) as superuser:
                tell(superuser, "large", count=2000, size=20_000)
            assert (await http.get("/api/events", params={"limit": 500})).status_code == 200
            before_mib, before_clients = process.resident_mib(), clients(process)
            with contextlib.ExitStack() as stack:
                slow = [stack.enter_context(open_stream(process, token)) for _ in range(8)]
                await eventually(lambda: ended(process, "slow") == len(slow), 30, process.output.read_text)
                # All of it is 40 MB for each of them.
                assert process.resident_mib() - before_mib < 60
                got = await asyncio.to_thread(read_all, slow[0])
                assert b"event: end\ndata: " in got[-1000:], "who reads on in time is told why"
                assert b"nothing was read for" in got[-1000:]
                await eventually(lambda: clients(process) <= before_clients, 40, "the others are let go of")


def ended(process: Process, reason: str) -> int:
    return sum(line["event"] == "stream ended" and line["reason"] == reason for line in process.lines())


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


async def test_sigterm_ends_streams_at_once_and_tells_them(
    database: Database, templates: Intent, tmp_path: Path
) -> None:
    token = token_of(database.dsn)
    with started(tmp_path, database) as process:
        async with client(process, token) as http, contextlib.AsyncExitStack() as stack:
            followers = [await stack.enter_async_context(Follower().following(http)) for _ in range(3)]
            with psycopg.connect(database.dsn, autocommit=True) as superuser:
                tell(superuser, "large", count=1000, size=20_000)
            with open_stream(process, token) as stuck:
                await eventually(lambda: "large" in stuck.recv(4096).decode(), 10, "it has begun")
                process.popen.send_signal(signal.SIGTERM)
                # Below the time that running requests are given to finish.
                assert await asyncio.to_thread(process.popen.wait, 6) == 0
            await eventually(lambda: all(follower.is_over for follower in followers), 5, "their connections are closed")
            for follower in followers:
                (end,) = follower.named("end")
                assert end["detail"] == "the API is stopping"
                assert "Last-Event-ID" in end["hint"]


async def test_listening_is_what_makes_it_quick(database: Database) -> None:
    """A process that would look by itself once a minute, and streams that read by themselves every 5 s or 10 s."""
    token, cookie = token_of(database.dsn), session_of(database.dsn)
    with intent_on(database, "default") as intent:
        intent.put_template("web", TEMPLATES["web"])
        async with (
            serving(database.dsn_as("api"), token, cookie, look_seconds=60) as api,
            Follower().following(api.client) as follower,
            api.client.stream("GET", "/live/servers") as page,
        ):
            lines = page.aiter_lines()
            await heard(lines, "No servers yet")
            for name in ("one", "two", "three"):
                intent.deploy(name, "web")
                await heard(lines, f"Select {name}")
                await eventually(
                    lambda: len(follower.ids) >= len(written(intent)), TOLD_SECONDS, lambda: follower.messages
                )


async def heard(lines: AsyncIterator[str], words: str) -> None:
    """Sooner than the stream would read by itself."""
    async with asyncio.timeout(TOLD_SECONDS):
        async for line in lines:
            if words in line:
                return
