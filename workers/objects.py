"""Applies and removes single objects by the rules a real API server taught. Stands between the plan and the wire.

Nothing foreign is taken over, nothing is overwritten unseen: a first apply may only create, every later one names
the very state it was decided on, and a conflict is answered by looking again, never by trying again blindly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from db.queue import AppliedResource, InventoryItem
from kube.cluster import Applied, Cluster
from kube.errors import AlreadyExists, Conflict, Invalid, UidMismatch
from kube.generated import fill
from kube.handover import Place, as_stands, disown, with_places, without_places
from kube.health import assess
from kube.live import Live
from kube.naming import DEPLOYMENT_LABEL, Manifest
from kube.ownership import Fields, lost, making_room, owned, restore_patch, rewritten, rows, tidying, was_wiped
from workers.plan import Step, step_for

# An apply that names a version no object can have creates where nothing is (201) and conflicts where something is
# (409): a plain first apply would already have written into a foreign object when its answer tells so.
# Measured on Kubernetes 1.37.
CREATE_ONLY = "1"
ATTEMPTS = 4
# In place of the seed of generated secrets, where those are only tried.
STAND_IN_SEED = bytes(32)
REPLICAS: Place = ("spec", "replicas")

# Asks Postgres for the fieldset of our last apply to an object; needed only where something went wrong with it.
ReadFields = Callable[[InventoryItem], Awaitable[Fields | None]]
# Asks Postgres what an apply must leave to others, by the changes of theirs that were just found.
GiveWay = Callable[[InventoryItem, list[dict[str, Any]]], Awaitable[InventoryItem]]


class Foreign(Exception):
    """An object of that name exists and is not ours."""

    def __init__(self, live: Live) -> None:
        """The object found."""
        owner = live.labels.get(DEPLOYMENT_LABEL)
        whose = f"belongs to deployment {owner}" if owner else "was not made by server-orchestrator"
        super().__init__(
            f"{live.kind} {live.namespace}/{live.name} exists and {whose}: rename or delete it, then reconcile_now"
        )
        self.live = live


class LetBe(Exception):
    """The object is gone, and is to stay so."""


class Written(msgspec.Struct, frozen=True):
    """One applied object: the step as it was carried out, the answer, and what was overwritten if it was looked up."""

    step: Step
    applied: Applied
    resource: AppliedResource
    overwritten: Live | None


async def apply_object(
    cluster: Cluster,
    step: Step,
    *,
    deployment_id: str,
    seed: bytes | None,
    read_fields: ReadFields,
    give_way: GiveWay,
    may_write: Callable[[], None],
) -> Written:
    """Make one object stand as planned. Raises Foreign, LetBe and KubeError, and what `may_write` raises.

    `may_write` is asked before every write: one that was held up, met a conflict and looked again would otherwise put
    an old wish over what a newer lease has applied meanwhile.
    """
    manifest = fill(step.manifest, deployment_id, seed)
    base, looked = await _begin(cluster, step, deployment_id)
    for _ in range(ATTEMPTS):
        may_write()
        try:
            base = await _let_go(cluster, base, _left(step, base))
            applied = await _tidy(cluster, await _write(cluster, manifest, step.item, base, looked=looked))
        except (Conflict, UidMismatch, AlreadyExists):
            base, looked = await _look(cluster, step, deployment_id), True
            step = await _give_way(step, base, deployment_id, read_fields, give_way)
            manifest = fill(step.manifest, deployment_id, seed)
            continue
        except Invalid:
            # What is gone cannot be made anew from what an apply carries of it.
            if step.manifest != step.whole and await _look(cluster, step, deployment_id) is None:
                base, looked = None, True
                step = await _give_way(step, base, deployment_id, read_fields, give_way)
                manifest = fill(step.manifest, deployment_id, seed)
                continue
            # What others put beside our fields may exclude them. If there is nothing of theirs, ours is at fault.
            may_write()
            base, looked = await _make_room(cluster, step, deployment_id, read_fields), True
            if base is None:
                raise
            continue
        if was_wiped(applied.live):
            may_write()
            base, looked = await _restore_ownership(cluster, applied.live, step, read_fields), True
            continue
        return Written(step, applied, _resource(step, applied, deployment_id), base)
    raise Conflict(f"{step.manifest['kind']} {step.manifest['metadata']['name']} keeps changing while it is applied")


async def _begin(cluster: Cluster, step: Step, deployment_id: str) -> tuple[Live | None, bool]:
    """The live state where a step needs it before its first write, and whether it was looked up."""
    item = step.item
    if item is None or item.missing:
        return None, False
    if step.reason == "recreated" or _drops_replicas(step) or not set(item.paths) <= set(item.yielded or ()):
        return await _look(cluster, step, deployment_id), True
    return None, False


async def _give_way(
    step: Step, base: Live | None, deployment_id: str, read_fields: ReadFields, give_way: GiveWay
) -> Step:
    """The step as what others did meanwhile makes it: what is theirs by policy is left to them. Raises LetBe."""
    if step.item is None:
        return step
    if base is None:
        if step.item.let_be:
            raise LetBe
        return step_for(step.whole, msgspec.structs.replace(step.item, withheld=[], paths=[]), step.reason)
    fields = await read_fields(step.item)
    found = lost(fields, base, step.whole, deployment_id=deployment_id) if fields else []
    return step_for(step.whole, await give_way(step.item, rows(found)), step.reason) if found else step


async def _let_go(cluster: Cluster, live: Live | None, places: Sequence[Place]) -> Live | None:
    """Drop our claim on what the apply leaves out, without which it would be reset. Values stay as they are."""
    patch = disown(live, places) if live is not None else None
    if live is None or patch is None:
        return live
    return await cluster.json_patch(live.kind, live.namespace, live.name, patch)


def _left(step: Step, live: Live | None) -> Sequence[Place]:
    """What the apply leaves to others.

    Not the zero replicas of what was stopped, which an autoscaler takes for switched off: left out they become one.
    """
    places = step.item.withheld if step.item is not None and not step.item.missing else []
    leaves_replicas = _drops_replicas(step) and live is not None and live.object["spec"].get("replicas") != 0
    return [*places, REPLICAS] if leaves_replicas else places


async def try_object(
    cluster: Cluster, step: Step, *, deployment_id: str, warnings: list[str]
) -> tuple[Manifest, Applied]:
    """What `apply_object` would send, and what the server would answer: asked by a dry run, nothing is written.

    Generated secrets are stood in for. What a real apply first gives up is sent as it stands, which comes to the same;
    what it first clears away is not. Raises Foreign and KubeError; what the server warns of is added to `warnings`.
    """
    base, looked = await _begin(cluster, step, deployment_id)
    manifest = fill(_tried(step, base, looked=looked), deployment_id, STAND_IN_SEED)
    for _ in range(ATTEMPTS):
        try:
            return manifest, await _write(cluster, manifest, step.item, base, looked=looked, tried=warnings)
        except (Conflict, UidMismatch, AlreadyExists):
            base, looked = await _look(cluster, step, deployment_id), True
            manifest = fill(_tried(step, base, looked=True), deployment_id, STAND_IN_SEED)
    raise Conflict(f"{step.manifest['kind']} {step.manifest['metadata']['name']} keeps changing while it is tried")


def _tried(step: Step, base: Live | None, *, looked: bool) -> Manifest:
    """What a dry run sends: what is gone is made anew with all it has, what is left to others stands as it does."""
    if base is None:
        return step.whole if looked else step.manifest
    if base.partial or step.item is None or step.item.missing:
        return step.manifest
    return as_stands(step.whole, base, step.item.withheld)


async def _write(
    cluster: Cluster,
    manifest: Manifest,
    item: InventoryItem | None,
    base: Live | None,
    *,
    looked: bool,
    tried: list[str] | None = None,
) -> Applied:
    """Apply onto the state last seen, or create where nothing was seen. Where `tried` takes warnings, as a dry run."""
    uid, version = (base.uid, base.resource_version) if base is not None else (None, CREATE_ONLY)
    if base is None and not looked and item is not None and not item.missing and item.uid is not None:
        uid, version = item.uid, item.resource_version
    return await cluster.apply(
        manifest,
        force=uid is not None,
        uid=uid,
        resource_version=version,
        dry_run=tried is not None,
        warnings=tried,
    )


async def delete_object(cluster: Cluster, item: InventoryItem) -> bool:
    """Remove an object that is provably ours: the uid we know is a precondition. True once nothing of it is left.

    A name that is another object's by now is nobody's business of ours: that, too, is True.
    """
    if item.uid is None:
        return True
    try:
        if not await cluster.delete(item.kind, item.namespace, item.name, uid=item.uid):
            return True
    except UidMismatch:
        return True
    live = await cluster.get(item.kind, item.namespace, item.name, metadata_only=True)
    return live is None or live.uid != item.uid


async def _look(cluster: Cluster, step: Step, deployment_id: str) -> Live | None:
    """The object as it is now, if it is ours to write. Raises Foreign."""
    metadata = step.manifest["metadata"]
    live = await cluster.get(
        step.manifest["kind"], metadata["namespace"], metadata["name"], metadata_only=step.manifest["kind"] == "Secret"
    )
    if live is None:
        return None
    same = step.item is not None and step.item.uid == live.uid and step.item.rendered_hash is not None
    if same or live.labels.get(DEPLOYMENT_LABEL) == deployment_id:
        return live
    raise Foreign(live)


async def _make_room(cluster: Cluster, step: Step, deployment_id: str, read_fields: ReadFields) -> Live | None:
    """Remove what others have put in the way of fields we lost; None where nothing is in the way."""
    live = await _look(cluster, step, deployment_id) if step.item is not None else None
    fields = await read_fields(step.item) if step.item is not None and live is not None else None
    if live is None or fields is None or not (patch := making_room(live, fields, step.manifest)):
        return None
    return await cluster.json_patch(live.kind, live.namespace, live.name, patch)


async def _tidy(cluster: Cluster, applied: Applied) -> Applied:
    """The same, less what we own by having made room: only what we apply is to be ours."""
    patch = tidying(applied.live)
    if not patch:
        return applied
    live = applied.live
    return Applied(applied.created, await cluster.json_patch(live.kind, live.namespace, live.name, patch))


def _drops_replicas(step: Step) -> bool:
    """Whether a workload we have applied leaves its replicas to somebody else from now on."""
    return (
        step.item is not None
        and not step.item.missing
        and step.whole["kind"] in {"Deployment", "StatefulSet"}
        and "replicas" not in step.whole["spec"]
    )


async def _restore_ownership(cluster: Cluster, live: Live, step: Step, read_fields: ReadFields) -> Live:
    """Give us back what we had applied before managedFields were wiped, or fields we drop would stay for good."""
    before = await read_fields(step.item) if step.item is not None else None
    fields = without_places(before or owned(live).fields or {}, _left(step, live))
    return await cluster.json_patch(live.kind, live.namespace, live.name, restore_patch(live, fields))


def _resource(step: Step, applied: Applied, deployment_id: str) -> AppliedResource:
    live, item = applied.live, step.item
    content = live.object
    ours = owned(live, content)
    places = item.withheld if item is not None and not item.missing else []
    # With what is left to others, so that a watcher goes on to see what becomes of it.
    fields = with_places(ours.fields, places) if places else ours.fields
    changed = item is not None and live.kind in {"Deployment", "StatefulSet"}
    health = assess(content) if changed else None
    found = lost(fields, live, step.whole, deployment_id=deployment_id) if places and fields else []
    found += rewritten(live, step.manifest, at_once=True, content=content)
    return AppliedResource(
        api_version=live.api_version,
        kind=live.kind,
        namespace=live.namespace,
        name=live.name,
        uid=live.uid,
        resource_version=live.resource_version,
        fields=fields,
        fields_hash=ours.hash,
        rendered_hash=step.hash,
        withheld=item.paths if item is not None and places else None,
        enforced=item.enforce_once if item is not None else (),
        drift=rows(found) or None,
        health=None if health is None else health.state,
        reason="" if health is None else health.reason,
        message="" if health is None else health.message,
    )
