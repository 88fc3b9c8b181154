"""`wait`: over when the state is there, by what the server says, and with an exit code for each end."""

import asyncio
from typing import Any

from deploy.client.http import ANSWER_SECONDS
from tests.client.conftest import Command, Done
from tests.db.stage import Row, Stage, manifests
from tests.proxy import Proxy
from tests.waiting import eventually

LONG = ("--timeout", "30")


class Waiting:
    """A `wait` that has begun: its stream is open."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def done(self) -> Done:
        out, err = await asyncio.wait_for(self.process.communicate(), 30)
        assert self.process.returncode is not None
        return Done(self.process.returncode, out.decode(), err.decode())


async def waiting(command: Command, wire: Proxy, *arguments: str) -> Waiting:
    before = len(wire.seen)
    process = await command.start("wait", *arguments, *LONG)
    # The stream is open once the state is read that it is about.
    await eventually(lambda: any("/events" in one.path for one in wire.seen[before:]), 20)
    return Waiting(process)


def see_healthy(stage: Stage, deployment: Any, claimed: Row) -> None:
    stage.converge(claimed)
    stage.observe(*[stage.seen(deployment, m["kind"], m["metadata"]["name"]) for m in manifests(claimed)])


async def test_waiting_for_health_ends_when_it_is_there(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.deploy("site")
    begun = await waiting(wired, wire, "site", "--for", "healthy")
    see_healthy(stage, made, stage.claim_one())
    assert (await begun.done()).fine().out == "default/site is Healthy (generation 1)\n"
    reads = [one for one in wire.seen if one.path.endswith(str(made))]
    assert len(reads) < 8, "what happened was streamed, not asked for again and again"


async def test_waiting_for_what_is_so_already_ends_at_once(command: Command, stage: Stage) -> None:
    stage.run_healthy("site")
    for state in ("healthy", "generation"):
        assert (await command("wait", "site", "--for", state, "-o", "name")).fine().out == "default/site\n"
    assert (await command("wait", "site", "--for", "healthy", "-o", "json")).fine().json["name"] == "site"


async def test_waiting_for_several_waits_for_all(wired: Command, wire: Proxy, stage: Stage) -> None:
    one, two = stage.run_healthy("one"), stage.deploy("two")
    stage.change(one, desired_state="Stopped")
    stage.change(two, desired_state="Stopped")
    begun = await waiting(wired, wire, "one", "two", "--for", "stopped")
    stage.run_all()
    done = (await begun.done()).fine()
    assert {line.split(" ", 1)[1] for line in done.out.splitlines()} == {"is Stopped (generation 2)"}


async def test_waiting_for_a_generation_is_over_when_it_is_applied(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.run_healthy("site")
    stage.operator.execute("UPDATE deployments SET parameters = '{\"replicas\": 2}' WHERE id = %s", (made,))
    begun = await waiting(wired, wire, "site", "--for", "generation", "--generation", "2")
    stage.run_all()
    (await begun.done()).fine()


async def test_waiting_for_the_end_of_a_deleted_server(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.deploy("site")
    stage.change(made, desired_state="Deleted", keep_data=False)
    begun = await waiting(wired, wire, "site", "--for", "deleted")
    assert stage.settle(stage.claim_one(), "finalised") == "settled"
    assert (await begun.done()).fine().out.startswith("default/site is Deleted")
    again = await wired("wait", "site", "--for", "deleted")
    assert (again.code, again.err) == (0, "site is deleted already\n")
    (await wired("wait", "nobody", "--for", "deleted")).failed(3, "nobody")


async def test_what_does_not_come_in_time_ends_with_5_and_what_is_there_instead(command: Command, stage: Stage) -> None:
    stage.deploy("site")
    done = await command("wait", "site", "--for", "healthy", "--timeout", "0.5")
    done.failed(5, "not healthy within 0.5 s", "default/site is Progressing (asked to be Active)")
    (await command("wait", "site", "--for", "healthy", "--timeout", "0")).failed(5)
    (await command("wait", "site", "--for", "healthy", "--timeout", "soon")).failed(2, "no number of seconds")
    (await command("wait", "site", "--for", "luck")).failed(2, "luck")


async def test_a_wait_is_over_in_time_though_the_api_stands_still(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.deploy("site")
    held = wire.hold(f"/deployments/{made}")
    process = await wired.start("wait", "site", "--for", "healthy", "--timeout", "2")
    await asyncio.wait_for(held.arrived.wait(), 20)
    out, err = await asyncio.wait_for(process.communicate(), ANSWER_SECONDS / 2)
    Done(process.returncode or 0, out.decode(), err.decode()).failed(5, "not healthy within 2 s")


async def test_a_wait_for_no_time_is_one_look(command: Command, stage: Stage) -> None:
    stage.run_healthy("site")
    (await command("wait", "site", "--for", "healthy", "--timeout", "0")).fine()
    (await command("wait", "site", "--for", "stopped", "--timeout", "0")).failed(5, "default/site is Healthy")


async def test_what_needs_a_person_is_not_waited_for(wired: Command, wire: Proxy, stage: Stage) -> None:
    stage.deploy("site")
    begun = await waiting(wired, wire, "site", "--for", "healthy")
    stage.settle(stage.claim_one(), "failed", error="Service site belongs to somebody else", permanent=True)
    (await begun.done()).failed(1, "default/site is Error", "belongs to somebody else", "hint: ")


async def test_waiting_outlasts_an_api_that_goes_away(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.deploy("site")
    begun = await waiting(wired, wire, "site", "--for", "healthy")
    await wire.close()
    see_healthy(stage, made, stage.claim_one())
    await wire.open()
    done = await begun.done()
    assert (done.code, done.out) == (0, "default/site is Healthy (generation 1)\n")
    assert "trying again" in done.err
