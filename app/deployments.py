"""Deployments: what people want to run. Everything here is one statement that psql could send as well.

The rules (names, parameters, states) are not repeated here: Postgres refuses with the field and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from structlog.contextvars import bind_contextvars

from app.bodies import StrictBody
from app.conditions import IdempotencyKey, IfMatch, expected_generations, once
from app.lists import count_deployments, list_deployments
from app.problems import CHANGE_PROBLEMS, PROBLEMS, etag
from db import changes, deployments
from db.changes import LARGEST_VERSION, Change
from db.database import Database
from db.deployments import DeploymentDetail, Resource


class NewDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to deploy. `parameters` are those of the template; what is left out takes its default."""

    name: str
    template: str
    parameters: dict[str, Any] = {}
    namespace: str = "default"
    cluster: str | None = None
    template_version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    desired_state: str = "Active"
    keep_data: bool = True
    drift_policy: str = "Enforce"
    drift_rules: list[dict[str, Any]] = []


class ChangedDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to change, all in one generation; what is left out stays.

    `parameters` are merged: a value replaces one, null lets the template's default apply again. `desired_state` is
    Active, Stopped, Paused or Deleted; `keep_data` says whether claims outlive a delete. `drift_policy` (Enforce,
    Adopt or Ignore) is for what no rule is about; `drift_rules` are replaced as a whole.
    """

    parameters: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    desired_state: str | msgspec.UnsetType = msgspec.UNSET
    template_version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | msgspec.UnsetType = msgspec.UNSET
    keep_data: bool | msgspec.UnsetType = msgspec.UNSET
    drift_policy: str | msgspec.UnsetType = msgspec.UNSET
    drift_rules: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET

    def change(self) -> Change:
        """The same for the door to Postgres."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not msgspec.UNSET}
        return Change(**given)


class Resources(msgspec.Struct, frozen=True):
    """Every object of a deployment."""

    items: list[Resource]


@post(
    "/",
    responses=CHANGE_PROBLEMS,
    summary="Create a deployment",
    status_code=201,
    dto=StrictBody[NewDeployment],
    return_dto=None,
)
async def create_deployment(
    data: JSONBody[NewDeployment], database: NamedDependency[Database], idempotency_key: IdempotencyKey = None
) -> Response[DeploymentDetail]:
    """It is carried out in the background; its status tells how far that is."""
    async with database.transaction() as session:

        async def create() -> Response[DeploymentDetail]:
            made = await changes.create_deployment(session, **msgspec.structs.asdict(data))
            deployment = await deployments.read_deployment(session, made)
            return told(deployment, 201, {"Location": f"/api/deployments/{made}"})

        return await once(session, idempotency_key, ("create", data), create)


@get("/{deployment_id:uuid}", responses=PROBLEMS, summary="One deployment")
async def read_deployment(
    deployment_id: FromPath[UUID], database: NamedDependency[Database]
) -> Response[DeploymentDetail]:
    """With the manifests it asks for and what was last seen of them. The ETag is the generation."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return told(await deployments.read_deployment(session, deployment_id))


@patch(
    "/{deployment_id:uuid}",
    responses=CHANGE_PROBLEMS,
    summary="Change a deployment",
    dto=StrictBody[ChangedDeployment],
    return_dto=None,
)
async def change_deployment(
    deployment_id: FromPath[UUID],
    data: JSONBody[ChangedDeployment],
    database: NamedDependency[Database],
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """All in one generation. Asking for what is so already changes nothing."""
    return await changed(database, deployment_id, data.change(), if_match)


@delete("/{deployment_id:uuid}", responses=CHANGE_PROBLEMS, summary="Delete a deployment", status_code=202)
async def delete_deployment(
    deployment_id: FromPath[UUID],
    database: NamedDependency[Database],
    keep_data: Annotated[
        bool | None, QueryParameter(description="false deletes claims too; as it stands if left out.")
    ] = None,
    if_match: IfMatch = None,
) -> Response[DeploymentDetail]:
    """The same as desired_state Deleted: objects go in order, the row and its history stay."""
    change = Change(desired_state="Deleted", keep_data=keep_data)
    return await changed(database, deployment_id, change, if_match, 202)


async def changed(
    database: Database, deployment_id: UUID, change: Change, if_match: str | None, status_code: int = 200
) -> Response[DeploymentDetail]:
    """Change one deployment and tell how it is then."""
    bind_contextvars(deployment_id=str(deployment_id))
    expected = expected_generations(if_match)
    async with database.transaction() as session:
        await changes.change_deployment(session, deployment_id, change, expected)
        return told(await deployments.read_deployment(session, deployment_id), status_code)


@get("/{deployment_id:uuid}/resources", responses=PROBLEMS, summary="The objects of a deployment")
async def list_resources(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> Resources:
    """By kind and name, pods included."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return Resources(await deployments.list_resources(session, deployment_id))


def told(
    deployment: DeploymentDetail, status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Response[DeploymentDetail]:
    """It as an answer. From here on every line of the log about this request tells which it is about."""
    bind_contextvars(deployment_id=str(deployment.id), generation=deployment.generation)
    tagged = {"ETag": etag(deployment.generation), **(headers or {})}
    return Response(deployment, status_code=status_code, headers=tagged)


router = Router(
    "/api/deployments",
    route_handlers=[
        list_deployments,
        count_deployments,
        create_deployment,
        read_deployment,
        change_deployment,
        delete_deployment,
        list_resources,
    ],
    tags=["deployments"],
)
