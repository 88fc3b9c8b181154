"""`adopt`: the live values become the wanted ones."""

from tests.client.conftest import Command
from tests.db.stage import Stage
from tests.db.test_adopt import GREETING, REPLICAS, change, drifted, paused


async def test_one_path_or_all_of_them_are_adopted(command: Command, stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi"))
    table = (await command("drift", "lobby")).fine().out
    assert "replicas = 3" in table
    assert "greeting = hi" in table
    done = await command("adopt", "lobby", "spec.replicas")
    assert done.fine().out == "default/lobby adopted replicas = 3 (generation 3)\n"
    done = await command("adopt", "lobby", "-o", "json")
    assert done.fine().json["parameters"] == {"replicas": 3, "greeting": "hi"}
    (await command("adopt", "lobby")).failed(4, "nothing is to be adopted of lobby")


async def test_a_dry_run_tells_what_it_would_change(command: Command, stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    told = (await command("adopt", "lobby", "--dry-run")).fine().out
    assert "replicas = 3\n" in told
    assert "A dry run: nothing was changed." in told
    assert stage.deployment("lobby")["parameters"] == {}


async def test_a_refusal_names_path_and_reason(command: Command, stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", change("spec.replicas", 1, 51))
    assert "no: parameter replicas must be at most 50" in (await command("drift", "lobby")).fine().out
    told = "Deployment/lobby:spec.replicas cannot be adopted: parameter replicas must be at most 50"
    (await command("adopt", "lobby")).failed(1, told, "Replicas allows")
    (await command("adopt", "lobby", "spec.other")).failed(4, "nothing differs at spec.other")
