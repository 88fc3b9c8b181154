"""Every error as problem+json (RFC 9457): what was wrong, where, and what to do next.

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

from db.errors import Contended, Refused, Unavailable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
_QUOTED = re.compile(r"`([^`]+)`")
# What the framework makes of a request without a body: the KeyError of the handler's argument.
_NO_BODY = "'data'"
_AT = re.compile(r" - at `(?:key in )?\$?\.?([^`]*)`$")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error. `path` names the offending field or parameter, empty where there is none."""

    title: str
    status: int
    detail: str
    path: str
    hint: str
    type: str = "about:blank"

    @classmethod
    def of(cls, status: int, detail: str, *, path: str = "", hint: str) -> Problem:
        """A problem whose title is the phrase of its status."""
        return cls(title=HTTPStatus(status).phrase, status=status, detail=detail, path=path, hint=hint)


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    """The problem as a response."""
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


# ---------------------------------------------------------------- from Postgres


def refused(_request: Request[Any, Any, Any], error: Refused) -> Response[Problem]:
    """What Postgres or a door to it refused."""
    return answer(Problem.of(error.status, error.message, path=error.path, hint=error.hint))


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
        HTTPStatus.SERVICE_UNAVAILABLE, "others are changing the same just now", hint="Nothing was changed. Try again."
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
    Unavailable: unavailable,
    Contended: contended,
    HTTPException: mistaken,
    msgspec.ValidationError: unfit,
    msgspec.DecodeError: undecodable,
    RecursionError: too_deep,
    Exception: broken,
}

# ---------------------------------------------------------------- for the description of the API

_TEXTS = {
    400: "The request cannot be understood.",
    401: "The bearer token is missing or wrong.",
    404: "There is no such thing.",
    409: "It is not possible as things are.",
    422: "A field does not fit; `path` names it and `hint` what is allowed.",
    503: "Postgres does not answer; try again after Retry-After seconds.",
}
PROBLEMS = {
    status: ResponseSpec(Problem, generate_examples=False, description=text, media_type=MEDIA_TYPE)
    for status, text in _TEXTS.items()
}
