"""Coming in and going out: by a password, or the first time by a one-time link. The doors are in app/sign_in.py."""

from __future__ import annotations

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from app.page.rendering import AnyRequest, Page, back, own_path
from app.page.visit import Visit
from app.sign_in import SHORTEST, SignIn, Visitor, cookie_of, no_cookie
from db import access
from db.access import Credential
from db.errors import Refused

LONGEST_BROWSER = 200
_GONE, _UNFIT = 404, 422


@get("/sign-in", include_in_schema=False)
async def show_sign_in(visit: NamedDependency[Visit]) -> Page:
    """The form."""
    return visit.show("sign_in.html", next=own_path(visit.query.get("next")), name="")


@post("/sign-in", include_in_schema=False)
async def sign_in(visit: NamedDependency[Visit], doors: NamedDependency[SignIn]) -> Page | Redirect:
    """On to where one wanted to go, or the form again with what was wrong."""
    form = await visit.form()
    wanted = own_path(form.get("next"))
    try:
        credential = await doors.with_password(form.get("name", ""), form.get("password", ""), visitor(visit.request))
    except Refused as refusal:
        return visit.refuse("sign_in.html", refusal, next=wanted, name=form.get("name", ""))
    return signed_in(visit.request, wanted, credential)


@post("/sign-out", include_in_schema=False)
async def sign_out(visit: NamedDependency[Visit]) -> Redirect:
    """The session ends, not only this browser's memory of it."""
    async with visit.transaction() as session:
        await access.sign_out(session, visit.credential)
    gone = back("/sign-in", told="You are signed out.")
    gone.set_cookie(no_cookie(visit.request.url.scheme))
    return gone


@get("/welcome/{secret:str}", include_in_schema=False)
async def show_welcome(secret: FromPath[str], visit: NamedDependency[Visit], doors: NamedDependency[SignIn]) -> Page:
    """The form of a link that is good, and what to do with one that is not."""
    try:
        name = await doors.whose_link(secret)
    except Refused as refusal:
        return visit.show("welcome.html", status_code=refusal.status, name=None)
    return visit.show("welcome.html", name=name, shortest=SHORTEST)


@post("/welcome/{secret:str}", include_in_schema=False)
async def choose_password(
    secret: FromPath[str], visit: NamedDependency[Visit], doors: NamedDependency[SignIn]
) -> Page | Redirect:
    """Set the password, and in."""
    try:
        password = chosen(await visit.form())
        credential = await doors.with_link(secret, password, visitor(visit.request))
    except Refused as refusal:
        if refusal.status == _GONE:
            return visit.show("welcome.html", status_code=_GONE, name=None)
        name = await doors.whose_link(secret)
        return visit.refuse("welcome.html", refusal, name=name, shortest=SHORTEST)
    return signed_in(visit.request, "/", credential, told="Your password is set, and you are signed in.")


def chosen(form: dict[str, str]) -> str:
    """The new password, typed twice. Raises Refused (422)."""
    password = form.get("password", "")
    if password != form.get("again", ""):
        raise Refused(_UNFIT, "the two are not the same", "again", "Type the new password twice.")
    return password


def visitor(request: AnyRequest) -> Visitor:
    """Where a request comes from."""
    address = "" if request.client is None else request.client.host
    return Visitor(address, request.headers.get("user-agent", "")[:LONGEST_BROWSER])


def signed_in(request: AnyRequest, path: str, credential: Credential, told: str = "") -> Redirect:
    """On, with the cookie of the session."""
    answer = back(path, told)
    answer.set_cookie(cookie_of(credential, request.url.scheme))
    return answer


router = Router("/", route_handlers=[show_sign_in, sign_in, sign_out, show_welcome, choose_password])
