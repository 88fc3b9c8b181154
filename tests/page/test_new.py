"""New: the catalogue, the form that a schema makes, what Postgres says to it, and what comes of it."""

import json
import re
from typing import Any

import httpx
import pytest

from app.gate import SESSION_COOKIE
from db.templates import SHIPPED, load_templates
from tests.conftest import Database
from tests.intent import Intent
from tests.page.conftest import Person, text
from tests.people import session_of


@pytest.fixture
def shipped(intent: Intent, database: Database) -> Intent:
    """The templates that come with a release."""
    load_templates(database.dsn_as("admin"), SHIPPED)
    return intent


PAPER: dict[str, Any] = {
    "name": "lobby",
    "namespace": "default",
    "desired_state": "Active",
    "parameters.eula": "on",
    "parameters.memory": "4Gi",
    "parameters.max_players": "40",
    "parameters.difficulty": '"hard"',
    "parameters.online_mode": "on",
}


def error_of(page: str, field: str) -> str:
    """What is said beside a field, which says by itself that it is wrong."""
    found = re.search(rf'<p class="error" id="error-{re.escape(field)}">(.*?)</p>', page, re.DOTALL)
    assert found, f"nothing is wrong with {field}: {re.findall('error-[a-z_.]+', page)}"
    control = re.search(rf'<(?:input|select|textarea) id="field-{re.escape(field)}"[^>]*>', page)
    assert control
    assert 'aria-invalid="true"' in control.group()
    assert f"error-{field}" in control.group()
    return " ".join(re.sub(r"<[^>]+>", " ", found.group(1)).split())


def deployments(intent: Intent) -> list[dict[str, Any]]:
    return intent.rows("SELECT * FROM orchestrator.deployments")


async def test_the_catalogue_offers_every_template(person: Person, shipped: Intent) -> None:
    page = await person.look("/new")
    assert re.findall(r'href="/new/([a-z]+)"', page) == ["paper", "vanilla", "web"]
    assert "Minecraft (Paper)" in text(page)


async def test_an_empty_catalogue_says_how_to_fill_it(person: Person) -> None:
    assert "There are no templates yet" in text(await person.look("/new"))


async def test_the_form_shows_what_would_be_created_before_anything_is(person: Person, shipped: Intent) -> None:
    page = await person.look("/new/paper")
    assert "5 objects at the cluster, in this order." in text(page)
    assert "10Gi of disk" in text(page)
    assert "PersistentVolumeClaim …-data" in text(page), "no name was given yet"
    assert "error-" not in page, "nobody is blamed for what they have not filled in yet"
    assert deployments(shipped) == []


async def test_a_server_is_created_with_only_what_differs_from_the_template(person: Person, shipped: Intent) -> None:
    answer = await person.send("/new/paper", "/new/paper", **PAPER)
    (made,) = deployments(shipped)
    assert made["parameters"] == {"eula": "TRUE", "memory": "4Gi", "max_players": 40, "difficulty": "hard"}
    assert (made["name"], made["namespace"], made["desired_state"]) == ("lobby", "default", "Active")
    assert answer.headers["location"] == f"/servers/{made['id']}"
    assert "lobby is being created." in await person.told(answer)
    assert [event["actor"] for event in shipped.events(made["id"], "DeploymentCreated")] == ["admin"]


async def test_nothing_is_created_before_the_eula_is_accepted(person: Person, shipped: Intent) -> None:
    page = await person.look("/new/paper")
    assert re.search(r'<input id="field-parameters.eula"[^>]*type="checkbox"(?![^>]*checked)', page)
    assert 'href="https://aka.ms/MinecraftEULA"' in page
    answer = await person.send("/new/paper", "/new/paper", **{k: v for k, v in PAPER.items() if "eula" not in k})
    assert answer.status_code == 422
    assert error_of(answer.text, "parameters.eula").startswith("Minecraft EULA is not accepted.")
    assert deployments(shipped) == []


@pytest.mark.parametrize(
    ("field", "sent", "said"),
    [
        ("name", "", "cannot name a deployment"),
        ("name", "Not A Name", "cannot name a deployment"),
        ("namespace", "kube-system", "cannot be a deployment's namespace"),
        ("parameters.max_players", "0", "must be at least 1"),
        ("parameters.max_players", "many", "must be of type integer"),
        ("parameters.memory", "lots", "must match"),
        ("parameters.difficulty", '"nightmare"', "is not one of the allowed values"),
        ("parameters.motd", "x" * 121, "must have at most 120 characters"),
        ("desired_state", "Deleted", "cannot be Deleted"),
    ],
)
async def test_what_postgres_refuses_is_told_beside_the_field_and_what_was_typed_stays(
    person: Person, shipped: Intent, field: str, sent: str, said: str
) -> None:
    answer = await person.send("/new/paper", "/new/paper", **{**PAPER, field: sent})
    assert answer.status_code == 422
    assert said in error_of(answer.text, field).replace("&#39;", "'")
    assert 'value="4Gi"' in answer.text or field == "parameters.memory"
    assert answer.text.count("data-focus") == 1, "the form begins at what is wrong"
    assert deployments(shipped) == []


async def test_a_name_that_is_taken_is_told_beside_it(person: Person, shipped: Intent) -> None:
    shipped.deploy("lobby", "web")
    answer = await person.send("/new/paper", "/new/paper", **PAPER)
    assert answer.status_code == 409
    assert "exists" in error_of(answer.text, "name")


async def test_the_form_is_checked_while_it_is_filled_in_and_never_moves_the_focus(
    person: Person, shipped: Intent
) -> None:
    """As htmx asks while somebody types, and as a browser without script does with a button."""
    wrong = {**PAPER, "parameters.max_players": "5000", "check": "1"}
    answer = await person.send("/new/paper", "/new/paper", **wrong)
    assert answer.status_code == 200, "that it does not fit yet is no error of the request"
    assert "must be at most 1000" in error_of(answer.text, "parameters.max_players")
    assert "data-focus" not in answer.text
    answer = await person.send("/new/paper", "/new/paper", **PAPER, check="1")
    assert "error-" not in answer.text
    assert "1 replica of itzg/minecraft-server:java21, 4Gi of memory" in text(answer.text)
    assert "StatefulSet lobby" in text(answer.text)
    assert deployments(shipped) == []


async def test_a_check_without_a_name_yet_says_nothing_against_that(person: Person, shipped: Intent) -> None:
    answer = await person.send("/new/paper", "/new/paper", **{**PAPER, "name": "", "check": "1"})
    assert "error-" not in answer.text
    assert "StatefulSet …" in text(answer.text)


async def test_a_server_may_begin_stopped(person: Person, shipped: Intent) -> None:
    await person.send("/new/web", "/new/web", name="hub", namespace="games", desired_state="Stopped")
    (made,) = deployments(shipped)
    assert (made["desired_state"], made["namespace"], made["parameters"]) == ("Stopped", "games", {"ingress": False})


async def test_an_older_version_of_a_template_may_be_chosen(person: Person, shipped: Intent) -> None:
    shipped.superuser.execute(
        "SELECT orchestrator.put_template(name, base_spec_json - 2, allowed_mutations_json) FROM orchestrator.templates"
        " WHERE name = 'web'"
    )
    assert "2 objects at the cluster" in text(await person.look("/new/web"))
    assert "3 objects at the cluster" in text(await person.look("/new/web?version=1"))
    await person.send("/new/web", "/new/web", name="hub", template_version="1")
    assert deployments(shipped)[0]["template_version"] == 1


@pytest.mark.parametrize("path", ["/new/nothing", "/new/web?version=9", "/new/web?version=x"])
async def test_a_template_that_there_is_not_is_a_page_that_says_so(person: Person, shipped: Intent, path: str) -> None:
    answer = await person.client.get(path)
    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"].startswith("text/html")


async def test_odd_schemas_and_long_texts_make_a_form_too(person: Person, shipped: Intent) -> None:
    rules: dict[str, Any] = {
        "plain": {"type": "string"},
        "rate": {"type": "number", "default": 0.5, "minimum": 0},
        "story": {"type": "string", "default": "once\nupon a time <b>", "title": "T" * 500, "description": "d " * 2000},
        "pick": {"type": "string", "enum": ["a", "b" * 300], "default": "a"},
    }
    data = {"A": "${story}"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${name}"}, "data": data}
    shipped.superuser.execute(
        "SELECT orchestrator.put_template('odd', %s, %s)",
        (
            json.dumps([manifest]),
            json.dumps({"properties": rules, "required": ["plain"], "description": "x" * 3000}),
        ),
    )
    page = await person.look("/new/odd")
    assert "upon a time &lt;b&gt;</textarea>" in page
    assert error_of(page, "parameters.plain") == "Parameter plain is required. Give it a value."
    filled = {"plain": "x", "rate": "0.25", "story": "once\r\nupon a time <b>", "pick": '"a"'}
    sent = {f"parameters.{name}": value for name, value in filled.items()}
    answer = await person.send("/new/odd", "/new/odd", name="tale", **sent)
    assert answer.status_code == 303
    assert deployments(shipped)[0]["parameters"] == {"plain": "x", "rate": 0.25}


async def test_who_may_use_some_namespaces_chooses_among_them(
    person: Person, shipped: Intent, database: Database
) -> None:
    person.client.cookies.set(SESSION_COOKIE, session_of(database.dsn, "operator", ["games", "lab"]))
    page = await person.look("/new/web")
    assert re.search(r'<select id="field-namespace".*?games.*?lab.*?</select>', page, re.DOTALL)
    assert "error-" not in page
    answer = await person.send("/new/web", "/new/web", name="hub", namespace="default")
    assert answer.status_code == 403
    assert error_of(answer.text, "namespace")
    answer = await person.send("/new/web", "/new/web", name="hub", namespace="lab")
    assert answer.status_code == 303
    assert deployments(shipped)[0]["namespace"] == "lab"


async def test_a_viewer_is_told_at_once_that_nothing_can_be_created(
    person: Person, shipped: Intent, database: Database
) -> None:
    person.client.cookies.set(SESSION_COOKIE, session_of(database.dsn, "viewer"))
    assert "You may look, but not create servers." in text(await person.look("/new/web", 403))
    answer = await person.send("/new/web", "/new", name="hub")
    assert answer.status_code == 403
    assert deployments(shipped) == []


async def test_a_form_that_nobody_was_shown_creates_nothing(api: Any, shipped: Intent) -> None:
    answer: httpx.Response = await api.client.post("/new/web", data={"name": "hub"})
    assert answer.status_code == 403
    assert deployments(shipped) == []
