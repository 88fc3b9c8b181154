"""Headers that tell browsers what a page of ours may do: nothing but what it brings along itself."""

from __future__ import annotations

from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # Not no-referrer: browsers would then call the origin of our own forms null.
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]
# Where https was spoken, nothing else is spoken for a year: a first request by http could be answered by anybody.
ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")


def with_headers(inner: ASGIApp) -> ASGIApp:
    """The application around another that sets them on every answer, errors and redirects too, where it has none."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        wanted = [*HEADERS, ONLY_HTTPS] if cast("dict[str, Any]", scope).get("scheme") == "https" else HEADERS

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message["headers"])
                named = {name.lower() for name, _ in given}
                message["headers"] = given + [header for header in wanted if header[0] not in named]
            await send(message)

        await inner(scope, receive, marked)

    return answer
