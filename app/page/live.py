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
from litestar.datastructures import MultiDict

from db.connection import Session

Query = MultiDict[Any]
# The text of an age depends on when it is read; page.js counts it on.
_AGES = re.compile(r"(<time [^>]*>)[^<]*")


class View(msgspec.Struct, frozen=True):
    """`read` answers the values of `template`. Raises what a transaction raises."""

    name: str
    template: str
    read: Callable[[Session, Query], Awaitable[dict[str, Any]]]


def without_ages(html: str) -> str:
    """The same for as long as nothing but time has passed."""
    return _AGES.sub(r"\1", html)
