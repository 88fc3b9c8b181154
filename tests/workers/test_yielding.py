"""What policy leaves to others: an apply never resets it, and takes it back when it is to be ours again."""

import json
from typing import Any

import pytest

from tests.intent import REPLICAS, Intent, config_map, secret, service, workload
from tests.outsider import Outsider
from tests.workers.steps import Steps
from tests.workers.test_fields import our_fields

IGNORE_REPLICAS = [{"kind": "Deployment", "path": "spec.replicas", "policy": "Ignore"}]


def rules(intent: Intent, deployment: str, rules: list[dict[str, Any]], policy: str = "Enforce") -> None:
    intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s, drift_policy = %s WHERE id = %s",
        (json.dumps(rules), policy, deployment),
    )


async def applied(intent: Intent, steps: Steps, deployment: str) -> None:
    """One run, and another wherever a controller wrote in between too often."""
    for _ in range(5):
        if (settlement := await steps.once(deployment)).outcome == "succeeded":
            return
        assert "chang" in (settlement.error or ""), settlement.error
        intent.superuser.execute("UPDATE orchestrator.reconcile_slots SET due_at = now() WHERE due_at IS NOT NULL")
    raise AssertionError(intent.story())


def web(intent: Intent) -> str:
    intent.put_template("web", [config_map(), service(), workload("Deployment", replicas=REPLICAS)])
    return intent.deploy("lobby", "web", replicas=2)


def replicas(outsider: Outsider, namespace: str) -> int:
    return outsider.get("Deployment", namespace, "lobby")["spec"]["replicas"]


def scale(outsider: Outsider, namespace: str, count: int) -> None:
    outsider.merge("Deployment", namespace, "lobby", {"spec": {"replicas": count}})


@pytest.mark.parametrize("policy", ["Enforce", "Ignore"])
async def test_a_first_apply_carries_what_a_rule_ignores_and_a_later_one_leaves_it(
    policy: str, intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, IGNORE_REPLICAS, policy)
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 2
    intent.change(lobby, replicas=3)
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert live["spec"]["replicas"] == 2, "left alone, neither reset nor changed"
    assert "f:replicas" not in our_fields(live)["f:spec"]
    for count in (5, 0, 1, 4):
        scale(outsider, namespace, count)
        intent.change(lobby, greeting=f"hello {count}")
        await applied(intent, steps, lobby)
        assert replicas(outsider, namespace) == count
    assert intent.events(lobby, "ResourceModifiedExternally") == []


async def test_what_a_rule_ignored_is_taken_back_when_the_rule_goes(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, IGNORE_REPLICAS)
    await applied(intent, steps, lobby)
    intent.change(lobby, greeting="newer")
    await applied(intent, steps, lobby)
    scale(outsider, namespace, 5)
    rules(intent, lobby, [])
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert live["spec"]["replicas"] == 2
    assert "f:replicas" in our_fields(live)["f:spec"]
    row = intent.inventory(lobby)["Deployment/lobby"]
    assert (row["withheld"], row["drift"]) == (None, None)


async def test_what_was_left_but_never_taken_is_taken_back_unchanged(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, IGNORE_REPLICAS)
    await applied(intent, steps, lobby)
    intent.change(lobby, greeting="newer")
    await applied(intent, steps, lobby)
    assert intent.inventory(lobby)["Deployment/lobby"]["withheld"] == ["spec.replicas"]
    before = outsider.get("Deployment", namespace, "lobby")["metadata"]["generation"]
    rules(intent, lobby, [])
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert "f:replicas" in our_fields(live)["f:spec"]
    assert live["metadata"]["generation"] == before, "nothing of its spec changed"


async def test_what_others_took_unseen_stays_theirs_by_the_deployments_policy(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, [], "Ignore")
    await applied(intent, steps, lobby)
    scale(outsider, namespace, 5)
    intent.change(lobby, greeting="newer", cpu="20m")
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert live["spec"]["replicas"] == 5
    (container,) = live["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] == "20m", "all else is applied"
    row = intent.inventory(lobby)["Deployment/lobby"]
    assert row["withheld"] == ["spec.replicas"]
    assert [(drift["path"], drift["live"], drift["manager"]) for drift in row["drift"]] == [
        ("spec.replicas", 5, "outsider")
    ]
    scale(outsider, namespace, 7)
    intent.change(lobby, cpu="30m", replicas=4)
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 7
    rules(intent, lobby, [], "Enforce")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 4


async def test_what_waits_for_a_decision_is_left_and_told_when_found_unseen(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, [], "Adopt")
    await applied(intent, steps, lobby)
    scale(outsider, namespace, 5)
    intent.change(lobby, cpu="20m")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 5
    (event,) = intent.events(lobby, "ResourceModifiedExternally")
    assert [change["path"] for change in event["data_json"]["changes"]] == ["spec.replicas"]
    assert "spec.replicas of Deployment lobby was changed by outsider and waits for a decision" in intent.message(lobby)
    # Wanting what stands there is a decision.
    intent.change(lobby, replicas=5)
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert live["spec"]["replicas"] == 5
    assert "f:replicas" in our_fields(live)["f:spec"]
    assert "waits for a decision" not in intent.message(lobby)


@pytest.mark.parametrize(("policy", "given"), [("Adopt", []), ("Ignore", []), ("Enforce", IGNORE_REPLICAS)])
async def test_put_back_takes_it_once_whatever_the_policy(
    policy: str, given: list[dict[str, Any]], intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, given, policy)
    await applied(intent, steps, lobby)
    intent.change(lobby, cpu="20m")
    await applied(intent, steps, lobby)
    scale(outsider, namespace, 5)
    intent.change(lobby, cpu="30m")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 5
    intent.operator.execute("SELECT orchestrator.put_back(%s, '{Deployment/lobby:spec.replicas}')", (lobby,))
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 2
    scale(outsider, namespace, 6)
    intent.change(lobby, cpu="40m")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 6, "once"


@pytest.mark.parametrize("given", [IGNORE_REPLICAS, []])
async def test_stopped_has_no_replicas_and_started_has_its_own_again(
    given: list[dict[str, Any]], intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, given, "Ignore")
    await applied(intent, steps, lobby)
    scale(outsider, namespace, 5)
    intent.change(lobby, cpu="20m")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 5
    intent.set(lobby, "Stopped")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 0
    intent.set(lobby, "Active")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 2
    scale(outsider, namespace, 5)
    intent.change(lobby, cpu="30m")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 5


async def test_a_list_item_an_atomic_value_and_a_whole_branch_are_left(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    left = [
        {"path": "spec.template.spec.containers[name=web].env[name=GREETING]", "policy": "Ignore"},
        {"kind": "Service", "path": "spec.selector", "policy": "Ignore"},
        {"kind": "ConfigMap", "path": "data", "policy": "Ignore"},
    ]
    rules(intent, lobby, left)
    await applied(intent, steps, lobby)
    env = {"name": "GREETING", "value": "theirs"}
    pod = {"containers": [{"name": "web", "env": [env]}]}
    outsider.strategic("Deployment", namespace, "lobby", {"spec": {"template": {"spec": pod}}})
    outsider.merge("Service", namespace, "lobby", {"spec": {"selector": {"app.kubernetes.io/instance": "theirs"}}})
    outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "theirs"}})
    intent.change(lobby, greeting="newer", note="newer", cpu="20m")
    await applied(intent, steps, lobby)
    (container,) = outsider.get("Deployment", namespace, "lobby")["spec"]["template"]["spec"]["containers"]
    assert (container["env"], container["resources"]["requests"]["cpu"]) == ([env], "20m")
    selected = outsider.get("Service", namespace, "lobby")
    assert selected["spec"]["selector"] == {"app.kubernetes.io/instance": "theirs"}
    assert selected["metadata"]["annotations"]["example.com/note"] == "newer"
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "theirs"}
    rules(intent, lobby, [])
    await applied(intent, steps, lobby)
    (container,) = outsider.get("Deployment", namespace, "lobby")["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "GREETING", "value": "newer"}]
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "newer"}


async def test_a_password_that_is_left_to_others_is_neither_read_nor_reset(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    intent.put_template("safe", [secret()])
    lobby = intent.deploy("lobby", "safe")
    rules(intent, lobby, [{"kind": "Secret", "path": "data.password", "policy": "Ignore"}])
    await applied(intent, steps, lobby)
    ours = outsider.get("Secret", namespace, "lobby-rcon")["data"]["password"]
    intent.change(lobby, note="newer")
    await applied(intent, steps, lobby)
    assert outsider.get("Secret", namespace, "lobby-rcon")["data"]["password"] == ours
    outsider.merge("Secret", namespace, "lobby-rcon", {"data": {"password": "dGhlaXJz"}})
    intent.change(lobby, note="newest")
    await applied(intent, steps, lobby)
    live = outsider.get("Secret", namespace, "lobby-rcon")
    assert (live["data"]["password"], live["metadata"]["annotations"]["example.com/note"]) == ("dGhlaXJz", "newest")
    assert "dGhlaXJz" not in json.dumps(intent.inventory(lobby), default=str)
    rules(intent, lobby, [])
    await applied(intent, steps, lobby)
    assert outsider.get("Secret", namespace, "lobby-rcon")["data"]["password"] == ours


async def test_an_object_that_is_let_be_is_not_made_again_even_if_it_goes_unseen(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, [{"kind": "Service", "policy": "Ignore"}])
    await applied(intent, steps, lobby)
    outsider.delete("Service", namespace, "lobby")
    intent.change(lobby, note="newer")
    await applied(intent, steps, lobby)
    assert outsider.find("Service", namespace, "lobby") is None
    rules(intent, lobby, [])
    await applied(intent, steps, lobby)
    assert outsider.find("Service", namespace, "lobby") is not None


async def test_what_was_left_stays_theirs_after_the_record_of_owners_was_wiped(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, [], "Ignore")
    await applied(intent, steps, lobby)
    scale(outsider, namespace, 5)
    intent.change(lobby, cpu="20m")
    await applied(intent, steps, lobby)
    outsider.merge("Deployment", namespace, "lobby", {"metadata": {"managedFields": [{}]}})
    intent.change(lobby, cpu="30m", greeting="newer")
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert live["spec"]["replicas"] == 5
    assert "f:replicas" not in our_fields(live)["f:spec"]
    intent.change(lobby, cpu="40m")
    await applied(intent, steps, lobby)
    assert replicas(outsider, namespace) == 5


async def test_a_forceful_server_side_applier_keeps_what_is_ignored_and_loses_the_rest(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = web(intent)
    rules(intent, lobby, IGNORE_REPLICAS)
    await applied(intent, steps, lobby)
    theirs = {"spec": {"replicas": 6, "template": {"metadata": {"labels": {"app.kubernetes.io/instance": "lobby"}}}}}
    outsider.apply(
        "Deployment", namespace, "lobby", {**theirs, "metadata": {"annotations": {"example.com/note": "theirs"}}}
    )
    intent.change(lobby, cpu="20m")
    await applied(intent, steps, lobby)
    live = outsider.get("Deployment", namespace, "lobby")
    assert live["spec"]["replicas"] == 6
    assert live["metadata"]["annotations"]["example.com/note"] == "none"
