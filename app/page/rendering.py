"""Turns what a view read into HTML: Jinja with every value escaped, no name left undefined, the frame around it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie, MultiDict
from litestar.response import Redirect
from litestar.utils.scope.state import ScopeState

from app.page import words
from app.page.assets import Assets
from db.access import Identity

CSRF_COOKIE = "csrf"
TEMPLATES = Path(__file__).parent / "templates"
# What was just done, told on the page that is shown next. It holds no more than what that page would say anyway.
TOLD = "told"
TOLD_SECONDS = 30
LONGEST_TOLD = 500
# Of a list of names, before the rest is only counted.
NAMES_SHOWN = 20
# In the scope of a request: who asks, as soon as that is known.
WHO = "who"

AnyRequest = Request[Any, Any, Any]
Page = Response[str]


class Pages:
    """Shows templates."""

    def __init__(self, assets: Assets, elsewhere: str = "") -> None:
        """`elsewhere` names the provider that one may sign in with too, if there is one."""
        self._environment: Any = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(asset=assets.path, look=words.look, refusal=None, shown=NAMES_SHOWN)
        self._environment.globals["elsewhere"] = elsewhere
        self._environment.filters.update(
            ago=words.ago, aged=words.aged, counted=words.counted, pairs=pairs, query=query_text
        )

    def show(self, request: AnyRequest, template: str, *, status_code: int = 200, **values: Any) -> Page:
        """A whole page, with its frame."""
        told = read_told(request)
        content = self.render(request, template, told=told, **values)
        page = Response(content, media_type=MediaType.HTML, status_code=int(status_code))
        if told:
            page.set_cookie(told_cookie("", keep_seconds=0))
        return page

    def render(self, request: AnyRequest, template: str, **values: Any) -> str:
        """A template's text. Every template may use `path`, `who` and `csrf_token`."""
        token = ScopeState.from_scope(request.scope).csrf_token
        who: Identity | None = cast("dict[str, Any]", request.scope).get(WHO)
        frame = {
            "path": request.url.path,
            "page_query": request.url.query,
            "who": who,
            "may_change": who is not None and who.role != "viewer",
            "csrf_token": token if isinstance(token, str) else "",
            "told": "",
        }
        return self._environment.get_template(template).render(frame | values)


def back(path: str, told: str = "") -> Redirect:
    """Go on to a page of ours after something was done, and tell there what that was."""
    cookies = [told_cookie(told)] if told else []
    return Redirect(path, status_code=303, cookies=cookies)


def told_cookie(told: str, keep_seconds: int = TOLD_SECONDS) -> Cookie:
    """Carries the words to the next page."""
    value = base64.urlsafe_b64encode(told[:LONGEST_TOLD].encode()).decode()
    return Cookie(key=TOLD, value=value, max_age=keep_seconds, secure=True, httponly=True, samesite="strict")


def read_told(request: AnyRequest) -> str:
    """What was just done, empty if nothing was."""
    try:
        return base64.urlsafe_b64decode(request.cookies.get(TOLD, "")).decode()[:LONGEST_TOLD]
    except ValueError:
        return ""


def own_path(given: str | None) -> str:
    """Where to go on to: `given` if it is a path of this page, else home. Never another site's."""
    if given is None or not given.startswith("/") or given.startswith(("//", "/\\")) or not given.isprintable():
        return "/"
    parts = urlsplit(given)
    return given if not parts.scheme and not parts.netloc else "/"


def query_text(values: Mapping[str, Any], **changed: Any) -> str:
    """A query string of these values with some changed; what is empty is left out. Lists repeat their name."""
    kept = {name: value for name, value in {**values, **changed}.items() if value not in (None, "", False, [], ())}
    return urlencode(kept, doseq=True)


def query_of(path: str) -> MultiDict[Any]:
    """The query of one of our own paths."""
    return MultiDict(parse_qsl(urlsplit(path).query))


def pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Choices whose value is what they say."""
    return [(name, name) for name in names]


def text_of(value: Any) -> str:
    """A parameter as people read it: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
