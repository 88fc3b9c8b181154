"""How much one credential may ask in a time: a bucket that fills by so many requests a second and holds so many.

What needs no credential has a bucket for each address. It protects everybody else, not Postgres's rules: it is counted
in this process, so two processes allow twice as much.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import Problem, send_problem
from db.access import Credential
from db.database import Database

# Buckets that were not used for longest are forgotten first; a forgotten one is a full one.
MOST_BUCKETS = 10_000
# What was found good in the last minutes is not held back by what others guess from the same address.
GOOD_SECONDS = 600
# Open to everybody, and cheap: what says that the process lives, and files that browsers keep.
UNCOUNTED = ("/healthz", "/assets/")
# A probe has a bucket of its own: whoever asks for pages from its address must not make the process look ill.
PROBED = "/readyz"


class Rate(msgspec.Struct, frozen=True):
    """So many requests a second, and so many at once after a pause."""

    per_second: int
    at_once: int


class Buckets:
    """One bucket for each key."""

    def __init__(self, rate: Rate) -> None:
        self._per_second = rate.per_second
        self._size = rate.at_once
        self._levels: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait_seconds(self, key: object, *, take: int = 1) -> float:
        """Take so many from a bucket: 0 where it held them, else in how many seconds it will, with none taken."""
        now = time.monotonic()
        level, at = self._levels.pop(key, (float(self._size), now))
        level = min(float(self._size), level + (now - at) * self._per_second)
        wait = 0.0 if level >= 1 else (1 - level) / self._per_second
        self._levels[key] = (level - take if wait == 0 else level, now)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)
        return wait


class Good:
    """Credentials that were found good lately, by their digests. Those that were not seen for longest go first."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, digest: bytes) -> bool:
        return self._until.get(digest, 0.0) > time.monotonic()

    def note(self, digest: bytes, *, good: bool) -> None:
        """Remember one, or forget it at once."""
        self._until.pop(digest, None)
        if good:
            self._until[digest] = time.monotonic() + GOOD_SECONDS
            if len(self._until) > MOST_BUCKETS:
                self._until.popitem(last=False)


class Limited:
    """An ASGI application around another, behind the gate, which has noted the credential.

    Also who shows wrong credentials is limited, by address: each wrong one costs a look into Postgres.
    """

    def __init__(self, inner: ASGIApp, rate: Rate) -> None:
        self._inner = inner
        self._rate = rate
        self._requests = Buckets(rate)
        self._failures = Buckets(rate)
        self._open = Buckets(rate)
        self._good = Good()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or say when to come again."""
        values = cast("dict[str, Any]", scope)
        credential: Credential | None = values.get("credential")
        address = str((values.get("client") or ("?",))[0])
        if credential is None:
            await self._answer_anybody(scope, receive, send, address)
            return
        digest = hashlib.sha256(credential.secret.encode()).digest()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(values, message["status"], digest, address)
            await send(message)

        held_back = 0.0 if digest in self._good else self._failures.wait_seconds(address, take=0)
        wait = held_back or self._requests.wait_seconds(digest)
        if wait == 0:
            await self._inner(scope, receive, noting)
        else:
            await self._refuse(send, wait, "Authorization")

    async def _answer_anybody(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        path = str(cast("dict[str, Any]", scope)["path"])
        wait = 0.0
        if not path.startswith(UNCOUNTED):
            wait = self._open.wait_seconds((address, path == PROBED))
        if wait == 0:
            await self._inner(scope, receive, send)
        else:
            await self._refuse(send, wait, "")

    def _note(self, values: dict[str, Any], status: int, digest: bytes, address: str) -> None:
        """What an answer tells about the credential; one without Postgres tells nothing."""
        database: Database | None = values.get("database")
        if status == HTTPStatus.UNAUTHORIZED:
            self._failures.wait_seconds(address)
            self._good.note(digest, good=False)
        elif database is not None and database.identity is not None:
            self._good.note(digest, good=True)

    async def _refuse(self, send: Send, wait: float, path: str) -> None:
        seconds = math.ceil(wait)
        more = (
            "POST /api/deployments/bulk changes many deployments at once."
            if path
            else "Without a credential all who share an address share this."
        )
        problem = Problem.of(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"these are more than {self._rate.per_second} requests a second",
            path=path,
            hint=f"Wait {seconds} s, then send fewer. {more}",
        )
        await send_problem(send, problem, {"Retry-After": str(seconds)})
