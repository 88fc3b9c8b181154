"""People: who may come in, what each may do and where. For admins; Postgres refuses everybody else."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from app.page.rendering import Page, back
from app.page.visit import Visit
from db import access
from db.access import User
from db.connection import Session
from db.errors import Refused

ROWS = 200
ROLES = {
    "viewer": "Viewer: looks at servers",
    "operator": "Operator: makes and changes servers",
    "admin": "Admin: does everything",
}
_MOVED = 409
BLANK = {"name": "", "role": "operator", "namespaces": ""}


def namespaces_of(form: dict[str, str]) -> list[str] | None:
    """Names between spaces or commas; None, which is all, for none."""
    return re.findall(r"[^\s,]+", form.get("namespaces", "")) or None


async def find_person(session: Session, name: str) -> User:
    """Raises Refused (404)."""
    person = await access.read_user(session, name)
    if person is not None:
        return person
    raise Refused(404, f"there is nobody called {name}", "name", "See the list of people.")


@get("/people", include_in_schema=False)
async def show_people(visit: NamedDependency[Visit]) -> Page:
    """All that one may see."""
    async with visit.transaction() as session:
        found = await read_people(session, visit.query.get("after", ""))
    return visit.show("people.html", given=BLANK, roles=ROLES, link="", **found)


async def read_people(session: Session, after: str = "") -> dict[str, Any]:
    """One page of them by name, beyond `after`."""
    found = await access.list_users(session, after=after, limit=ROWS + 1)
    return {"people": found[:ROWS], "more": len(found) > ROWS, "after": after}


@post("/people", include_in_schema=False)
async def add_person(visit: NamedDependency[Visit]) -> Page:
    """A new one, and the link to give them: it is shown this once."""
    form = await visit.form()
    name = form.get("name", "").strip()
    try:
        async with visit.transaction() as session:
            await access.create_user(session, name, form.get("role", ""), namespaces_of(form))
            secret = await access.make_password_link(session, name)
            found = await read_people(session)
    except Refused as refusal:
        async with visit.transaction() as session:
            found = await read_people(session)
        return visit.refuse("people.html", refusal, given=BLANK | form, roles=ROLES, link="", **found)
    link = welcome_link(visit, secret)
    return visit.show("people.html", given=BLANK, roles=ROLES, link=link, link_for=name, **found)


@get("/people/{name:str}", include_in_schema=False)
async def show_person(name: FromPath[str], visit: NamedDependency[Visit]) -> Page:
    """One, and what can be changed."""
    async with visit.transaction() as session:
        person = await find_person(session, name)
    return visit.show("person.html", **about(person))


@post("/people/{name:str}", include_in_schema=False)
async def change_person(name: FromPath[str], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Role and namespaces, at once."""
    form = await visit.form()
    try:
        async with visit.transaction() as session:
            await access.hold_user(session, name)
            require_unmoved(await find_person(session, name), form)
            await access.change_user(session, name, form.get("role", ""), namespaces_of(form))
    except Refused as refusal:
        async with visit.transaction() as session:
            person = await find_person(session, name)
        return visit.refuse("person.html", refusal, **about(person, form))
    return back(page_of(name), told="Saved. It holds from now on.")


@post("/people/{name:str}/link", include_in_schema=False)
async def make_link(name: FromPath[str], visit: NamedDependency[Visit]) -> Page:
    """A link to choose a new password, shown this once."""
    async with visit.transaction() as session:
        secret = await access.make_password_link(session, name)
        person = await find_person(session, name)
    return visit.show("person.html", **about(person, link=welcome_link(visit, secret)))


@post("/people/{name:str}/disable", include_in_schema=False)
async def disable_person(name: FromPath[str], visit: NamedDependency[Visit]) -> Redirect:
    """Nothing of theirs works from now on."""
    async with visit.transaction() as session:
        await access.disable_user(session, name)
    return back(page_of(name), told=f"{name} is disabled, and signed out everywhere.")


@post("/people/{name:str}/enable", include_in_schema=False)
async def enable_person(name: FromPath[str], visit: NamedDependency[Visit]) -> Redirect:
    """They may come in again."""
    async with visit.transaction() as session:
        await access.enable_user(session, name)
    return back(page_of(name), told=f"{name} may come in again.")


def require_unmoved(person: User, form: dict[str, str]) -> None:
    """Refuses to save over what somebody else changed since the form was shown. Raises Refused (409)."""
    seen = form.get("seen")
    if seen is not None and seen != looks(person):
        raise Refused(
            _MOVED,
            f"{person.name} was changed meanwhile: {looks(person)}",
            "role",
            "Nothing was saved. Save again if what stands in the form is meant.",
        )


def looks(person: User) -> str:
    """Role and namespaces in words, as a form that changes them was shown with."""
    return f"{person.role} in {', '.join(person.namespaces) if person.namespaces else 'every namespace'}"


def about(person: User, form: dict[str, str] | None = None, link: str = "") -> dict[str, Any]:
    """What the page of one person shows; `form` is what was sent, where that was refused."""
    now = {"role": person.role, "namespaces": " ".join(person.namespaces or [])}
    return {"person": person, "given": now | (form or {}), "seen": looks(person), "roles": ROLES, "link": link}


def page_of(name: str) -> str:
    """Where one person is shown."""
    return f"/people/{quote(name, safe='')}"


def welcome_link(visit: Visit, secret: str) -> str:
    """To send to whom it is for."""
    return f"{str(visit.request.base_url).rstrip('/')}/welcome/{secret}"


router = Router(
    "/",
    route_handlers=[
        show_people,
        add_person,
        show_person,
        change_person,
        make_link,
        disable_person,
        enable_person,
    ],
)
