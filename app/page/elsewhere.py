"""Two steps of a browser that signs in with an account elsewhere. What is checked is in app/oidc.py."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.response import Redirect

from app.oidc import ATTEMPT_SECONDS, Attempt, Elsewhere
from app.page.rendering import AnyRequest, Page, own_path
from app.page.sign_in import signed_in, visitor
from app.page.visit import Visit
from app.settings import OidcSettings
from db.database import Database
from db.errors import Refused

ATTEMPT = "attempt"
BEGIN, BACK = "/sign-in/oidc", "/sign-in/oidc/back"


@get(BEGIN, include_in_schema=False)
async def begin(visit: NamedDependency[Visit], elsewhere: NamedDependency[Elsewhere]) -> Page | Redirect:
    """On to the provider."""
    attempt = Attempt.fresh(own_path(visit.query.get("next")))
    try:
        url = await elsewhere.begin(address(visit.request), attempt)
    except Refused as refusal:
        return visit.refuse("sign_in.html", refusal, next=attempt.wanted, name="")
    return Redirect(url, status_code=303, cookies=[attempt_cookie(attempt.packed(), ATTEMPT_SECONDS)])


@get(BACK, include_in_schema=False)
async def come_back(visit: NamedDependency[Visit], elsewhere: NamedDependency[Elsewhere]) -> Page | Redirect:
    """In, or the form with what was wrong. Either way the attempt is over."""
    wanted = "/"
    try:
        attempt = Attempt.unpacked(visit.request.cookies.get(ATTEMPT))
        wanted = own_path(attempt.wanted)
        brought = {name: str(value) for name, value in visit.query.items()}
        credential = await elsewhere.finish(address(visit.request), attempt, brought, visitor(visit.request))
        answer = signed_in(visit.request, wanted, credential)
    except Refused as refusal:
        answer = visit.refuse("sign_in.html", refusal, next=wanted, name="")
    answer.set_cookie(attempt_cookie("", 0))
    return answer


def address(request: AnyRequest) -> str:
    """Where the provider sends the browser back to: as it is registered there."""
    return str(request.base_url).rstrip("/") + BACK


def attempt_cookie(value: str, keep_seconds: int) -> Cookie:
    """Lax: it is sent when the provider leads the browser back here, and on nothing else of another site's."""
    return Cookie(
        key=ATTEMPT, value=value, max_age=keep_seconds, path=BEGIN, secure=True, httponly=True, samesite="lax"
    )


def router(settings: OidcSettings, database: Database) -> Router:
    """The two routes, over this provider."""
    elsewhere = Elsewhere(settings, database)
    given = {"elsewhere": Provide(lambda: elsewhere, sync_to_thread=False)}
    return Router("/", route_handlers=[begin, come_back], dependencies=given)
