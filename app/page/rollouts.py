"""Rollouts: servers moved to another version of their template, batch by batch. Started and followed here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from app.page.drafts import as_step
from app.page.live import Query, View
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from app.rollouts import within
from db import catalogue, rollouts
from db.changes import LARGEST_VERSION
from db.connection import Session
from db.deployments import read_deployment
from db.errors import Refused
from db.rollouts import MOST_MEMBERS_NAMED, Course, NewRollout

SHOWN = 50
_UNFIT = 422
_NOT_THEIRS = (403, 404)
COURSES: dict[Course, str] = {
    "pause": "It is paused: no further server is touched.",
    "resume": "It goes on.",
    "abort": "It is aborted: everything stays as it stands.",
    "roll-back": "What it changed is put back.",
}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the form says. No `id`: every server on an older version."""

    template: str
    id: Annotated[list[UUID], msgspec.Meta(max_length=MOST_MEMBERS_NAMED)] = []
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)]
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 5
    max_unavailable: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 1
    patience_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 300
    pause_on_failure: bool = False
    restart: bool = False

    def rollout(self) -> NewRollout:
        """The same for the door to Postgres."""
        return NewRollout(
            template=self.template,
            version=self.version,
            ids=list(self.id) or None,
            batch_size=self.batch_size,
            max_unavailable=self.max_unavailable,
            patience_seconds=self.patience_seconds,
            pause_on_failure=self.pause_on_failure,
            restart=self.restart,
        )


async def read_rollouts(session: Session, query: Query) -> dict[str, Any]:
    """The newest. Raises msgspec.ValidationError."""
    del query
    return {"rollouts": await rollouts.list_rollouts(session, None, SHOWN)}


async def read_rollout(session: Session, query: Query) -> dict[str, Any]:
    """One with its members. Raises Refused (404), msgspec.ValidationError."""
    own = msgspec.convert(query.get("id"), int, strict=False)
    return {"rollout": await rollouts.read_rollout(session, within(own))}


rollouts_view = View("rollouts", "rollouts_now.html", read_rollouts)
rollout_view = View("rollout", "rollout_now.html", read_rollout)


@get("/rollouts", include_in_schema=False)
async def show_rollouts(visit: NamedDependency[Visit]) -> Page:
    """All that one may see, kept current."""
    async with visit.transaction() as session:
        found = await rollouts_view.read(session, visit.query)
    return visit.show("rollouts.html", view=rollouts_view, **found)


@get("/rollouts/{rollout_id:int}", include_in_schema=False)
async def show_rollout(rollout_id: FromPath[int], visit: NamedDependency[Visit]) -> Page:
    """How far it is, kept current."""
    async with visit.transaction() as session:
        found = await rollout_view.read(session, Query({"id": str(rollout_id)}))
    return visit.show("rollout.html", view=rollout_view, **found)


@post("/rollouts/{rollout_id:int}/{course:str}", include_in_schema=False)
async def direct(rollout_id: FromPath[int], course: FromPath[str], visit: NamedDependency[Visit]) -> Redirect:
    """What a button decides about its course."""
    if course not in COURSES:
        raise NotFoundException
    async with visit.transaction() as session:
        await rollouts.direct_rollout(session, within(rollout_id), course)
    return back(f"/rollouts/{rollout_id}", told=COURSES[course])


@get("/rollouts/new", include_in_schema=False)
async def ask(visit: NamedDependency[Visit]) -> Page:
    """The form, for every server that is on an older version of a template."""
    async with visit.transaction() as session:
        visit.require_change("change servers")
        template = await catalogue.read_template(session, str(visit.query.get("template", "")), None)
        return await show(visit, session, template.name, [], None)


@post("/rollouts/new", include_in_schema=False)
async def start(visit: NamedDependency[Visit]) -> Page | Redirect:
    """Start it; or show again what was asked for, with what is wrong about it or would be refused."""
    form = await visit.request.form()
    usual = {"batch_size": "5", "max_unavailable": "1", "patience_seconds": "300"}
    given: dict[str, Any] = usual | {name: value for name, value in form.items() if name != "id"}
    given |= {"id": form.getall("id", [])} | {name: name in form for name in ("pause_on_failure", "restart")}
    wish, refusal = None, None
    try:
        wish = msgspec.convert(given, Wish, strict=False)
        if "sure" in given:
            async with visit.transaction() as session:
                own = await rollouts.start_rollout(session, wish.rollout())
            return back(f"/rollouts/{own}", told="The rollout has begun.")
    except Refused as error:
        if error.status in _NOT_THEIRS:
            raise
        refusal = error
    except msgspec.ValidationError as error:
        refusal = Refused(_UNFIT, str(error), "", "Nothing was started.")
    async with visit.transaction() as session:
        visit.require_change("change servers")
        ids = msgspec.convert(given["id"], list[UUID], strict=False)
        return await show(visit, session, str(given.get("template", "")), ids, given, wish, refusal)


async def choose(visit: Visit, ids: Sequence[UUID]) -> Page:
    """The form for servers that were selected. Raises Refused where they are of several templates."""
    async with visit.transaction() as session:
        visit.require_change("change servers")
        templates = {(await read_deployment(session, one)).template for one in ids}
        if len(templates) != 1:
            what = "no server was selected" if not templates else "they are made from several templates"
            raise Refused(_UNFIT, what, "id", "Select servers of one template; the list can be narrowed to it.")
        return await show(visit, session, templates.pop(), ids, None)


async def show(
    visit: Visit,
    session: Session,
    template: str,
    ids: Sequence[UUID],
    given: dict[str, Any] | None,
    wish: Wish | None = None,
    refusal: Refused | None = None,
) -> Page:
    """The form as it stands, and what would come of it. Raises Refused (404)."""
    newest = await catalogue.read_template(session, template, None)
    # A form nobody has filled in yet is careful, as the API is with whoever says nothing; a box without a tick says no.
    careful = Wish(template=template, id=list(ids), version=newest.version, pause_on_failure=True, restart=True)
    tried = (wish or careful).rollout()
    preview = await rollouts.preview_rollout(session, tried) if refusal is None else None
    first = preview.first.plan if preview is not None and preview.first is not None else []
    return visit.show(
        "rollout_new.html",
        status_code=200 if refusal is None else refusal.status,
        made_from=newest,
        versions=[str(one) for one in reversed(newest.versions)],
        ids=ids,
        given=given or msgspec.to_builtins(tried),
        preview=preview,
        steps=[as_step(list(rows), None) for _, rows in groupby(first, key=lambda row: row.step)],
        text_of=text_of,
        refusal=refusal,
    )


router = Router("/", route_handlers=[show_rollouts, ask, start, show_rollout, direct])
