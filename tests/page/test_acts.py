"""One action on many servers: all or none, and asked about first where it hurts."""

import re

import pytest

from tests.conftest import Database
from tests.intent import Intent
from tests.page.conftest import Person, text
from tests.people import session_of


@pytest.fixture
def ids(templates: Intent) -> dict[str, str]:
    """Three servers that run."""
    return {name: templates.deploy(name, "web") for name in ("arena", "build", "lobby")}


def states(intent: Intent) -> dict[str, str]:
    return {r["name"]: r["desired_state"] for r in intent.rows("SELECT * FROM orchestrator.deployments ORDER BY name")}


async def test_a_pause_is_done_at_once_and_told_where_one_was(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    answer = await person.send("/servers/act", id=[ids["arena"], ids["build"]], action="pause", back="/?q=b")
    assert answer.headers["location"] == "/?q=b"
    assert states(templates) == {"arena": "Paused", "build": "Paused", "lobby": "Active"}
    assert "2 servers are left alone until resumed." in await person.told(answer)
    assert "left alone" not in text(await person.look("/")), "it is told once"


async def test_a_stop_is_asked_about_by_name_and_nothing_is_done_before(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    answer = await person.send("/servers/act", id=list(ids.values()), action="stop", back="/")
    assert answer.status_code == 200
    assert "Stop 3 servers?" in text(answer.text)
    assert all(name in text(answer.text) for name in ids)
    assert set(states(templates).values()) == {"Active"}
    asked = re.findall(r'name="id" value="([^"]+)"', answer.text)
    answer = await person.send("/servers/act", id=asked, action="stop", back="/", sure="yes")
    assert "3 servers are being stopped." in await person.told(answer)
    assert set(states(templates).values()) == {"Stopped"}


async def test_a_delete_keeps_the_data_unless_its_loss_is_typed(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    order = {"id": [ids["arena"], ids["build"]], "action": "delete", "back": "/", "sure": "yes"}
    answer = await person.send("/servers/act", **order, data="lose", typed="3")
    assert answer.status_code == 422
    assert "Nothing was deleted." in text(answer.text)
    assert re.search(r'id="field-typed"[^>]*aria-invalid="true"', answer.text)
    assert set(states(templates).values()) == {"Active"}
    answer = await person.send("/servers/act", **order, data="lose", typed="2")
    assert "2 servers are being deleted." in await person.told(answer)
    rows = templates.rows("SELECT * FROM orchestrator.deployments WHERE desired_state = 'Deleted'")
    assert [row["keep_data"] for row in rows] == [False, False]
    await person.send("/servers/act", **{**order, "id": [ids["lobby"]]}, data="keep")
    (row,) = templates.rows("SELECT * FROM orchestrator.deployments WHERE name = 'lobby'")
    assert (row["desired_state"], row["keep_data"]) == ("Deleted", True)


async def test_one_refusal_leaves_all_as_they_were_and_names_the_one(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    answer = await person.send("/servers/act", id=[ids["arena"], missing], action="pause", back="/")
    assert answer.status_code == 404
    assert set(states(templates).values()) == {"Active"}


async def test_all_that_fit_are_meant_when_asked(person: Person, templates: Intent, ids: dict[str, str]) -> None:
    answer = await person.send("/servers/act", all="2", action="pause", back="/?q=b")
    assert answer.status_code == 303
    assert states(templates) == {"arena": "Active", "build": "Paused", "lobby": "Paused"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"action": "pause"}, "No server was selected"),
        ({"action": "explode"}, "There is no such action"),
        ({}, "There is no such action"),
        ({"action": "pause", "id": "lobby"}, "could not be understood"),
    ],
)
async def test_what_no_form_of_ours_sends_is_refused(
    person: Person, ids: dict[str, str], fields: dict[str, str], said: str
) -> None:
    answer = await person.send("/servers/act", **fields)
    assert answer.status_code in (400, 422)
    assert said in text(answer.text)


async def test_an_action_without_the_forms_token_is_refused(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    await person.look("/")
    for forged in ({}, {"_csrf_token": "0" * 128}):
        answer = await person.client.post("/servers/act", data={"id": ids["arena"], "action": "pause", **forged})
        assert answer.status_code == 403
        assert "Please send that again" in text(answer.text)
    assert set(states(templates).values()) == {"Active"}


async def test_a_token_that_no_secret_of_ours_made_is_replaced(person: Person, ids: dict[str, str]) -> None:
    person.client.cookies.set("csrf", "0" * 128)
    assert (await person.send("/servers/act", id=ids["arena"], action="pause")).status_code == 403
    assert (await person.send("/servers/act", id=ids["arena"], action="pause")).status_code == 303


async def test_a_form_that_is_too_large_is_refused(person: Person, ids: dict[str, str]) -> None:
    answer = await person.send("/servers/act", id=ids["arena"], action="pause", back="x" * 300_000)
    assert answer.status_code == 413


async def test_who_may_only_look_is_shown_no_buttons_and_refused(
    database: Database, person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    person.client.cookies.set("session", session_of(database.dsn, "viewer"))
    page = await person.look("/")
    assert 'name="id"' not in page
    assert 'href="/new"' not in page
    answer = await person.send("/servers/act", id=ids["arena"], action="pause")
    assert answer.status_code == 403
    assert set(states(templates).values()) == {"Active"}


async def test_who_is_limited_to_namespaces_sees_and_reaches_those_only(
    database: Database, person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    elsewhere = templates.deploy("secret", "web", namespace="games")
    person.client.cookies.set("session", session_of(database.dsn, "operator", ["default"]))
    page = await person.look("/")
    assert "secret" not in page
    assert "lobby" in page
    answer = await person.send("/servers/act", id=[ids["arena"], elsewhere], action="pause")
    assert answer.status_code == 404
    assert set(states(templates).values()) == {"Active"}


async def test_it_never_leads_to_another_site(person: Person, ids: dict[str, str]) -> None:
    answer = await person.send("/servers/act", id=ids["arena"], action="pause", back="https://elsewhere.example/")
    assert answer.headers["location"] == "/"


async def test_many_are_looked_at_now_without_a_question(
    person: Person, templates: Intent, ids: dict[str, str]
) -> None:
    assert 'name="action" value="reconcile"' in await person.look("/")
    answer = await person.send("/servers/act", id=[ids["arena"], ids["build"]], action="reconcile", back="/")
    assert "2 servers are being looked at now." in await person.told(answer)
    asked = templates.rows("SELECT deployment_id FROM orchestrator.reconcile_slots WHERE requested > 1")
    assert {str(row["deployment_id"]) for row in asked} == {str(ids["arena"]), str(ids["build"])}
    assert set(states(templates).values()) == {"Active"}
