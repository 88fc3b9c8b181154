"""What a person is told about an object: on real pods that fail for real reasons, and on every state of a workload."""

from typing import Any

import pytest

from kube.cluster import Cluster
from kube.events import WARNING, read_event
from kube.health import Health, assess, digest
from tests.conftest import ControlPlane
from tests.kube.conftest import claim, config_map, service, workload
from tests.waiting import eventually

SIMULATE = "server-orchestrator.io/simulate"


async def health_of_pod(cluster: Cluster, namespace: str, name: str = "game-0") -> Health:
    live = await cluster.get("Pod", namespace, name)
    assert live is not None
    return assess(live.object)


async def becomes(cluster: Cluster, namespace: str, kind: str, name: str, *reasons: str) -> Health:
    """Wait until the object's reason is one of these."""

    async def look() -> Health | None:
        live = await cluster.get(kind, namespace, name)
        assert live is not None, "not there yet"
        health = assess(live.object)
        assert health.reason in reasons, health
        return health

    found = await eventually(look, 30, f"{kind} {name} {reasons}")
    assert found is not None
    return found


async def test_a_workload_and_its_pod_go_from_progress_to_health(cluster: Cluster, namespace: str) -> None:
    applied = await cluster.apply(workload(namespace), force=False)
    assert assess(applied.live.object).state == "Progressing"
    assert (await becomes(cluster, namespace, "StatefulSet", "game", "Ready")).state == "Healthy"
    assert (await becomes(cluster, namespace, "Pod", "game-0", "Ready")).state == "Healthy"
    pod = await cluster.get("Pod", namespace, "game-0")
    assert pod is not None
    kept = digest(pod.object)
    assert kept["phase"] == "Running"
    assert kept["owner"] == "StatefulSet/game"
    assert kept["podIP"]


async def test_a_workload_that_is_switched_off_is_healthy(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(workload(namespace), force=False)
    await becomes(cluster, namespace, "StatefulSet", "game", "Ready")
    off = workload(namespace)
    off["spec"]["replicas"] = 0
    await cluster.apply(off, force=True)
    found = await becomes(cluster, namespace, "StatefulSet", "game", "ScaledToZero")
    assert (found.state, found.message) == ("Healthy", "It is switched off: no replica is wanted and none runs.")


@pytest.mark.parametrize(
    ("simulated", "reasons", "said"),
    [
        ("image-pull-failure", ("ImagePullBackOff", "ErrImagePull"), "itzg/minecraft-server:2026.1 cannot be pulled"),
        ("crash-loop", ("CrashLoopBackOff",), "The container minecraft keeps crashing"),
        ("out-of-memory", ("OOMKilled",), "more memory than its limit"),
    ],
)
async def test_a_pod_that_cannot_run_says_why(
    cluster: Cluster, namespace: str, simulated: str, reasons: tuple[str, ...], said: str
) -> None:
    await cluster.apply(workload(namespace, **{SIMULATE: simulated}), force=False)
    found = await becomes(cluster, namespace, "Pod", "game-0", *reasons)
    assert found.state == "Degraded"
    assert said in found.message


async def test_a_pod_that_never_gets_ready_makes_progress_for_ever(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(workload(namespace, **{SIMULATE: "never-ready"}), force=False)
    assert (await becomes(cluster, namespace, "Pod", "game-0", "NotReady")).state == "Progressing"
    workload_says = await becomes(cluster, namespace, "StatefulSet", "game", "NotReady")
    assert workload_says.message == "0 of 1 replicas are ready."


async def test_a_pod_that_no_node_can_take_says_so(cluster: Cluster, namespace: str) -> None:
    greedy = workload(namespace)
    greedy["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
    await cluster.apply(greedy, force=False)
    found = await becomes(cluster, namespace, "Pod", "game-0", "Unschedulable")
    assert found.state == "Degraded"
    assert "No node can take it" in found.message


async def test_a_quota_that_forbids_pods_is_told_by_the_deployment_and_as_a_warning(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl("create", "quota", "none", "-n", namespace, "--hard=pods=0")
    await cluster.apply(workload(namespace, "web", "Deployment"), force=False)
    found = await becomes(cluster, namespace, "Deployment", "web", "QuotaExceeded")
    assert found.state == "Degraded"
    assert "exceeded quota" in found.message

    async def warned() -> bool:
        pages = cluster.pages("Event", field_selector=f"type={WARNING}", namespace=namespace)
        warnings = [read_event(live) async for page in pages for live in page.items]
        return any(
            warning.kind == "ReplicaSet" and warning.reason == "FailedCreate" and warning.last_at and warning.count >= 1
            for warning in warnings
        )

    await eventually(warned, 20, "a FailedCreate warning about the ReplicaSet")


async def test_an_object_held_by_a_finalizer_tells_who_holds_it(
    cluster: Cluster, control_plane: ControlPlane, namespace: str
) -> None:
    held = config_map(namespace)
    held["metadata"]["finalizers"] = ["example.com/held"]
    applied = await cluster.apply(held, force=False)
    await cluster.delete("ConfigMap", namespace, "settings", uid=applied.live.uid)
    found = await becomes(cluster, namespace, "ConfigMap", "settings", "Terminating")
    assert found.message == "It is being deleted. Still held by example.com/held."
    release = '{"metadata":{"finalizers":null}}'
    control_plane.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=merge", "-p", release)


async def test_a_claim_is_bound_and_a_service_is_there(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(claim(namespace), force=False)
    await cluster.apply(service(namespace), force=False)
    assert (await becomes(cluster, namespace, "PersistentVolumeClaim", "world", "Bound")).state == "Healthy"
    assert (await becomes(cluster, namespace, "Service", "game", "Present")).state == "Healthy"
    live = await cluster.get("PersistentVolumeClaim", namespace, "world")
    assert live is not None
    assert digest(live.object)["requested"] == "1Gi"


# What no local cluster can be brought into: written as the API documents it.


def stateful_set(**status: Any) -> dict[str, Any]:
    spec = workload("any")["spec"] | {"updateStrategy": {"type": "OnDelete"}}
    return {"kind": "StatefulSet", "metadata": {"generation": 2}, "spec": spec, "status": status}


def deployment(*conditions: dict[str, str], paused: bool = False, **status: Any) -> dict[str, Any]:
    spec = workload("any", kind="Deployment")["spec"] | {"paused": paused}
    status = {"observedGeneration": 2, "conditions": list(conditions), **status}
    return {"kind": "Deployment", "metadata": {"generation": 2}, "spec": spec, "status": status}


def pod(phase: str = "Running", *containers: dict[str, Any], ready_since: str = "", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": ready_since}]
    status = {"phase": phase, "containerStatuses": list(containers), "conditions": conditions, **status}
    return {"kind": "Pod", "metadata": {"name": "game-0"}, "spec": {}, "status": status}


def observed(kind: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {}, "spec": {}, "status": {"conditions": list(conditions)}}


def cron_job(*, suspend: bool = False, **status: Any) -> dict[str, Any]:
    return {
        "kind": "CronJob",
        "metadata": {},
        "spec": {"schedule": "0 4 * * *", "suspend": suspend},
        "status": status,
    }


RUNNING = {"name": "minecraft", "state": {"running": {"startedAt": "2026-11-01T10:00:00Z"}}, "restartCount": 0}
ONE_READY = {"observedGeneration": 2, "replicas": 1, "readyReplicas": 1}


@pytest.mark.parametrize(
    ("live_object", "state", "reason"),
    [
        (stateful_set(observedGeneration=1), "Progressing", "NotObserved"),
        (stateful_set(**ONE_READY, updatedReplicas=1, currentRevision="a", updateRevision="a"), "Healthy", "Ready"),
        # Changed, restarted, and changed back: what the set began with is wanted again, and its pod is of the other.
        (stateful_set(**ONE_READY, currentRevision="a", updateRevision="a"), "Healthy", "RestartRequired"),
        (stateful_set(**ONE_READY, currentRevision="a", updateRevision="b"), "Healthy", "RestartRequired"),
        (deployment(paused=True), "Suspended", "Paused"),
        (
            deployment({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}),
            "Degraded",
            "ProgressDeadlineExceeded",
        ),
        (deployment(replicas=2, updatedReplicas=1, availableReplicas=1), "Progressing", "RollingOut"),
        (deployment(replicas=1, updatedReplicas=1), "Progressing", "NotReady"),
        (pod("Succeeded"), "Healthy", "Completed"),
        (pod("Failed", reason="Evicted", message="The node was low on memory."), "Degraded", "Evicted"),
        (pod("Pending"), "Progressing", "Starting"),
        (pod("Running", RUNNING, ready_since="2026-11-01T09:59:59Z"), "Progressing", "NotReady"),
        (pod("Running", RUNNING, ready_since="2026-11-01T12:00:00Z"), "Degraded", "NotReady"),
        (
            pod("Pending", {"name": "m", "state": {"waiting": {"reason": "CreateContainerConfigError"}}}),
            "Degraded",
            "CreateContainerConfigError",
        ),
        (
            pod("Running", {"name": "m", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}),
            "Degraded",
            "Error",
        ),
        (
            pod("Running", {**RUNNING, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}),
            "Degraded",
            "OOMKilled",
        ),
        ({"kind": "PersistentVolumeClaim", "metadata": {}, "status": {"phase": "Lost"}}, "Degraded", "VolumeLost"),
        ({"kind": "PersistentVolumeClaim", "metadata": {}, "status": {"phase": "Pending"}}, "Progressing", "Pending"),
        ({"kind": "Service", "metadata": {}, "spec": {"type": "LoadBalancer"}}, "Progressing", "AwaitingAddress"),
        ({"kind": "Ingress", "metadata": {}, "spec": {}}, "Healthy", "Present"),
        ({"kind": "NetworkPolicy", "metadata": {}, "spec": {}}, "Healthy", "Present"),
        ({"kind": "PodDisruptionBudget", "metadata": {}, "spec": {}}, "Healthy", "Present"),
        (
            observed("PodDisruptionBudget", {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed"}),
            "Degraded",
            "SyncFailed",
        ),
        (
            observed(
                "PodDisruptionBudget", {"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods"}
            ),
            "Healthy",
            "Present",
        ),
        (observed("HorizontalPodAutoscaler"), "Progressing", "NotObserved"),
        (
            observed("HorizontalPodAutoscaler", {"type": "AbleToScale", "status": "False", "reason": "FailedGetScale"}),
            "Degraded",
            "FailedGetScale",
        ),
        (
            observed(
                "HorizontalPodAutoscaler",
                {"type": "AbleToScale", "status": "True"},
                {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"},
            ),
            "Degraded",
            "FailedGetResourceMetric",
        ),
        (
            observed(
                "HorizontalPodAutoscaler", {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}
            ),
            "Healthy",
            "ScalingDisabled",
        ),
        (observed("HorizontalPodAutoscaler", {"type": "ScalingActive", "status": "True"}), "Healthy", "Active"),
        (cron_job(), "Healthy", "Waiting"),
        (cron_job(suspend=True), "Healthy", "Suspended"),
        (cron_job(active=[{}], lastScheduleTime="2026-11-02T04:00:00Z"), "Healthy", "Running"),
        (cron_job(lastScheduleTime="2026-11-02T04:00:00Z"), "Degraded", "LastRunFailed"),
        (
            cron_job(lastScheduleTime="2026-11-02T04:00:00Z", lastSuccessfulTime="2026-11-01T04:00:09Z", suspend=True),
            "Degraded",
            "LastRunFailed",
        ),
        (
            cron_job(lastScheduleTime="2026-11-02T04:00:00Z", lastSuccessfulTime="2026-11-02T04:00:09Z"),
            "Healthy",
            "Waiting",
        ),
    ],
)
def test_every_state_has_its_word(live_object: dict[str, Any], state: str, reason: str) -> None:
    found = assess(live_object)
    assert (found.state, found.reason) == (state, reason)
    assert found.message.endswith((".", "memory.")) or ":" in found.message


def test_a_digest_holds_no_values_of_secrets_or_settings() -> None:
    for kind in ("Secret", "ConfigMap"):
        assert digest({"kind": kind, "metadata": {}, "data": {"password": "hunter2"}}) == {}


def test_a_digest_tells_when_the_object_was_made_also_where_only_metadata_is_known() -> None:
    made = {"creationTimestamp": "2026-01-02T03:04:05Z"}
    for kind in ("Secret", "StatefulSet"):
        assert digest({"kind": kind, "metadata": made}) == {"createdAt": "2026-01-02T03:04:05Z"}
