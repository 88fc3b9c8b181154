"""Many deployments at once: all of them change, or none does."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.bodies import StrictBody
from app.conditions import IdempotencyKey, once
from app.deployments import ChangedDeployment
from app.problems import CHANGE_PROBLEMS
from db import bulk
from db.bulk import Action, Changed
from db.database import Database
from db.errors import Refused

MOST_AT_ONCE = 1000
_UNUSABLE = 422


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which deployments, and either a `change` as of one or an `action`. An id that is named twice counts once."""

    ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]
    change: ChangedDeployment | msgspec.UnsetType = msgspec.UNSET
    action: Action | msgspec.UnsetType = msgspec.UNSET


class ChangedDeployments(msgspec.Struct, frozen=True):
    """Each as it is now, in the order of the ids."""

    items: list[Changed]


@post(
    "/",
    responses=CHANGE_PROBLEMS,
    summary="Change many deployments, all or none",
    status_code=202,
    dto=StrictBody[Bulk],
    return_dto=None,
)
async def change_many(
    data: JSONBody[Bulk], database: NamedDependency[Database], idempotency_key: IdempotencyKey = None
) -> Response[ChangedDeployments]:
    """One transaction. What one of them refuses is told with its id in `path`, and none has changed."""
    async with database.transaction() as session:

        async def change() -> Response[Any]:
            ids = list(dict.fromkeys(data.ids))
            match data.change, data.action:
                case ChangedDeployment() as wanted, msgspec.UNSET:
                    done = await bulk.change_deployments(session, ids, wanted.change())
                case msgspec.UNSET, str() as action:
                    done = await bulk.act_on_deployments(session, ids, action)
                case _:
                    raise Refused(
                        _UNUSABLE, "either a change or an action is needed", "change", "Send one of change and action."
                    )
            return Response(ChangedDeployments(done), status_code=202)

        return await once(session, idempotency_key, ("bulk", data), change)


router = Router("/api/deployments/bulk", route_handlers=[change_many], tags=["deployments"])
