"""Others who write to our objects for reasons of their own: an autoscaler, an admission webhook."""

import json
from typing import Any

from tests.drift.webhook import rewriting
from tests.flow.conftest import Stage, stage
from tests.intent import workload

__all__ = ["stage"]
IMAGE = "spec.template.spec.containers[name=web].image"
REWRITE = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "mirror.example/web:1"}]
DEPLOYMENTS = ("apps", "v1", "deployments")


def autoscaled() -> list[dict[str, Any]]:
    """A workload that leaves its replicas to an autoscaler. One below its least is scaled up without any metrics."""
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "${name}"},
        "spec": {
            "minReplicas": 3,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "${name}"},
        },
    }
    return [workload("Deployment"), scaler]


def replicas(stage: Stage, name: str) -> int:
    return stage.get("Deployment", name)["spec"]["replicas"]


def applied(stage: Stage, deployment: str, mark: int = 0) -> list[str]:
    return [event["data_json"]["kind"] for event in stage.since(deployment, mark, "ResourceApplied")]


def test_an_autoscaler_scales_what_leaves_it_the_replicas(stage: Stage) -> None:
    stage.intent.put_template("autoscaled", autoscaled())
    arena = stage.intent.deploy("arena", "autoscaled")
    stage.until(lambda: stage.intent.is_applied(arena) and replicas(stage, "arena") == 3, 60, "scaled up")
    stage.until(lambda: stage.is_observed(arena), what="seen")
    assert stage.drift(arena) == []
    mark = stage.mark(arena)
    stage.intent.change(arena, image="example/web:2")
    stage.until(lambda: stage.intent.is_applied(arena), what="the change applied")
    assert replicas(stage, "arena") == 3, "a change of ours does not reset what is not ours"
    assert stage.since(arena, mark, "ResourceModifiedExternally") == []
    off(stage, arena)
    stage.intent.set(arena, "Active")
    stage.until(lambda: stage.intent.is_applied(arena) and replicas(stage, "arena") == 3, 60, "scaled up once more")


def off(stage: Stage, deployment: str) -> None:
    """Stopped is no replicas, whoever else has a say in it; and the autoscaler does not mind."""
    stage.intent.set(deployment, "Stopped")
    stage.until(lambda: stage.intent.status(deployment) == "Stopped", 60, "stopped")
    assert replicas(stage, "arena") == 0
    health = stage.intent.inventory(deployment)["HorizontalPodAutoscaler/arena"]["reason"]
    stage.until(
        lambda: stage.intent.inventory(deployment)["HorizontalPodAutoscaler/arena"]["reason"] == "ScalingDisabled",
        40,
        f"the autoscaler at rest, not {health}",
    )


def test_a_webhook_that_rewrites_our_field_is_told_once_and_not_fought(stage: Stage) -> None:
    stage.intent.put_template("served", [workload("Deployment", replicas=1)])
    hall = stage.deploy("hall", "served")
    with rewriting(stage.control_plane, stage.namespace, DEPLOYMENTS, REWRITE) as webhook:
        # Somebody else's harmless write is what the webhook comes in by.
        stage.until(lambda: touched(stage, "hall") and webhook.calls, what="the webhook in force")
        stage.until(lambda: [row["outlook"] for row in stage.drift(hall)] == ["stuck"], what="told as stuck")
        (row,) = stage.drift(hall)
        assert (row["path"], row["wanted"], row["live"]) == (IMAGE, "example/web:1", "mirror.example/web:1")
        stage.until(lambda: "cannot be put back" in stage.intent.message(hall), what="said plainly")
        mark = stage.mark(hall)
        for _ in range(3):
            touched(stage, "hall")
        stage.until(lambda: stage.is_observed(hall) and stage.intent.is_applied(hall), what="seen, and nothing to do")
        assert stage.since(hall, mark, "ResourceApplied", "ResourceModifiedExternally", "ReconcileStarted") == []
        assert [found["outlook"] for found in stage.drift(hall)] == ["stuck"], "and it is still told"
        # What is wanted anew is sent all the same.
        stage.intent.change(hall, greeting="newer")
        stage.until(lambda: stage.intent.is_applied(hall) and stage.is_observed(hall), what="the change applied")
        variable = stage.get("Deployment", "hall")["spec"]["template"]["spec"]["containers"][0]["env"][0]
        assert variable["value"] == "newer"
        assert [found["outlook"] for found in stage.drift(hall)] == ["stuck"]
    stage.intent.operator.execute("SELECT orchestrator.put_back(%s)", (hall,))
    stage.until(lambda: stage.is_at_rest(hall) and not stage.drift(hall), what="put back once nobody rewrites it")
    assert stage.get("Deployment", "hall")["spec"]["template"]["spec"]["containers"][0]["image"] == "example/web:1"


def touched(stage: Stage, name: str) -> bool:
    """An annotation of another's, on the object itself."""
    note = {"metadata": {"annotations": {"example.com/touched": str(len(stage.intent.story()))}}}
    note["metadata"]["annotations"]["example.com/when"] = json.dumps(
        stage.get("Deployment", name)["metadata"]["resourceVersion"]
    )
    stage.outsider.merge("Deployment", stage.namespace, name, note)
    return True


def test_an_object_made_under_a_webhook_does_not_pass_for_what_was_asked_for(stage: Stage) -> None:
    stage.intent.put_template("served", [workload("Deployment", replicas=1)])
    with rewriting(stage.control_plane, stage.namespace, DEPLOYMENTS, REWRITE) as webhook:
        probe = stage.intent.deploy("probe", "served")
        stage.until(lambda: stage.intent.is_applied(probe), what="the probe applied")
        stage.until(lambda: touched(stage, "probe") and webhook.calls, what="the webhook in force")
        stage.until(lambda: stage.drift(probe), what="the probe rewritten")
        foyer = stage.intent.deploy("foyer", "served")
        stage.until(lambda: stage.intent.is_applied(foyer) and stage.is_observed(foyer), what="applied")
        assert [(row["path"], row["outlook"]) for row in stage.drift(foyer)] == [(IMAGE, "stuck")]
        assert applied(stage, foyer) == ["ConfigMap", "Deployment"]
    stage.intent.set(probe, "Deleted")
    stage.intent.set(foyer, "Deleted")
