"""Whether a form was sent from a page of ours: browsers say so themselves, in a header that no page can set.

The token in each form says it too (see app.page.page), but only as long as nobody else can write our cookies, as a
neighbour under the same domain can. As Go's net/http.CrossOriginProtection does it: Sec-Fetch-Site where a browser
sends it, else Origin held against Host; who sends neither is no browser, and has nobody's cookies.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request

from app.gate import place_of
from db.errors import Refused

_DENIED = 403
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def require_own_origin(request: Request[Any, Any, Any]) -> None:
    """Of whatever changes something on the page. Raises Refused (403)."""
    scope = cast("dict[str, Any]", request.scope)
    if scope["method"] in _SAFE or place_of(scope["path"]) == "api":
        return
    headers = request.headers
    if not is_ours(headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host", "")):
        raise Refused(
            _DENIED,
            "this form was sent by another site",
            "",
            "Nothing was changed. Open this page itself, and send it from there.",
        )


def is_ours(site: str | None, origin: str | None, host: str) -> bool:
    """Whether a request with these headers comes from a page of ours. "none": a person did it, no page."""
    if site is not None:
        return site in {"same-origin", "none"}
    return origin is None or (urlsplit(origin).netloc.lower() == host.lower() and host != "")
