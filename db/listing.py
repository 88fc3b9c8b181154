"""Lists of deployments: filtered, sorted, a page at a time, and counted by status.

A page is found by walking an index from where the page before stopped, so it costs what it holds, and a row that comes
or goes meanwhile moves no other. One whose own key changes moves: sorted by `updated`, it comes again further on.

Filters are put into the statement only where they are asked for: what is always written as "or is null" makes Postgres
plan for all of them at once. Texts are compared with functions that an index cannot use, because row-level security
would not let it: they are judged while walking.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from db.connection import Session
from db.deployments import COLUMNS, DRIFTED, FROM, Deployment

Sort = Literal["name", "-name", "status", "-status", "updated", "-updated", "created", "-created"]
Status = Literal["Error", "Degraded", "Progressing", "Deleting", "Paused", "Stopped", "Healthy", "Deleted"]
State = Literal["Active", "Stopped", "Paused", "Deleted"]

# Sorted by status, what needs a person comes first. Only deployments that are gone are Deleted.
WORST_FIRST: tuple[Status, ...] = ("Error", "Degraded", "Progressing", "Deleting", "Paused", "Stopped", "Healthy")
_NOBODY = UUID(int=0)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployments; None and [] are any.

    `name` is how it begins, `q` any part of "namespace/name" in any case, `deleted` those that are gone instead.
    """

    cluster: str | None = None
    namespace: str | None = None
    name: str | None = None
    q: str | None = None
    status: list[Status] = []
    template: str | None = None
    desired_state: State | None = None
    drifted: bool | None = None
    deleted: bool = False


class Stop(msgspec.Struct, frozen=True, array_like=True):
    """Where a page stopped: its last row's keys in every order, and the order that it was in."""

    order: str
    status: str
    name: str
    at: datetime | None
    id: UUID


class Page(msgspec.Struct, frozen=True):
    """Some deployments, and where they stopped if there are more."""

    items: list[Deployment]
    next: Stop | None


class Counts(msgspec.Struct, frozen=True):
    """How many there are, and how many of each status; a status that none has is left out."""

    total: int
    by_status: dict[str, int]


class OtherOrder(ValueError):
    """A page was asked for from a place in another order."""


# By order: the expression, where a page begins after `after`, and which way.
_ORDERS: dict[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "name": ("d.name", "(d.name, d.id) > (%(after_name)s, %(after_id)s)", ""),
    "-name": ("d.name", "(d.name, d.id) < (%(after_name)s, %(after_id)s)", " DESC"),
    "updated": ("d.updated_at", "(d.updated_at, d.id) > (%(after_at)s, %(after_id)s)", ""),
    "-updated": ("d.updated_at", "(d.updated_at, d.id) < (%(after_at)s, %(after_id)s)", " DESC"),
    "created": ("d.created_at", "(d.created_at, d.id) > (%(after_at)s, %(after_id)s)", ""),
    "-created": ("d.created_at", "(d.created_at, d.id) < (%(after_at)s, %(after_id)s)", " DESC"),
    "gone": ("d.finalised_at", "(d.finalised_at, d.id) < (%(after_at)s, %(after_id)s)", " DESC"),
}


async def list_deployments(
    session: Session, wanted: Filter, *, sort: Sort = "name", after: Stop | None = None, limit: int = 100
) -> Page:
    """One page. Those that are gone come latest first, whatever `sort` says. Raises OtherOrder."""
    order = "gone" if wanted.deleted else sort
    if after is not None and after.order != order:
        raise OtherOrder(order)
    # One more than asked for tells whether there is a next page.
    values = msgspec.structs.asdict(wanted) | {"limit": limit + 1}
    if order in ("status", "-status"):
        query = _by_status(wanted)
        values |= _groups(wanted, order, after)
    else:
        query = _in_order(wanted, order, after)
        if after is not None:
            values |= {"after_name": after.name, "after_at": after.at, "after_id": after.id}
    async with session.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(query, values)
        found = await cursor.fetchall()
    return Page(found[:limit], _stop(order, found[limit - 1]) if len(found) > limit else None)


async def count_deployments(session: Session, wanted: Filter) -> Counts:
    """How many, by status, worst first."""
    query: LiteralString = (
        "SELECT d.status_summary, count(*) FROM orchestrator.deployments d WHERE "  # noqa: S608 - literals only
        + _conditions(wanted)
        + " GROUP BY 1"
    )
    cursor = await session.execute(query, msgspec.structs.asdict(wanted))
    found = {str(status): int(count) for status, count in await cursor.fetchall()}
    return Counts(
        sum(found.values()), {status: found[status] for status in (*WORST_FIRST, "Deleted") if status in found}
    )


def _in_order(wanted: Filter, order: str, after: Stop | None) -> LiteralString:
    """The ids first, from the index alone where it holds all that is asked; then the rest of their rows."""
    key, beyond, way = _ORDERS[order]
    return (
        "WITH page AS MATERIALIZED (SELECT d.id, "  # noqa: S608 - of literals only, as LiteralString proves
        + key
        + " AS key FROM orchestrator.deployments d WHERE "
        + _conditions(wanted)
        + (" AND " + beyond if after is not None else "")
        + " ORDER BY "
        + key
        + way
        + ", d.id"
        + way
        + " LIMIT %(limit)s) SELECT "
        + COLUMNS
        + FROM
        + " JOIN page p ON p.id = d.id ORDER BY p.key"
        + way
        + ", p.id"
        + way
    )


def _by_status(wanted: Filter) -> LiteralString:
    """The same for each status in its turn, each by name; all but the first from its beginning."""
    return (
        "WITH page AS MATERIALIZED (SELECT f.id, f.name, g.place FROM"  # noqa: S608 - of literals only
        " unnest(%(groups)s::text[], %(from_names)s::text[], %(from_ids)s::uuid[])"
        " WITH ORDINALITY g (status, from_name, from_id, place)"
        " CROSS JOIN LATERAL (SELECT d.id, d.name FROM orchestrator.deployments d"
        " WHERE d.status_summary = g.status AND (d.name, d.id) > (g.from_name, g.from_id) AND "
        + _conditions(msgspec.structs.replace(wanted, status=[]))
        + " ORDER BY d.name, d.id LIMIT %(limit)s) f ORDER BY g.place, f.name, f.id LIMIT %(limit)s) SELECT "
        + COLUMNS
        + FROM
        + " JOIN page p ON p.id = d.id ORDER BY p.place, p.name, p.id"
    )


def _groups(wanted: Filter, order: str, after: Stop | None) -> dict[str, Any]:
    """Which statuses are still to come, and from where in each."""
    statuses = [status for status in WORST_FIRST if not wanted.status or status in wanted.status]
    if order == "-status":
        statuses.reverse()
    names, ids = [""] * len(statuses), [_NOBODY] * len(statuses)
    if after is not None:
        if after.status not in statuses:
            raise OtherOrder(order)
        first = statuses.index(after.status)
        statuses, names, ids = statuses[first:], names[first:], ids[first:]
        names[0], ids[0] = after.name, after.id
    return {"groups": statuses, "from_names": names, "from_ids": ids}


def _conditions(wanted: Filter) -> LiteralString:
    """What the filter asks of `d`, for its values by their names."""
    asked: list[tuple[bool, LiteralString]] = [
        (not wanted.deleted, "d.finalised_at IS NULL"),
        (wanted.deleted, "d.finalised_at IS NOT NULL"),
        (
            wanted.cluster is not None,
            "d.cluster_id = (SELECT k.id FROM orchestrator.clusters k WHERE k.name = %(cluster)s)",
        ),
        (wanted.namespace is not None, "d.namespace = %(namespace)s"),
        (wanted.name is not None, "starts_with(d.name, %(name)s)"),
        (wanted.q is not None, "strpos(d.namespace || '/' || d.name, lower(%(q)s)) > 0"),
        (bool(wanted.status), "d.status_summary = ANY (%(status)s)"),
        (
            wanted.template is not None,
            "d.template_id = (SELECT k.id FROM orchestrator.templates k WHERE k.name = %(template)s LIMIT 1)",
        ),
        (wanted.desired_state is not None, "d.desired_state = %(desired_state)s"),
        (wanted.drifted is True, DRIFTED),
        (wanted.drifted is False, "NOT " + DRIFTED),
    ]
    conditions: list[LiteralString] = [condition for is_asked, condition in asked if is_asked]
    return " AND ".join(conditions)


def _stop(order: str, last: Deployment) -> Stop:
    at = {"updated": last.updated_at, "created": last.created_at, "gone": last.finalised_at}.get(order.lstrip("-"))
    return Stop(order, last.status_summary, last.name, at, last.id)
