"""One server: what is wanted beside what runs, what happens next, its history while it happens, and what one can do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from structlog.contextvars import bind_contextvars

from app.page import history
from app.page.forms import read_fields, read_schema
from app.page.live import Query, View
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from db import bulk, catalogue, drift, overview, restarts, rollouts, windows
from db.changes import Change, change_deployment, plan_restart
from db.connection import Session
from db.deployments import read_deployment
from db.errors import Refused

# Of its history on one page; older ones are a page further.
EVENTS_SHOWN = 150
_UNUSABLE = 422

STATES = {
    "start": ("Active", "It is being started."),
    "stop": ("Stopped", "It is being stopped."),
    "pause": ("Paused", "It is left alone until it is resumed."),
    "resume": ("Active", "It is looked after again."),
}


async def read_server(session: Session, query: Query) -> dict[str, Any]:
    """What the page of one server shows. Raises Refused (404), msgspec.ValidationError."""
    own = msgspec.convert(query.get("id"), UUID)
    server = await read_deployment(session, own)
    bind_contextvars(generation=server.generation)
    template = await catalogue.read_template(session, server.template, server.template_version)
    objects = await overview.list_objects(session, own)
    runs = await overview.read_timeline(session, own, None, EVENTS_SHOWN)
    return {
        "server": server,
        "standing": await overview.read_standing(session, own),
        "made_from": template,
        "newest": (await catalogue.read_template(session, server.template, None)).version,
        "rollout": await rollouts.find_rollout(session, own),
        "windows": await windows.list_usable(session, server.namespace),
        "settings": read_fields(read_schema(template.allowed_mutations_json), server.parameters),
        "objects": [found for found in objects if found.kind != "Pod"],
        "pods": [found for found in objects if found.kind == "Pod"],
        "warned": [found for found in objects if found.kind != "Pod" and found.events],
        "differences": await drift.list_drift(session, own),
        "runs": runs,
        "older": runs[-1].run if sum(len(run.steps) for run in runs) >= EVENTS_SHOWN else None,
        **WORDS,
    }


async def read_history(session: Session, query: Query) -> dict[str, Any]:
    """What came before an event. Raises Refused (404), msgspec.ValidationError."""
    own = msgspec.convert(query.get("id"), UUID)
    before = msgspec.convert(query.get("before"), int | None, strict=False)
    runs = await overview.read_timeline(session, own, before, EVENTS_SHOWN)
    return {
        "server": await read_deployment(session, own),
        "runs": runs,
        "older": runs[-1].run if sum(len(run.steps) for run in runs) >= EVENTS_SHOWN else None,
        **WORDS,
    }


# What the templates call.
WORDS = {
    "tell": history.tell,
    "took": history.took,
    "step_seconds": history.step_seconds,
    "outcome": history.outcome,
    "text_of": text_of,
}
server_view = View("server", "server_now.html", read_server)


@get("/servers/{deployment_id:uuid}", include_in_schema=False)
async def show_server(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page:
    """All of it, kept current."""
    bind_contextvars(deployment_id=str(deployment_id))
    query = Query({"id": str(deployment_id)})
    async with visit.transaction() as session:
        found = await server_view.read(session, query)
    return visit.show("server.html", view=server_view, **found)


@get("/servers/{deployment_id:uuid}/history", include_in_schema=False)
async def show_history(
    deployment_id: FromPath[UUID], visit: NamedDependency[Visit], before: FromQuery[int | None] = None
) -> Page:
    """What happened before what the server's own page shows."""
    async with visit.transaction() as session:
        found = await read_history(session, Query({"id": str(deployment_id), "before": before}))
    return visit.show("history.html", **found)


@post("/servers/{deployment_id:uuid}/{action:str}", include_in_schema=False)
async def act(deployment_id: FromPath[UUID], action: FromPath[str], visit: NamedDependency[Visit]) -> Redirect:
    """What a button asks for, then back to where it was pressed. Asking for what is so already changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    form = await visit.request.form()
    async with visit.transaction() as session:
        told = await carry_out(session, deployment_id, action, form)
    onward = "/drift" if form.get("back") == "drift" else f"/servers/{deployment_id}"
    return back(onward, told=told)


async def carry_out(session: Session, deployment_id: UUID, action: str, form: FormMultiDict) -> str:
    """Do it; answers what to say. Raises Refused."""
    match action:
        case "restart":
            await bulk.act_on_deployments(session, [deployment_id], "restart")
            return "It is being restarted."
        case "plan-restart":
            window = str(form.get("in_window", "")) or None
            await plan_restart(
                session,
                deployment_id,
                in_window=window,
                when_empty=window is None or "when_empty" in form,
                only_if_required="only_if_required" in form,
            )
            return "A restart is planned."
        case "cancel-restart":
            await restarts.cancel_restart(session, deployment_id)
            return "It is not restarted."
        case "put-back" | "ignore":
            return await decide(session, deployment_id, action, form)
        case "reconcile":
            await bulk.act_on_deployments(session, [deployment_id], "reconcile")
            return "It is being looked at now."
        case _ if action in STATES:
            state, told = STATES[action]
            await change_deployment(session, deployment_id, Change(desired_state=state))
            return told
        case _:
            raise NotFoundException


async def decide(session: Session, deployment_id: UUID, action: str, form: FormMultiDict) -> str:
    """What becomes of what others changed; answers what to say. Raises Refused."""
    if action == "put-back":
        await drift.put_back(session, deployment_id, [str(path) for path in form.getall("path", [])] or None)
        return "It is being put back now."
    kind, name, path = (str(form.get(key, "")) for key in ("kind", "name", "path"))
    if not (kind and name and path):
        raise Refused(_UNUSABLE, "it is not said what to ignore", "path", "Use the button beside a path.")
    await drift.ignore(session, deployment_id, kind, name, path)
    return "That is theirs from now on. A rule of this server says so: Edit shows it."


@get("/servers/{deployment_id:uuid}/delete", include_in_schema=False)
async def ask_to_delete(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page:
    """What goes and what stays, and whether that is meant."""
    async with visit.transaction() as session:
        visit.require_change("delete servers")
        return await show_deletion(visit, session, deployment_id, typed="", keep_data=True)


@post("/servers/{deployment_id:uuid}/delete", include_in_schema=False)
async def delete(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Delete it if its name was typed, and say what becomes of its data."""
    bind_contextvars(deployment_id=str(deployment_id))
    form = await visit.request.form()
    typed, keep_data = str(form.get("typed", "")).strip(), form.get("data") != "lose"
    async with visit.transaction() as session:
        server = await read_deployment(session, deployment_id)
        if typed != server.name:
            refusal = Refused(_UNUSABLE, "that is not its name", "typed", f"Type {server.name}. Nothing was deleted.")
            return await show_deletion(visit, session, deployment_id, typed=typed, keep_data=keep_data, refusal=refusal)
        await change_deployment(session, deployment_id, Change(desired_state="Deleted", keep_data=keep_data))
    kept = "Its data is kept." if keep_data else "Its data goes with it."
    return back(f"/servers/{deployment_id}", told=f"{server.name} is being deleted. {kept}")


async def show_deletion(
    visit: Visit,
    session: Session,
    deployment_id: UUID,
    *,
    typed: str,
    keep_data: bool,
    refusal: Refused | None = None,
) -> Page:
    """The question, which names the data that is kept or lost."""
    objects = await overview.list_objects(session, deployment_id)
    return visit.show(
        "delete.html",
        status_code=200 if refusal is None else refusal.status,
        server=await read_deployment(session, deployment_id),
        claims=[found for found in objects if found.kind == "PersistentVolumeClaim"],
        others=[found for found in objects if found.kind != "PersistentVolumeClaim"],
        typed=typed,
        keep_data=keep_data,
        refusal=refusal,
    )


router = Router("/", route_handlers=[show_server, show_history, ask_to_delete, delete, act])
