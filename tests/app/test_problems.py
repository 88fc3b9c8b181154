"""Every error has one shape and tells where it is and what to do next."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from app.api import LARGEST_BODY_BYTES
from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import Intent

DEPLOYMENTS = "/api/deployments"
WEB = {"name": "lobby", "template": "web"}


@pytest.mark.parametrize(
    ("body", "path", "hint"),
    [
        ({**WEB, "parameters": {"replicas": 99}}, "parameters.replicas", "at most 50"),
        ({**WEB, "parameters": {"replicas": "two"}}, "parameters.replicas", "integer"),
        ({**WEB, "parameters": {"colour": "red"}}, "parameters.colour", "Allowed:"),
        ({**WEB, "name": "Lobby!"}, "name", "small letters"),
        ({**WEB, "namespace": "kube-system"}, "namespace", "Kubernetes"),
        ({**WEB, "desired_state": "Gone"}, "desired_state", "Active, Stopped, Paused, Deleted"),
        ({**WEB, "desired_state": "Deleted"}, "desired_state", "Begin with"),
    ],
)
async def test_a_refusal_of_postgres_keeps_its_path_and_hint(
    api: Api, templates: Intent, body: dict[str, Any], path: str, hint: str
) -> None:
    told = problem(await api.client.post(DEPLOYMENTS, json=body), 422)
    assert told["path"] == path
    assert hint in told["hint"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**WEB, "colour": "red"}, "colour"),
        ({"name": "lobby"}, "template"),
        ({**WEB, "name": 7}, "name"),
        ({**WEB, "parameters": ["replicas"]}, "parameters"),
        ({**WEB, "template_version": "1"}, "template_version"),
        ({**WEB, "template_version": 2**40}, "template_version"),
        ({**WEB, "template_version": 0}, "template_version"),
        ([WEB], ""),
    ],
)
async def test_json_of_another_shape_is_422_and_names_the_field(
    api: Api, templates: Intent, body: object, path: str
) -> None:
    assert problem(await api.client.post(DEPLOYMENTS, json=body), 422)["path"] == path


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"desired_stat": "Stopped"}, "desired_stat"),
        ({"name": "other"}, "name"),
        ({"desired_state": None}, "desired_state"),
        ({"parameters": None}, "parameters"),
        ({"keep_data": "false"}, "keep_data"),
    ],
)
async def test_a_patch_takes_only_what_can_change(api: Api, templates: Intent, body: object, path: str) -> None:
    made = await api.create("lobby")
    assert problem(await api.client.patch(f"{DEPLOYMENTS}/{made['id']}", json=body), 422)["path"] == path
    assert templates.deployment(made["id"])["generation"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "lobby", ',
        b"",
        b"\xff\xfe",
        b"name=lobby&template=web",
        b'{"name": "lobby", "template": "web", "parameters": {"greeting": "\\ud800"}}',
        b'{"name": "lobby", "template": "web", "parameters": {"replicas": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    ],
)
async def test_what_is_no_json_is_400(api: Api, templates: Intent, body: bytes) -> None:
    problem(await api.client.post(DEPLOYMENTS, content=body), 400)


@pytest.mark.parametrize("body", [{**WEB, "name": "a\0b"}, {**WEB, "parameters": {"greeting": "a\0b"}}])
async def test_what_postgres_cannot_hold_is_422(api: Api, templates: Intent, body: dict[str, Any]) -> None:
    problem(await api.client.post(DEPLOYMENTS, json=body), 422)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("deleted=perhaps", "deleted"),
        ("after=nonsense", "after"),
        ("after=bnVsbA", "after"),
        ("deleted=true&after=WyIiLCIiLCIiXQ", "after"),
    ],
)
async def test_a_query_parameter_that_does_not_fit_is_400(api: Api, query: str, path: str) -> None:
    assert problem(await api.client.get(f"{DEPLOYMENTS}?{query}"), 400)["path"] == path


async def test_unknown_routes_and_methods_are_told(api: Api) -> None:
    for path in ("/api", "/api/nope", f"{DEPLOYMENTS}/not-an-id", "/api/openapi", "/api/openapi/openapi.json"):
        assert problem(await api.client.get(path), 404)["detail"] == f"there is no GET {path}"
    refused = await api.client.put(DEPLOYMENTS, json={})
    problem(refused, 405)
    assert {"GET", "POST"} <= set(refused.headers["allow"].split(", "))
    for path in ("/openapi", "/openapi/openapi.json", "/openapi/x"):
        assert "There is no such page" in (await api.client.get(path)).text


async def test_conflicts_are_409(api: Api, templates: Intent) -> None:
    await api.create("lobby")
    assert problem(await api.client.post(DEPLOYMENTS, json=WEB), 409)["path"] == "name"


async def test_unknown_templates_and_clusters_are_404_with_those_there_are(api: Api, templates: Intent) -> None:
    told = problem(await api.client.post(DEPLOYMENTS, json={"name": "lobby", "template": "nope"}), 404)
    assert (told["path"], "web" in told["hint"]) == ("template", True)
    told = problem(await api.client.post(DEPLOYMENTS, json={**WEB, "cluster": "mars"}), 404)
    assert (told["path"], "default" in told["hint"]) == ("cluster", True)


async def test_a_body_that_is_too_large_is_refused_announced_or_not(api: Api, templates: Intent) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY_BYTES // 1024 + 2):
            yield b" " * 1024

    problem(await api.client.post(DEPLOYMENTS, content=b" " * (LARGEST_BODY_BYTES + 1)), 413)
    problem(await api.client.post(DEPLOYMENTS, content=pieces()), 413)
    note = "x" * (LARGEST_BODY_BYTES - 1000)
    assert (await api.create("lobby", parameters={"note": note}))["parameters"]["note"] == note


async def test_rows_that_somebody_holds_are_503_and_say_that_nothing_changed(
    api: Api, templates: Intent, database: Database
) -> None:
    made = await api.create("lobby")
    with psycopg.connect(database.dsn) as other:
        other.execute("SELECT FROM orchestrator.deployments WHERE id = %s FOR UPDATE", [made["id"]])
        response = await api.client.patch(f"{DEPLOYMENTS}/{made['id']}", json={"desired_state": "Stopped"})
        assert "Nothing was changed" in problem(response, 503)["hint"]
        assert int(response.headers["retry-after"]) > 0
    response = await api.client.patch(f"{DEPLOYMENTS}/{made['id']}", json={"desired_state": "Stopped"})
    assert response.status_code == 200


async def test_a_fault_of_ours_is_500_and_keeps_its_words_for_the_log(
    api: Api, templates: Intent, database: Database
) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute("ALTER VIEW orchestrator.drift RENAME TO elsewhere")
    made = await api.create("lobby")
    response = await api.client.get(f"{DEPLOYMENTS}/{made['id']}/drift")
    assert problem(response, 500)["detail"] == "the API failed"
    assert "orchestrator.drift" not in response.text
