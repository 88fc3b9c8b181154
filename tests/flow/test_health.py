"""Health: what goes wrong with running servers reaches Postgres in words that a person can act on."""

from collections.abc import Iterator

import pytest

from tests.flow.conftest import Stage, fresh_namespace
from tests.intent import REPLICAS, workload

# By parameters: the words that the status message must hold.
TROUBLES = {
    "image": ({"simulate": "image-pull-failure"}, "Degraded", "image example/web:1 cannot be pulled"),
    "memory": ({"simulate": "out-of-memory"}, "Degraded", "more memory"),
    "unready": ({"simulate": "never-ready"}, "Progressing", "not ready"),
    "giant": ({"cpu": "100000"}, "Degraded", "No node can take it"),
    # Last, because it takes three crashes to see whether the status flutters between them.
    "crash": ({"simulate": "crash-loop"}, "Degraded", "keeps crashing (3 restarts"),
}


@pytest.fixture(scope="module")
def troubled(stage: Stage) -> dict[str, str]:
    """All of them at once: each takes its time to fail."""
    return {name: stage.intent.deploy(name, "simulated", **parameters) for name, (parameters, _, _) in TROUBLES.items()}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_failing_server_says_what_is_wrong_and_is_well_once_it_is_mended(
    stage: Stage, troubled: dict[str, str], name: str
) -> None:
    deployment = troubled[name]
    _, status, words = TROUBLES[name]
    stage.until(
        lambda: stage.intent.status(deployment) == status and words in stage.intent.message(deployment),
        40,
        f"{status}: {words}",
    )
    assert stage.intent.is_applied(deployment), "that it fails is no failure to apply it"
    mend(stage, deployment)
    stage.until(lambda: stage.intent.status(deployment) == "Healthy", 40, "mended")
    changes = [event["data_json"]["to"] for event in stage.intent.events(deployment, "StatusChanged")]
    assert changes[-1] == "Healthy"
    assert len(changes) <= 6, "status does not flutter between two crashes"


def mend(stage: Stage, deployment: str) -> None:
    """Another version of the template, whose pods do well."""
    stage.intent.put_template("simulated", [workload("Deployment", replicas=REPLICAS)])
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET template_version = 2, parameters = '{}' WHERE id = %s", (deployment,)
    )


@pytest.fixture
def full_namespace(stage: Stage) -> Iterator[str]:
    """A namespace whose quota leaves no room for a pod."""
    with fresh_namespace(stage.control_plane) as name:
        stage.control_plane.kubectl("create", "quota", "none", "--hard=pods=0", "--namespace", name)
        yield name


@pytest.mark.parametrize("template", ["web", "game"])
def test_a_quota_that_leaves_no_room_for_pods_is_named(stage: Stage, full_namespace: str, template: str) -> None:
    deployment = stage.intent.deploy(f"full-{template}", template, namespace=full_namespace)
    stage.until(
        lambda: stage.intent.status(deployment) == "Degraded" and "exceeded quota" in stage.intent.message(deployment),
        40,
        "the quota named",
    )
    stage.control_plane.kubectl("delete", "quota", "none", "--namespace", full_namespace)
    stage.control_plane.kubectl("rollout", "restart", "deployment,statefulset", "--namespace", full_namespace)
    stage.until(lambda: stage.intent.status(deployment) == "Healthy", 60, "room again")


def test_a_pod_that_dies_is_seen_and_comes_back_without_our_doing(stage: Stage) -> None:
    deployment = stage.deploy("mortal", "web")
    mark = stage.mark(deployment)
    [pod] = [key for key in stage.intent.inventory(deployment) if key.startswith("Pod/")]
    stage.kubectl("delete", "pod", pod.removeprefix("Pod/"))
    stage.until(lambda: pod not in stage.intent.inventory(deployment), what="the pod's end seen")
    stage.until(lambda: stage.is_at_rest(deployment), what="another in its place")
    assert stage.since(deployment, mark, "ReconcileStarted", "ResourceDeletedExternally") == []
