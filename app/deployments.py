"""Deployments: what people want to run. Everything here is one statement that psql could send as well.

The rules (names, parameters, states) are not repeated here: Postgres refuses with the field and what is allowed.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from structlog.contextvars import bind_contextvars

from app.bodies import StrictBody
from app.cursors import foreign_cursor, pack, unpack
from app.events import After, Limit
from app.problems import PROBLEMS
from app.templates import LARGEST_VERSION
from db import deployments, listing
from db.deployments import Change, Database, Deployment, DeploymentDetail, Resource
from db.errors import Refused
from db.listing import Counts, Filter, OtherOrder, Sort, State, Status, Stop

BAD_REQUEST = 400
SORT = "A leading - turns it round. By status, what needs a person comes first. The default is name."
Text = Annotated[str | None, QueryParameter(max_length=253)]


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


class ChangedDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to change, all in one generation; what is left out stays.

    `parameters` are merged: a value replaces one, null lets the template's default apply again. `desired_state` is
    Active, Stopped, Paused or Deleted; `keep_data` says whether claims outlive a delete.
    """

    parameters: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    desired_state: str | msgspec.UnsetType = msgspec.UNSET
    template_version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | msgspec.UnsetType = msgspec.UNSET
    keep_data: bool | msgspec.UnsetType = msgspec.UNSET

    def change(self) -> Change:
        """The same for the door to Postgres."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not msgspec.UNSET}
        return Change(**given)


class Deployments(msgspec.Struct, frozen=True):
    """A page. `next` is null on the last one."""

    items: list[Deployment]
    next: str | None


class Resources(msgspec.Struct, frozen=True):
    """Every object of a deployment."""

    items: list[Resource]


def filtered(
    cluster: Text = None,
    namespace: Text = None,
    name: Annotated[str | None, QueryParameter(max_length=253, description="How the name begins.")] = None,
    q: Annotated[
        str | None, QueryParameter(max_length=253, description='Any part of "namespace/name", in any case.')
    ] = None,
    status: Annotated[
        list[Status] | None, QueryParameter(max_items=8, description="Any of these; repeat it for several.")
    ] = None,
    template: Text = None,
    desired_state: FromQuery[State | None] = None,
    drifted: Annotated[
        bool | None, QueryParameter(description="Whether an object of it stands otherwise than it should.")
    ] = None,
    deleted: Annotated[bool, QueryParameter(description="Those that are gone instead, kept as history.")] = False,
) -> Filter:
    """What a list is narrowed to."""
    return Filter(
        cluster=cluster,
        namespace=namespace,
        name=name,
        q=q,
        status=status or [],
        template=template,
        desired_state=desired_state,
        drifted=drifted,
        deleted=deleted,
    )


@get("/", responses=PROBLEMS, summary="Deployments, page by page")
async def list_deployments(
    database: NamedDependency[Database],
    wanted: NamedDependency[Filter],
    after: After = None,
    limit: Limit = 100,
    sort: Annotated[Sort | None, QueryParameter(description=SORT)] = None,
) -> Deployments:
    """Those that are there, by name; or those that are gone, latest first."""
    if wanted.deleted and sort is not None:
        raise Refused(
            BAD_REQUEST, "what is gone has an order of its own", "sort", "Leave sort out: latest gone comes first."
        )
    stop = None if after is None else unpack(after, Stop)
    async with database.transaction() as session:
        try:
            page = await listing.list_deployments(session, wanted, sort=sort or "name", after=stop, limit=limit)
        except OtherOrder as error:
            raise foreign_cursor() from error
    return Deployments(page.items, None if page.next is None else pack(page.next))


@get("/counts", responses=PROBLEMS, summary="How many deployments there are of each status")
async def count_deployments(database: NamedDependency[Database], wanted: NamedDependency[Filter]) -> Counts:
    """Of all that the same filters would list."""
    async with database.transaction() as session:
        return await listing.count_deployments(session, wanted)


@post(
    "/",
    responses=PROBLEMS,
    summary="Create a deployment",
    status_code=201,
    dto=StrictBody[NewDeployment],
    return_dto=None,
)
async def create_deployment(
    data: JSONBody[NewDeployment], database: NamedDependency[Database]
) -> Response[DeploymentDetail]:
    """It is carried out in the background; its status tells how far that is."""
    async with database.transaction() as session:
        made = await deployments.create_deployment(session, **msgspec.structs.asdict(data))
        deployment = await deployments.read_deployment(session, made)
    return Response(told(deployment), status_code=201, headers={"Location": f"/api/deployments/{made}"})


@get("/{deployment_id:uuid}", responses=PROBLEMS, summary="One deployment")
async def read_deployment(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> DeploymentDetail:
    """With the manifests it asks for and what was last seen of them."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return told(await deployments.read_deployment(session, deployment_id))


@patch(
    "/{deployment_id:uuid}",
    responses=PROBLEMS,
    summary="Change a deployment",
    dto=StrictBody[ChangedDeployment],
    return_dto=None,
)
async def change_deployment(
    deployment_id: FromPath[UUID], data: JSONBody[ChangedDeployment], database: NamedDependency[Database]
) -> DeploymentDetail:
    """All in one generation. Asking for what is so already changes nothing."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        await deployments.change_deployment(session, deployment_id, data.change())
        return told(await deployments.read_deployment(session, deployment_id))


@delete("/{deployment_id:uuid}", responses=PROBLEMS, summary="Delete a deployment", status_code=202)
async def delete_deployment(
    deployment_id: FromPath[UUID],
    database: NamedDependency[Database],
    keep_data: Annotated[
        bool | None, QueryParameter(description="false deletes claims too; as it stands if left out.")
    ] = None,
) -> DeploymentDetail:
    """The same as desired_state Deleted: objects go in order, the row and its history stay."""
    bind_contextvars(deployment_id=str(deployment_id))
    change = Change(desired_state="Deleted", keep_data=keep_data)
    async with database.transaction() as session:
        await deployments.change_deployment(session, deployment_id, change)
        return told(await deployments.read_deployment(session, deployment_id))


@post("/{deployment_id:uuid}/reconcile", responses=PROBLEMS, summary="Reconcile a deployment now", status_code=202)
async def reconcile_deployment(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> DeploymentDetail:
    """Whatever its back-off or quarantine. Changes no intent."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        await deployments.reconcile_now(session, deployment_id)
        return told(await deployments.read_deployment(session, deployment_id))


@get("/{deployment_id:uuid}/resources", responses=PROBLEMS, summary="The objects of a deployment")
async def list_resources(deployment_id: FromPath[UUID], database: NamedDependency[Database]) -> Resources:
    """By kind and name, pods included."""
    bind_contextvars(deployment_id=str(deployment_id))
    async with database.transaction() as session:
        return Resources(await deployments.list_resources(session, deployment_id))


def told(deployment: DeploymentDetail) -> DeploymentDetail:
    """The same, and from here on every line of the log about this request tells which it is about."""
    bind_contextvars(deployment_id=str(deployment.id), generation=deployment.generation)
    return deployment


router = Router(
    "/api/deployments",
    dependencies={"wanted": Provide(filtered, sync_to_thread=False)},
    route_handlers=[
        list_deployments,
        count_deployments,
        create_deployment,
        read_deployment,
        change_deployment,
        delete_deployment,
        reconcile_deployment,
        list_resources,
    ],
    tags=["deployments"],
)
