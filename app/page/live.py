"""Keeps an open page current: a view is read again whenever something was committed, and sent if it looks different.

A view is a name, a function that reads what its template shows, and that template. The page shows it with
`{{ live(view, query) }}`, and page.js asks for `/live/<name>?<query>`, where the same function reads with the same
query, under the same identity. So what a stream sends is what a reload would show.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import get
from litestar.datastructures import MultiDict
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from app.page.visit import Visit
from app.streams import Batch, EventStream, Streams, message
from db.connection import Session

Query = MultiDict[Any]
# page.js takes a stream that misses two of these for a dead one.
EVERY_SECONDS = 5.0
# What is committed within so short a time is shown together.
DEBOUNCE_SECONDS = 0.25
# The text of an age depends on when it is read; page.js counts it on.
_AGES = re.compile(r"(<time [^>]*>)[^<]*")
_SAME = message("", event="same")


class View(msgspec.Struct, frozen=True):
    """`read` answers the values of `template`. Raises what a transaction raises."""

    name: str
    template: str
    read: Callable[[Session, Query], Awaitable[dict[str, Any]]]


class Views(msgspec.Struct, frozen=True):
    """Every view there is, by name."""

    by_name: dict[str, View]


class Watching:
    """One open page: what it shows, so that only what looks different is sent."""

    def __init__(self, visit: Visit, view: View) -> None:
        self._visit = visit
        self._view = view
        self._shown = ""

    async def read(self) -> Batch:
        """The part as it looks now, or that it still looks the same. Raises what a transaction raises."""
        async with self._visit.transaction() as session:
            values = await self._view.read(session, self._visit.query)
        html = self._visit.part(self._view.template, view=self._view, **values)
        shown = without_ages(html)
        if shown == self._shown:
            return Batch(idle=_SAME)
        self._shown = shown
        return Batch(message(html, event="part"), idle=_SAME)


def without_ages(html: str) -> str:
    """The same for as long as nothing but time has passed."""
    return _AGES.sub(r"\1", html)


@get("/live/{name:str}", include_in_schema=False)
async def show_live(
    name: FromPath[str],
    visit: NamedDependency[Visit],
    streams: NamedDependency[Streams],
    views: NamedDependency[Views],
) -> EventStream:
    """A view, sent again whenever it looks different."""
    view = views.by_name.get(name)
    if view is None:
        raise NotFoundException
    watching = Watching(visit, view)
    async with visit.transaction():
        user = visit.who.user
    return EventStream(streams, user, watching.read, every_seconds=EVERY_SECONDS, debounce_seconds=DEBOUNCE_SECONDS)
