"""Generated passwords: made at the cluster, the same whoever derives them, never in Postgres nor in a log."""

import base64
import os
import subprocess

from tests.conftest import ControlPlane, Database
from tests.intent import Intent
from tests.outsider import Outsider
from tests.rooms import Room
from tests.workers.steps import Steps


def password_of(outsider: Outsider, namespace: str) -> str:
    secret = outsider.get("Secret", namespace, "lobby-rcon")
    return base64.b64decode(secret["data"]["password"]).decode()


async def test_a_password_is_the_same_after_a_change_and_after_its_secret_was_deleted(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    first = password_of(outsider, namespace)
    assert len(first) >= 32
    intent.change(lobby, note="newer")
    await steps.once(lobby)
    assert password_of(outsider, namespace) == first
    outsider.delete("Secret", namespace, "lobby-rcon")
    intent.change(lobby, note="newest")
    await steps.once(lobby)
    assert password_of(outsider, namespace) == first


async def test_two_deployments_never_have_the_same_password(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    passwords: list[str] = []
    for name in ("lobby", "arena"):
        await steps.once(intent.deploy(name, "game"))
        secret = outsider.get("Secret", namespace, f"{name}-rcon")
        passwords.append(secret["data"]["password"])
    assert passwords[0] != passwords[1]


async def test_an_edited_password_is_put_back(intent: Intent, steps: Steps, outsider: Outsider, namespace: str) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    first = password_of(outsider, namespace)
    edited = base64.b64encode(b"their-own-word").decode()
    outsider.merge("Secret", namespace, "lobby-rcon", {"data": {"password": edited}})
    intent.change(lobby, note="newer")
    await steps.once(lobby)
    assert password_of(outsider, namespace) == first
    [event] = intent.events(lobby, "ResourceModifiedExternally")
    told = str(event["data_json"])
    assert "data.password" in told
    assert "their-own-word" not in told
    assert edited not in told


def test_no_password_is_in_postgres_nor_in_the_logs(
    intent: Intent, database: Database, control_plane: ControlPlane, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    with Room("worker", database, control_plane.kubeconfig, "--until-empty", ORCHESTRATOR_LOG_LEVEL="DEBUG") as worker:
        assert worker.wait() == 0
        logs = worker.output
    password = password_of(outsider, namespace)
    dump = subprocess.run(
        [f"{database.server.bin}/pg_dump", database.dsn],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PGCLIENTENCODING": "UTF8"},
    ).stdout
    assert lobby in dump, "the dump has everything"
    assert "lobby-rcon" in dump
    for spelling in (password, base64.b64encode(password.encode()).decode()):
        assert spelling not in dump
        assert spelling not in logs
