"""Writing to and reading from a real API server, and what each refusal becomes."""

import asyncio
import base64

import pytest

from kube.cluster import Cluster
from kube.concurrency import Gate
from kube.credentials import Credentials, Source, load
from kube.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Invalid,
    NamespaceMissing,
    NamespaceTerminating,
    QuotaExceeded,
    Throttled,
    UidMismatch,
    Unauthorized,
    Unavailable,
)
from tests.conftest import ControlPlane
from tests.kube.conftest import config_map, secret, service, workload
from tests.proxy import APPLY, Proxy
from tests.waiting import eventually

NOBODY = "11111111-1111-1111-1111-111111111111"


async def test_a_first_apply_creates_and_a_second_does_not(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(config_map(namespace), force=False)
    second = await cluster.apply(config_map(namespace, difficulty="peaceful"), force=True, uid=first.live.uid)
    assert first.created
    assert not second.created
    assert second.live.uid == first.live.uid
    assert second.live.resource_version > first.live.resource_version
    live = await cluster.get("ConfigMap", namespace, "settings")
    assert live is not None
    assert live.object["data"] == {"difficulty": "peaceful"}


async def test_an_apply_that_changes_nothing_keeps_the_version(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(workload(namespace), force=False)
    live = await cluster.get("StatefulSet", namespace, "game")
    assert live is not None
    again = await cluster.apply(workload(namespace), force=True)
    spec = again.live.object["spec"]["template"]["spec"]["containers"][0]
    assert spec["resources"]["requests"]["cpu"] == "1"
    assert again.live.generation == first.live.generation


async def test_a_dry_run_writes_nothing(cluster: Cluster, namespace: str) -> None:
    tried = await cluster.apply(config_map(namespace), force=False, dry_run=True)
    assert tried.created
    assert await cluster.get("ConfigMap", namespace, "settings") is None


async def test_an_apply_on_a_stale_version_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(config_map(namespace), force=False)
    await cluster.apply(config_map(namespace, difficulty="easy"), force=True)
    with pytest.raises(Conflict) as refused:
        await cluster.apply(
            config_map(namespace, difficulty="hard"), force=True, resource_version=first.live.resource_version
        )
    assert not isinstance(refused.value, UidMismatch | AlreadyExists)


async def test_a_version_whose_object_is_gone_creates_it_anew(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(config_map(namespace), force=False)
    assert await cluster.delete("ConfigMap", namespace, "settings", uid=first.live.uid)
    anew = await cluster.apply(config_map(namespace), force=True, resource_version=first.live.resource_version)
    assert anew.created
    assert anew.live.uid != first.live.uid


async def test_another_uid_is_told_apart_from_other_invalid_objects(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(config_map(namespace), force=False)
    with pytest.raises(UidMismatch) as elsewhere:
        await cluster.apply(config_map(namespace), force=True, uid=NOBODY)
    assert elsewhere.value.status == 422
    with pytest.raises(UidMismatch) as nowhere:
        await cluster.apply(config_map(namespace, "absent"), force=True, uid=NOBODY)
    assert nowhere.value.status == 409


async def test_a_field_of_another_manager_is_a_conflict_without_force(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=difficulty=easy")
    with pytest.raises(Conflict) as refused:
        await cluster.apply(config_map(namespace), force=False)
    assert refused.value.causes == (".data.difficulty",)


async def test_deleting_asks_for_the_very_object(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(config_map(namespace), force=False)
    with pytest.raises(UidMismatch):
        await cluster.delete("ConfigMap", namespace, "settings", uid=NOBODY)
    assert await cluster.get("ConfigMap", namespace, "settings") is not None
    assert await cluster.delete("ConfigMap", namespace, "settings", uid=first.live.uid)
    assert not await cluster.delete("ConfigMap", namespace, "settings", uid=first.live.uid)


async def test_deleting_at_a_stale_version_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(config_map(namespace), force=False)
    await cluster.apply(config_map(namespace, difficulty="easy"), force=True)
    with pytest.raises(Conflict):
        await cluster.delete(
            "ConfigMap", namespace, "settings", uid=first.live.uid, resource_version=first.live.resource_version
        )


async def test_creating_twice_is_told(cluster: Cluster, namespace: str) -> None:
    await cluster.create(config_map(namespace))
    with pytest.raises(AlreadyExists):
        await cluster.create(config_map(namespace))


async def test_a_failed_test_of_a_json_patch_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(config_map(namespace), force=False)
    stale = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}, {"op": "remove", "path": "/data"}]
    with pytest.raises(Conflict):
        await cluster.json_patch("ConfigMap", namespace, "settings", stale)


async def test_an_unknown_field_is_permanent_though_the_server_says_500(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Invalid) as refused:
        await cluster.apply(config_map(namespace) | {"dta": {}}, force=False)
    assert refused.value.status == 500
    assert refused.value.permanent
    assert "dta" in refused.value.message


async def test_a_doubled_list_key_is_permanent_though_the_server_says_500(cluster: Cluster, namespace: str) -> None:
    doubled = service(namespace)
    doubled["spec"]["ports"] *= 2
    with pytest.raises(Invalid) as refused:
        await cluster.apply(doubled, force=False)
    assert refused.value.status == 500


async def test_an_invalid_object_names_its_fields(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Invalid) as refused:
        await cluster.apply(service(namespace, "A_b"), force=False)
    assert refused.value.status == 422
    assert "metadata.name" in refused.value.causes


async def test_a_missing_namespace_is_told_apart_from_a_missing_object(cluster: Cluster) -> None:
    with pytest.raises(NamespaceMissing):
        await cluster.apply(config_map("there-is-none"), force=False)


async def test_a_namespace_that_is_going_away_is_no_lasting_refusal(
    cluster: Cluster, control_plane: ControlPlane
) -> None:
    name = "going-away"
    held = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","finalizers":["example.com/held"]}}'
    control_plane.kubectl("create", "namespace", name)
    control_plane.kubectl("create", "-n", name, "-f", "-", stdin=held)
    try:
        control_plane.kubectl("delete", "namespace", name, "--wait=false")

        async def refused() -> bool:
            try:
                await cluster.apply(config_map(name), force=True)
            except NamespaceTerminating as error:
                return not error.permanent
            return False

        await eventually(refused, describe="an apply refused because the namespace terminates")
    finally:
        control_plane.kubectl(
            "patch", "configmap", "held", "-n", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
        )


async def test_a_full_quota_is_no_lasting_refusal(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl("create", "quota", "none", "-n", namespace, "--hard=count/configmaps=0")

    async def refused() -> bool:
        try:
            await cluster.apply(config_map(namespace), force=True)
        except QuotaExceeded as error:
            return not error.permanent
        return False

    await eventually(refused, describe="an apply refused by the quota")


async def test_a_lack_of_rights_is_permanent(control_plane: ControlPlane, cluster: Cluster, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    token = control_plane.kubectl("create", "token", "nobody", "-n", namespace).strip()
    admin = load(control_plane.kubeconfig, None, in_cluster=False)
    weak = Credentials(server=admin.server, source=Source("static"), ca=admin.ca, authorization=f"Bearer {token}")
    async with Cluster(weak) as nobody:
        with pytest.raises(Denied) as refused:
            await nobody.apply(config_map(namespace), force=False)
    assert refused.value.permanent


async def test_a_refused_connection_is_told_as_such(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    assert await faulty.ready()
    # In good order: what was open is found closed, tried anew, and only then refused.
    await proxy.close()
    with pytest.raises(Unavailable) as refused:
        await faulty.apply(config_map(namespace), force=False)
    assert refused.value.reason == "unreachable"
    assert not await faulty.ready()
    await proxy.open()
    assert (await faulty.apply(config_map(namespace), force=False)).created


async def test_a_connection_closed_while_idle_is_opened_again(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    await faulty.apply(config_map(namespace), force=False)
    proxy.cut()
    assert not (await faulty.apply(config_map(namespace), force=True)).created


async def test_throttling_brings_its_delay_and_lowers_the_concurrency(
    faulty: Cluster, proxy: Proxy, namespace: str
) -> None:
    proxy.answer(*APPLY, status=429, reason="TooManyRequests", headers={"Retry-After": "7"})
    before = faulty.gate.limit
    with pytest.raises(Throttled) as refused:
        await faulty.apply(config_map(namespace), force=False)
    assert refused.value.retry_after_seconds == 7
    assert faulty.gate.limit < before


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_fault_of_the_server_is_to_be_tried_again(
    faulty: Cluster, proxy: Proxy, namespace: str, status: int
) -> None:
    proxy.answer(*APPLY, status=status)
    with pytest.raises(Unavailable) as refused:
        await faulty.apply(config_map(namespace), force=False)
    assert not refused.value.permanent


async def test_a_body_that_is_no_status_is_quoted(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    proxy.answer(*APPLY, status=413, message="too large")
    with pytest.raises(Invalid, match="too large"):
        await faulty.apply(config_map(namespace), force=False)


async def test_a_silent_server_times_out(proxy: Proxy, namespace: str) -> None:
    proxy.hold(*APPLY)
    async with Cluster(proxy.credentials, request_timeout_seconds=0.3) as hurried:
        with pytest.raises(Unavailable) as refused:
            await hurried.apply(config_map(namespace), force=False)
    assert refused.value.reason == "timeout"


async def test_expired_credentials_are_read_again_once(
    control_plane: ControlPlane, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert control_plane.token is not None
    kubeconfig = tmp_path_factory.mktemp("rotated") / "config"
    good = control_plane.kubeconfig.read_text()
    kubeconfig.write_text(good.replace(control_plane.token, "expired"))
    async with Cluster(load(kubeconfig, None, in_cluster=False)) as cluster:
        with pytest.raises(Unauthorized):
            await cluster.get("ConfigMap", namespace, "settings")
        kubeconfig.write_text(good)
        applied = await asyncio.gather(
            *(cluster.apply(config_map(namespace, f"at-once-{number}"), force=False) for number in range(5))
        )
    assert all(one.created for one in applied)


async def test_a_listing_comes_in_pages_of_one_version(cluster: Cluster, namespace: str) -> None:
    manifests = [config_map(namespace, f"of-many-{number}") for number in range(5)]
    await asyncio.gather(*(cluster.apply(manifest, force=False) for manifest in manifests))
    listing = await cluster.list("ConfigMap", namespace=namespace)
    assert {live.name for live in listing.items} >= {manifest["metadata"]["name"] for manifest in manifests}
    assert listing.resource_version >= max(live.resource_version for live in listing.items)
    assert {live.kind for live in listing.items} == {"ConfigMap"}


async def test_the_values_of_a_secret_come_only_when_asked_for(cluster: Cluster, namespace: str) -> None:
    data = {"password": base64.b64encode(b"hunter2").decode()}
    manifest = {key: value for key, value in secret(namespace).items() if key != "stringData"} | {"data": data}
    applied = await cluster.apply(manifest, force=False)
    live = await cluster.get("Secret", namespace, "rcon")
    listed = await cluster.list("Secret", namespace=namespace)
    assert live is not None
    assert all(b"aHVudGVy" not in one.raw for one in (applied.live, live, *listed.items))
    whole = await cluster.get("Secret", namespace, "rcon", metadata_only=False)
    assert whole is not None
    assert whole.object["data"] == data


async def test_the_gate_lets_only_so_many_through_and_forgets_nobody() -> None:
    gate = Gate(2, least=1)
    most = running = 0

    async def pass_through() -> None:
        nonlocal most, running
        async with gate:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pass_through()) for _ in range(20)]
        group.create_task(cancel_some(tasks[5:8]))
    assert most == 2
    assert gate.running == 0


async def cancel_some(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


async def test_the_server_tells_its_version(cluster: Cluster) -> None:
    assert (await cluster.version())["major"] == "1"
