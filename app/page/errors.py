"""Pages in place of the one that was asked for: what is wrong, what it means, and what to do now."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException, PermissionDeniedException

from app.page.rendering import CSRF_COOKIE, AnyRequest, Page, Pages
from db.errors import Contended, Refused, Unavailable

log = structlog.get_logger()
Handlers = dict[int | type[Exception], Any]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What an error page says. One that `recovers` looks whether the database is back, and then shows the page."""

    title: str
    text: str
    hint: str
    recovers: bool = False


UNKNOWN = Trouble(
    title="There is no such page",
    text="What you looked for is not here. It may have been deleted, or you may not be allowed to see it.",
    hint="Check the address, or find it among the servers.",
)
FORGED = Trouble(
    title="Please send that again",
    text="The form was open for too long, or in a browser that does not keep this page's cookies. Nothing was changed.",
    hint="Go back, reload the page, and send it again.",
)
BROKEN = Trouble(
    title="Something broke",
    text="This is a fault of this program, not of what you did. Its log tells more.",
    hint="Try again. If you were changing something, look first whether it was done.",
)
AWAY = Trouble(
    title="The database does not answer",
    text="Nothing can be shown or changed until it does. Servers that run go on running.",
    hint="This page looks every two seconds, and goes on by itself.",
    recovers=True,
)
AWAY_AFTER_CHANGE = Trouble(
    title="The database does not answer",
    text="Your change may or may not have been made. Servers that run go on running.",
    hint="Go back, and before you send it again look whether it was made.",
)
CONTENDED = Trouble(
    title="Others are changing the same just now",
    text="Nothing was changed.",
    hint="Go back and try again.",
)


class PageHandlers:
    """The exception handlers of everything that is not the API."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def by_kind(self) -> Handlers:
        """In the framework's form."""
        return {
            Refused: self.refused,
            Unavailable: self.unavailable,
            Contended: self.contended,
            HTTPException: self.mistaken,
            msgspec.ValidationError: self.unfit,
            Exception: self.broken,
        }

    def refused(self, request: AnyRequest, error: Refused) -> Page:
        """What Postgres or a door to it refused, where no form says so itself."""
        if error.status == HTTPStatus.NOT_FOUND:
            return self._show(request, UNKNOWN, error.status)
        said = error.message[:1].upper() + error.message[1:] + "."
        return self._show(request, Trouble(title="That is not possible", text=said, hint=error.hint), error.status)

    def unavailable(self, request: AnyRequest, error: Unavailable) -> Page:
        """Postgres is away. Its own words may name hosts and users: they are for the log."""
        log.warning("database unavailable", error=str(error))
        trouble = AWAY if request.method == "GET" else AWAY_AFTER_CHANGE
        return self._show(request, trouble, HTTPStatus.SERVICE_UNAVAILABLE)

    def contended(self, request: AnyRequest, error: Contended) -> Page:
        """Somebody else holds the rows; nothing was changed."""
        log.warning("database contended", error=str(error))
        return self._show(request, CONTENDED, HTTPStatus.SERVICE_UNAVAILABLE)

    def mistaken(self, request: AnyRequest, error: HTTPException) -> Page:
        """No such page, or a request that no form of ours sends."""
        status = HTTPStatus(error.status_code)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self.broken(request, error)
        if isinstance(error, PermissionDeniedException):
            page = self._show(request, FORGED, status)
            # One that another secret made would never fit again; the next page makes a new one.
            page.set_cookie(Cookie(CSRF_COOKIE, "", max_age=0, secure=True, httponly=True))
            return page
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            return self._show(request, UNKNOWN, status)
        trouble = Trouble(title="That could not be understood", text=error.detail, hint="Go back and try again.")
        return self._show(request, trouble, status)

    def unfit(self, request: AnyRequest, error: msgspec.ValidationError) -> Page:
        """An address or a form with values that none of ours has."""
        trouble = Trouble(title="That could not be understood", text=f"{error}.", hint="Go back and try again.")
        return self._show(request, trouble, HTTPStatus.BAD_REQUEST)

    def broken(self, request: AnyRequest, error: Exception) -> Page:
        """A fault of ours: told to the log."""
        log.error("request failed", exc_info=error)
        return self._show(request, BROKEN, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _show(self, request: AnyRequest, trouble: Trouble, status: int) -> Page:
        return self._pages.show(request, "trouble.html", status_code=status, trouble=trouble)


def by_path(api: Mapping[int | type[Exception], Any], page: Handlers) -> Handlers:
    """For each error the API's answer below /api and to probes, the page's everywhere else."""

    def chosen(kind: int | type[Exception]) -> Any:
        for_page = page.get(kind, page[Exception])

        def handle(request: AnyRequest, error: Exception) -> Any:
            return (api[kind] if is_api(request.url.path) else for_page)(request, error)

        return handle

    return {kind: chosen(kind) for kind in api}


def is_api(path: str) -> bool:
    """Whether programs ask for this path, not people."""
    return path == "/api" or path.startswith("/api/") or path in ("/healthz", "/readyz", "/metrics")
