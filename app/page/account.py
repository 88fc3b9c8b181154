"""One's own account: what one may do, tokens for programs, where one is signed in, the password."""

from __future__ import annotations

from typing import Any

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from app.page.people import ROLES, namespaces_of
from app.page.rendering import Page, back
from app.page.sign_in import chosen, signed_in, visitor
from app.page.visit import Visit
from app.sign_in import SHORTEST, SignIn
from db import access
from db.connection import Session
from db.errors import Refused

LIFETIMES = {"30": "In 30 days", "90": "In 90 days", "365": "In a year", "": "Never, until it is revoked"}
_UNFIT = 422
BLANK = {"name": "", "role": "", "namespaces": "", "expires_in": "90"}


async def read_account(session: Session, visit: Visit) -> dict[str, Any]:
    """What the page shows."""
    tokens = await access.list_tokens(session)
    return {
        "tokens": [token for token in tokens if token.revoked_at is None],
        "sessions": await access.list_sessions(session),
        "own_session": visit.session_id,
    }


def frame(form: str = "", given: dict[str, str] | None = None, made: str = "") -> dict[str, Any]:
    """What the forms show: `form` names the one that `given` was sent with, `made` is a new token."""
    return {
        "form": form,
        "given": BLANK | (given or {}),
        "made": made,
        "roles": ROLES,
        "lifetimes": LIFETIMES,
        "shortest": SHORTEST,
    }


@get("/account", include_in_schema=False)
async def show_account(visit: NamedDependency[Visit]) -> Page:
    """All of it."""
    async with visit.transaction() as session:
        found = await read_account(session, visit)
    return visit.show("account.html", **frame(), **found)


@post("/account/tokens", include_in_schema=False)
async def make_token(visit: NamedDependency[Visit]) -> Page:
    """The token, this once: it is on no page that could be looked at again."""
    form = await visit.form()
    try:
        days = lifetime(form)
        async with visit.transaction() as session:
            made = await access.make_token(
                session,
                form.get("name", ""),
                role=form.get("role") or None,
                namespaces=namespaces_of(form),
                expires_in_days=days,
            )
            found = await read_account(session, visit)
    except Refused as refusal:
        async with visit.transaction() as session:
            found = await read_account(session, visit)
        return visit.refuse("account.html", refusal, **frame("token", form), **found)
    return visit.show("account.html", **frame(made=made), **found)


def lifetime(form: dict[str, str]) -> int | None:
    """In days; None is for ever. Raises Refused (422)."""
    days = form.get("expires_in", "")
    if days not in LIFETIMES:
        raise Refused(_UNFIT, "choose when it ends", "expires_in", "One of those in the list.")
    return int(days) if days else None


@post("/account/tokens/{token_id:int}/revoke", include_in_schema=False)
async def revoke_token(token_id: FromPath[int], visit: NamedDependency[Visit]) -> Redirect:
    """For good."""
    async with visit.transaction() as session:
        await access.revoke_token(session, token_id)
    return back("/account", told="The token is revoked: nobody can use it any more.")


@post("/account/sessions/{session_id:int}/end", include_in_schema=False)
async def end_session(session_id: FromPath[int], visit: NamedDependency[Visit]) -> Redirect:
    """Sign out elsewhere."""
    async with visit.transaction() as session:
        await access.end_session(session, session_id)
    return back("/account", told="That browser is signed out.")


@post("/account/password", include_in_schema=False)
async def change_password(visit: NamedDependency[Visit], doors: NamedDependency[SignIn]) -> Page | Redirect:
    """Another password: a new session here, all others end."""
    form = await visit.form()
    async with visit.transaction() as session:
        found = await read_account(session, visit)
    try:
        credential = await doors.change_password(
            visit.who.user, form.get("current", ""), chosen(form), visitor(visit.request)
        )
    except Refused as refusal:
        return visit.refuse("account.html", refusal, **frame("password"), **found)
    told = "Your password is changed. You are signed out everywhere else."
    return signed_in(visit.request, "/account", credential, told)


router = Router("/", route_handlers=[show_account, make_token, revoke_token, end_session, change_password])
