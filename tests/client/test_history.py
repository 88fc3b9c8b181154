"""`events` and `drift`: what happened, followed without loss over whatever breaks in between."""

import asyncio
import json
from typing import Any

from tests.client.conftest import Command
from tests.db.stage import Stage
from tests.db.test_observations import make_drift
from tests.proxy import Proxy
from tests.waiting import eventually


class Follower:
    """A running `orchestrator events --follow -o json`, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.errors = ""
        self._reading = [asyncio.create_task(self._read()), asyncio.create_task(self._listen())]

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.errors += line.decode()

    @property
    def ids(self) -> list[int]:
        return [event["id"] for event in self.events]

    async def end(self) -> int:
        self.process.send_signal(2)
        await asyncio.gather(*self._reading)
        return await self.process.wait()


async def following(command: Command, *arguments: str) -> Follower:
    return Follower(await command.start("events", "--follow", "-o", "json", *arguments))


def written(stage: Stage) -> list[int]:
    return [row["id"] for row in stage.rows("SELECT id FROM deployment_events ORDER BY xid, id")]


async def test_events_tell_who_did_what_to_which(command: Command, stage: Stage) -> None:
    made = stage.run_healthy("site")
    stage.operator.execute("UPDATE deployments SET parameters = '{\"replicas\": 2}' WHERE id = %s", (made,))
    told = (await command("events", "site")).fine().out
    assert len(told.splitlines()) == len(written(stage))
    assert "DeploymentCreated" in told
    assert "Progressing → Healthy" in told
    change = next(line for line in told.splitlines() if "DeploymentChanged" in line)
    for words in ("default/site", "generation 2", "by test_operator", "parameters.replicas", "→ 2"):
        assert words in change
    found = (await command("events", "site", "-o", "json")).fine().json
    assert [event["id"] for event in found["items"]] == written(stage)
    assert found["next"]


async def test_events_of_all_are_those_of_the_last_hour_or_since_a_time(command: Command, stage: Stage) -> None:
    stage.deploy("one")
    stage.root.execute("ALTER TABLE deployment_events DISABLE TRIGGER USER")
    stage.root.execute("UPDATE deployment_events SET created_at = now() - interval '90 minutes'")
    stage.root.execute("ALTER TABLE deployment_events ENABLE TRIGGER USER")
    stage.deploy("two", namespace="games")
    assert {line.split()[2] for line in (await command("events")).fine().out.splitlines()} == {"games/two"}
    every = (await command("events", "--since", "2h")).fine().out
    assert {line.split()[2] for line in every.splitlines()} == {"default/one", "games/two"}
    assert (await command("events", "--since", "2100-01-01T00:00")).fine().out == ""
    (await command("events", "--since", "soon")).failed(2, "'soon' is no time", "hint: ")


async def test_following_begins_now_and_shows_what_happens(command: Command, stage: Stage) -> None:
    old = stage.deploy("old")
    before = written(stage)
    follower = await following(command)
    # It begins when the server has a place for it.
    await eventually(lambda: bump(stage, old) or follower.events, 20)
    new = stage.deploy("new")
    await eventually(lambda: any(event["deployment_id"] == str(new) for event in follower.events))
    assert not set(before) & set(follower.ids)
    assert await follower.end() == 130
    assert follower.errors == ""


def bump(stage: Stage, deployment: Any) -> None:
    stage.operator.execute(
        "UPDATE deployments SET parameters = jsonb_build_object('replicas', 1 + generation %% 3) WHERE id = %s",
        (deployment,),
    )


async def test_following_loses_and_repeats_nothing_over_breaks(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.deploy("site")
    follower = await following(wired, "--since", "1h")
    await eventually(lambda: follower.ids == written(stage), 20, lambda: (follower.ids, written(stage)))
    for _ in range(2):
        await eventually(lambda: any("text/event-stream" in str(one) or one.path == "/api/events" for one in wire.seen))
        await wire.close()
        bump(stage, made)
        await eventually(lambda: "trying again" in follower.errors, 20, lambda: follower.errors)
        bump(stage, made)
        await wire.open()
        bump(stage, made)
        await eventually(lambda: follower.ids == written(stage), 30, lambda: (follower.ids, written(stage)))
    assert await follower.end() == 130


async def test_following_gives_up_when_the_api_was_away_for_so_long(wired: Command, wire: Proxy, stage: Stage) -> None:
    stage.deploy("site")
    process = await wired.start("events", "--follow", "--since", "1h", "--give-up", "0.2")
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 20)
    await eventually(lambda: sum(one.path == "/api/events" for one in wire.seen) > 1, 20, lambda: wire.seen)
    await wire.close()
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 6
    assert "does not answer" in err.decode()


async def test_drift_tells_what_stands_otherwise_and_what_happens_next(command: Command, stage: Stage) -> None:
    made = stage.run_healthy("lobby")
    stage.change(made, desired_state="Paused")
    stage.run_all()
    make_drift(stage, made)
    rows = stage.rows("SELECT * FROM drift")
    found = (await command("drift", "lobby", "-o", "json")).fine().json
    assert len(found["items"]) == len(rows) == 1
    for arguments in (["drift"], ["drift", "lobby"]):
        told = (await command(*arguments)).fine().out
        for words in ("Service/lobby", "spec.type", "kubectl-edit", "stays: held by pause"):
            assert words in told
    assert (await command("get", "--drifted", "-o", "name")).fine().out == "default/lobby\n"
    (await command("drift", "nobody")).failed(3)


async def test_revisions_tell_who_wanted_what(command: Command, stage: Stage) -> None:
    made = stage.deploy("lobby", "paper", {"eula": "TRUE"})
    stage.operator.execute(
        'UPDATE deployments SET parameters = parameters || \'{"memory": "4Gi"}\' WHERE id = %s', (made,)
    )
    stage.change(made, desired_state="Stopped")
    told = (await command("revisions", "lobby")).fine().lines()
    assert [(line[0], line[3], line[4]) for line in told[1:]] == [
        ("3", "test_operator", "Stopped"),
        ("2", "test_operator", "Active"),
        ("1", "test_operator", "Active"),
    ]
    one = (await command("revisions", "lobby", "--generation", "2")).fine().out
    assert "generation 2, by test_operator" in one
    assert one.splitlines()[-1].split() == ["parameters.memory", "2Gi", "(default)", "4Gi"]
    assert (await command("revisions", "lobby", "--generation", "3", "--against", "1")).fine().out.count("\n") == 4
    assert len((await command("revisions", "lobby", "-o", "json")).fine().json["items"]) == 3
    (await command("revisions", "lobby", "--generation", "9")).failed(3, "generation 9")
