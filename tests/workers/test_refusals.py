"""Rules 4, 5 and 6: what the API server refuses, sorted by what to do about it. Refusals are real if they can be."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube.cluster import Cluster
from kube.credentials import load
from tests.conftest import ControlPlane
from tests.intent import REPLICAS, Intent, config_map, service, workload
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.waiting import eventually
from tests.workers.steps import Steps


def rests(intent: Intent, deployment: str) -> bool:
    """Nothing will look at it again by itself."""
    slot = intent.slot(deployment)
    return slot["msg_id"] is None and slot["due_at"] is None


def due_in(intent: Intent, deployment: str) -> timedelta:
    """How long until it is tried again."""
    return intent.value("SELECT due_at - now() FROM orchestrator.reconcile_slots WHERE deployment_id = %s", deployment)


def becomes_due(intent: Intent, deployment: str) -> None:
    """Time passes."""
    intent.superuser.execute(
        "UPDATE orchestrator.reconcile_slots SET due_at = now() WHERE deployment_id = %s AND due_at IS NOT NULL",
        (deployment,),
    )


def with_unknown_field() -> dict[str, Any]:
    return {**service(), "spec": {**service()["spec"], "nonsense": True}}


def with_doubled_key() -> dict[str, Any]:
    manifest = workload("Deployment", replicas=1)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "TWICE", "value": "a"}, {"name": "TWICE", "value": "b"}]
    return manifest


def with_bad_port() -> dict[str, Any]:
    port = {**service()["spec"]["ports"][0], "port": 70000}
    return {**service(), "spec": {**service()["spec"], "ports": [port]}}


@pytest.mark.parametrize(
    ("broken", "told"),
    [(with_unknown_field(), "nonsense"), (with_doubled_key(), "TWICE"), (with_bad_port(), "ports[0].port")],
    ids=["unknown field", "doubled list key", "invalid value"],
)
async def test_what_does_not_fit_the_schema_is_an_error_that_waits_for_a_new_intent(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, broken: dict[str, Any], told: str
) -> None:
    intent.put_template("broken", [config_map(), broken])
    lobby = intent.deploy("lobby", "broken")
    settlement = await steps.once(lobby)
    assert settlement.permanent
    assert rests(intent, lobby)
    assert intent.status(lobby) == "Error"
    assert told in intent.message(lobby)
    assert outsider.get("ConfigMap", namespace, "lobby-env"), "what came before it stands"
    assert "ConfigMap/lobby-env" in intent.inventory(lobby)
    intent.put_template("broken", [config_map(), service()])
    intent.operator.execute("UPDATE orchestrator.deployments SET template_version = 2 WHERE id = %s", (lobby,))
    assert (await steps.once(lobby)).outcome == "succeeded"
    assert intent.status(lobby) != "Error"


@pytest.fixture
def quota(outsider: Outsider, namespace: str) -> Iterator[str]:
    """A namespace that may hold no Service; the path of the quota."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"services": "0"}}}
    status, made = outsider.call("POST", path, body)
    assert status == 201, made
    yield f"{path}/q"
    outsider.call("DELETE", f"{path}/q")


async def test_a_used_up_quota_is_retried_slowly_and_told_by_its_name(
    intent: Intent, steps: Steps, outsider: Outsider, quota: str
) -> None:
    await eventually(
        lambda: outsider.call("GET", quota)[1].get("status", {}).get("hard"), describe="the quota to count"
    )
    lobby = intent.deploy("lobby")
    settlement = await steps.once(lobby)
    assert (settlement.outcome, settlement.permanent) == ("failed", False)
    assert due_in(intent, lobby) > timedelta(seconds=10)
    assert intent.status(lobby) == "Degraded"
    assert "exceeded quota: q" in intent.message(lobby)
    outsider.call("DELETE", quota)
    becomes_due(intent, lobby)

    async def tried_again() -> bool:
        intent.reconcile_now(lobby)
        return (await steps.once(lobby)).outcome == "succeeded"

    await eventually(tried_again, describe="the server to forget the quota")
    assert intent.status(lobby) != "Degraded"


async def test_a_missing_namespace_is_waited_for(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    absent = f"{namespace}-absent"
    lobby = intent.deploy("lobby", namespace=absent)
    settlement = await steps.once(lobby)
    assert (settlement.outcome, settlement.permanent) == ("failed", False)
    assert f"make it with: kubectl create namespace {absent}" in intent.message(lobby)
    assert due_in(intent, lobby) > timedelta(seconds=10)
    outsider.call("POST", "/api/v1/namespaces", {"metadata": {"name": absent}})
    becomes_due(intent, lobby)
    assert (await steps.once(lobby)).outcome == "succeeded"
    assert outsider.get("ConfigMap", absent, "lobby-env")
    outsider.call("DELETE", f"/api/v1/namespaces/{absent}")


async def test_a_namespace_that_is_being_deleted_is_retried_slowly(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    going = f"{namespace}-going"
    outsider.call("POST", "/api/v1/namespaces", {"metadata": {"name": going}})
    holder = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "h", "finalizers": ["example.com/hold"]}}
    outsider.create(holder, going)
    outsider.call("DELETE", f"/api/v1/namespaces/{going}")
    lobby = intent.deploy("lobby", namespace=going)
    settlement = await steps.once(lobby)
    outsider.merge("ConfigMap", going, "h", {"metadata": {"finalizers": None}})
    assert (settlement.outcome, settlement.permanent) == ("failed", False)
    assert due_in(intent, lobby) > timedelta(seconds=10)
    assert "being terminated" in intent.message(lobby)


async def test_being_throttled_waits_at_least_as_long_as_told(intent: Intent, steps: Steps, proxy: Proxy) -> None:
    lobby = intent.deploy("lobby")
    proxy.answer("PATCH", "services/lobby", status=429, headers={"Retry-After": "17"})
    settlement = await steps.once(lobby)
    assert (settlement.outcome, settlement.permanent) == ("failed", False)
    assert due_in(intent, lobby) > timedelta(seconds=15)
    becomes_due(intent, lobby)
    assert (await steps.once(lobby)).outcome == "succeeded"


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_a_fault_of_the_server_backs_off_further_each_time_and_forgets_it_on_success(
    intent: Intent, steps: Steps, proxy: Proxy, status: int
) -> None:
    lobby = intent.deploy("lobby")
    proxy.answer("PATCH", "services/lobby", status=status, times=3, message="webhook failed")
    for failures in (1, 2, 3):
        settlement = await steps.once(lobby)
        assert (settlement.outcome, settlement.permanent) == ("failed", False)
        assert intent.slot(lobby)["failures"] == failures
        assert timedelta() < due_in(intent, lobby) <= timedelta(seconds=2**failures)
        assert "webhook failed" in intent.message(lobby)
        becomes_due(intent, lobby)
    assert (await steps.once(lobby)).outcome == "succeeded"
    slot = intent.slot(lobby)
    assert (slot["failures"], slot["last_error"], slot["due_at"]) == (0, None, None)
    assert intent.events(lobby, "ReconcileDeferred") == [], "one object's webhook is no outage of the cluster"


async def test_back_off_never_exceeds_five_minutes(intent: Intent, steps: Steps, proxy: Proxy) -> None:
    lobby = intent.deploy("lobby")
    intent.superuser.execute("UPDATE orchestrator.reconcile_slots SET failures = 400")
    proxy.answer("PATCH", "services/lobby", status=500)
    await steps.once(lobby)
    assert due_in(intent, lobby) <= timedelta(seconds=300)


# ---------------------------------------------------------------- credentials


def service_account(outsider: Outsider, namespace: str, rules: list[dict[str, Any]]) -> str:
    """A token of an account in the namespace that may do this and no more."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    name = f"worker-{time.monotonic_ns()}"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    for path, body in [
        (f"/api/v1/namespaces/{namespace}/serviceaccounts", {}),
        (f"{rbac}/roles", {"rules": rules}),
        (f"{rbac}/rolebindings", {"roleRef": reference, "subjects": [subject]}),
    ]:
        status, made = outsider.call("POST", path, {"metadata": {"name": name}, **body})
        assert status == 201, made
    status, token = outsider.call(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )
    assert status == 201, token
    return token["status"]["token"]


def rule(*verbs: str) -> list[dict[str, Any]]:
    return [{"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": list(verbs)}]


async def test_an_account_with_create_patch_get_and_delete_can_do_all_that_a_deployment_needs(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    token = service_account(outsider, namespace, [*rule("create", "patch", "get", "delete"), pods])
    async with Cluster(load(proxy.kubeconfig(token), None, in_cluster=False)) as cluster:
        account = Steps(steps.session, cluster)
        lobby = intent.deploy("lobby")
        assert (await account.once(lobby)).outcome == "succeeded"
        intent.change(lobby, greeting="newer")
        assert (await account.once(lobby)).outcome == "succeeded"
        intent.set(lobby, "Deleted")
        await account.until(lobby, intent, "Deleted")
    assert outsider.find("ConfigMap", namespace, "lobby-root") is None


@pytest.mark.parametrize(
    ("verbs", "missing"), [(("create", "get"), "patch"), (("patch", "get"), "create")], ids=["no patch", "no create"]
)
async def test_an_account_that_may_do_too_little_is_told_what_is_missing(
    intent: Intent,
    steps: Steps,
    proxy: Proxy,
    outsider: Outsider,
    namespace: str,
    verbs: tuple[str, ...],
    missing: str,
) -> None:
    token = service_account(outsider, namespace, rule(*verbs))
    lobby = intent.deploy("lobby")
    async with Cluster(load(proxy.kubeconfig(token), None, in_cluster=False)) as cluster:
        settlement = await Steps(steps.session, cluster).once(lobby)
    assert settlement.permanent
    assert rests(intent, lobby)
    assert intent.status(lobby) == "Error"
    assert f'cannot {missing} resource "configmaps"' in intent.message(lobby)
    [event] = intent.events(lobby, "ReconcileFailed")
    assert event["data_json"]["category"] == "denied"
    intent.reconcile_now(lobby)
    assert (await steps.once(lobby)).outcome == "succeeded", "with the right account it goes on where it stood"


def written_to(file: Path, control_plane: ControlPlane, token: str) -> Path:
    """The test cluster's kubeconfig with another token."""
    content = yaml.safe_load(control_plane.kubeconfig.read_text())
    content["users"][0]["user"]["token"] = token
    file.write_text(yaml.safe_dump(content))
    return file


async def test_a_rotated_token_is_read_anew_within_the_same_run(
    intent: Intent, steps: Steps, control_plane: ControlPlane, tmp_path: Path
) -> None:
    file = written_to(tmp_path / "rotating", control_plane, "stale")
    async with Cluster(load(file, None, in_cluster=False)) as cluster:
        written_to(file, control_plane, control_plane.token or "")
        lobby = intent.deploy("lobby")
        assert (await Steps(steps.session, cluster).once(lobby)).outcome == "succeeded"


async def test_a_token_that_stays_refused_defers_the_deployment_instead_of_failing_it(
    intent: Intent, steps: Steps, control_plane: ControlPlane, tmp_path: Path
) -> None:
    file = written_to(tmp_path / "revoked", control_plane, "revoked")
    lobby = intent.deploy("lobby")
    async with Cluster(load(file, None, in_cluster=False)) as cluster:
        settlement = await Steps(steps.session, cluster).once(lobby)
    assert settlement.outcome == "deferred"
    assert intent.slot(lobby)["due_at"] is not None
    [event] = intent.events(lobby, "ReconcileDeferred")
    assert "nauthorized" in event["data_json"]["reason"]
    becomes_due(intent, lobby)
    assert (await steps.once(lobby)).outcome == "succeeded"


async def test_a_replica_count_that_a_parameter_sets_is_applied_as_a_number(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    intent.put_template("scaled", [workload("Deployment", replicas=REPLICAS)])
    lobby = intent.deploy("lobby", "scaled", replicas=0)
    assert (await steps.once(lobby)).outcome == "succeeded"
    assert outsider.get("Deployment", namespace, "lobby")["spec"]["replicas"] == 0


async def test_normalised_quantities_are_no_reason_to_apply_again(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "web", cpu="1000m")
    await steps.once(lobby)
    container = outsider.get("Deployment", namespace, "lobby")["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["requests"]["cpu"] == "1"
    proxy.seen.clear()
    intent.reconcile_now(lobby)
    await steps.once(lobby)
    assert proxy.seen == []
