"""A plan is what is done then: object by object, against what the worker applies and prunes on the real API server."""

from collections.abc import Callable

import pytest

from tests.flow.conftest import Stage
from tests.intent import REPLICAS, config_map, service, workload

# What a plan calls what a worker does for these reasons.
ACTIONS = {"created": "create", "missing": "create", "changed": "change", "drifted": "change", "recreated": "replace"}
Deeds = set[tuple[str, str, str]]

FIRST = [
    config_map(),
    {**config_map("-extra"), "$when": "extra"},
    service(),
    workload("Deployment", replicas=REPLICAS),
    workload("StatefulSet", suffix="-db", replicas=1),
]
# Adds an object, takes one away, and changes one of the rest.
SECOND = [config_map(MORE="more"), config_map("-new"), *FIRST[1:4]]


def planned(stage: Stage, deployment: str) -> Deeds:
    plan = "SELECT DISTINCT kind, name, action FROM orchestrator.plan(%s) WHERE action <> 'none'"
    return {(row["kind"], row["name"], row["action"]) for row in stage.intent.rows(plan, deployment)}


def done(stage: Stage, deployment: str, mark: int) -> Deeds:
    """What was applied and pruned after a mark."""
    applied = stage.since(deployment, mark, "ResourceApplied")
    pruned = stage.since(deployment, mark, "ResourcePruned")
    told = [(event["data_json"], ACTIONS[event["data_json"]["reason"]]) for event in applied]
    told += [(event["data_json"], "prune") for event in pruned]
    return {(data["kind"], data["name"], action) for data, action in told}


def change(stage: Stage, own: str, name: str) -> None:
    stage.intent.change(own, greeting="hi")


def drift(stage: Stage, own: str, name: str) -> None:
    stage.kubectl("scale", "deployment", name, "--replicas=3")
    stage.kubectl("annotate", "--overwrite", "service", name, "example.com/note=theirs")
    stage.until(lambda: len(stage.drift(own)) == 2, what="both seen")


def deletion(stage: Stage, own: str, name: str) -> None:
    stage.kubectl("delete", "service", name)
    stage.until(lambda: stage.drift(own), what="seen gone")


def prune(stage: Stage, own: str, name: str) -> None:
    stage.intent.change(own, extra=False)


def move(stage: Stage, own: str, name: str) -> None:
    stage.intent.operator.execute("UPDATE orchestrator.deployments SET template_version = 2 WHERE id = %s", (own,))


def everything(stage: Stage, own: str, name: str) -> None:
    drift(stage, own, name)
    prune(stage, own, name)
    move(stage, own, name)


EXPECTED: dict[Callable[[Stage, str, str], None], Deeds] = {
    change: {
        ("ConfigMap", "{}-env", "change"),
        ("ConfigMap", "{}-extra", "change"),
        ("Deployment", "{}", "change"),
        ("StatefulSet", "{}-db", "change"),
    },
    drift: {("Deployment", "{}", "change"), ("Service", "{}", "change")},
    deletion: {("Service", "{}", "create")},
    prune: {("ConfigMap", "{}-extra", "prune")},
    move: {
        # Each bears a label of its template's version.
        ("ConfigMap", "{}-root", "change"),
        ("ConfigMap", "{}-env", "change"),
        ("ConfigMap", "{}-extra", "change"),
        ("ConfigMap", "{}-new", "create"),
        ("Service", "{}", "change"),
        ("Deployment", "{}", "change"),
        ("StatefulSet", "{}-db", "prune"),
    },
    everything: {
        ("ConfigMap", "{}-root", "change"),
        ("ConfigMap", "{}-env", "change"),
        ("ConfigMap", "{}-extra", "prune"),
        ("ConfigMap", "{}-new", "create"),
        ("Service", "{}", "change"),
        ("Deployment", "{}", "change"),
        ("StatefulSet", "{}-db", "prune"),
    },
}


@pytest.fixture(scope="module")
def moving(stage: Stage) -> Stage:
    """With a template of two versions."""
    for manifests in (FIRST, SECOND):
        stage.intent.put_template("moving", manifests)
    return stage


@pytest.mark.parametrize("act", EXPECTED, ids=lambda act: act.__name__)
def test_what_is_planned_is_what_is_done(moving: Stage, act: Callable[[Stage, str, str], None]) -> None:
    name = f"plan-{act.__name__}"
    own = moving.intent.value(
        "SELECT orchestrator.deploy(%s, 'moving', %s, namespace => %s, template_version => 1)::text",
        name, '{"extra": true}', moving.namespace,
    )  # fmt: skip
    moving.until(lambda: moving.is_at_rest(own), 60, f"{name} at rest")
    assert planned(moving, own) == set(), "at rest there is nothing to do"
    mark = moving.mark(own)
    with moving.nobody_at_work():
        act(moving, own, name)
        plan = planned(moving, own)
    assert plan == {(kind, object_name.format(name), action) for kind, object_name, action in EXPECTED[act]}
    moving.until(lambda: moving.is_at_rest(own) and done(moving, own, mark) == plan, 60, f"done as planned: {plan}")
    assert planned(moving, own) == set(), "and nothing is left"
