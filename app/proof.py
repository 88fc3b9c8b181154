"""Who asks is settled before anything is told: no answer leaves that was made without Postgres knowing the credential.

Nearly every answer comes out of a transaction that began by entering with it (see db.database), and costs nothing here.
What is answered without one (no such route, a method or parameter that does not fit, a form without its token) waits
until the credential is known to be good; where it is not, the answer is 401 whatever it would have been. While Postgres
is away nobody can tell, and what is answered without it is nobody's secret.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import WWW_AUTHENTICATE, Problem, send_problem
from db.access import Credential
from db.database import Database
from db.errors import DatabaseError, Refused


class Proven:
    """An ASGI application around another, behind the gate. It leaves the asker's way to Postgres in the scope."""

    def __init__(self, inner: ASGIApp, database: Database) -> None:
        self._inner = inner
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        values = cast("dict[str, Any]", scope)
        credential: Credential | None = values["credential"]
        client = str((values.get("client") or ("",))[0])
        own = values["database"] = self._database.entered_with(credential, client)
        in_place = False

        async def proving(message: Message) -> None:
            nonlocal in_place
            if message["type"] == "http.response.start" and not (
                own.identity is not None or is_fault(message["status"])
            ):
                refusal = await doubt(own)
                if refusal is not None:
                    in_place = True
                    await _refuse(send, refusal)
            if not in_place:
                await send(message)

        await self._inner(scope, receive, send if credential is None else proving)


def is_fault(status: int) -> bool:
    """Whether an answer only says that none can be given."""
    return status == HTTPStatus.UNAUTHORIZED or status >= HTTPStatus.INTERNAL_SERVER_ERROR


async def doubt(database: Database) -> Refused | None:
    """What Postgres has against the credential."""
    try:
        async with database.transaction():
            return None
    except Refused as refusal:
        return refusal
    except DatabaseError:
        return None


async def _refuse(send: Send, refusal: Refused) -> None:
    problem = Problem.of(refusal.status, refusal.message, path=refusal.path, hint=refusal.hint)
    await send_problem(send, problem, {"WWW-Authenticate": WWW_AUTHENTICATE})
