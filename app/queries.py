"""Query parameters that no route has: refused, because a filter that is misspelt would be one that is not applied."""

from __future__ import annotations

from typing import Any, cast

from litestar import Litestar, Request

from app.description import describe, operations
from db.errors import Refused

_BAD_REQUEST = 400
_BELOW = "/api/"


class KnownQuery:
    """Knows each route's parameters from the description of the API."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[str]] = {}

    def require(self, request: Request[Any, Any, Any]) -> None:
        """Raises Refused (400)."""
        if not request.query_params or not request.url.path.startswith(_BELOW):
            return
        if not self._known:  # not before the routes are all there
            self._known = by_route(request.app)
        scope = cast("dict[str, Any]", request.scope)
        known = self._known.get((scope["path_template"], scope["method"]), [])
        for name in request.query_params:
            if name not in known:
                hint = f"Known here: {', '.join(known)}." if known else "There are none here."
                raise Refused(_BAD_REQUEST, f"there is no parameter {name}", name, hint)


def by_route(app: Litestar) -> dict[tuple[str, str], list[str]]:
    """Names of the query parameters, by a route's path and method."""
    return {
        (path, method.upper()): [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        for path, method, operation in operations(describe(app))
    }
