"""Either process dies at any moment, or both do: whoever starts next finds all in Postgres and in the cluster."""

from collections.abc import Iterator

import pytest

from tests.conftest import ControlPlane, Database
from tests.flow.conftest import Stage, stage_on
from tests.rooms import Room


@pytest.fixture(scope="module")
def stage(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With a lease and a resync short enough to be outlived."""
    with stage_on(postgres, control_plane, tmp_path_factory.mktemp("stage"), ORCHESTRATOR_LEASE_SECONDS="6") as opened:
        opened.intent.superuser.execute("UPDATE orchestrator.clusters SET resync_seconds = 5")
        yield opened


def succeeded(stage: Stage) -> int:
    return stage.intent.value("SELECT count(*) FROM orchestrator.deployment_events WHERE type = 'ReconcileSucceeded'")


def greet_all(stage: Stage, deployments: list[str], greeting: str) -> None:
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('greeting', %s::text)"
        " WHERE id = ANY (%s::uuid[])",
        (greeting, deployments),
    )


def all_greet(stage: Stage, deployments: list[str], prefix: str, greeting: str) -> None:
    """Everything at rest, in the cluster as in Postgres, with nothing that went wrong on the way."""
    stage.until(lambda: all(stage.intent.is_applied(one) for one in deployments), 60, "all applied")
    stage.until(lambda: all(stage.is_at_rest(one) for one in deployments), 60, "all at rest")
    maps = {found["metadata"]["name"]: found["data"] for found in stage.outsider.list("ConfigMap", stage.namespace)}
    for number in range(len(deployments)):
        assert maps[f"{prefix}{number}-env"] == {"GREETING": greeting}
    for deployment in deployments:
        assert stage.intent.events(deployment, "ReconcileFailed", "ResourceConflict", "ReconcileQuarantined") == []


def test_a_worker_killed_again_and_again_loses_nothing(stage: Stage) -> None:
    deployments = [stage.intent.deploy(f"w{number}", "small") for number in range(12)]
    for greeting in ("one", "two", "three"):
        seen = succeeded(stage)
        greet_all(stage, deployments, greeting)
        stage.until(lambda seen=seen: succeeded(stage) > seen, what="work under way")
        stage.worker.kill()
        stage.worker.restart()
    all_greet(stage, deployments, "w", "three")


def test_what_happens_while_the_watcher_is_dead_is_found_when_it_is_back(stage: Stage) -> None:
    deployments = [stage.deploy(f"d{number}", "small", greeting="hello") for number in range(3)]
    stage.watcher.kill()
    stage.kubectl("delete", "service", "d0")
    stage.kubectl("patch", "configmap", "d1-env", "--type=merge", '--patch={"data":{"GREETING":"theirs"}}')
    stage.kubectl("label", "configmap", "d2-env", "app.kubernetes.io/managed-by-")
    stage.watcher.restart()
    stage.until(lambda: stage.intent.events(deployments[0], "ResourceDeletedExternally"), what="the deletion")
    stage.until(lambda: stage.intent.events(deployments[1], "ResourceModifiedExternally"), what="the edit")
    stage.until(lambda: stage.intent.events(deployments[2], "ResourceModifiedExternally"), 40, "the label")
    all_greet(stage, deployments, "d", "hello")


def test_both_killed_at_once_in_the_middle_of_everything(stage: Stage) -> None:
    deployments = [stage.intent.deploy(f"b{number}", "small", greeting="first") for number in range(8)]
    seen = succeeded(stage)
    stage.until(lambda: succeeded(stage) > seen, what="work under way")
    stage.worker.kill()
    stage.watcher.kill()
    greet_all(stage, deployments, "second")
    stage.watcher.restart()
    stage.worker.restart()
    all_greet(stage, deployments, "b", "second")


def test_a_second_watcher_stands_by_and_takes_over(stage: Stage, control_plane: ControlPlane) -> None:
    lobby = stage.deploy("lobby", "small")
    with Room("watcher", stage.database, control_plane.kubeconfig, ORCHESTRATOR_STANDBY_SECONDS="0.3") as second:
        second.says("standing by")
        assert '"watching"' not in second.output, "one writes, the other waits"
        stage.watcher.kill()
        second.says('"watching"')
        stage.kubectl("delete", "service", "lobby")
        stage.until(lambda: stage.intent.events(lobby, "ResourceDeletedExternally"), what="noticed by the second")
        stage.until(lambda: stage.is_at_rest(lobby), what="put back")
    stage.watcher.restart()


def test_a_deployment_that_nobody_watches_says_that_it_may_be_out_of_date(stage: Stage) -> None:
    lobby = stage.deploy("stale", "small")
    stage.watcher.kill()
    stage.until(lambda: stage.intent.events(lobby, "DeploymentStale"), 45, "said to be stale")
    assert "Not seen since" in stage.intent.message(lobby)
    assert stage.intent.deployment(lobby)["stale_since"] is not None
    stage.watcher.restart()
    stage.until(lambda: stage.intent.events(lobby, "DeploymentSeenAgain"), 45, "seen again")
    assert "Not seen since" not in stage.intent.message(lobby)
    assert len(stage.intent.events(lobby, "DeploymentStale")) == 1
