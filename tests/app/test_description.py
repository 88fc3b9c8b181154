"""The description of the API is true, whole, and readable without anything from elsewhere."""

import re
from typing import Any

import jsonschema_rs
import pytest

from app.problems import KINDS
from tests.app.conftest import Api


async def described(api: Api) -> dict[str, Any]:
    response = await api.stranger.get("/api/openapi.json")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    return response.json()


def operations(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in found["paths"].items()
        for method, operation in item.items()
        if path.startswith("/api/")
    ]


async def test_every_body_and_answer_has_an_example_that_its_schema_allows(api: Api) -> None:
    found = await described(api)
    for name, operation in operations(found):
        contents = list(operation.get("requestBody", {}).get("content", {}).values())
        for answer in operation["responses"].values():
            contents += answer.get("content", {}).values()
        assert contents, name
        for content in contents:
            examples = [one["value"] for one in content.get("examples", {}).values()] or [content["example"]]
            for example in examples:
                schema = {**content["schema"], "components": found["components"]}
                jsonschema_rs.Draft202012Validator(schema).validate(example)


async def test_every_route_says_what_it_is_for_and_how_it_fails(api: Api) -> None:
    for name, operation in operations(await described(api)):
        assert operation["summary"], name
        assert operation["tags"], name
        assert {"400", "401", "403", "404", "422", "429", "500", "503"} <= set(operation["responses"]), name
        if not name.startswith("get"):
            assert {"409", "412", "413"} <= set(operation["responses"]), name
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                (content,) = answer["content"].items()
                assert content[0] == "application/problem+json"
                for kind, example in content[1]["examples"].items():
                    assert example["value"]["type"] == f"/problems/{kind}"
                    assert KINDS[kind].status == int(status)


async def test_a_route_has_no_parameter_that_is_not_described(api: Api) -> None:
    response = await api.client.get("/api/deployments", params={"stauts": "Error"})
    assert response.status_code == 400
    assert (response.json()["path"], "status" in response.json()["hint"]) == ("stauts", True)
    made = "/api/deployments/00000000-0000-4000-8000-000000000000"
    for method, path in (("GET", "/api/clusters"), ("PATCH", made), ("POST", f"{made}/stop"), ("GET", f"{made}/drift")):
        response = await api.client.request(method, f"{path}?x=1", json={} if method == "PATCH" else None)
        assert (response.status_code, response.json()["path"]) == (400, "x"), (method, path)


async def test_the_page_shows_every_route_and_error_and_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.stranger.get("/api/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name, _ in operations(await described(api)):
        method, path = name.split()
        assert f"<code>{method.upper()} {path}</code>" in page.text
    for kind in KINDS:
        assert f"<code>/problems/{kind}</code>" in page.text
    assert re.findall(r'(?:src|href)="(?!/|#)[^"]*"', page.text) == []
    assert "style=" not in page.text


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/docs"])
async def test_the_description_needs_no_token(api: Api, path: str) -> None:
    assert (await api.stranger.get(path)).status_code == 200
