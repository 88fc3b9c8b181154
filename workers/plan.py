"""Decides what has to be written for one deployment, from the claim alone. Pure: no clock, no network.

No object is applied that has not changed: a server-side apply that changes nothing costs the API server as much
as one that does.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from db.queue import InventoryItem, Wish
from kube.handover import strip
from kube.kinds import kind_named
from kube.naming import Manifest, dress, rendered_hash, root_manifest, root_name

# A claim is never pruned because a template no longer names it: data goes only where a person said so.
NEVER_PRUNED = frozenset({"PersistentVolumeClaim"})

Key = tuple[str, str, str]
Reason = Literal["created", "changed", "drifted", "missing", "recreated"]


class Step(msgspec.Struct, frozen=True):
    """One object to apply, what is known of it, and why. `manifest` is `whole` less what is left to others."""

    whole: Manifest
    manifest: Manifest
    hash: str
    item: InventoryItem | None
    reason: Reason


class Plan(msgspec.Struct, frozen=True):
    """Objects to apply in order, then objects to prune in order."""

    apply: list[Step]
    prune: list[InventoryItem]


def root_step(wish: Wish) -> Step | None:
    """The step for the root object, which the others need the uid of; None when it stands as it should."""
    bare = root_manifest(wish.deployment_id, wish.name, wish.namespace)
    return _step(_dress(bare, wish, None), _inventory(wish))


def root_uid(wish: Wish) -> str | None:
    """The uid of the root object as the inventory has it."""
    item = _inventory(wish).get(("ConfigMap", wish.namespace, root_name(wish.name)))
    return item.uid if item is not None else None


def plan(wish: Wish, uid_of_root: str) -> Plan:
    """What to apply and prune for a deployment whose root object has this uid."""
    inventory = _inventory(wish)
    manifests = sorted((_dress(m, wish, uid_of_root) for m in wish.manifests), key=_rank)
    wanted = {_key(manifest) for manifest in manifests} | {("ConfigMap", wish.namespace, root_name(wish.name))}
    return Plan(
        apply=[step for manifest in manifests if (step := _step(manifest, inventory)) is not None],
        prune=[
            item
            for item in removal_order(wish.inventory)
            if item.managed and item.kind not in NEVER_PRUNED and (item.kind, item.namespace, item.name) not in wanted
        ],
    )


def removal_order(inventory: list[InventoryItem]) -> list[InventoryItem]:
    """What depends on others goes before them; the root ConfigMap is not told apart here."""
    return sorted(inventory, key=lambda item: kind_named(item.kind).rank, reverse=True)


def _dress(manifest: Manifest, wish: Wish, uid_of_root: str | None) -> Manifest:
    named = {**manifest, "metadata": {**manifest["metadata"], "namespace": wish.namespace}}
    return dress(
        named,
        deployment_id=wish.deployment_id,
        generation=wish.generation,
        template_version=wish.template_version,
        root_uid=uid_of_root,
        root_name=root_name(wish.name),
    )


def step_for(whole: Manifest, item: InventoryItem | None, reason: Reason) -> Step:
    """One that leaves to others what the item says; an object that is made anew has it all."""
    manifest = whole if item is None or item.missing else strip(whole, item.withheld)
    return Step(whole, manifest, rendered_hash(manifest), item, reason)


def _step(manifest: Manifest, inventory: dict[Key, InventoryItem]) -> Step | None:
    item = inventory.get(_key(manifest))
    if item is None or not item.managed:
        return step_for(manifest, None, "created")
    step = step_for(manifest, item, "changed")
    if item.missing:
        step = None if item.let_be else step_for(manifest, item, "missing")
    elif item.rendered_hash is None:
        step = None if item.let_be else step_for(manifest, item, "recreated")
    elif item.drifted:
        step = step_for(manifest, item, "drifted")
    elif item.rendered_hash == step.hash:
        step = None
    return step


def _inventory(wish: Wish) -> dict[Key, InventoryItem]:
    return {(item.kind, item.namespace, item.name): item for item in wish.inventory}


def _key(manifest: Manifest) -> Key:
    metadata = manifest["metadata"]
    return (manifest["kind"], metadata["namespace"], metadata["name"])


def _rank(manifest: Manifest) -> tuple[int, str]:
    return (kind_named(manifest["kind"]).rank, manifest["metadata"]["name"])
