"""`deploy`, `set`, `start`, `stop`, `delete`: what then stands in Postgres, and how refusals end."""

import asyncio
import json
from typing import Any

import pytest

from tests.client.conftest import Command
from tests.db.stage import Stage
from tests.proxy import Proxy
from tests.waiting import eventually


async def test_a_server_is_made_with_the_types_that_its_template_asks_for(command: Command, stage: Stage) -> None:
    pairs = ["eula=TRUE", "version=1.20", "max_players=40", "online_mode=false", "motd=a=b"]
    done = await command("deploy", "games/lobby", "--template", "paper", *(w for pair in pairs for w in ("-p", pair)))
    assert done.fine().out == "games/lobby deployed from paper version 1 (generation 1)\n"
    row = stage.deployment("lobby")
    assert (row["namespace"], row["desired_state"]) == ("games", "Active")
    wanted = {"eula": "TRUE", "version": "1.20", "max_players": 40, "online_mode": False, "motd": "a=b"}
    assert wanted.items() <= row["parameters"].items()


async def test_parameters_come_from_a_file_or_standard_input(command: Command, stage: Stage) -> None:
    text = "eula: TRUE\nversion: 1.20  # not a number\nmax_players: 40\n"
    file = command.home.parent / "parameters.yaml"
    file.write_text(text)
    deploy = ("deploy", "--template", "paper", "--stopped", "-o", "name")
    assert (await command(*deploy, "one", "-f", str(file), "-p", "max_players=41")).fine().out == "default/one\n"
    (await command(*deploy, "two", "-f", "-", stdin=text)).fine()
    (await command(*deploy, "three", "-f", "-", stdin='{"eula": "TRUE", "version": "1.20", "max_players": 40}')).fine()
    for name, players in (("one", 41), ("two", 40), ("three", 40)):
        row = stage.deployment(name)
        assert row["desired_state"] == "Stopped"
        assert {"eula": "TRUE", "version": "1.20", "max_players": players}.items() <= row["parameters"].items()


@pytest.mark.parametrize(
    ("text", "words"), [("[1, 2]", "holds no parameters"), ("a: [", "is no YAML"), ("\udc80", "is no YAML")]
)
async def test_a_file_that_is_no_mapping_is_wrong_usage(command: Command, text: str, words: str) -> None:
    file = command.home.parent / "parameters.yaml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    (await command("deploy", "lobby", "-t", "paper", "-f", str(file))).failed(2, words, str(file))
    (await command("deploy", "lobby", "-t", "paper", "-f", f"{file}.nope")).failed(2, "cannot read")


async def test_refusals_tell_path_and_hint(command: Command, stage: Stage) -> None:
    deploy = ("deploy", "lobby", "--template", "paper", "-p")
    (await command(*deploy, "memory=lots")).failed(1, "memory must match", "path: parameters.memory", "hint: ")
    (await command(*deploy, "max_players=many")).failed(1, "max_players", "hint: ")
    (await command(*deploy, "eulas=TRUE")).failed(1, "eulas", "hint: ")
    (await command(*deploy, "eula")).failed(2, "'eula' is not key=value")
    (await command("deploy", "lobby", "--template", "nope", "-p", "a=b")).failed(3, '"nope"')
    (await command("deploy", "lobby", "--template", "nope")).failed(3, "nope")
    (await command("deploy", "games/lobby", "-t", "web", "-n", "other")).failed(2, "different namespaces")
    (await command("deploy", "lobby")).failed(2, "--template")
    stage.deploy("lobby")
    (await command("deploy", "lobby", "--template", "web")).failed(4, "lobby")
    assert len(stage.rows("SELECT FROM deployments")) == 1


async def test_parameters_are_set_and_unset(command: Command, stage: Stage) -> None:
    stage.deploy("lobby", "paper", {"eula": "TRUE", "max_players": 30})
    done = await command("set", "lobby", "memory=4Gi", "view_distance=12", "--unset", "max_players")
    assert done.fine().out == "default/lobby changed (generation 2)\n"
    parameters = stage.deployment("lobby")["parameters"]
    assert {"memory": "4Gi", "view_distance": 12, "eula": "TRUE"}.items() <= parameters.items()
    assert parameters.get("max_players", 20) == 20
    assert (await command("set", "lobby", "memory=4Gi")).fine().out == "default/lobby is so already (generation 2)\n"
    (await command("set", "lobby")).failed(2, "nothing to set")
    (await command("set", "lobby", "a=b", "--unset", "a")).failed(2, "both set and unset")
    (await command("set", "lobby", "memory=lots")).failed(1, "parameters.memory")
    (await command("set", "nobody", "memory=4Gi")).failed(3, "nobody")


async def test_an_earlier_intent_is_taken_up_again(command: Command, stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"version": "1.20"})
    stage.change(own, parameters={"version": "1.21"})
    (await command("rollback", "lobby", "1")).failed(4, "version would go back from 1.21 to 1.20", "force")
    done = await command("rollback", "lobby", "1", "--force")
    assert done.fine().out == "default/lobby goes back to what generation 1 wanted (generation 3)\n"
    done = await command("rollback", "lobby", "1")
    assert done.fine().out == "default/lobby is so already (generation 3)\n"
    (await command("rollback", "lobby", "9", "--dry-run")).failed(3, "no generation 9")
    (await command("rollback", "lobby", "2", "--dry-run")).fine()
    assert stage.deployment("lobby")["generation"] == 3
    assert "(generation 4)" in (await command("rollback", "lobby", "2", "--restart")).fine().out
    (await command("rollback", "lobby", "9")).failed(3, "no generation 9")


async def test_a_server_moves_to_another_version(command: Command, stage: Stage) -> None:
    stage.deploy("lobby", "paper", {"max_players": 90, "motd": "hi"})
    stage.admin.execute(
        "SELECT put_template(name, base_spec_json, jsonb_set(allowed_mutations_json,"
        " '{properties,max_players,maximum}', '50')) FROM templates WHERE name = 'paper'"
    )
    (await command("upgrade", "lobby")).failed(1, "max_players must be at most 50", "path: parameters.max_players")
    (await command("upgrade", "lobby", "--dry-run")).failed(1, "max_players")
    fitting = ("upgrade", "lobby", "-p", "max_players=40", "--unset", "motd")
    assert "A dry run" in (await command(*fitting, "--dry-run")).fine().out
    done = await command(*fitting, "--to", "2", "--restart")
    assert done.fine().out == "default/lobby moves to version 2 of paper (generation 2)\n"
    row = stage.deployment("lobby")
    assert (row["parameters"], row["restarted_at"] is not None) == ({"max_players": 40}, True)
    assert (await command("upgrade", "lobby")).fine().out == "default/lobby is so already (generation 2)\n"
    (await command("upgrade", "lobby", "--to", "9")).failed(3, "no version 9")


@pytest.mark.parametrize(
    ("action", "before", "state"),
    [
        ("stop", "Active", "Stopped"),
        ("start", "Stopped", "Active"),
        ("pause", "Active", "Paused"),
        ("resume", "Paused", "Active"),
    ],
)
async def test_one_server_is_asked_to_be_otherwise(
    command: Command, stage: Stage, action: str, before: str, state: str
) -> None:
    made = stage.deploy("lobby")
    stage.change(made, desired_state=before)
    done = (await command(action, "lobby", "-o", "json")).fine()
    assert (done.json["desired_state"], stage.deployment("lobby")["desired_state"]) == (state, state)


async def test_reconcile_asks_for_a_look_now(command: Command, stage: Stage) -> None:
    made = stage.run_healthy("site")
    (await command("reconcile", "site")).fine()
    assert stage.slot(made)["msg_id"] is not None


async def test_delete_keeps_data_unless_it_is_told_not_to(command: Command, stage: Stage) -> None:
    stage.deploy("one")
    stage.deploy("two")
    (await command("delete", "one")).failed(2, "--yes")
    assert stage.deployment("one")["desired_state"] == "Active"
    assert "its data is kept" in (await command("delete", "one", "--yes")).fine().out
    assert "and its data too" in (await command("delete", "two", "--yes", "--delete-data")).fine().out
    rows = [(row["desired_state"], row["keep_data"]) for row in map(stage.deployment, ("one", "two"))]
    assert rows == [("Deleted", True), ("Deleted", False)]


async def test_several_are_changed_together_or_not_at_all(command: Command, stage: Stage) -> None:
    names = ["one", "two", "three"]
    for name in names:
        stage.deploy(name)
    done = (await command("pause", *names)).fine()
    assert [line.split()[0] for line in done.out.splitlines()] == [f"default/{name}" for name in names]
    assert {stage.deployment(name)["desired_state"] for name in names} == {"Paused"}
    (await command("resume", "one", "two", "nobody")).failed(3, "nobody")
    assert {stage.deployment(name)["desired_state"] for name in names} == {"Paused"}
    told = (await command("delete", "one", "two", "--delete-data", "--yes", "-o", "json")).fine().json
    assert [one["name"] for one in told["items"]] == ["one", "two"]
    rows = [(row["desired_state"], row["keep_data"]) for row in map(stage.deployment, names)]
    assert rows == [("Deleted", False), ("Deleted", False), ("Paused", True)]
    (await command("reconcile", *names)).fine()


async def test_restart_asks_for_pods_anew(command: Command, stage: Stage) -> None:
    stage.run_healthy("site")
    assert (await command("restart", "site")).fine().out == "default/site asked to restart (generation 2)\n"
    assert stage.deployment("site")["generation"] == 2
    stage.deploy("off", desired_state="Stopped")
    (await command("restart", "site", "off")).failed(4, "off", "hint: ")
    assert stage.deployment("site")["generation"] == 2


async def test_a_dry_run_checks_and_shows_but_changes_nothing(command: Command, stage: Stage) -> None:
    told = (await command("deploy", "lobby", "-t", "paper", "-p", "eula=TRUE", "--dry-run")).fine().out
    for words in ("max_players = 20", "PersistentVolumeClaim", "lobby-data", "nothing was changed"):
        assert words in told
    assert stage.rows("SELECT FROM deployments") == []
    (await command("deploy", "lobby", "-t", "paper", "-p", "memory=lots", "--dry-run")).failed(1, "parameters.memory")
    stage.deploy("lobby", "paper", {"eula": "TRUE"})
    told = (await command("set", "lobby", "memory=4Gi", "--dry-run")).fine().out
    assert "memory = 4Gi" in told
    assert "StatefulSet" in told
    found = (await command("set", "lobby", "memory=4Gi", "--dry-run", "-o", "json")).fine().json
    assert found["generation"] == 2
    assert stage.deployment("lobby")["generation"] == 1


async def test_a_plan_ends_with_2_only_where_that_is_asked_for_and_there_is_something_to_do(
    command: Command, stage: Stage
) -> None:
    stage.run_healthy("lobby", "paper")
    assert (await command("plan", "lobby", "--detailed-exitcode")).fine().out == "Nothing to do.\n"
    change = ("plan", "lobby", "--set", "motd=Hi", "--set", "max_players=30")
    told = await command(*change, "--detailed-exitcode")
    assert (told.code, told.err) == (2, "")
    assert "ConfigMap/lobby-env change data.MOTD A Minecraft server Hi asked for" in " ".join(told.out.split())
    assert "2 of 6 objects change; a restart is needed" in told.out
    found = (await command(*change, "-o", "json")).fine().json
    assert (found["changes"], len(found["items"])) == (True, 7)
    assert "Nothing is done" in (await command("plan", "lobby", "--set", "motd=Hi", "--state", "Paused")).fine().out
    (await command("plan", "lobby", "--set", "memory=lots")).failed(1, "parameters.memory")
    (await command("plan", "lobby", "--set", "motd=Hi", "--unset", "motd")).failed(2, "both set and unset")
    (await command("plan", "nobody", "--detailed-exitcode")).failed(3)
    assert stage.deployment("lobby")["generation"] == 1


async def answering(stage: Stage, state: str, *answers: Any, message: str = "") -> None:
    """Play the worker that takes the next dry run."""

    def taken() -> Any:
        return stage.worker.execute("SELECT * FROM claim_dry_run('default', 'w', 60)").fetchone()

    found = await eventually(taken, describe="somebody to ask")
    stage.worker.execute(
        "SELECT settle_dry_run(%s, %s, %s, %s, %s)",
        (found["dry_run_id"], found["token"], state, json.dumps(answers), message),
    )


async def test_the_cluster_is_asked_and_the_exit_code_tells_whether_it_would_refuse(
    command: Command, stage: Stage
) -> None:
    stage.run_healthy("lobby", "paper")
    ask = ("plan", "lobby", "--set", "memory=4Gi", "--ask-cluster")
    no = {"kind": "StatefulSet", "name": "lobby", "verdict": "refused", "category": "denied", "message": "too big"}
    yes = {"kind": "StatefulSet", "name": "lobby", "verdict": "ok", "warnings": ["mind the step"]}
    told, _ = await asyncio.gather(command(*ask), answering(stage, "done", no))
    assert told.code == 1
    assert "StatefulSet/lobby refused too big" in " ".join(told.out.split())
    assert "Cluster default would refuse it." in told.out
    told, _ = await asyncio.gather(command(*ask), answering(stage, "done", yes))
    assert "mind the step" in told.fine().out
    told, _ = await asyncio.gather(command(*ask, "-o", "json"), answering(stage, "done", no))
    assert (told.code, told.json["refused"]) == (1, True)
    told, _ = await asyncio.gather(command(*ask), answering(stage, "failed", message="it is away"))
    told.failed(1, "was not asked: it is away")
    (await command(*ask, "--timeout", "0")).failed(5, "has not answered yet")
    assert stage.deployment("lobby")["generation"] == 1


# ---------------------------------------------------------------- on a bad network


async def test_a_change_whose_answer_was_lost_is_made_once_and_counts_as_done(
    wired: Command, wire: Proxy, stage: Stage
) -> None:
    stage.deploy("lobby", "paper", {"eula": "TRUE", "max_players": 30})
    wire.lose("PATCH")
    done = await wired("set", "lobby", "memory=4Gi", "--unset", "max_players")
    assert done.fine().out == "default/lobby changed (generation 2)\n"
    assert len(wire.writes("PATCH")) == 2
    wire.lose("DELETE")
    (await wired("delete", "lobby", "--yes")).fine()
    assert stage.deployment("lobby")["generation"] == 3


async def test_a_creation_whose_answer_was_lost_is_made_once(wired: Command, wire: Proxy, stage: Stage) -> None:
    wire.lose("POST")
    (await wired("deploy", "lobby", "--template", "web")).fine()
    assert len(wire.writes("POST")) == 2
    assert len(stage.rows("SELECT FROM deployments")) == 1


async def test_many_whose_answer_was_lost_are_changed_once(wired: Command, wire: Proxy, stage: Stage) -> None:
    for name in ("one", "two"):
        stage.deploy(name)
    wire.lose("POST", "bulk")
    (await wired("restart", "one", "two")).fine()
    wire.lose("POST", "bulk")
    (await wired("restart", "one")).fine()
    assert len(wire.writes("bulk")) == 4
    assert [stage.deployment(name)["generation"] for name in ("one", "two")] == [3, 2]


async def test_a_change_made_meanwhile_is_not_overwritten(wired: Command, wire: Proxy, stage: Stage) -> None:
    made = stage.deploy("lobby", "paper", {"eula": "TRUE"})
    held = wire.hold("PATCH")
    running = asyncio.create_task(wired("set", "lobby", "memory=4Gi"))
    await held.arrived.wait()
    stage.change(made, desired_state="Stopped")
    held.release()
    (await running).failed(4, "hint: ")
    assert "memory" not in stage.deployment("lobby")["parameters"]
    (await wired("set", "lobby", "memory=4Gi", "--at", "1")).failed(4)
    (await wired("set", "lobby", "memory=4Gi", "--at", "2")).fine()


async def test_a_lost_answer_is_not_mistaken_for_somebody_elses_change(
    wired: Command, wire: Proxy, stage: Stage
) -> None:
    made = stage.deploy("lobby", "paper", {"eula": "TRUE"})
    held = wire.hold("PATCH")
    wire.answer("PATCH", status=503, headers={"Retry-After": "0"})
    running = asyncio.create_task(wired("set", "lobby", "memory=4Gi"))
    await held.arrived.wait()
    stage.operator.execute(
        'UPDATE deployments SET parameters = parameters || \'{"memory": "3Gi"}\' WHERE id = %s', (made,)
    )
    held.release()
    (await running).failed(4)
    assert stage.deployment("lobby")["parameters"]["memory"] == "3Gi"


WINDOW = (
    "INSERT INTO maintenance_windows (name, days, starts, lasts, zone)"
    " VALUES ('nights', '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}', '04:00', '90 minutes', 'Europe/Berlin')"
)


async def test_a_restart_is_planned_told_and_taken_back(command: Command, stage: Stage) -> None:
    stage.deploy("site")
    stage.admin.execute(WINDOW)
    done = (await command("restart", "site", "--in-window", "nights")).fine()
    assert done.out.startswith("default/site is restarted in the window nights, ")
    assert "if it is required then" in done.out
    done = (await command("restart", "site", "--in-window", "nights", "--when-empty", "--always")).fine()
    assert "when nobody plays, at the latest in the window nights, " in done.out
    assert "required" not in done.out
    assert "when nobody plays, at the latest" in (await command("describe", "site")).fine().out
    (await command("restart", "site", "--cancel")).fine()
    assert stage.one("SELECT count(*) FROM planned_restarts WHERE state = 'planned'") == 0
    (await command("restart", "site", "--cancel")).failed(3, "no restart is planned")
    (await command("restart", "site", "--at", "2099-01-01T00:00")).failed(1, "year", "path: at")
    (await command("restart", "site", "--in-window", "days")).failed(3, "There are: nights.")
    for wrong in (("--cancel", "--when-empty"), ("--always",), ("--at", "tomorrow")):
        (await command("restart", "site", *wrong)).failed(2)
    assert stage.deployment("site")["restarted_at"] is None


async def test_windows_are_listed_with_when_they_are_open(command: Command, stage: Stage) -> None:
    stage.admin.execute(WINDOW)
    headings, row = (await command("windows")).fine().lines()
    assert headings == ["NAME", "NAMESPACE", "DAYS", "STARTS", "LASTS", "ZONE", "OPEN"]
    assert row[:6] == ["nights", "all", "Mon,Tue,Wed,Thu,Fri,Sat,Sun", "04:00", "1h30m", "Europe/Berlin"]
    assert (await command("windows", "-o", "json")).fine().json["items"][0]["name"] == "nights"


def kept(stage: Stage) -> list[tuple[Any, ...]]:
    rows = stage.rows(
        "SELECT name, namespace, days, starts, lasts, zone FROM maintenance_windows ORDER BY name, namespace"
    )
    return [
        (row["name"], row["namespace"], row["days"], f"{row['starts']:%H:%M}", row["lasts"].seconds // 60, row["zone"])
        for row in rows
    ]


async def test_windows_are_made_changed_and_deleted(command: Command, stage: Stage) -> None:
    when = ("--days", "Sat,sunday", "--starts", "04:00", "--lasts", "1h30m", "--zone", "Europe/Berlin")
    done = (await command("windows", "make", "nights", *when)).fine()
    assert done.out.startswith("made window nights, open ")
    assert kept(stage) == [("nights", None, ["Sat", "Sun"], "04:00", 90, "Europe/Berlin")]
    changed = await command(
        "windows", "change", "nights", "--days", "Mon", "--lasts", "2h", "--rename", "late", "-o", "json"
    )
    assert changed.fine().json["lasts_minutes"] == 120
    assert kept(stage) == [("late", None, ["Mon"], "04:00", 120, "Europe/Berlin")], "the rest is as it was"
    for namespace in ("games", "lobbies"):
        (await command("windows", "make", "own", "-n", namespace, *when)).fine()
    (await command("windows", "delete", "own")).failed(4, "own names 2 windows", "games/own, lobbies/own")
    assert (await command("windows", "delete", "games/own")).fine().out == "window own is deleted\n"
    assert [row[:2] for row in kept(stage)] == [("late", None), ("own", "lobbies")]
    stage.deploy("site")
    (await command("restart", "site", "--in-window", "late")).fine()
    (await command("windows", "delete", "late")).failed(4, "in use", "the planned restart of default/site")
    (await command("windows", "change", "nobody", "--lasts", "1h")).failed(3, "there is no window nobody")
    (await command("windows", "change", "late")).failed(2, "there is nothing to change")
    (await command("windows", "change", "late", "--lasts", "long")).failed(2, "long is no length of time")
    (await command("windows", "change", "late", "--zone", "Europe/Berlim")).failed(
        1, "zone", "Did you mean Europe/Berlin"
    )
