"""The real API, served on a real socket from a database of the test's own, and a client with an admin's token."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import msgspec
import pytest

from app.gate import SESSION_COOKIE
from app.main import listen, serve
from app.problems import KINDS
from app.rates import Rate
from app.settings import ApiSettings, OidcSettings
from app.wakes import LOOK_SECONDS
from db.settings import DatabaseSettings
from tests.conftest import Database
from tests.intent import TEMPLATES, Intent, intent_on
from tests.people import UNKNOWN_SESSION, UNKNOWN_TOKEN, session_of, token_of

# Tests ask as fast as they can.
UNHURRIED = Rate(100_000, 100_000)


class Api(msgspec.Struct, frozen=True):
    """A running API. `client` sends `token`, an admin's unless said otherwise, and to pages a session of the same user.

    `stranger` sends neither.
    """

    client: httpx.AsyncClient
    stranger: httpx.AsyncClient
    token: str

    def show(self, token: str) -> None:
        """Have `client` send another token from here on."""
        self.client.headers["Authorization"] = f"Bearer {token}"

    async def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a 200; anything else fails the test with what came instead."""
        response = await self.client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    async def create(self, name: str, template: str = "web", **fields: Any) -> dict[str, Any]:
        """A deployment made through the API."""
        response = await self.client.post("/api/deployments", json={"name": name, "template": template, **fields})
        assert response.status_code == 201, response.text
        return response.json()


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an error, which has the shape that every error has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    kind = KINDS[body["type"].removeprefix("/problems/")]
    assert set(body) - {"current"} == {"type", "title", "status", "detail", "path", "hint"}, body
    assert (body["status"], kind.status, body["title"]) == (status, status, kind.title)
    assert body["detail"]
    assert body["hint"]
    return body


@contextlib.asynccontextmanager
async def serving(
    url: str,
    token: str = UNKNOWN_TOKEN,
    cookie: str = UNKNOWN_SESSION,
    *,
    sessions: int = 4,
    rate: Rate = UNHURRIED,
    oidc: OidcSettings | None = None,
    trusted_proxies: Sequence[str] = (),
    look_seconds: float = LOOK_SECONDS,
) -> AsyncIterator[Api]:
    """Serve from this Postgres for the block. Unknown credentials will do as long as no Postgres is asked."""
    settings = ApiSettings(
        DatabaseSettings(url),
        port=0,
        sessions=sessions,
        rate=rate,
        oidc=oidc,
        trusted_proxies=list(trusted_proxies),
        look_seconds=look_seconds,
    )
    with contextlib.closing(listen(settings)) as listener:
        task = asyncio.create_task(serve(settings, listener))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with (
                httpx.AsyncClient(
                    base_url=base,
                    headers={"Authorization": f"Bearer {token}"},
                    cookies={SESSION_COOKIE: cookie},
                    timeout=30,
                ) as client,
                httpx.AsyncClient(base_url=base, timeout=30) as stranger,
            ):
                yield Api(client, stranger, token)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """The API in the role that it has in a stack."""
    async with serving(database.dsn_as("api"), token_of(database.dsn), session_of(database.dsn)) as running:
        yield running


@pytest.fixture
def intent(database: Database) -> Iterator[Intent]:
    """A person at psql beside it."""
    with intent_on(database, "default") as found:
        yield found


@pytest.fixture
def templates(intent: Intent) -> Intent:
    """The same, with the template `web` in place."""
    intent.put_template("web", TEMPLATES["web"])
    return intent


def nothing_listens() -> int:
    """A port where connections are refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
