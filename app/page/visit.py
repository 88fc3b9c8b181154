"""One request for a page: whoever asks reads and writes as themselves, and gets a template shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar.di import NamedDependency

from app.page.rendering import WHO, AnyRequest, Page, Pages
from db.access import Credential, Identity, whoami
from db.connection import Session
from db.database import Database
from db.errors import Refused

_DENIED = 403


class Visit:
    """What every handler of the page is given: it reads in a transaction, then shows a template."""

    def __init__(self, request: AnyRequest, database: Database, pages: Pages) -> None:
        self.request = request
        self.query = request.query_params
        self._database = database
        self._pages = pages
        self._scope = cast("dict[str, Any]", request.scope)

    @asynccontextmanager
    async def transaction(self, *, rollback: bool = False) -> AsyncGenerator[Session]:
        """One transaction in the name of whoever asks, undone at its end for `rollback`.

        Raises Refused, Unavailable, Contended.
        """
        async with self._database.transaction(rollback=rollback) as session:
            self._scope[WHO] = self._database.identity or await whoami(session)
            yield session

    @property
    def who(self) -> Identity:
        """Who asks; known from the first transaction on."""
        return self._scope[WHO]

    @property
    def credential(self) -> Credential:
        """What whoever asks has shown."""
        return self._scope["credential"]

    @property
    def session_id(self) -> int:
        """The number of the session that this is."""
        return int(self.credential.secret.partition("_")[0])

    async def form(self) -> dict[str, str]:
        """What a form sent, each name once."""
        sent = await self.request.form()
        return {name: value for name, value in sent.items() if isinstance(value, str)}

    def require_change(self, what: str) -> None:
        """Refuse a form that could not be sent anyway: Postgres would only say so at its end. Raises Refused (403)."""
        if self.who.role == "viewer":
            raise Refused(_DENIED, f"you may look, but not {what}", "", "Ask an admin for the role of an operator.")

    def show(self, template: str, *, status_code: int = 200, **values: Any) -> Page:
        """A whole page."""
        return self._pages.show(self.request, template, status_code=status_code, **values)

    def refuse(self, template: str, refusal: Refused, **values: Any) -> Page:
        """The form again, with what was wrong beside the field that it is about."""
        return self.show(template, status_code=refusal.status, refusal=refusal, **values)

    def part(self, template: str, **values: Any) -> str:
        """A part of a page, for one that is open already."""
        return self._pages.render(self.request, template, **values)


def arrive(request: AnyRequest, database: NamedDependency[Database], pages: NamedDependency[Pages]) -> Visit:
    """The Visit that a request makes."""
    return Visit(request, database, pages)
