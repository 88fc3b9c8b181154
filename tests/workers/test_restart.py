"""A restart at the cluster: which pods go, when, and that it is finished from wherever it was cut off."""

import asyncio
from typing import Any

import pytest

from tests.intent import Intent, workload
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.waiting import eventually
from tests.workers.steps import Steps
from tests.workers.test_crashes import StartWorker, applied, lease_ends, start_worker
from workers.restarts import RESTARTED_ANNOTATION

__all__ = ["start_worker"]


def by_hand(suffix: str = "", **spec: Any) -> dict[str, Any]:
    """A StatefulSet whose pods are replaced only once somebody deletes them, as the shipped templates have it."""
    made = workload("StatefulSet", suffix=suffix, replicas=1)
    made["spec"] |= {"updateStrategy": {"type": "OnDelete"}, **spec}
    return made


@pytest.fixture
def lobby(intent: Intent) -> str:
    """A server that is about to be made."""
    intent.put_template("by-hand", [by_hand()])
    return intent.deploy("lobby", "by-hand")


def restart(intent: Intent, deployment: str) -> None:
    intent.operator.execute("SELECT orchestrator.restart(%s)", (deployment,))


def pods(outsider: Outsider, namespace: str) -> dict[str, dict[str, Any]]:
    """Those that are there to stay, by name."""
    found = [pod["metadata"] for pod in outsider.list("Pod", namespace)]
    return {pod["name"]: pod for pod in found if "deletionTimestamp" not in pod}


async def running(outsider: Outsider, namespace: str, *names: str) -> dict[str, dict[str, Any]]:
    def are_there() -> dict[str, dict[str, Any]] | None:
        found = pods(outsider, namespace)
        return found if set(found) == set(names) else None

    return await eventually(are_there, 30, lambda: f"pods {names}; there are {list(pods(outsider, namespace))}")


async def replaced(outsider: Outsider, namespace: str, before: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pods once each has a successor."""

    def are_new() -> dict[str, dict[str, Any]] | None:
        found = pods(outsider, namespace)
        fresh = all(name in found and found[name]["uid"] != old["uid"] for name, old in before.items())
        return found if fresh else None

    return await eventually(are_new, 30, "successors")


def asked_at(pod: dict[str, Any]) -> str | None:
    return pod.get("annotations", {}).get(RESTARTED_ANNOTATION)


async def test_a_restart_replaces_the_pod_and_nothing_but_a_restart_does(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, lobby: str
) -> None:
    await steps.once(lobby)
    first = await running(outsider, namespace, "lobby-0")
    intent.change(lobby, greeting="newer")
    await steps.once(lobby)
    assert pods(outsider, namespace)["lobby-0"]["uid"] == first["lobby-0"]["uid"]
    restart(intent, lobby)
    settlement = await steps.once(lobby)
    assert [pod.uid for pod in settlement.restarted] == [first["lobby-0"]["uid"]]
    second = await replaced(outsider, namespace, first)
    live = outsider.get("Pod", namespace, "lobby-0")
    assert live["spec"]["containers"][0]["env"] == [{"name": "GREETING", "value": "newer"}]
    [told] = intent.events(lobby, "PodRestarted")
    assert told["data_json"] == {
        "kind": "Pod",
        "namespace": namespace,
        "name": "lobby-0",
        "uid": first["lobby-0"]["uid"],
        "reason": "a restart was asked for",
        "asked_at": asked_at(second["lobby-0"]),
    }
    # Once restarted, neither a second look nor the next change of intent restarts it again.
    intent.reconcile_now(lobby)
    await steps.once(lobby)
    intent.change(lobby, greeting="newest")
    await steps.once(lobby)
    assert pods(outsider, namespace)["lobby-0"]["uid"] == second["lobby-0"]["uid"]
    assert len(intent.events(lobby, "PodRestarted")) == 1


async def test_what_asks_for_no_restart_asks_the_cluster_nothing_more(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str, lobby: str
) -> None:
    await steps.once(lobby)

    def settled() -> dict[str, Any] | None:
        live = outsider.get("StatefulSet", namespace, "lobby")
        return live if live["status"].get("availableReplicas") == 1 else None

    live = await eventually(settled, 30, "a running server")
    # As the watcher does; otherwise the apply meets a newer version and looks for itself.
    seen = "UPDATE orchestrator.deployment_resources SET resource_version = %s WHERE kind = 'StatefulSet'"
    intent.superuser.execute(seen, (live["metadata"]["resourceVersion"],))
    intent.change(lobby, greeting="newer")
    proxy.seen.clear()
    await steps.once(lobby)
    assert [(passed.method, passed.path.rsplit("/", 2)[1]) for passed in proxy.seen] == [("PATCH", "statefulsets")]


async def test_a_deployment_rolls_by_itself(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    web = intent.deploy("web", "web")
    await steps.once(web)
    first = await eventually(lambda: pods(outsider, namespace))
    proxy.seen.clear()
    restart(intent, web)
    await steps.once(web)

    def rolled() -> bool:
        found = pods(outsider, namespace)
        return bool(found) and not set(found) & set(first) and all(asked_at(pod) for pod in found.values())

    await eventually(rolled, 30, lambda: pods(outsider, namespace))
    assert {passed.path.rsplit("/", 2)[1] for passed in proxy.seen} == {"deployments"}


async def test_a_set_that_rolls_by_itself_is_left_to_do_so(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    intent.put_template("rolling", [workload("StatefulSet", replicas=1)])
    own = intent.deploy("rolling", "rolling")
    await steps.once(own)
    first = await running(outsider, namespace, "rolling-0")
    restart(intent, own)
    settlement = await steps.once(own)
    assert settlement.restarted == []
    assert proxy.writes("DELETE") == []
    await replaced(outsider, namespace, first)


async def test_only_the_pods_of_the_set_go(intent: Intent, steps: Steps, outsider: Outsider, namespace: str) -> None:
    intent.put_template("pair", [by_hand(), workload("StatefulSet", suffix="-map", replicas=1)])
    own = intent.deploy("lobby", "pair")
    await steps.once(own)
    first = await running(outsider, namespace, "lobby-0", "lobby-map-0")
    labels = {"server-orchestrator.io/deployment-id": own}
    stray = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lobby-9", "labels": labels}}
    outsider.create({**stray, "spec": {"containers": [{"name": "any", "image": "example/any:1"}]}}, namespace)
    restart(intent, own)
    settlement = await steps.once(own)
    assert [pod.uid for pod in settlement.restarted] == [first["lobby-0"]["uid"]]
    assert "lobby-9" in pods(outsider, namespace)


async def test_all_pods_of_a_set_are_restarted(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    intent.put_template("three", [by_hand(replicas=3)])
    own = intent.deploy("lobby", "three")
    await steps.once(own)
    first = await running(outsider, namespace, "lobby-0", "lobby-1", "lobby-2")
    restart(intent, own)
    settlement = await steps.once(own)
    assert {pod.uid for pod in settlement.restarted} == {pod["uid"] for pod in first.values()}
    await replaced(outsider, namespace, first)


async def test_a_restart_asked_for_during_a_hold_comes_with_the_resumption(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, lobby: str
) -> None:
    await steps.once(lobby)
    first = await running(outsider, namespace, "lobby-0")
    restart(intent, lobby)
    intent.set(lobby, "Paused")
    assert (await steps.once(lobby)).restarted == []
    intent.set(lobby, "Active")
    await steps.once(lobby)
    await replaced(outsider, namespace, first)


async def test_a_pod_that_loses_its_annotation_later_is_not_restarted_for_it(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, lobby: str
) -> None:
    await steps.once(lobby)
    restart(intent, lobby)
    await steps.once(lobby)
    before = await running(outsider, namespace, "lobby-0")
    outsider.merge("Pod", namespace, "lobby-0", {"metadata": {"annotations": {RESTARTED_ANNOTATION: None}}})
    intent.reconcile_now(lobby)
    assert (await steps.once(lobby)).restarted == []
    assert pods(outsider, namespace)["lobby-0"]["uid"] == before["lobby-0"]["uid"]


@pytest.mark.parametrize("answered", [False, True], ids=["before the server acts", "before it is settled"])
@pytest.mark.parametrize(
    "at",
    [("PATCH", "statefulsets/lobby"), ("GET", "statefulsets/lobby"), ("GET", "/pods"), ("DELETE", "pods/lobby-0")],
    ids=["apply", "wait", "list", "delete"],
)
async def test_a_worker_killed_in_the_middle_of_a_restart_leaves_it_to_the_next(
    intent: Intent,
    start_worker: StartWorker,
    proxy: Proxy,
    outsider: Outsider,
    namespace: str,
    lobby: str,
    answered: bool,
    at: tuple[str, str],
) -> None:
    first = start_worker(kubeconfig=proxy.kubeconfig())
    await applied(intent, lobby)
    before = await running(outsider, namespace, "lobby-0")
    held = proxy.hold(*at, answered=answered)
    restart(intent, lobby)
    await asyncio.wait_for(held.arrived.wait(), 30)
    first.kill()
    held.release()
    lease_ends(intent)
    start_worker()
    await applied(intent, lobby)
    after = await replaced(outsider, namespace, before)
    assert asked_at(after["lobby-0"]) is not None
    # Whatever was done twice, its successor was not restarted once more.
    intent.reconcile_now(lobby)
    await applied(intent, lobby)
    assert pods(outsider, namespace)["lobby-0"]["uid"] == after["lobby-0"]["uid"]


async def test_pods_stay_until_their_controller_has_seen_the_change(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str, lobby: str
) -> None:
    """A set whose controller lags: what it says of itself is held at the generation before."""
    await steps.once(lobby)
    first = await running(outsider, namespace, "lobby-0")
    live = outsider.get("StatefulSet", namespace, "lobby")
    live["metadata"]["generation"] += 1
    proxy.answer("GET", "statefulsets/lobby", status=200, times=100, body=live)
    restart(intent, lobby)
    settlement = await steps.reconcile(await steps.claim(lobby))
    assert (settlement.outcome, settlement.permanent, settlement.restarted) == ("failed", False, [])
    assert settlement.error is not None
    assert "not looked at StatefulSet lobby within 5 s" in settlement.error
    assert pods(outsider, namespace)["lobby-0"]["uid"] == first["lobby-0"]["uid"]
    await steps.settle(settlement)
    assert intent.status(lobby) == "Degraded"
    assert intent.slot(lobby)["due_at"] is not None
    proxy.answer_no_more()
    intent.superuser.execute("UPDATE orchestrator.reconcile_slots SET due_at = now()")
    assert (await steps.once(lobby)).outcome == "succeeded"
    await replaced(outsider, namespace, first)


async def test_a_pod_that_took_the_place_of_the_one_listed_is_left_alone(
    intent: Intent,
    steps: Steps,
    proxy: Proxy,
    outsider: Outsider,
    namespace: str,
    lobby: str,
) -> None:
    await steps.once(lobby)
    first = await running(outsider, namespace, "lobby-0")
    held = proxy.hold("DELETE", "pods/lobby-0")
    restart(intent, lobby)
    wish = await steps.claim(lobby)
    turn = asyncio.create_task(steps.reconcile(wish))
    await asyncio.wait_for(held.arrived.wait(), 30)
    outsider.delete("Pod", namespace, "lobby-0")
    second = await replaced(outsider, namespace, first)
    held.release()
    settlement = await turn
    assert (settlement.outcome, settlement.restarted) == ("succeeded", [])
    assert pods(outsider, namespace)["lobby-0"]["uid"] == second["lobby-0"]["uid"]
    assert asked_at(second["lobby-0"]) is not None
