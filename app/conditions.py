"""What a request may depend on: the generation that it is meant for, and not having been carried out already."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.params import HeaderParameter

from db.connection import Session
from db.errors import Refused
from db.requests import Answer, begin_request, end_request

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="The ETag that was read. If it has moved on, nothing is changed and 412 tells the current one.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Any text of your own, such as a UUID. A repeat within a day is answered as the first was,"
        " without being carried out again.",
    ),
]
REPLAYED = "Idempotency-Replayed"
_KEY = "Idempotency-Key"

_BAD_REQUEST = 400
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_GENERATION = re.compile(r'"([1-9][0-9]{0,17})"')


def expected_generations(if_match: str | None) -> list[int] | None:
    """The generations that If-Match allows; None is any, [] none that could be. Raises Refused (400)."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [tag.strip() for tag in if_match.split(",")]
    if not all(_TAG.fullmatch(tag) for tag in tags):
        raise Refused(
            _BAD_REQUEST,
            "this is no entity tag",
            "If-Match",
            'Send the ETag of an answer with its quotes, such as "3".',
        )
    return [int(match[1]) for match in map(_GENERATION.fullmatch, tags) if match]


def require_known_key(request: Request[Any, Any, Any]) -> None:
    """Who counts on a key where none is kept would do twice what was meant once. Raises Refused (400)."""
    scope = cast("dict[str, Any]", request.scope)
    if _KEY not in request.headers or scope["method"] == "GET":
        return
    if "idempotency_key" not in scope["route_handler"].parsed_fn_signature.parameters:
        raise Refused(
            _BAD_REQUEST,
            "no answer is kept under a key here",
            _KEY,
            "Leave it out; before sending it again, read whether the first was carried out.",
        )


async def once(
    session: Session, key: str | None, request: object, carry_out: Callable[[], Awaitable[Response[Any]]]
) -> Response[Any]:
    """What `carry_out` answers; under a key that was used before for the same request, what was answered then.

    Raises Refused.
    """
    if key is None:
        return await carry_out()
    digest = hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()
    before = await begin_request(session, key, digest)
    if before is not None:
        headers = before.headers | {REPLAYED: "true"}
        return Response(before.body, status_code=before.status, headers=headers, media_type=MediaType.JSON)
    response = await carry_out()
    body = msgspec.json.encode(response.content).decode()
    headers = {str(name): str(value) for name, value in response.headers.items()}
    await end_request(session, key, Answer(response.status_code or 200, headers, body))
    return Response(body, status_code=response.status_code, headers=headers, media_type=MediaType.JSON)
