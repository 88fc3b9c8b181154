"""How an object is doing, in a word and a sentence a person can act on; and the little of its status worth keeping.

Pure functions of one object. A workload's pods are objects of their own: SQL puts their health together.
Reasons are stable words (they are matched on); messages are for reading and may change.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

Object = dict[str, Any]
State = Literal["Healthy", "Progressing", "Degraded", "Suspended"]

_IMAGE_REASONS = frozenset(
    ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
)
_CONFIG_REASONS = frozenset(("CreateContainerConfigError", "CreateContainerError", "RunContainerError"))
# A message from a kubelet or a scheduler may be pages long.
_QUOTED_CHARACTERS = 300


class Health(msgspec.Struct, frozen=True):
    """The state, a stable word for why, and a sentence."""

    state: State
    reason: str
    message: str


def assess(live_object: Object) -> Health:
    """How this object is doing, by its kind; one we know no rule for is healthy by being there."""
    metadata = live_object.get("metadata", {})
    if metadata.get("deletionTimestamp"):
        holders = metadata.get("finalizers")
        wait = f" Still held by {', '.join(holders)}." if holders else ""
        return Health("Progressing", "Terminating", f"It is being deleted.{wait}")
    rule = _RULES.get(live_object.get("kind", ""))
    return rule(live_object) if rule else Health("Healthy", "Present", "It exists.")


def digest(live_object: Object) -> Object:
    """The selected status of an object, for display: small, and never a value of a Secret or a ConfigMap."""
    select = _DIGESTS.get(live_object.get("kind", "")) if "spec" in live_object else None
    created = {"createdAt": live_object["metadata"].get("creationTimestamp")}
    found = created | (select(live_object) if select else {})
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


# -- workloads ---------------------------------------------------------------------------------------------------


def _stateful_set(live_object: Object) -> Health:
    spec, status = live_object["spec"], live_object.get("status", {})
    unsettled = _unsettled(live_object)
    if unsettled:
        return unsettled
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    if ready < wanted:
        return Health("Progressing", "NotReady", f"{ready} of {wanted} replicas are ready.")
    updated = status.get("updatedReplicas", 0)
    # Where pods are replaced by hand, currentRevision stays what the set began with.
    if _waits_for_restart(spec) and updated < wanted:
        return Health("Healthy", "RestartRequired", "It runs, with older settings: restart it to bring the change.")
    if status.get("updateRevision") != status.get("currentRevision") and updated < wanted:
        return Health("Progressing", "RollingOut", f"{updated} of {wanted} replicas run the new revision.")
    return _all_ready(wanted)


def _waits_for_restart(spec: Object) -> bool:
    """Whether a StatefulSet replaces a pod only once somebody deletes it."""
    return spec.get("updateStrategy", {}).get("type") == "OnDelete"


def _deployment(live_object: Object) -> Health:
    spec, status = live_object["spec"], live_object.get("status", {})
    hindered = _hindered(spec, status) or _unsettled(live_object)
    if hindered:
        return hindered
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    if updated < wanted or status.get("replicas", 0) > updated:
        return Health("Progressing", "RollingOut", f"{updated} of {wanted} replicas run the new revision.")
    available = status.get("availableReplicas", 0)
    if available < wanted:
        return Health("Progressing", "NotReady", f"{available} of {wanted} replicas are available.")
    return _all_ready(wanted)


def _hindered(spec: Object, status: Object) -> Health | None:
    """What keeps a Deployment from going on by itself."""
    failure = _condition(status, "ReplicaFailure", "True")
    if failure:
        return _creation_failed(failure)
    if spec.get("paused"):
        return Health("Suspended", "Paused", "Its rollout is paused.")
    stuck = _condition(status, "Progressing", "False")
    if stuck and stuck.get("reason") == "ProgressDeadlineExceeded":
        return Health("Degraded", "ProgressDeadlineExceeded", f"The rollout is stuck: {_quote(stuck)}")
    return None


def _unsettled(live_object: Object) -> Health | None:
    """What holds for any workload before its replicas are compared."""
    spec, status = live_object["spec"], live_object.get("status", {})
    if status.get("observedGeneration", 0) < live_object["metadata"].get("generation", 0):
        return Health("Progressing", "NotObserved", "Its controller has not seen the latest change yet.")
    if spec.get("replicas", 1) == 0:
        left = status.get("replicas", 0)
        if left:
            return Health("Progressing", "ScalingDown", f"It is being switched off: {left} still stopping.")
        return Health("Healthy", "ScaledToZero", "It is switched off: no replica is wanted and none runs.")
    return None


def _all_ready(wanted: int) -> Health:
    return Health("Healthy", "Ready", f"All {wanted} replicas are ready." if wanted > 1 else "It is ready.")


def _creation_failed(condition: Object) -> Health:
    if "exceeded quota" in condition.get("message", ""):
        return Health("Degraded", "QuotaExceeded", f"A quota of the namespace forbids its pods: {_quote(condition)}")
    return Health("Degraded", condition.get("reason", "FailedCreate"), f"Its pods cannot be made: {_quote(condition)}")


# -- pods --------------------------------------------------------------------------------------------------------


def _pod(live_object: Object) -> Health:
    status = live_object.get("status", {})
    match status.get("phase"):
        case "Succeeded":
            return Health("Healthy", "Completed", "It ran to its end.")
        case "Failed":
            return _pod_failed(status)
        case _:
            pass
    scheduled = _condition(status, "PodScheduled", "False")
    if scheduled:
        return Health("Degraded", "Unschedulable", f"No node can take it: {_quote(scheduled)}")
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        trouble = _container_trouble(container)
        if trouble:
            return trouble
    if _condition(status, "Ready", "True"):
        return Health("Healthy", "Ready", "It is ready.")
    return _pod_unready(status)


def _pod_failed(status: Object) -> Health:
    for container in status.get("containerStatuses", ()):
        ended = container.get("state", {}).get("terminated")
        if ended and ended.get("exitCode"):
            return _ended_badly(container, ended)
    reason = status.get("reason") or "Failed"
    return Health("Degraded", reason, f"It failed: {_quote(status) or reason}")


def _container_trouble(container: Object) -> Health | None:
    """What is wrong with one container, if anything is."""
    state, name = container.get("state", {}), container.get("name", "")
    waiting = state.get("waiting")
    last = container.get("lastState", {}).get("terminated")
    if waiting:
        reason = waiting.get("reason", "")
        if reason in _IMAGE_REASONS:
            said = _quote(waiting)
            tail = f": {said}" if said else "."
            return Health("Degraded", reason, f"The image {container.get('image', '')} cannot be pulled{tail}")
        if reason in _CONFIG_REASONS:
            return Health("Degraded", reason, f"The container {name} cannot be made: {_quote(waiting)}")
        if reason == "CrashLoopBackOff":
            return _ended_badly(container, last or {}, loop=True)
    ended = state.get("terminated")
    if ended and ended.get("exitCode"):
        return _ended_badly(container, ended)
    if last and last.get("exitCode") and not container.get("ready"):
        # It runs again and has not proved itself yet: a crash loop must not look mended between two crashes.
        return _ended_badly(container, last, loop=container.get("restartCount", 0) > 1)
    return None


def _ended_badly(container: Object, ended: Object, *, loop: bool = False) -> Health:
    name, restarts = container.get("name", ""), container.get("restartCount", 0)
    if ended.get("reason") == "OOMKilled":
        said = f"The container {name} was killed for using more memory than its limit ({restarts} restarts)."
        return Health("Degraded", "OOMKilled", f"{said} Give it more memory.")
    how = f"exit code {ended['exitCode']}" if "exitCode" in ended else "no exit code is known"
    if loop:
        said = f"The container {name} keeps crashing ({restarts} restarts, {how}); it is tried again ever more slowly."
        return Health("Degraded", "CrashLoopBackOff", said)
    return Health("Degraded", ended.get("reason") or "Error", f"The container {name} ended with {how}.")


def _pod_unready(status: Object) -> Health:
    """Not ready yet, or not ready any more: told apart by whether readiness changed after the containers started."""
    unready = _condition(status, "Ready", "False")
    containers = status.get("containerStatuses", ())
    started = [container.get("state", {}).get("running", {}).get("startedAt", "") for container in containers]
    if not containers or not all(started):
        return Health("Progressing", "Starting", "It is being started.")
    # Both are RFC 3339 in UTC, so they compare as text.
    if unready and unready.get("lastTransitionTime", "") > max(started):
        return Health("Degraded", "NotReady", "It was ready and is not any more: its readiness probe fails.")
    return Health("Progressing", "NotReady", "It runs and is not ready yet.")


# -- storage and network -----------------------------------------------------------------------------------------


def _claim(live_object: Object) -> Health:
    match live_object.get("status", {}).get("phase"):
        case "Bound":
            return Health("Healthy", "Bound", "Its volume is there.")
        case "Lost":
            return Health("Degraded", "VolumeLost", "The volume it was bound to is gone.")
        case _:
            return Health("Progressing", "Pending", "It waits for a volume.")


def _service(live_object: Object) -> Health:
    balancer = live_object.get("status", {}).get("loadBalancer", {})
    if live_object["spec"].get("type") == "LoadBalancer" and not balancer.get("ingress"):
        return Health("Progressing", "AwaitingAddress", "It waits for an address from the load balancer.")
    return Health("Healthy", "Present", "It exists.")


# -- what others do with our pods ---------------------------------------------------------------------------------


def _autoscaler(live_object: Object) -> Health:
    """Kubernetes sets its conditions at each look (every 15 s), also where it has nothing to measure by."""
    status = live_object.get("status", {})
    unable = _condition(status, "AbleToScale", "False")
    if unable:
        return Health("Degraded", unable.get("reason") or "UnableToScale", f"It cannot scale: {_quote(unable)}")
    idle = _condition(status, "ScalingActive", "False")
    if idle and idle.get("reason") == "ScalingDisabled":
        return Health("Healthy", "ScalingDisabled", "It rests, for its target is switched off.")
    if idle:
        said = f"It cannot tell how many replicas are needed: {_quote(idle)}"
        return Health("Degraded", idle.get("reason") or "ScalingInactive", said)
    if not status.get("conditions"):
        return Health("Progressing", "NotObserved", "Kubernetes has not looked at it yet.")
    return Health("Healthy", "Active", "It scales.")


def _disruption_budget(live_object: Object) -> Health:
    """How many pods may be evicted is no matter of its health, but of theirs."""
    failed = _condition(live_object.get("status", {}), "DisruptionAllowed", "False")
    if failed and failed.get("reason") == "SyncFailed":
        return Health("Degraded", "SyncFailed", f"Kubernetes cannot tell which pods it protects: {_quote(failed)}")
    return Health("Healthy", "Present", "It exists.")


def _cron_job(live_object: Object) -> Health:
    """By its newest run. Its pods are not asked: those of past runs are kept, failed ones too."""
    spec, status = live_object["spec"], live_object.get("status", {})
    if status.get("active"):
        return Health("Healthy", "Running", "It runs just now.")
    last, good = status.get("lastScheduleTime", ""), status.get("lastSuccessfulTime", "")
    # Both are RFC 3339 in UTC, so they compare as text.
    if last and good < last:
        return Health("Degraded", "LastRunFailed", f"Its run of {last} did not succeed: look at its job's log.")
    if spec.get("suspend"):
        return Health("Healthy", "Suspended", "It is switched off: it starts no runs.")
    return Health("Healthy", "Waiting", "It waits for its next run.")


# -- what is worth keeping ---------------------------------------------------------------------------------------


def _digest_workload(live_object: Object) -> Object:
    status = live_object.get("status", {})
    numbers = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "currentRevision", "updateRevision")
    return {
        "wantedReplicas": live_object["spec"].get("replicas", 1),
        **{key: status.get(key) for key in numbers},
        "conditions": _digest_conditions(status),
    }


def _digest_stateful_set(live_object: Object) -> Object:
    """With the revision that its pods should be of, where they wait for a restart to become so."""
    waits = _waits_for_restart(live_object["spec"])
    revision = live_object.get("status", {}).get("updateRevision") if waits else None
    return {**_digest_workload(live_object), "revision": revision}


def _digest_pod(live_object: Object) -> Object:
    status, labels = live_object.get("status", {}), live_object["metadata"].get("labels", {})
    containers: list[Object] = status.get("containerStatuses", [])
    owners: list[Object] = live_object["metadata"].get("ownerReferences", [])
    return {
        "phase": status.get("phase"),
        "node": live_object["spec"].get("nodeName"),
        "podIP": status.get("podIP"),
        "restarts": sum(container.get("restartCount", 0) for container in containers) or None,
        "revision": labels.get("controller-revision-hash") or labels.get("pod-template-hash"),
        "owner": next((f"{owner['kind']}/{owner['name']}" for owner in owners if owner.get("controller")), None),
        "startedAt": status.get("startTime"),
        "conditions": _digest_conditions(status),
    }


def _digest_claim(live_object: Object) -> Object:
    spec, status = live_object["spec"], live_object.get("status", {})
    return {
        "phase": status.get("phase"),
        "capacity": status.get("capacity", {}).get("storage"),
        "requested": spec.get("resources", {}).get("requests", {}).get("storage"),
        "storageClass": spec.get("storageClassName"),
        "volume": spec.get("volumeName"),
    }


def _digest_service(live_object: Object) -> Object:
    spec = live_object["spec"]
    return {
        "type": spec.get("type"),
        "clusterIP": spec.get("clusterIP"),
        "ports": [
            {key: port[key] for key in ("name", "port", "nodePort") if key in port} for port in spec.get("ports", [])
        ],
        "addresses": _addresses(live_object),
    }


def _digest_ingress(live_object: Object) -> Object:
    rules: list[Object] = live_object["spec"].get("rules", [])
    return {"hosts": [rule["host"] for rule in rules if "host" in rule], "addresses": _addresses(live_object)}


def _digest_autoscaler(live_object: Object) -> Object:
    spec, status = live_object["spec"], live_object.get("status", {})
    return {
        "least": spec.get("minReplicas", 1),
        "most": spec.get("maxReplicas"),
        "replicas": status.get("currentReplicas"),
        "wantedReplicas": status.get("desiredReplicas"),
        "conditions": _digest_conditions(status),
    }


def _digest_disruption_budget(live_object: Object) -> Object:
    status = live_object.get("status", {})
    return {key: status.get(key) for key in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")}


def _digest_cron_job(live_object: Object) -> Object:
    spec, status = live_object["spec"], live_object.get("status", {})
    return {
        "schedule": " ".join(filter(None, (spec.get("schedule"), spec.get("timeZone")))),
        "lastRun": status.get("lastScheduleTime"),
        "lastSuccess": status.get("lastSuccessfulTime"),
        "running": len(status.get("active", ())) or None,
    }


def _addresses(live_object: Object) -> list[str]:
    points: list[Object] = live_object.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [point.get("ip") or point.get("hostname", "") for point in points]


def _digest_conditions(status: Object) -> dict[str, str]:
    """`{"Ready": "True", "PodScheduled": "False: Unschedulable"}`."""
    return {
        condition["type"]: condition["status"]
        if condition["status"] == "True" or not condition.get("reason")
        else f"{condition['status']}: {condition['reason']}"
        for condition in status.get("conditions", ())
    }


def _condition(status: Object, kind: str, value: str) -> Object | None:
    conditions: list[Object] = status.get("conditions", [])
    return next((found for found in conditions if found["type"] == kind and found["status"] == value), None)


def _quote(said: Object) -> str:
    message: str = said.get("message") or ""
    return message if len(message) <= _QUOTED_CHARACTERS else message[:_QUOTED_CHARACTERS] + "…"


_RULES: dict[str, Callable[[Object], Health]] = {
    "StatefulSet": _stateful_set,
    "Deployment": _deployment,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _disruption_budget,
    "CronJob": _cron_job,
}
_DIGESTS: dict[str, Callable[[Object], Object]] = {
    "StatefulSet": _digest_stateful_set,
    "Deployment": _digest_workload,
    "Pod": _digest_pod,
    "PersistentVolumeClaim": _digest_claim,
    "Service": _digest_service,
    "Ingress": _digest_ingress,
    "HorizontalPodAutoscaler": _digest_autoscaler,
    "PodDisruptionBudget": _digest_disruption_budget,
    "CronJob": _digest_cron_job,
}
