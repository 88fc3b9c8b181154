"""Maintenance windows: when servers may be restarted or put back. Everybody looks, admins write."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Router, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from app.page.rendering import Page, back
from app.page.visit import Visit
from app.windows import known
from db import windows
from db.connection import Session
from db.errors import Refused
from db.windows import Opening, Wanted, Window

DAYS = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
BLANK = {"name": "", "namespace": "", "days": list(DAYS), "starts": "04:00", "lasts_minutes": "120", "zone": "UTC"}
FIELDS = ["name", "namespace", "days", "starts", "lasts_minutes", "lasts", "zone"]
_UNUSABLE = 422


def wanted_of(form: FormMultiDict) -> Wanted:
    """The window that a form describes. Raises Refused."""
    text = {name: str(form.get(name, "")).strip() for name in FIELDS}
    if not text["lasts_minutes"].isdecimal():
        raise Refused(_UNUSABLE, "that is no number of minutes", "lasts_minutes", "Use 1 to 1440.")
    return Wanted(
        name=text["name"],
        namespace=text["namespace"] or None,
        days=[str(day) for day in form.getall("days", [])],
        starts=text["starts"],
        lasts_minutes=min(int(text["lasts_minutes"][:9]), 10**6),
        zone=text["zone"],
    )


def given_of(form: FormMultiDict) -> dict[str, Any]:
    """What was sent, to be shown again."""
    return {name: str(form.get(name, "")) for name in FIELDS} | {"days": form.getall("days", [])}


@get("/windows", include_in_schema=False)
async def show_windows(visit: NamedDependency[Visit]) -> Page:
    """All that one may see, and when they are open."""
    async with visit.transaction() as session:
        found = await windows.list_windows(session)
    return visit.show("windows.html", windows=found, given=BLANK, **WORDS)


@post("/windows", include_in_schema=False)
async def add_window(visit: NamedDependency[Visit]) -> Page | Redirect:
    """A new one."""
    form = await visit.request.form()
    try:
        async with visit.transaction() as session:
            wanted = wanted_of(form)
            await windows.create_window(session, wanted)
    except Refused as refusal:
        async with visit.transaction() as session:
            found = await windows.list_windows(session)
        return visit.refuse("windows.html", refusal, windows=found, given=given_of(form), **WORDS)
    return back("/windows", told=f"The window {wanted.name} is there.")


@get("/windows/{window_id:int}", include_in_schema=False)
async def show_window(window_id: FromPath[int], visit: NamedDependency[Visit]) -> Page:
    """One, and what can be changed."""
    async with visit.transaction() as session:
        return visit.show("window.html", **await about(session, window_id))


@post("/windows/{window_id:int}", include_in_schema=False)
async def change_window(window_id: FromPath[int], visit: NamedDependency[Visit]) -> Page | Redirect:
    """All of it anew."""
    form = await visit.request.form()
    try:
        async with visit.transaction() as session:
            await windows.change_window(session, known(window_id), wanted_of(form))
    except Refused as refusal:
        async with visit.transaction() as session:
            found = await about(session, window_id)
        return visit.refuse("window.html", refusal, **found | {"given": given_of(form)})
    return back("/windows", told="Saved. What waits for it waits for the window as it is now.")


@post("/windows/{window_id:int}/delete", include_in_schema=False)
async def delete_window(window_id: FromPath[int], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Unless something waits for it."""
    try:
        async with visit.transaction() as session:
            await windows.delete_window(session, known(window_id))
    except Refused as refusal:
        async with visit.transaction() as session:
            found = await about(session, window_id)
        return visit.refuse("window.html", refusal, **found)
    return back("/windows", told="The window is deleted.")


async def about(session: Session, window_id: int) -> dict[str, Any]:
    """What the page of one shows. Raises Refused (404)."""
    window = await windows.read_window(session, known(window_id))
    given = {name: getattr(window, name) for name in ("name", "days", "starts", "lasts_minutes", "zone")}
    return {"window": window, "given": given | {"namespace": window.namespace or ""}, **WORDS}


def days_of(window: Window) -> str:
    """Every day; Sat and Sun; Mon, Tue and Fri."""
    if len(window.days) == len(DAYS):
        return "every day"
    return " and ".join([", ".join(window.days[:-1]), window.days[-1]] if len(window.days) > 1 else window.days)


def lasting(minutes: int) -> str:
    """2 h, 1 h 30 min, 45 min."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0))


def there(opening: Opening) -> str:
    """By the clocks of its zone: Sat 28 Nov 04:00 to 06:00."""
    opens, closes = datetime.fromisoformat(opening.opens_there), datetime.fromisoformat(opening.closes_there)
    other_day = "%a " if opens.date() != closes.date() else ""
    return f"{opens:%a %d %b %H:%M} to {closes.strftime(other_day + '%H:%M')}"


# What the templates call.
WORDS: dict[str, Any] = {"DAYS": DAYS, "fields": FIELDS, "days_of": days_of, "lasting": lasting, "there": there}
router = Router("/", route_handlers=[show_windows, add_window, show_window, change_window, delete_window])
