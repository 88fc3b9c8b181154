"""The real `orchestrator api`: how it starts, what it writes, how much it takes, and how it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from app.main import listen
from app.settings import ApiSettings
from db.settings import DatabaseSettings
from deploy.leash import leashed
from tests.conftest import Database
from tests.intent import Intent
from tests.people import UNKNOWN_TOKEN, token_of
from tests.waiting import eventually, eventually_blocking

ORCHESTRATOR = Path(sys.executable).parent / "orchestrator"
LARGEST_RESIDENT_MIB = 130


class Process(msgspec.Struct):
    """A running `orchestrator api`, and the file that it writes to."""

    popen: "subprocess.Popen[bytes]"
    output: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged: each line one JSON object."""
        return [msgspec.json.decode(line) for line in self.output.read_bytes().splitlines()]

    def line(self, event: str, **fields: Any) -> dict[str, Any] | None:
        """The first line of this event and these fields."""
        wanted = {"event": event, **fields}
        return next((line for line in self.lines() if wanted.items() <= line.items()), None)

    def url(self) -> str:
        """Where it listens, once it has said so."""
        found = eventually_blocking(lambda: self.line("listening"), 20, self.output.read_text)
        return f"http://{found['host']}:{found['port']}"

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DATABASE_"))}
    return {**kept, "ORCHESTRATOR_LOG": "json", **settings}


@contextlib.contextmanager
def started(folder: Path, database: Database, **settings: str) -> Iterator[Process]:
    """One process for the block."""
    output = folder / "api.log"
    wanted = {"DATABASE_URL": database.dsn_as("api"), "ORCHESTRATOR_PORT": "0", **settings}
    with output.open("wb") as log:
        popen = subprocess.Popen(
            leashed([str(ORCHESTRATOR), "api"], death_signal=signal.SIGKILL),
            env=environment(**wanted),
            stdout=log,
            stderr=log,
            process_group=0,
        )
    try:
        yield Process(popen, output)
    finally:
        popen.kill()
        popen.wait(10)


def client(process: Process, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=process.url(), headers=headers, timeout=30)


async def test_it_logs_one_line_a_request_with_what_it_is_about_and_never_the_token(
    database: Database, templates: Intent, tmp_path: Path
) -> None:
    token = token_of(database.dsn)
    with started(tmp_path, database) as process:
        async with client(process, token) as http:
            made = (await http.post("/api/deployments", json={"name": "lobby", "template": "web"})).json()
            place = f"/api/deployments/{made['id']}"
            await http.patch(place, json={"parameters": {"replicas": 2}})
            await http.patch(place, json={"parameters": {"replicas": 99}})
            await http.get("/api/nope", headers={"Authorization": f"Bearer {token}-wrong"})
            await http.get("/welcome/a-secret-of-a-link")
        requests = await eventually(lambda: at_least(process, 5), 10, process.output.read_text)
        about = [(line["status"], line.get("deployment_id"), line.get("generation")) for line in requests]
        assert about == [
            (201, made["id"], 1),
            (200, made["id"], 2),
            (422, made["id"], None),
            (401, None, None),
            (404, None, None),
        ]
        assert all({"method", "path", "milliseconds", "level", "timestamp"} <= line.keys() for line in requests)
        text = process.output.read_text()
        assert token not in text
        assert "a-secret-of-a-link" not in text
        assert database.password not in text


def at_least(process: Process, count: int) -> list[dict[str, Any]] | None:
    requests = [line for line in process.lines() if line["event"] == "request"]
    return requests if len(requests) >= count else None


async def test_sigterm_lets_a_running_request_finish(database: Database, templates: Intent, tmp_path: Path) -> None:
    with started(tmp_path, database) as process:
        async with client(process, token_of(database.dsn)) as http:
            made = (await http.post("/api/deployments", json={"name": "lobby", "template": "web"})).json()
            with psycopg.connect(database.dsn) as other:
                other.execute("SELECT FROM orchestrator.deployments FOR UPDATE")
                change = http.patch(f"/api/deployments/{made['id']}", json={"desired_state": "Stopped"})
                waiting = asyncio.create_task(change)
                await eventually(lambda: waits_for_lock(templates), 10, "the request waits for the row")
                process.popen.send_signal(signal.SIGTERM)
                await eventually(lambda: refuses(process.url()), 10, "it takes no new requests")
                assert process.popen.poll() is None
            assert (await waiting).status_code == 200
        assert await asyncio.to_thread(process.popen.wait, 15) == 0
        assert process.line("stopped") is not None
    assert templates.deployment(made["id"])["desired_state"] == "Stopped"


def waits_for_lock(intent: Intent) -> bool:
    return bool(
        intent.rows(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'api'"
            " AND datname = current_database()"
        )
    )


def refuses(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
    except OSError:
        return True
    return False


async def test_it_says_once_that_a_proxy_is_not_named(database: Database, tmp_path: Path) -> None:
    def told(process: Process) -> list[dict[str, Any]]:
        return [line for line in process.lines() if line["event"].startswith("X-Forwarded-For")]

    async def ask_thrice(process: Process) -> None:
        async with client(process, UNKNOWN_TOKEN) as asking:
            for _ in range(3):
                await asking.get("/healthz", headers={"X-Forwarded-For": "192.0.2.7"})
        await eventually(lambda: at_least(process, 3), 10, "three requests in the log")

    with started(tmp_path, database) as process:
        await ask_thrice(process)
        (line,) = told(process)
        assert (line["level"], line["peer"]) == ("warning", "127.0.0.1")
        assert "ORCHESTRATOR_TRUSTED_PROXIES" in line["hint"]
    other = tmp_path / "other"
    other.mkdir()
    with started(other, database, ORCHESTRATOR_TRUSTED_PROXIES="127.0.0.0/8") as process:
        await ask_thrice(process)
        assert told(process) == []


async def test_it_stays_small(database: Database, templates: Intent, tmp_path: Path) -> None:
    with started(tmp_path, database) as process:
        async with client(process, token_of(database.dsn)) as http:
            assert (await http.get("/api/openapi.json")).status_code == 200
            for number in range(100):
                await http.post("/api/deployments", json={"name": f"d{number}", "template": "web"})
            for _ in range(10):
                await asyncio.gather(*(http.get("/api/deployments") for _ in range(10)), http.get("/metrics"))
        assert process.resident_mib() < LARGEST_RESIDENT_MIB


def ended(**settings: str) -> "subprocess.CompletedProcess[str]":
    """A start that must fail."""
    return subprocess.run(
        [str(ORCHESTRATOR), "api"],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_start_that_cannot_be_says_what_is_wrong() -> None:
    url = "postgresql://127.0.0.1:1/none"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for settings, words in (
            ({}, "DATABASE_URL"),
            ({"DATABASE_URL": url, "ORCHESTRATOR_PORT": "http"}, "ORCHESTRATOR_PORT"),
            ({"DATABASE_URL": url, "ORCHESTRATOR_PORT": port}, f"127.0.0.1:{port}"),
        ):
            done = ended(**settings)
            assert done.returncode != 0, settings
            assert words in done.stderr
            assert "Traceback" not in done.stderr


def test_answers_are_sent_at_once_and_not_held_back_for_a_receipt() -> None:
    settings = ApiSettings(DatabaseSettings("postgresql://nobody@127.0.0.1/none"), port=0)
    with listen(settings) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
    with accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
