"""The description of the API as a page: /api/docs. No script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency

from app.description import JSON, describe, operations
from app.examples import Schema
from app.page.rendering import Page, Pages
from app.problems import KINDS


class Docs:
    """The page, made once a process: the routes stay as they are, and it is open to everybody."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._text = ""

    def text(self, request: Request[Any, Any, Any]) -> str:
        """As HTML. It says nothing about who asks: nobody is known by then."""
        if not self._text:
            described = describe(request.app)
            self._text = self._pages.render(
                request, "docs.html", groups=list(groups(described)), kinds=KINDS, info=described["info"]
            )
        return self._text


@get("/api/docs", include_in_schema=False)
async def show_docs(request: Request[Any, Any, Any], docs: NamedDependency[Docs]) -> Page:
    """All routes, what they take and answer, and all errors."""
    return Response(docs.text(request), media_type=MediaType.HTML)


class Answer(msgspec.Struct, frozen=True):
    """One status that a route answers with."""

    status: str
    text: str
    example: str


class Operation(msgspec.Struct, frozen=True):
    """One route, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Schema]
    body: str
    answers: list[Answer]


class Group(msgspec.Struct, frozen=True):
    """The routes of one subject."""

    name: str
    operations: list[Operation]


def groups(described: Schema) -> Iterator[Group]:
    """All routes by their subject, in the order of the description."""
    found: dict[str, list[Operation]] = {}
    for path, method, operation in operations(described):
        body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("example")
        found.setdefault((operation.get("tags") or ["process"])[0], []).append(
            Operation(
                anchor=operation["operationId"],
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                text=operation.get("description", ""),
                parameters=[one | {"kind": _kind(one["schema"])} for one in operation.get("parameters", [])],
                body=_pretty(body) if body is not None else "",
                answers=[
                    Answer(status, one["description"], _pretty(one.get("content", {}).get(JSON, {}).get("example")))
                    for status, one in operation["responses"].items()
                ],
            )
        )
    return (Group(name, listed) for name, listed in found.items())


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return _kind(schema["items"])
    bounds = [f"{word} {schema[key]:g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([schema.get("format") or schema.get("type") or "any", *bounds])


def _pretty(value: Any) -> str:
    return "" if value is None else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
