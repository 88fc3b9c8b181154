"""What every request is asked before its handler: is the form ours, are its parameters known, is a key kept here?

Not as guards of the framework, which copies the handler for each of them: a twentieth of what a small request takes.
"""

from __future__ import annotations

from typing import Any

from litestar import Request

from app.conditions import require_known_key
from app.page.origins import require_own_origin
from app.queries import KnownQuery


class Beforehand:
    """Asked with the request once its route is known."""

    def __init__(self) -> None:
        self._known = KnownQuery()

    async def __call__(self, request: Request[Any, Any, Any]) -> None:
        """Raises Refused (400, 403)."""
        require_own_origin(request)
        self._known.require(request)
        require_known_key(request)
