"""Every error as problem+json (RFC 9457): of what kind, what was wrong, where, and what to do next.

The kinds are few and stay: a client decides by `type` and reads `path`; title, detail and hint are for people.

Refusals of Postgres carry all of it already (see db.errors) and are passed on by their status. What the framework
refuses (routes, methods, bodies, query parameters) gets the same shape here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import Send

from db.errors import Contended, Moved, Refused, Unavailable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
WWW_AUTHENTICATE = 'Bearer realm="server-orchestrator"'
_QUOTED = re.compile(r"`([^`]+)`")
# What the framework makes of a request without a body: the KeyError of the handler's argument.
_NO_BODY = "'data'"
_AT = re.compile(r" - at `(?:key in )?\$?\.?([^`]*)`$")


class Kind(msgspec.Struct, frozen=True):
    """A kind of error: its status, its one title, and when it happens."""

    status: int
    title: str
    text: str


# All that there are. Names and statuses are the interface; docs/http.md lists them.
KINDS = {
    "bad-request": Kind(
        400, "The request cannot be understood", "No JSON, or a parameter or header that does not fit."
    ),
    "unauthenticated": Kind(401, "Who asks is not known", "No credential, or one that is wrong, expired or revoked."),
    "forbidden": Kind(403, "This is not allowed to you", "Your role or your namespaces do not allow it."),
    "not-found": Kind(404, "There is no such thing", "It never was, or it is not yours to see."),
    "method-not-allowed": Kind(405, "There is no such method here", "The header Allow lists those there are."),
    "conflict": Kind(409, "Not possible as things are", "A name that is taken, or a field that never changes."),
    "gone": Kind(410, "It is kept no longer", "A place in the history whose next events retention has dropped."),
    "moved-on": Kind(412, "It has moved on", "If-Match named another generation; `current` is the one there is."),
    "too-large": Kind(413, "The body is too large", "Send a smaller one."),
    "invalid": Kind(422, "A value is not allowed", "A field of the body that does not fit; `hint` says what does."),
    "key-reused": Kind(422, "The key was used for another request", "Take a new Idempotency-Key for a new request."),
    "too-many-requests": Kind(429, "Too many requests", "Wait for the seconds that Retry-After says."),
    "fault": Kind(500, "The API failed", "A fault of ours; its log tells more."),
    "unavailable": Kind(503, "Not available just now", "Postgres does not answer, or its schema is not current."),
    "contended": Kind(503, "Others are changing the same", "Nothing was changed; try again."),
}
_BY_STATUS = {kind.status: name for name, kind in reversed(KINDS.items())}
_KEY_HEADER = "Idempotency-Key"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error. `path` names the offending field, parameter or header, empty where there is none.

    `current` is there where the request named a version that is no longer the current one: the ETag that is.
    """

    type: str
    title: str
    status: int
    detail: str
    path: str
    hint: str
    current: str | None = None

    @classmethod
    def of(
        cls, status: int, detail: str, *, path: str = "", hint: str, kind: str | None = None, current: str | None = None
    ) -> Problem:
        """A problem of this kind; of the one kind that has this status if none is said."""
        name = kind or _BY_STATUS.get(status, "fault" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad-request")
        return cls(
            type=f"/problems/{name}",
            title=KINDS[name].title,
            status=status,
            detail=detail,
            path=path,
            hint=hint,
            current=current,
        )


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    """The problem as a response."""
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


async def send_problem(send: Send, problem: Problem, headers: Mapping[str, str]) -> None:
    """The same before any route was asked. The connection ends: what the client was sending is not read."""
    body = msgspec.json.encode(problem)
    given = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close", **headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


# ---------------------------------------------------------------- from Postgres


def refused(_request: Request[Any, Any, Any], error: Refused) -> Response[Problem]:
    """What Postgres or a door to it refused."""
    kind = "key-reused" if (error.status, error.path) == (HTTPStatus.UNPROCESSABLE_ENTITY, _KEY_HEADER) else None
    headers = {"WWW-Authenticate": WWW_AUTHENTICATE} if error.status == HTTPStatus.UNAUTHORIZED else {}
    return answer(Problem.of(error.status, error.message, path=error.path, hint=error.hint, kind=kind), headers)


def moved(_request: Request[Any, Any, Any], error: Moved) -> Response[Problem]:
    """Somebody changed it since it was read."""
    current = etag(error.generation)
    problem = Problem.of(
        HTTPStatus.PRECONDITION_FAILED,
        f"the deployment is at generation {error.generation} by now",
        path="If-Match",
        hint="Nothing was changed. Read it again, look whether your change still fits, and send the new ETag.",
        current=current,
    )
    return answer(problem, {"ETag": current})


def etag(generation: int) -> str:
    """The entity tag of a deployment: its generation, so it tells what is wanted, not how it is."""
    return f'"{generation}"'


def unavailable(_request: Request[Any, Any, Any], error: Unavailable) -> Response[Problem]:
    """Postgres is away. Its own words may name hosts and users: they are for the log."""
    log.warning("database unavailable", error=str(error))
    problem = Problem.of(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the database does not answer",
        hint="Servers that run go on running. Try again shortly; before repeating a change, read whether it was made.",
    )
    return answer(problem, {"Retry-After": str(RETRY_SECONDS)})


def contended(_request: Request[Any, Any, Any], error: Contended) -> Response[Problem]:
    """Somebody else holds the rows; nothing was changed."""
    log.warning("database contended", error=str(error))
    problem = Problem.of(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "others are changing the same just now",
        hint="Nothing was changed. Try again.",
        kind="contended",
    )
    return answer(problem, {"Retry-After": str(RETRY_SECONDS)})


# ---------------------------------------------------------------- from the framework

_HINTS = {
    HTTPStatus.NOT_FOUND: "GET /api/openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "GET /api/openapi.json lists the methods of each path.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Send a smaller body.",
    HTTPStatus.BAD_REQUEST: "Send a body of valid JSON in UTF-8.",
}


def mistaken(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """A route, method, body or query parameter that does not fit."""
    if isinstance(error, ValidationException):
        return answer(_misfit(error))
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return broken(request, error)
    hint = _HINTS.get(status, "GET /api/openapi.json describes what is expected.")
    detail = error.detail
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        detail = f"there is no {request.method} {request.url.path}"
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return answer(Problem.of(status, detail, hint=hint), headers)


def _misfit(error: ValidationException) -> Problem:
    """The first of what the framework found wrong with the parameters of a request."""
    found = cast("list[dict[str, Any]]", error.extra if isinstance(error.extra, list) else [])
    message, key = (found[0].get("message", ""), found[0].get("key", "")) if found else (error.detail, "")
    if message == _NO_BODY:
        return Problem.of(HTTPStatus.BAD_REQUEST, "there is no body", hint=_HINTS[HTTPStatus.BAD_REQUEST])
    hint = "GET /api/openapi.json tells the parameters and their bounds."
    return Problem.of(HTTPStatus.BAD_REQUEST, f"parameter {key}: {message}", path=key, hint=hint)


def undecodable(_request: Request[Any, Any, Any], error: msgspec.DecodeError) -> Response[Problem]:
    """A body that is no JSON."""
    return answer(Problem.of(HTTPStatus.BAD_REQUEST, str(error), hint=_HINTS[HTTPStatus.BAD_REQUEST]))


def unfit(_request: Request[Any, Any, Any], error: msgspec.ValidationError) -> Response[Problem]:
    """A body of JSON in another shape than asked for. Only msgspec's message tells where."""
    message = _AT.sub("", str(error))
    place = _AT.search(str(error))
    parts = [place.group(1)] if place else []
    field = _QUOTED.search(message)
    if field and ("unknown field" in message or "missing required field" in message):
        parts.append(field.group(1))
    hint = "GET /api/openapi.json describes the body; fields it does not name are refused."
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return answer(Problem.of(status, message, path=".".join(part for part in parts if part), hint=hint))


def broken(_request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A fault of ours: told to the log, not to the caller."""
    log.error("request failed", exc_info=error)
    return answer(
        Problem.of(HTTPStatus.INTERNAL_SERVER_ERROR, "the API failed", hint="This is a fault; its log tells more.")
    )


def too_deep(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[Problem]:
    """JSON nested beyond what can be decoded; nothing else here goes deep."""
    return answer(
        Problem.of(HTTPStatus.BAD_REQUEST, "the body is nested too deeply", hint="Parameters are plain values.")
    )


HANDLERS: dict[int | type[Exception], Any] = {
    Refused: refused,
    Moved: moved,
    Unavailable: unavailable,
    Contended: contended,
    HTTPException: mistaken,
    msgspec.ValidationError: unfit,
    msgspec.DecodeError: undecodable,
    RecursionError: too_deep,
    Exception: broken,
}

# ---------------------------------------------------------------- for the description of the API


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """How each of these statuses is answered, for the description of a route."""
    return {
        status: ResponseSpec(
            Problem,
            description=" ".join(kind.text for kind in KINDS.values() if kind.status == status),
            media_type=MEDIA_TYPE,
            generate_examples=False,
            examples=[
                Example(id=name, summary=kind.title, value=msgspec.to_builtins(_example(name)))
                for name, kind in KINDS.items()
                if kind.status == status
            ],
        )
        for status in statuses
    }


def _example(name: str) -> Problem:
    detail, path, hint, current = _EXAMPLES[name]
    return Problem.of(KINDS[name].status, detail, path=path, hint=hint, kind=name, current=current)


_DESCRIBED = "GET /api/openapi.json describes what is expected."
_EXAMPLES: dict[str, tuple[str, str, str, str | None]] = {
    "bad-request": ("parameter limit: Expected `int` <= 500", "limit", _DESCRIBED, None),
    "unauthenticated": ("this needs a token", "Authorization", 'Send "Authorization: Bearer so_…".', None),
    "forbidden": ("permission denied for table deployments", "", "Ask an admin for a role that may do this.", None),
    "not-found": ("there is no deployment 0192…", "id", "GET /api/deployments lists them.", None),
    "method-not-allowed": ("there is no PUT /api/deployments", "", _DESCRIBED, None),
    "conflict": ("a deployment default/lobby exists", "name", "Choose another name, or change the one there is.", None),
    "gone": ("events after this place were dropped", "after", "Read the present state, then follow from now.", None),
    "moved-on": ("the deployment is at generation 8 by now", "If-Match", "Read it again.", '"8"'),
    "too-large": ("Request Entity Too Large", "", "Send a smaller body.", None),
    "invalid": ("memory must match ^[1-9][0-9]{0,5}(Mi|Gi)$", "parameters.memory", "Such as 512Mi or 4Gi.", None),
    "key-reused": ("this key was used for another request", "Idempotency-Key", "Take a new key.", None),
    "too-many-requests": ("more than 50 requests a second", "", "Wait 2 s.", None),
    "fault": ("the API failed", "", "This is a fault; its log tells more.", None),
    "unavailable": ("the database does not answer", "", "Servers that run go on running. Try again shortly.", None),
    "contended": ("others are changing the same just now", "", "Nothing was changed. Try again.", None),
}
# What every route may answer beside its own; and what one may that changes something.
PROBLEMS = problems(400, 401, 403, 404, 422, 429, 500, 503)
CHANGE_PROBLEMS = PROBLEMS | problems(409, 412, 413)
