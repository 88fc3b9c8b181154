"""How much one credential may ask in a time: a bucket that fills by so many requests a second and holds so many.

It protects everybody else, not Postgres's rules: it is counted in this process, so two processes allow twice as much.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import Problem, send_problem
from db.access import Credential

# Buckets that were not used for longest are forgotten first; a forgotten one is a full one.
MOST_BUCKETS = 10_000


class Rate(msgspec.Struct, frozen=True):
    """So many requests a second, and so many at once after a pause."""

    per_second: int
    at_once: int


class Buckets:
    """One bucket for each key."""

    def __init__(self, rate: Rate) -> None:
        self._per_second = rate.per_second
        self._size = rate.at_once
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait_seconds(self, key: str, *, take: int = 1) -> float:
        """Take so many from a bucket: 0 where it held them, else in how many seconds it will, with none taken."""
        now = time.monotonic()
        level, at = self._levels.pop(key, (float(self._size), now))
        level = min(float(self._size), level + (now - at) * self._per_second)
        wait = 0.0 if level >= 1 else (1 - level) / self._per_second
        self._levels[key] = (level - take if wait == 0 else level, now)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)
        return wait


class Limited:
    """An ASGI application around another, behind the gate, which has noted the credential.

    Also who shows wrong credentials is limited, by address: each wrong one costs a look into Postgres.
    """

    def __init__(self, inner: ASGIApp, rate: Rate) -> None:
        self._inner = inner
        self._rate = rate
        self._requests = Buckets(rate)
        self._failures = Buckets(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or say when to come again."""
        values = cast("dict[str, Any]", scope)
        credential: Credential | None = values.get("credential")
        if credential is None:
            await self._inner(scope, receive, send)
            return
        address = str((values.get("client") or ("?",))[0])

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.UNAUTHORIZED:
                self._failures.wait_seconds(address)
            await send(message)

        wait = self._failures.wait_seconds(address, take=0) or self._requests.wait_seconds(credential.secret)
        if wait == 0:
            await self._inner(scope, receive, noting)
        else:
            await self._refuse(send, math.ceil(wait))

    async def _refuse(self, send: Send, seconds: int) -> None:
        problem = Problem.of(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"these are more than {self._rate.per_second} requests a second",
            path="Authorization",
            hint=f"Wait {seconds} s, then send fewer. POST /api/deployments/bulk changes many deployments at once.",
        )
        await send_problem(send, problem, {"Retry-After": str(seconds)})
