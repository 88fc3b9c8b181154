"""What others may own stays theirs, whatever else happens; with a real worker, watcher and autoscaler."""

import json
from typing import Any

import pytest

from tests.flow.conftest import Stage

IGNORE_REPLICAS = [{"path": "spec.replicas", "policy": "Ignore"}]


def govern(stage: Stage, deployment: str, rules: list[dict[str, Any]], policy: str = "Enforce") -> None:
    """Set them, and wait until that is carried out."""
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s, drift_policy = %s WHERE id = %s",
        (json.dumps(rules), policy, deployment),
    )
    stage.until(lambda: stage.intent.is_applied(deployment), 30, "governed")


def change(stage: Stage, deployment: str, **parameters: Any) -> None:
    stage.intent.change(deployment, **parameters)
    stage.until(lambda: stage.intent.is_applied(deployment), 30, "changed")


def replicas(stage: Stage, name: str) -> int:
    return stage.get("Deployment", name)["spec"]["replicas"]


def recorded(stage: Stage, deployment: str, name: str) -> Any:
    """The live replicas that Postgres knows of, if they are others'."""
    drift = stage.intent.inventory(deployment)[f"Deployment/{name}"]["drift"] or []
    return next((row["live"] for row in drift if row["path"] == "spec.replicas"), None)


def wait_until_recorded(stage: Stage, deployment: str, name: str, count: int) -> None:
    stage.until(lambda: recorded(stage, deployment, name) == count, 30, f"{count} replicas recorded")


@pytest.mark.parametrize(("policy", "rules"), [("Enforce", IGNORE_REPLICAS), ("Ignore", [])], ids=["rule", "default"])
def test_a_scaler_that_is_ignored_costs_nothing_and_nothing_resets_it(
    stage: Stage, policy: str, rules: list[dict[str, Any]]
) -> None:
    name = f"scaled-{policy.lower()}"
    made = stage.deploy(name, "web", replicas=2)
    govern(stage, made, rules, policy)
    mark, requested = stage.mark(made), stage.intent.slot(made)["requested"]
    for count in (3, 5, 4, 6, 1, 7):
        stage.kubectl("scale", f"deployment/{name}", f"--replicas={count}")
        wait_until_recorded(stage, made, name, count)
    told = [event["type"] for event in stage.since(made, mark) if event["type"] != "StatusChanged"]
    assert (told, stage.intent.slot(made)["requested"]) == ([], requested)
    assert stage.drift(made) == []
    change(stage, made, greeting="newer")
    stage.kubectl("scale", f"deployment/{name}", "--replicas=3")
    wait_until_recorded(stage, made, name, 3)
    # By now our own fields are as we applied them, and theirs are followed all the same.
    for step in ("parameters", "reconcile", "worker", "watcher"):
        match step:
            case "parameters":
                change(stage, made, replicas=4, cpu="20m")
            case "reconcile":
                stage.intent.reconcile_now(made)
            case "worker":
                stage.worker.restart()
                change(stage, made, greeting="newest")
            case _:
                stage.watcher.restart()
                stage.kubectl("annotate", f"deployment/{name}", "example.com/theirs=yes")
        stage.until(lambda: stage.is_at_rest(made), 60, f"at rest after {step}")
        assert replicas(stage, name) == 3, step
    govern(stage, made, [])
    stage.until(lambda: replicas(stage, name) == 4 and stage.is_at_rest(made), 30, "taken back")


def test_what_waits_for_a_decision_is_shown_fresh_told_once_and_put_back_when_asked(stage: Stage) -> None:
    made = stage.deploy("waiting", "web", replicas=2)
    govern(stage, made, [{"kind": "Deployment", "path": "spec.replicas", "policy": "Adopt"}])
    mark, requested = stage.mark(made), stage.intent.slot(made)["requested"]
    for count in (3, 5, 4):
        stage.kubectl("scale", "deployment/waiting", f"--replicas={count}")
        wait_until_recorded(stage, made, "waiting", count)
        (row,) = stage.drift(made)
        assert (row["path"], row["live"], row["policy"], row["outlook"]) == (
            "spec.replicas",
            count,
            "Adopt",
            "undecided",
        )
    assert len(stage.since(made, mark, "ResourceModifiedExternally")) == 1
    assert stage.intent.slot(made)["requested"] == requested
    stage.until(lambda: stage.intent.status(made) == "Healthy", 30, "healthy, for it is")
    assert "waits for a decision" in stage.intent.message(made)
    change(stage, made, greeting="newer")
    for count in (6, 7):
        stage.kubectl("scale", "deployment/waiting", f"--replicas={count}")
        wait_until_recorded(stage, made, "waiting", count)
    assert len(stage.since(made, mark, "ResourceModifiedExternally")) == 1
    stage.intent.operator.execute("SELECT orchestrator.put_back(%s)", (made,))
    stage.until(lambda: replicas(stage, "waiting") == 2 and stage.is_at_rest(made), 30, "put back")
    assert "waits for a decision" not in stage.intent.message(made)


def test_a_real_autoscaler_owns_the_replicas(stage: Stage) -> None:
    made = stage.deploy("auto", "web", replicas=1)
    govern(stage, made, IGNORE_REPLICAS)
    # Without metrics it still keeps to its bounds, which is a write of replicas by its own controller.
    stage.kubectl("autoscale", "deployment/auto", "--min=3", "--max=5", "--cpu=50%")
    stage.until(lambda: replicas(stage, "auto") == 3, 90, "scaled by the autoscaler")
    mark = stage.mark(made)
    change(stage, made, greeting="newer", replicas=2)
    stage.until(lambda: stage.is_at_rest(made), 60, "at rest")
    assert replicas(stage, "auto") == 3
    assert stage.since(made, mark, "ResourceModifiedExternally") == []
    stage.kubectl("delete", "hpa/auto")
    govern(stage, made, [])
    stage.until(lambda: replicas(stage, "auto") == 2 and stage.is_at_rest(made), 30, "taken back")


def test_a_patcher_that_stops_and_wakes_servers_is_let_to(stage: Stage) -> None:
    """As mc-router does: replicas 0 when nobody plays, 1 when somebody comes."""
    made = stage.deploy("routed", "web", replicas=1)
    govern(stage, made, IGNORE_REPLICAS)
    router = stage.outsider.called("mc-router")
    for count in (0, 1, 0):
        router.merge("Deployment", stage.namespace, "routed", {"spec": {"replicas": count}})
        stage.until(lambda count=count: recorded(stage, made, "routed") in (count, None), 30, f"{count} seen")
        change(stage, made, greeting=f"hello {count}")
        assert replicas(stage, "routed") == count
    stage.intent.set(made, "Stopped")
    stage.until(lambda: stage.is_at_rest(made), 60, "stopped")
    router.merge("Deployment", stage.namespace, "routed", {"spec": {"replicas": 1}})
    stage.until(lambda: replicas(stage, "routed") == 0 and stage.is_at_rest(made), 30, "stopped means stopped")
    stage.intent.set(made, "Active")
    stage.until(lambda: replicas(stage, "routed") == 1 and stage.is_at_rest(made), 60, "started")


def test_an_object_that_is_ignored_stays_deleted_and_the_deployment_is_well(stage: Stage) -> None:
    made = stage.deploy("bare", "web", replicas=1)
    govern(stage, made, [{"kind": "Service", "policy": "Ignore"}])
    stage.kubectl("delete", "service/bare")
    missing = lambda: stage.intent.inventory(made)["Service/bare"]["missing_since"] is not None  # noqa: E731
    stage.until(missing, 30, "seen gone")
    change(stage, made, greeting="newer")
    stage.until(lambda: stage.intent.status(made) == "Healthy", 30, "healthy without it")
    assert (stage.find("Service", "bare"), stage.drift(made)) == (None, [])
    govern(stage, made, [])
    stage.until(lambda: stage.find("Service", "bare") is not None and stage.is_at_rest(made), 30, "made again")


def test_what_is_ignored_outlives_the_wiping_of_its_record(stage: Stage) -> None:
    made = stage.deploy("wiped", "web", replicas=2)
    govern(stage, made, [], "Ignore")
    stage.kubectl("scale", "deployment/wiped", "--replicas=5")
    wait_until_recorded(stage, made, "wiped", 5)
    stage.outsider.merge("Deployment", stage.namespace, "wiped", {"metadata": {"managedFields": [{}]}})
    change(stage, made, greeting="newer")
    stage.until(lambda: stage.is_observed(made), 30, "seen")
    assert replicas(stage, "wiped") == 5
