"""`orchestrator rollout`: started, shown and decided about, and what would be refused."""

from tests.client.conftest import Command
from tests.db.stage import Stage
from tests.db.test_upgrade import next_web, put_version


async def test_a_rollout_is_started_shown_and_directed(command: Command, stage: Stage) -> None:
    for name in ("hub", "lobby"):
        stage.deploy(name, namespace="games")
    next_web(stage)
    start = ("rollout", "start", "--template", "web", "--batch-size", "1", "-p", "replicas=2")
    told = (await command(*start, "games/hub")).fine().out
    assert [word in told for word in ("1 waiting", "version 2 of web", "games/hub")] == [True] * 3
    (await command(*start)).failed(4, "hub is a member of rollout 1", "hint: Wait until rollout 1")
    assert "running" in (await command("rollout", "get", "1")).fine().out
    for course, said in (
        ("pause", "paused"),
        ("resume", "running"),
        ("abort", "aborted"),
        ("roll-back", "rolling back"),
    ):
        assert (await command("rollout", course, "1")).fine().out == f"rollout 1 is {said}\n"
    (await command("rollout", "resume", "1")).failed(4, "rollout 1 is rolling_back")
    assert (await command("rollout", "-o", "json")).json["items"][0]["members"] == {"skipped": 1}
    assert "rolling_back" in (await command("rollout")).fine().out
    (await command("rollout", "get", "9")).failed(3, "no rollout 9")


async def test_a_dry_run_tells_what_would_be_refused(command: Command, stage: Stage) -> None:
    stage.deploy("lobby", parameters={"replicas": 40})
    put_version(stage, "web", ("{properties,replicas,maximum}", 30))
    told = (await command("rollout", "start", "-t", "web", "--dry-run")).fine().out
    assert ("default/lobby" in told, "replicas must be at most 30" in told) == (True, True)
    assert "1 members: 0 would change, 0 of them only with a restart, and 1 would be refused." in told
    told = (await command("rollout", "start", "-t", "web", "-p", "replicas=20", "--dry-run")).fine().out
    assert "default/lobby, the first that changes:" in told
    assert "1 members: 1 would change" in told
    assert stage.rows("SELECT FROM rollouts") == []
