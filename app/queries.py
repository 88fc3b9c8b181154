"""Query parameters that no route has: refused, because a filter that is misspelt would be one that is not applied."""

from __future__ import annotations

from typing import Any, cast

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app.description import describe, operations
from db.errors import Refused

_BAD_REQUEST = 400
_BELOW = "/api/"


class KnownQuery:
    """A guard that knows each route's parameters from the description of the API.

    It waits for nothing, but one that is not async the framework runs in a thread, for each request.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[str]] = {}

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        """Raises Refused (400)."""
        if not connection.query_params or not connection.url.path.startswith(_BELOW):
            return
        if not self._known:  # not before the routes are all there
            self._known = by_route(connection.app)
        scope = cast("dict[str, Any]", connection.scope)
        known = self._known.get((scope["path_template"], scope["method"]), [])
        for name in connection.query_params:
            if name not in known:
                hint = f"Known here: {', '.join(known)}." if known else "There are none here."
                raise Refused(_BAD_REQUEST, f"there is no parameter {name}", name, hint)


def by_route(app: Litestar) -> dict[tuple[str, str], list[str]]:
    """Names of the query parameters, by a route's path and method."""
    return {
        (path, method.upper()): [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        for path, method, operation in operations(describe(app))
    }
