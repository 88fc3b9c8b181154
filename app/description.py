"""The API as OpenAPI describes it: /api/openapi.json.

The framework derives it from the routes. Here it is completed with what cannot be seen there (an example of every body
and answer, the headers of answers) and put right where it says more than is so.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from app.examples import Schema, body_example, example

VERSION = "0.1.0"
JSON = "application/json"
# By status or by what is answered.
_DONE = {"200": "As asked.", "201": "Made.", "202": "Asked for; it is carried out in the background."}
_HEADERS = {
    "DeploymentDetail": {"ETag": "Its generation in quotes, for If-Match."},
    "201": {"Location": "Where it is."},
    "412": {"ETag": "Of the generation there is."},
    "429": {"Retry-After": "Seconds."},
    "503": {"Retry-After": "Seconds."},
}
_STREAM = {
    "text/event-stream": {"schema": {"type": "string"}, "example": "id: …\\nevent: DeploymentChanged\\ndata: {…}\\n\\n"}
}


def configuration() -> OpenAPIConfig:
    """What the description says beyond the routes themselves."""
    return OpenAPIConfig(
        title="server-orchestrator",
        version=VERSION,
        description="Game servers on Kubernetes, with Postgres as the control plane. Whatever is asked for here is one"
        " SQL statement, and is carried out in the background. Errors are problem+json of a few kinds, told by `type`.",
        use_handler_docstrings=True,
        openapi_router=Router("/openapi", route_handlers=[], include_in_schema=False, guards=[_hide]),
        components=Components(
            security_schemes={
                "token": SecurityScheme(
                    type="http", scheme="bearer", description="An API token: so_…, as made by POST /api/tokens."
                )
            }
        ),
        security=[{"token": []}],
    )


def _hide(_connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Close the pages that the framework brings along: their scripts come from elsewhere, their 404 is HTML."""
    raise NotFoundException


@get("/api/openapi.json", include_in_schema=False)
async def show_description(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The API as OpenAPI describes it."""
    return Response(_encoded(request.app), media_type=JSON)


@functools.lru_cache(maxsize=1)
def _encoded(app: Litestar) -> bytes:
    return msgspec.json.encode(describe(app))


@functools.lru_cache(maxsize=1)
def describe(app: Litestar) -> Schema:
    """The whole description. Read it, do not write it: it is made once."""
    # Through JSON and back: what the framework shares between places is put right in each.
    found: Schema = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    components: Schema = found["components"]["schemas"]
    texts = {kind.__name__: kind.__doc__ for kind in _structs(msgspec.Struct)}
    strict = {kind.__name__ for kind in _structs(msgspec.Struct) if kind.__struct_config__.forbid_unknown_fields}
    for name, component in components.items():
        component["description"] = " ".join((texts.get(name) or "").split())
        if name in strict:
            component["additionalProperties"] = False
    for _, _, operation in operations(found):
        _complete(operation, components)
    return found


def operations(described: Schema) -> Iterator[tuple[str, str, Schema]]:
    """(path, method, operation) of all there are."""
    for path, item in described["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield path, method, item[method]


def _structs(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for below in kind.__subclasses__():
        if below.__module__.startswith(("app.", "db.")):
            yield below
        yield from _structs(below)


def _complete(operation: Schema, components: Schema) -> None:
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _without_null(parameter["schema"])
        for always in ("deprecated", "allowEmptyValue", "allowReserved"):
            parameter.pop(always, None)
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    if body:
        given = body["schema"]
        body["schema"] = _without_null(given)
        operation["requestBody"]["required"] = body["schema"] == given
        body["example"] = body_example(body["schema"], components)
    for status, answer in operation["responses"].items():
        if status in _DONE:
            answer["description"] = _DONE[status]
        for given in answer.get("content", {}).values():
            _show(given, components)
        kind = answer.get("content", {}).get(JSON, {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        if kind == "Events":
            answer["content"] |= _STREAM
        headers = _HEADERS.get(kind, {}) | _HEADERS.get(status, {})
        answer["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
        }


def _show(content: Schema, components: Schema) -> None:
    """Give it an example, unless it has some."""
    if "examples" not in content:
        content["example"] = example(content["schema"], components)
    for one in content.get("examples", {}).values():
        one.pop("id", None)


def _without_null(schema: Schema) -> Schema:
    """A parameter is there or not; the framework lets those that may be left out be null."""
    found = dict(schema)
    kinds = [one for one in found.pop("oneOf", []) if one != {"type": "null"}]
    if len(kinds) == 1:
        found |= kinds[0]
    if isinstance(found.get("type"), list):
        found["type"] = next(kind for kind in found["type"] if kind != "null")
    if "enum" in found:
        found["enum"] = [value for value in found["enum"] if value is not None]
    return found
