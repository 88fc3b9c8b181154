"""What counts as drift and what does not, decided by the API server's own record of who owns which field."""

import base64

import pytest

from kube.cluster import Cluster
from kube.generated import fill
from kube.live import Live
from kube.naming import dress, root_manifest, root_name
from kube.ownership import Drift, Owned, lost, owned, restore_patch, rewritten, was_wiped
from tests.conftest import ControlPlane
from tests.drift.webhook import rewriting
from tests.kube.conftest import Manifest, claim, config_map, secret, service, workload
from tests.waiting import eventually

DEPLOYMENT = "6a4fd6f0-0b53-4b62-9f6e-4c1f1c1ad001"
IMAGE = "spec.template.spec.containers[name=minecraft].image"


def dressed(manifest: Manifest, generation: int = 1) -> Manifest:
    return dress(manifest, deployment_id=DEPLOYMENT, generation=generation, template_version=1, root_uid=None)


async def applied(cluster: Cluster, manifest: Manifest) -> Owned:
    return owned((await cluster.apply(dressed(fill(manifest, DEPLOYMENT, b"seed")), force=False)).live)


async def drift_of(cluster: Cluster, manifest: Manifest, before: Owned) -> list[Drift]:
    metadata = manifest["metadata"]
    live = await cluster.get(manifest["kind"], metadata["namespace"], metadata["name"])
    assert live is not None
    assert before.fields is not None
    found = lost(before.fields, live, manifest, deployment_id=DEPLOYMENT)
    same = owned(live).hash == before.hash
    assert same == (not found), "the hash differs exactly when there is something to tell"
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ("annotate", "statefulset", "game", "example.com/note=theirs"),
        ("label", "statefulset", "game", "theirs=yes"),
        ("scale", "statefulset", "game", "--replicas=1"),
        ("set", "image", "statefulset/game", "minecraft=itzg/minecraft-server:2026.1"),
        ("set", "env", "statefulset/game", "MOTD=theirs"),
        ("patch", "statefulset", "game", "-p", '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":99}}}}'),
    ],
)
async def test_what_is_not_ours_or_does_not_change_is_no_drift(
    cluster: Cluster, control_plane: ControlPlane, namespace: str, arguments: tuple[str, ...]
) -> None:
    manifest = workload(namespace)
    before = await applied(cluster, manifest)
    control_plane.kubectl("-n", namespace, *arguments)
    assert await drift_of(cluster, manifest, before) == []


async def test_every_kind_is_free_of_drift_after_its_controllers_have_been_at_it(
    cluster: Cluster, namespace: str
) -> None:
    manifests = [
        config_map(namespace),
        secret(namespace),
        claim(namespace),
        service(namespace),
        workload(namespace),
        workload(namespace, "web", "Deployment"),
    ]
    before = [await applied(cluster, manifest) for manifest in manifests]
    for manifest, was in zip(manifests, before, strict=True):
        assert await drift_of(cluster, manifest, was) == []


async def test_a_scaled_workload_tells_wanted_live_and_who(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = workload(namespace)
    before = await applied(cluster, manifest)
    control_plane.kubectl("-n", namespace, "scale", "statefulset", "game", "--replicas=3")
    (drift,) = await drift_of(cluster, manifest, before)
    assert (drift.path, drift.wanted, drift.live, drift.reason) == ("spec.replicas", 1, 3, "changed")
    assert drift.manager == "kubectl"


async def test_an_edited_field_deep_in_keyed_lists_is_named_by_its_keys(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = workload(namespace)
    before = await applied(cluster, manifest)
    control_plane.kubectl("-n", namespace, "set", "image", "statefulset/game", "minecraft=evil:1")
    control_plane.kubectl("-n", namespace, "set", "env", "statefulset/game", "MEMORY=9G")
    found = {drift.path: drift for drift in await drift_of(cluster, manifest, before)}
    assert found.keys() == {IMAGE, "spec.template.spec.containers[name=minecraft].env[name=MEMORY].value"}
    assert (found[IMAGE].wanted, found[IMAGE].live) == ("itzg/minecraft-server:2026.1", "evil:1")
    assert found[IMAGE].manager == "kubectl-set"
    assert found[IMAGE].since is not None


async def test_a_removed_branch_is_one_drift_and_absent(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = workload(namespace)
    before = await applied(cluster, manifest)
    control_plane.kubectl("-n", namespace, "set", "env", "statefulset/game", "MEMORY-")
    (drift,) = await drift_of(cluster, manifest, before)
    assert drift.path == "spec.template.spec.containers[name=minecraft].env[name=MEMORY]"
    assert (drift.wanted, drift.absent, drift.reason) == ({"name": "MEMORY", "value": "1G"}, True, "removed")


@pytest.mark.parametrize(
    ("change", "live", "absent"),
    [
        ("server-orchestrator.io/deployment-id=other", "other", False),
        ("server-orchestrator.io/deployment-id-", None, True),
    ],
)
async def test_a_label_of_ours_is_drift_though_no_template_has_it(
    cluster: Cluster, control_plane: ControlPlane, namespace: str, change: str, live: str | None, absent: bool
) -> None:
    manifest = config_map(namespace)
    before = await applied(cluster, manifest)
    control_plane.kubectl("-n", namespace, "label", "--overwrite", "configmap", "settings", change)
    (drift,) = await drift_of(cluster, manifest, before)
    assert drift.path == "metadata.labels[server-orchestrator.io/deployment-id]"
    assert (drift.wanted, drift.live, drift.absent) == (DEPLOYMENT, live, absent)


async def test_a_removed_owner_is_drift(cluster: Cluster, control_plane: ControlPlane, namespace: str) -> None:
    root = await cluster.apply(dressed(root_manifest(DEPLOYMENT, "lobby", namespace)), force=False)
    manifest = config_map(namespace)
    owned_by_root = dress(
        manifest,
        deployment_id=DEPLOYMENT,
        generation=1,
        template_version=1,
        root_uid=root.live.uid,
        root_name=root_name("lobby"),
    )
    before = owned((await cluster.apply(owned_by_root, force=False)).live)
    patch = '[{"op":"remove","path":"/metadata/ownerReferences"}]'
    control_plane.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=json", "-p", patch)
    (drift,) = await drift_of(cluster, manifest, before)
    assert (drift.path, drift.absent) == ("metadata.ownerReferences", True)


async def test_an_edited_secret_is_told_without_its_values(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = secret(namespace)
    before = await applied(cluster, manifest)
    edit = '{"stringData":{"password":"hunter2"}}'
    control_plane.kubectl("-n", namespace, "patch", "secret", "rcon", "-p", edit)
    (drift,) = await drift_of(cluster, manifest, before)
    assert drift.path == "data.password"
    assert not drift.absent
    whole = await cluster.get("Secret", namespace, "rcon", metadata_only=False)
    assert whole is not None
    assert before.fields is not None
    told = str([drift, lost(before.fields, whole, manifest)])
    assert "hunter2" not in told
    assert base64.b64encode(b"hunter2").decode() not in told


async def test_a_field_that_is_wanted_no_longer_is_no_drift(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    before = await applied(cluster, config_map(namespace, difficulty="hard", motd="hello"))
    control_plane.kubectl("-n", namespace, "patch", "configmap", "settings", "-p", '{"data":{"motd":"theirs"}}')
    live = await cluster.get("ConfigMap", namespace, "settings")
    assert live is not None
    assert before.fields is not None
    assert lost(before.fields, live, config_map(namespace, difficulty="hard")) == []


async def test_the_hash_is_blind_to_the_generation(cluster: Cluster, namespace: str) -> None:
    before = await applied(cluster, config_map(namespace))
    later = await cluster.apply(dressed(config_map(namespace), generation=7), force=True)
    assert later.live.labels["server-orchestrator.io/generation"] == "7"
    assert owned(later.live).hash == before.hash


async def test_wiped_ownership_is_told_and_can_be_given_back(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = config_map(namespace, difficulty="hard", motd="hello")
    before = await applied(cluster, manifest)
    assert before.fields is not None
    wipe = '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]'
    control_plane.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=json", "-p", wipe)
    (drift,) = await drift_of(cluster, manifest, before)
    assert drift.reason == "ownership lost"
    live = await cluster.get("ConfigMap", namespace, "settings")
    assert live is not None
    assert was_wiped(live)
    assert owned(live) == Owned(None, None)

    restored = await cluster.json_patch("ConfigMap", namespace, "settings", restore_patch(live, before.fields))
    assert owned(restored).hash == before.hash
    smaller = await cluster.apply(dressed(config_map(namespace, difficulty="hard")), force=True)
    assert smaller.live.object["data"] == {"difficulty": "hard"}


async def test_a_plain_apply_after_a_wipe_leaves_the_mark_that_it_no_longer_removes(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    await applied(cluster, config_map(namespace, difficulty="hard", motd="hello"))
    wipe = '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]'
    control_plane.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=json", "-p", wipe)
    smaller = await cluster.apply(dressed(config_map(namespace, difficulty="hard")), force=True)
    assert smaller.live.object["data"] == {"difficulty": "hard", "motd": "hello"}
    assert was_wiped(smaller.live)


async def test_a_field_that_a_webhook_rewrites_stays_ours_and_is_told_by_its_value(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    """What admission changes is nobody's doing by managedFields, in our own write and in those of others."""
    manifest = dressed(workload(namespace, kind="Deployment"))
    before = (await cluster.apply(manifest, force=False)).live
    assert rewritten(before, manifest, at_once=True) == []
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "theirs/web:9"}]
    with rewriting(control_plane, namespace, ("apps", "v1", "deployments"), patch) as webhook:

        async def annotated() -> Live | None:
            control_plane.kubectl(
                "-n", namespace, "annotate", "--overwrite", "deployment", "game", f"n={webhook.calls}"
            )
            live = await cluster.get("Deployment", namespace, "game")
            return live if webhook.calls else None

        theirs = await eventually(annotated, 30, "the webhook in force")
        ours = (await cluster.apply(manifest, force=True)).live
    for live in (theirs, ours):
        assert owned(live).fields == owned(before).fields, "ownership tells nothing of it"
        assert owned(live).hash != owned(before).hash, "the hash does"
        (drift,) = rewritten(live, manifest, at_once=True)
        assert (drift.path, drift.wanted, drift.live) == (IMAGE, "itzg/minecraft-server:2026.1", "theirs/web:9")
        assert (drift.reason, drift.manager) == ("rewritten", None)
