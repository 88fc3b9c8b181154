"""`get`, `describe`, `templates`: what a script and a person see."""

import pytest

from tests.client.conftest import Command
from tests.db.stage import Stage

ALLOWED = {"eula": "TRUE"}


async def test_a_list_tells_what_is_wanted_and_how_it_is(command: Command, stage: Stage) -> None:
    stage.run_healthy("site")
    stage.deploy("lobby", "paper", ALLOWED, namespace="games", desired_state="Stopped")
    done = (await command("get")).fine()
    headings, *lines = done.lines()
    assert headings == ["NAMESPACE", "NAME", "STATUS", "WANTED", "TEMPLATE", "DRIFT", "GENERATION", "AGE", "MESSAGE"]
    assert sorted(line[:5] for line in lines) == [
        ["default", "site", "Healthy", "Active", "web:1"],
        ["games", "lobby", "Progressing", "Stopped", "paper:1"],
    ]
    assert "\x1b" not in done.out


async def test_what_was_wanted_at_a_time_is_told(command: Command, stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.change(own, desired_state="Stopped")
    stage.root.execute("ALTER TABLE deployment_revisions DISABLE TRIGGER USER")
    stage.root.execute("UPDATE deployment_revisions SET created_at = now() - interval '2 h' WHERE generation = 1")
    for when, wanted in (("1h", "Active"), ("1h ago", "Active"), ("0s", "Stopped")):
        _, *lines = (await command("get", "--as-of", when)).fine().lines()
        assert [line[:3] for line in lines] == [["default", "lobby", wanted]]
    assert (await command("get", "--as-of", "3h", "-o", "json")).fine().json == {"items": [], "next": None}
    (await command("get", "--as-of", "1h", "--drifted")).failed(2, "--as-of lists all")
    (await command("get", "--as-of", "lately")).failed(2, "is no time")


async def test_names_go_from_one_command_into_the_next(command: Command, stage: Stage) -> None:
    stage.deploy("a")
    stage.deploy("b", namespace="games")
    names = (await command("get", "-o", "name")).fine().out.split()
    assert names == ["default/a", "games/b"]
    assert (await command("get", *names, "-o", "name")).fine().out.split() == names


async def test_json_is_the_apis_own_as_one_document(command: Command, stage: Stage) -> None:
    made = [str(stage.deploy(f"d{number}")) for number in range(3)]
    found = (await command("get", "-o", "json")).fine().json
    assert found["next"] is None
    assert {one["id"] for one in found["items"]} == set(made)
    one = (await command("get", "d1", "-o", "json")).fine().json
    assert (one["name"], one["id"]) == ("d1", made[1])
    assert one["desired_spec_json"]
    assert (await command("describe", "d1", "-o", "json")).fine().json == one


async def test_a_list_is_whole_however_many_pages_it_takes(command: Command, stage: Stage) -> None:
    stage.operator.execute("SELECT deploy('d' || n, 'web') FROM generate_series(1, 1203) n")
    assert len((await command("get", "-o", "name")).fine().out.split()) == 1203
    assert len((await command("get", "-o", "name", "--limit", "501")).fine().out.split()) == 501


async def test_filters_choose(command: Command, stage: Stage) -> None:
    stage.run_healthy("site")
    stage.deploy("lobby", "paper", ALLOWED, namespace="games")
    for filters, chosen in (
        (["--namespace", "games"], "games/lobby"),
        (["--status", "Healthy"], "default/site"),
        (["--cluster", "default", "--status", "Progressing"], "games/lobby"),
        (["--status", "Healthy", "--status", "Error"], "default/site"),
        (["--template", "paper"], "games/lobby"),
        (["--search", "OBB"], "games/lobby"),
        (["--state", "Active", "--sort", "created", "--reverse", "--limit", "1"], "games/lobby"),
    ):
        assert (await command("get", "-o", "name", *filters)).fine().out.split() == [chosen], filters
    assert (await command("get", "-o", "name", "--namespace", "none")).fine().out == ""


async def test_a_name_of_many_is_refused_with_those_it_may_mean(command: Command, stage: Stage) -> None:
    stage.deploy("lobby")
    other = stage.deploy("lobby", namespace="games")
    stage.deploy("lobby-2")
    (await command("describe", "lobby")).failed(
        4, "lobby names 2 deployments", "default/lobby", f"games/lobby on default ({other})"
    )
    assert (await command("get", "games/lobby", "-o", "json")).fine().json["id"] == str(other)
    assert (await command("get", str(other).upper(), "-o", "name")).fine().out == "games/lobby\n"


@pytest.mark.parametrize("name", ["nobody", "default/nobody", "0198a000-0000-7000-8000-000000000000"])
async def test_what_is_not_there_ends_with_3(command: Command, name: str) -> None:
    (await command("describe", name)).failed(3, f"there is no deployment {name}", "hint: ")


async def test_names_and_filters_do_not_go_together(command: Command) -> None:
    (await command("get", "lobby", "--namespace", "games")).failed(2, "--namespace", "hint: ")


async def test_a_description_holds_parameters_and_objects(command: Command, stage: Stage) -> None:
    made = stage.run_healthy("site")
    stage.operator.execute(
        "UPDATE deployments SET parameters = parameters || '{\"replicas\": 2}' WHERE id = %s", (made,)
    )
    told = (await command("describe", "site")).fine().out
    for words in (
        "default/site",
        str(made),
        "web version 1",
        "Progressing",
        "2, applied 1",
        "replicas = 2",
        "ConfigMap",
    ):
        assert words in told


async def test_a_template_tells_its_parameters(command: Command) -> None:
    listed = (await command("templates")).fine().lines()
    assert {"paper", "web"} <= {line[0] for line in listed}
    told = (await command("templates", "paper")).fine().out
    assert "eula" in told
    assert "(Mi|Gi)" in told
    (await command("templates", "nope")).failed(3, '"nope"')
    (await command("templates", "paper", "--version", "9")).failed(3, "version 9")
    (await command("get", "--sort", "luck")).failed(2, "--sort")


async def test_clusters_tell_how_they_are(command: Command, stage: Stage) -> None:
    stage.run_healthy("site")
    stage.deploy("other")
    headings, line = (await command("clusters")).fine().out.splitlines()
    assert headings.split() == ["NAME", "REACHED", "SEEN", "QUEUED", "WAITING", "DEPLOYMENTS", "MESSAGE"]
    assert line.split()[:2] == ["default", "yes"]
    assert "1 Healthy" in line
    stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
    told = (await command("clusters")).fine().out
    assert "no, for " in told
    assert "connection refused" in told
    assert (await command("clusters", "-o", "json")).fine().json["items"][0]["name"] == "default"


async def test_clusters_tell_what_each_worker_does(command: Command, stage: Stage) -> None:
    stage.worker.execute("SELECT report_process('default', 'worker', 'one', 600, true)")
    stage.watcher.execute("SELECT report_process('default', 'watcher', 'eye', 600, true)")
    assert ["default", "one", "10m", "waits", "for", "work"] in (await command("clusters")).fine().lines()
    stage.deploy("lobby")
    stage.worker.execute("SELECT * FROM claim('default', 'one', 1, 30)")
    told = (await command("clusters")).fine().lines()
    assert ["default", "one", "10m", "default/lobby", "for"] in [line[:5] for line in told]
    assert ["default", "eye", "10m", "watches"] in told
