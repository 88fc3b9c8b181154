"""One action on many servers, all or none. What stops people's games or loses something asks first.

The question is answered by Postgres: the action is carried out and taken back, so what is asked about is what will be
done, and what would be refused is refused before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar import Router, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.response import Redirect

from app.page import rollouts
from app.page.home import MOST, Wish
from app.page.live import Query
from app.page.rendering import Page, back, own_path, query_of
from app.page.visit import Visit
from app.page.words import counted
from db import bulk, listing
from db.bulk import Action, Changed
from db.changes import Change
from db.connection import Session
from db.errors import Refused

_UNFIT = 422


class Act(msgspec.Struct, frozen=True):
    """What a button does, and how the page says so. What changes no intent is an action instead of a `change`.

    `done` follows the number of servers. One with `means` is asked about first, and says that.
    """

    verb: str
    done: str
    change: Change | Action
    means: str = ""


ACTS = {
    "start": Act("Start", "being started", Change(desired_state="Active")),
    "resume": Act("Resume", "held no longer, and asked to run", Change(desired_state="Active")),
    "pause": Act("Pause", "left alone until resumed", Change(desired_state="Paused")),
    "stop": Act(
        "Stop",
        "being stopped",
        Change(desired_state="Stopped"),
        "Players are disconnected. Worlds and settings are kept, and a start brings all of it back.",
    ),
    "restart": Act(
        "Restart", "being restarted", "restart", "Players are disconnected, and can join again as soon as it runs."
    ),
    "reconcile": Act("Reconcile now", "being looked at now", "reconcile"),
    "delete": Act(
        "Delete",
        "being deleted",
        Change(desired_state="Deleted"),
        "Players are disconnected, and everything that runs is removed from the cluster.",
    ),
}


class Order(msgspec.Struct, frozen=True):
    """What a form asks for."""

    act: Act
    action: str
    ids: list[UUID]
    back: str
    every: bool
    sure: bool
    keep_data: bool
    typed: str

    @classmethod
    def of(cls, form: FormMultiDict) -> Order:
        """Raises Refused, msgspec.ValidationError."""
        action = str(form.get("action"))
        if action not in ACTS:
            raise Refused(_UNFIT, "there is no such action", "action", "Choose one of the buttons above the list.")
        ids = msgspec.convert(form.getall("id", []), list[UUID], strict=False)
        return cls(
            act=ACTS[action],
            action=action,
            ids=list(dict.fromkeys(ids)),
            back=own_path(str(form.get("back"))),
            every="all" in form,
            sure=form.get("sure") == "yes",
            keep_data=form.get("data") != "lose",
            typed=str(form.get("typed", "")).strip(),
        )

    @property
    def loses_data(self) -> bool:
        """Whether worlds would be gone for good."""
        return self.action == "delete" and not self.keep_data


@post("/servers/act", include_in_schema=False)
async def act_on_many(visit: NamedDependency[Visit]) -> Page | Redirect:
    """Do it, or ask first."""
    form = await visit.request.form()
    if form.get("action") == "upgrade":
        return await choose_version(visit, form)
    order = Order.of(form)
    if order.act.means and not order.sure:
        return await ask(visit, order)
    if order.loses_data and order.typed != str(len(order.ids)):
        wrong = "type the number of servers whose data is to be lost"
        refusal = Refused(_UNFIT, wrong, "typed", f"It is {len(order.ids)}. Nothing was deleted.")
        return await ask(visit, order, refusal)
    async with visit.transaction() as session:
        changed = await carry_out(session, order)
    are = "is" if len(changed) == 1 else "are"
    return back(order.back, told=f"{counted(len(changed), 'server')} {are} {order.act.done}.")


async def choose_version(visit: Visit, form: FormMultiDict) -> Page:
    """Many move in a rollout, which has a form of its own. Raises Refused, msgspec.ValidationError."""
    ids: Sequence[UUID] = msgspec.convert(form.getall("id", []), list[UUID], strict=False)
    if "all" in form:
        async with visit.transaction() as session:
            ids = await every_fitting(session, query_of(own_path(str(form.get("back")))))
    return await rollouts.choose(visit, list(dict.fromkeys(ids)))


async def ask(visit: Visit, order: Order, refusal: Refused | None = None) -> Page:
    """Whether that is what is wanted, by name."""
    async with visit.transaction(rollback=True) as session:
        changed = await carry_out(session, order)
    status_code = 200 if refusal is None else refusal.status
    return visit.show("act.html", status_code=status_code, order=order, servers=changed, refusal=refusal)


async def carry_out(session: Session, order: Order) -> list[Changed]:
    """All or none. Raises Refused, whose message begins with the name of the server it is about."""
    ids = await every_fitting(session, query_of(order.back)) if order.every else order.ids
    if not ids:
        raise Refused(
            _UNFIT, "no server was selected", "id", "Go back, tick the servers that are meant, and try again."
        )
    change = order.act.change
    if not isinstance(change, Change):
        return await bulk.act_on_deployments(session, ids, change)
    if order.action == "delete":
        change = msgspec.structs.replace(change, keep_data=order.keep_data)
    return await bulk.change_deployments(session, ids, change)


async def every_fitting(session: Session, query: Query) -> Sequence[UUID]:
    """Those that the list shows, on all its pages."""
    wish = Wish.of(query)
    page = await listing.list_deployments(session, wish.filter(), limit=MOST)
    if page.next is not None:
        raise Refused(_UNFIT, f"more than {MOST} servers fit", "all", "Narrow the list first, or do it in parts.")
    return [server.id for server in page.items]


router = Router("/", route_handlers=[act_on_many])
