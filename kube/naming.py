"""Names, labels and owner references: how an object in a cluster tells that it is ours, and of which deployment.

Pure: manifests in, manifests out. The worker dresses what SQL rendered just before it applies it.
"""

import hashlib
from typing import Any, cast

import msgspec

from kube.kinds import CRON_JOB, kind_named

FIELD_MANAGER = "server-orchestrator"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
DEPLOYMENT_LABEL = "server-orchestrator.io/deployment-id"
GENERATION_LABEL = "server-orchestrator.io/generation"
TEMPLATE_VERSION_LABEL = "server-orchestrator.io/template-version"
# On a pod template, put there by SQL: when a restart was last asked for.
RESTARTED_ANNOTATION = "server-orchestrator.io/restarted-at"
OUR_LABELS = frozenset((MANAGED_BY_LABEL, DEPLOYMENT_LABEL, GENERATION_LABEL, TEMPLATE_VERSION_LABEL))
MANAGED_SELECTOR = f"{MANAGED_BY_LABEL}={FIELD_MANAGER}"

Manifest = dict[str, Any]

_HASH_BYTES = 16
# A label value ends at 63 characters; a ConfigMap's name could be longer, but is held to the same for readability.
_NAME_CHARACTERS = 63


def root_name(name: str) -> str:
    """The name of the root ConfigMap of the deployment called `name`."""
    return f"{name[: _NAME_CHARACTERS - len('-root')]}-root"


def root_manifest(deployment_id: str, name: str, namespace: str) -> Manifest:
    """The object that all others of a deployment are owned by: delete it, and the cluster collects the rest."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": root_name(name), "namespace": namespace},
        "data": {"deployment-id": deployment_id, "name": name},
    }


def dress(
    manifest: Manifest,
    *,
    deployment_id: str,
    generation: int,
    template_version: int | str | None,
    root_uid: str | None,
    root_name: str | None = None,
) -> Manifest:
    """`manifest` with our labels, owned by the root object where one is given. The argument is left as it was.

    The pod template is told whose it is but not of which generation or template version: those would restart
    every server at each change of intent. A claim never gets an owner: its data must outlive the deployment.
    """
    metadata: Manifest = dict(manifest["metadata"])
    whose = {MANAGED_BY_LABEL: FIELD_MANAGER, DEPLOYMENT_LABEL: deployment_id}
    which = {GENERATION_LABEL: str(generation)}
    if template_version is not None:
        which[TEMPLATE_VERSION_LABEL] = str(template_version)
    metadata["labels"] = {**metadata.get("labels", {}), **whose, **which}
    if root_uid is not None and kind_named(manifest["kind"]).owned:
        if root_name is None:
            raise ValueError("an owner reference needs the root's name beside its uid")
        metadata["ownerReferences"] = [_owner_reference(root_name, root_uid)]
    dressed = {**manifest, "metadata": metadata}
    if manifest["kind"] == CRON_JOB.name:
        # A removal waits for these pods as for others. They are not watched: a CronJob keeps those of past runs for a
        # while, and they would count as pods that are still there, or as ones that failed, long after.
        return _dress_below(dressed, ("spec", "jobTemplate", "spec", "template"), {DEPLOYMENT_LABEL: deployment_id})
    return _dress_below(dressed, ("spec", "template"), whose)


def rendered_hash(manifest: Manifest) -> str:
    """A hash of what is wanted, blind to the generation label: a bump alone is no reason to apply.

    Taken before secrets are filled in, so no generated value is in it.
    """
    metadata: Manifest = manifest["metadata"]
    labels: dict[str, str] | None = metadata.get("labels")
    if labels and GENERATION_LABEL in labels:
        kept = {key: value for key, value in labels.items() if key != GENERATION_LABEL}
        manifest = {**manifest, "metadata": {**metadata, "labels": kept}}
    return hashlib.blake2b(msgspec.json.encode(manifest, order="sorted"), digest_size=_HASH_BYTES).hexdigest()


def _owner_reference(name: str, uid: str) -> Manifest:
    # Not a controller: a workload's own controller field stays free, and adoption never fights over it.
    # blockOwnerDeletion would need a permission on finalizers, and gains nothing here.
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}


def _dress_below(value: Manifest, path: tuple[str, ...], whose: dict[str, str]) -> Manifest:
    """The same with these labels on the pod template at that path, if there is one."""
    if not path:
        metadata: Manifest = value.get("metadata", {})
        return {**value, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **whose}}}
    below = value.get(path[0])
    if not isinstance(below, dict):
        return value
    return {**value, path[0]: _dress_below(cast("Manifest", below), path[1:], whose)}
