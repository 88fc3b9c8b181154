"""Rollouts on the page: offered where a newer version is out, judged before, started, followed and decided about."""

import pytest

from tests.conftest import Database
from tests.intent import TEMPLATES, Intent, config_map
from tests.page.conftest import Person, text
from tests.people import session_of


@pytest.fixture
def ids(templates: Intent) -> dict[str, str]:
    """Three servers, and a second version of their template."""
    made = {name: templates.deploy(name, "web", greeting="hi") for name in ("arena", "build", "lobby")}
    templates.put_template("web", [*TEMPLATES["web"], config_map("-more")])
    return made


def versions(intent: Intent) -> dict[str, int]:
    rows = intent.rows("SELECT name, template_version FROM orchestrator.deployments ORDER BY name")
    return {row["name"]: row["template_version"] for row in rows}


async def test_one_server_is_offered_the_newer_version_with_what_it_changes(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    here = f"/servers/{ids['lobby']}"
    assert "Upgrade to version 2" in text(await person.look(here))
    assert f"{here}/upgrade" in await person.look("/")
    asked = text(await person.look(f"{here}/upgrade"))
    assert ("from version 1 of web" in asked, "lobby-more" in asked) == (True, True)
    assert versions(templates)["lobby"] == 1, "so far it is only a question"
    answer = await person.send(f"{here}/upgrade", f"{here}/upgrade", version=2, generation=7)
    assert (answer.status_code, "Somebody else changed this server" in text(answer.text)) == (409, True)
    answer = await person.send(f"{here}/upgrade", f"{here}/upgrade", version=2, generation=1)
    assert "It moves to version 2." in await person.told(answer)
    assert versions(templates) == {"arena": 1, "build": 1, "lobby": 2}
    assert "Upgrade to" not in text(await person.look(here))


async def test_what_stands_in_the_way_is_told(person: Person, templates: Intent, ids: dict[str, str]) -> None:
    manifests = [config_map("-env", GREETING="fixed", NOTE="${note}")]
    templates.put_template("web", [*TEMPLATES["small"][1:], *manifests])
    here = f"/servers/{ids['lobby']}/upgrade"
    told = text(await person.look(here))
    assert ("parameter greeting is not one of this template" in told, "Move to version 3" in told.split("?")[1]) == (
        True,
        False,
    )
    assert "Edit its settings" in told


async def test_a_selection_moves_in_a_rollout_that_is_followed(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    chosen = [ids["arena"], ids["build"]]
    asked = await person.send("/servers/act", action="upgrade", id=chosen, back="/")
    assert "Move 2 servers of web?" in text(asked.text)
    for box in ("pause_on_failure", "restart"):
        assert f'name="{box}" value="yes" checked' in asked.text, "as careful as the API, unless one says otherwise"
    form = {
        "template": "web",
        "id": chosen,
        "version": 2,
        "batch_size": 1,
        "max_unavailable": 1,
        "patience_seconds": 60,
    }
    answer = await person.send("/rollouts/new", "/", **form, pause_on_failure="yes", sure="yes")
    assert answer.headers["location"] == "/rollouts/1"
    page = await person.look("/rollouts/1")
    told = text(page)
    assert [word in told for word in ("web to version 2", "under way", "2 waits", "arena", "build", "lobby")] == [
        True,
        True,
        True,
        True,
        True,
        False,
    ]
    assert 'data-live="/live/rollout?id=1"' in page
    assert "pauses when one fails, which is after 60 s; restarts are left to people" in told
    assert "web to version 2" in text(await person.look("/rollouts"))
    assert "rollout 1" in text(await person.look(f"/servers/{ids['arena']}"))
    assert "Rollout 1 is to move it, by admin" in text(await person.look(f"/servers/{ids['arena']}"))
    for course, said in (("pause", "paused"), ("resume", "goes on"), ("abort", "aborted"), ("roll-back", "put back")):
        assert said in await person.told(await person.send(f"/rollouts/1/{course}", "/rollouts/1"))
    assert (await person.send("/rollouts/1/nope", "/rollouts/1")).status_code == 404
    assert (await person.send("/rollouts/1/abort", "/rollouts/1")).status_code == 303


async def test_the_form_says_what_is_wrong_or_would_be_refused(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    templates.put_template("web", TEMPLATES["small"])
    templates.change(ids["build"], replicas=3)
    asked = text(await person.look("/rollouts/new?template=web"))
    assert "Move every server on an older version of web?" in asked
    assert "2 servers would change, none of them only with a restart; 1 would be refused." in asked, asked
    assert "What changes of arena, the first of them" in asked, asked
    assert "build : version 3" in asked.replace("build:", "build :") or "replicas is not one of this template" in asked
    form = {"template": "web", "version": 3, "batch_size": 0, "max_unavailable": 1, "patience_seconds": 60}
    wrong = await person.send("/rollouts/new", "/rollouts/new?template=web", **form, sure="yes")
    assert (wrong.status_code, "batch_size" in text(wrong.text)) == (422, True)
    assert templates.rows("SELECT FROM orchestrator.rollouts") == []
    other = templates.deploy("other", "game")
    mixed = await person.send("/servers/act", action="upgrade", id=[other, ids["build"]], back="/")
    assert (mixed.status_code, "made from several templates" in text(mixed.text)) == (422, True)
    await person.look("/rollouts/new?template=nope", 404)
    await person.look("/rollouts/99", 404)


async def test_a_viewer_follows_and_decides_nothing(
    person: Person, database: Database, templates: Intent, ids: dict[str, str]
) -> None:
    form = {"template": "web", "version": 2, "batch_size": 1, "max_unavailable": 1, "patience_seconds": 60}
    await person.send("/rollouts/new", "/rollouts/new?template=web", **form, sure="yes")
    person.client.cookies.set("session", session_of(database.dsn, "viewer"))
    page = await person.look("/rollouts/1")
    assert ("arena" in page, "/rollouts/1/pause" in page) == (True, False)
    assert "/upgrade" not in await person.look(f"/servers/{ids['arena']}")
