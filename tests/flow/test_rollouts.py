"""Rollouts on the real API server: never more unavailable than may be, paused, ended, put back, outliving processes."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy.postgres import running
from tests.conftest import ControlPlane, Database
from tests.flow.conftest import Stage, stage_on
from tests.intent import intent_on, workload
from tests.outsider import outsider_of
from tests.rooms import Room
from tests.workers.test_outages import kill_postgres, own_postgres

__all__ = ["own_postgres"]

ROLLING = {"waiting", "started"}


@pytest.fixture(scope="module")
def stage(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With a lease short enough to be outlived."""
    with stage_on(postgres, control_plane, tmp_path_factory.mktemp("stage"), ORCHESTRATOR_LEASE_SECONDS="6") as opened:
        yield opened


def server(version: str, strategy: str, **labels: str) -> dict[str, Any]:
    """One pod, which says of which version it is. A change makes it unavailable."""
    manifest = workload("StatefulSet", replicas=1)
    manifest["spec"]["updateStrategy"] = {"type": strategy}
    pod = manifest["spec"]["template"]["metadata"]
    pod["labels"] = {**pod["labels"], "example.com/version": version, **labels}
    return manifest


def fleet(stage: Stage, template: str, count: int, strategy: str = "RollingUpdate", **labels: str) -> list[str]:
    """So many servers at rest on the first version; the labels are those of the second's pods."""
    stage.intent.put_template(template, [server("1", strategy)])
    made = [stage.intent.deploy(f"{template}-{number}", template) for number in range(count)]
    stage.until(lambda: all(stage.is_at_rest(one) for one in made), 90, "the fleet at rest")
    assert stage.intent.put_template(template, [server("2", strategy, **labels)]) == 2
    return made


def start(stage: Stage, template: str, **options: object) -> int:
    given = {"template": template, **options}
    call = ", ".join(f"{name} => %({name})s" for name in given)
    row = stage.intent.operator.execute(f"SELECT orchestrator.start_rollout({call}) AS id", given).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row["id"]


def state(stage: Stage, rollout: int) -> str:
    return stage.intent.value("SELECT state FROM orchestrator.rollouts WHERE id = %s", rollout)


def members(stage: Stage, rollout: int) -> list[str]:
    rows = stage.intent.rows(
        "SELECT state FROM orchestrator.rollout_members WHERE rollout_id = %s ORDER BY position", rollout
    )
    return [row["state"] for row in rows]


def most_unavailable(stage: Stage, deployments: list[str], mark: int) -> int:
    """The most that were not healthy at a time, by the history of their status since a mark."""
    rows = stage.intent.rows(
        "SELECT deployment_id::text AS own, data_json ->> 'to' AS status FROM orchestrator.deployment_events"
        " WHERE type = 'StatusChanged' AND deployment_id = ANY (%s::uuid[]) AND id > %s ORDER BY id",
        deployments,
        mark,
    )
    away, most = set[str](), 0
    for row in rows:
        (away.discard if row["status"] == "Healthy" else away.add)(row["own"])
        most = max(most, len(away))
    return most


def newest(stage: Stage) -> int:
    return stage.intent.value("SELECT max(id) FROM orchestrator.deployment_events")


def running_version(stage: Stage, name: str) -> str | None:
    """Of the pod that is there, and ready."""
    pod = stage.find("Pod", f"{name}-0")
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return None
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
    return pod["metadata"]["labels"]["example.com/version"] if ready else None


def test_ten_are_rolled_in_batches_and_never_more_than_two_are_unavailable(stage: Stage) -> None:
    servers = fleet(stage, "ten", 10)
    mark = newest(stage)
    own = start(stage, "ten", batch_size=5, max_unavailable=2)
    stage.until(lambda: state(stage, own) == "done", 120, "the rollout")
    assert members(stage, own) == ["done"] * 10
    assert most_unavailable(stage, servers, mark) == 2, "as many as may be, and never more"
    assert [running_version(stage, f"ten-{number}") for number in range(10)] == ["2"] * 10, "each is well with it"
    batches = stage.intent.rows(
        "SELECT batch, min(started_at) AS began, max(ended_at) AS ended FROM orchestrator.rollout_members"
        " WHERE rollout_id = %s GROUP BY batch ORDER BY batch",
        own,
    )
    assert batches[1]["began"] >= batches[0]["ended"]


def test_what_restarts_only_when_told_runs_the_version_when_it_is_done(stage: Stage) -> None:
    servers = fleet(stage, "game", 3, "OnDelete")
    mark = newest(stage)
    own = start(stage, "game", max_unavailable=1)
    stage.until(lambda: state(stage, own) == "done", 120, "the rollout")
    assert [running_version(stage, f"game-{number}") for number in range(3)] == ["2"] * 3
    assert most_unavailable(stage, servers, mark) == 1
    assert {stage.intent.deployment(one)["generation"] for one in servers} == {2}, "version and restart are one change"


def test_a_bad_version_fails_the_first_batch_pauses_and_is_put_back(stage: Stage) -> None:
    bad = {"server-orchestrator.io/simulate": "image-pull-failure"}
    servers = fleet(stage, "bad", 4, "OnDelete", **bad)
    before = [stage.intent.deployment(one)["desired_spec_json"] for one in servers]
    own = start(stage, "bad", batch_size=2, max_unavailable=2, patience_seconds=4)
    stage.until(lambda: state(stage, own) == "paused", 60, "the pause")
    stage.until(lambda: not ROLLING & set(members(stage, own)[:2]), 60, "the end of both")
    assert members(stage, own) == ["failed", "failed", "waiting", "waiting"]
    message = stage.intent.value(
        "SELECT message FROM orchestrator.rollout_members WHERE rollout_id = %s AND batch = 1 LIMIT 1", own
    )
    assert "cannot be pulled" in message
    stage.intent.operator.execute("SELECT orchestrator.roll_back_rollout(%s)", (own,))
    stage.until(lambda: state(stage, own) == "rolled_back", 120, "the way back")
    assert members(stage, own) == ["rolled_back", "rolled_back", "skipped", "skipped"]
    assert [stage.intent.deployment(one)["desired_spec_json"] for one in servers] == before
    assert [running_version(stage, f"bad-{number}") for number in range(4)] == ["1"] * 4


def test_a_worker_killed_in_the_middle_changes_nothing_about_how_it_ends(stage: Stage) -> None:
    servers = fleet(stage, "hard", 6)
    mark = newest(stage)
    own = start(stage, "hard", batch_size=3, max_unavailable=2)
    for count in (1, 3):
        stage.until(lambda count=count: members(stage, own).count("done") >= count, 60, "under way")
        stage.worker.kill()
        stage.worker.restart()
    stage.until(lambda: state(stage, own) == "done", 120, "the rollout")
    assert members(stage, own) == ["done"] * 6
    assert most_unavailable(stage, servers, mark) <= 2
    assert {stage.intent.deployment(one)["generation"] for one in servers} == {2}, "nothing twice"


def decide(stage: Stage, rollout: int, decision: str) -> None:
    """As a person does."""
    stage.intent.operator.execute(f"SELECT orchestrator.{decision}_rollout(%s)", (rollout,))  # type: ignore[arg-type]


def under_way(stage: Stage, rollout: int) -> bool:
    """Whether some are done and others still wait."""
    return {"done", "waiting"} <= set(members(stage, rollout))


def come_to_rest(stage: Stage, rollout: int) -> list[str]:
    """The members once those that were started have ended, and stay so while workers do other things."""
    stage.until(lambda: "started" not in members(stage, rollout), 60, "the end of those that were started")
    found = members(stage, rollout)
    stage.deploy(f"meanwhile-{rollout}", "small")
    assert members(stage, rollout) == found
    return found


def versions(stage: Stage, template: str, count: int) -> list[str | None]:
    return [running_version(stage, f"{template}-{number}") for number in range(count)]


def test_one_that_a_person_pauses_touches_nothing_more_until_it_is_resumed(stage: Stage) -> None:
    servers = fleet(stage, "held", 5)
    mark = newest(stage)
    own = start(stage, "held", max_unavailable=1)
    stage.until(lambda: under_way(stage, own), 60, "under way")
    decide(stage, own, "pause")
    found = come_to_rest(stage, own)
    assert (state(stage, own), set(found)) == ("paused", {"done", "waiting"})
    assert versions(stage, "held", 5).count("2") == found.count("done"), "what waits was not touched"
    decide(stage, own, "resume")
    stage.until(lambda: state(stage, own) == "done", 120, "the rollout")
    assert members(stage, own) == ["done"] * 5
    assert versions(stage, "held", 5) == ["2"] * 5
    assert most_unavailable(stage, servers, mark) == 1
    assert {stage.intent.deployment(one)["generation"] for one in servers} == {2}, "nothing twice"


def test_one_that_a_person_aborts_leaves_all_as_it_stands_and_can_still_be_put_back(stage: Stage) -> None:
    servers = fleet(stage, "ended", 5)
    own = start(stage, "ended", max_unavailable=1)
    stage.until(lambda: under_way(stage, own), 60, "under way")
    decide(stage, own, "abort")
    found = come_to_rest(stage, own)
    assert (state(stage, own), set(found)) == ("aborted", {"done", "skipped"})
    assert versions(stage, "ended", 5).count("2") == found.count("done")
    held = [stage.intent.deployment(one)["rollout_id"] for one in servers]
    assert held == [None] * 5, "another may take them"
    decide(stage, own, "roll_back")
    stage.until(lambda: state(stage, own) == "rolled_back", 120, "the way back")
    assert versions(stage, "ended", 5) == ["1"] * 5


def test_postgres_away_in_the_middle_changes_nothing_about_how_it_ends(
    own_postgres: tuple[Database, ExitStack], control_plane: ControlPlane, namespace: str, scratch: Path
) -> None:
    database, stack = own_postgres
    environment = {"ORCHESTRATOR_STANDBY_SECONDS": "0.5", "ORCHESTRATOR_LEASE_SECONDS": "6"}
    outsider = outsider_of(control_plane.kubeconfig, scratch)
    with (
        Room("worker", database, control_plane.kubeconfig, **environment) as worker,
        Room("watcher", database, control_plane.kubeconfig, **environment) as watcher,
    ):
        with intent_on(database, namespace) as intent:
            stage = Stage(intent, outsider, control_plane, database, namespace, worker, watcher)
            servers = fleet(stage, "cut", 6)
            mark = newest(stage)
            own = start(stage, "cut", batch_size=3, max_unavailable=2)
            stage.until(lambda: under_way(stage, own), 60, "under way")
        kill_postgres(database, stack)
        worker.says("postgres does not answer")
        stack.enter_context(running(database.server, Path(database.server.home) / "log"))
        with intent_on(database, namespace) as intent:
            stage = Stage(intent, outsider, control_plane, database, namespace, worker, watcher)
            stage.until(lambda: state(stage, own) == "done", 120, "the rollout")
            assert members(stage, own) == ["done"] * 6
            assert versions(stage, "cut", 6) == ["2"] * 6
            assert most_unavailable(stage, servers, mark) <= 2
            assert {stage.intent.deployment(one)["generation"] for one in servers} == {2}, "nothing twice"
