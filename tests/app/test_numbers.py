"""Numbers that no column holds: whoever types one is told so, wherever it stands, and nothing breaks."""

from typing import Any

import pytest

from tests.app.conftest import Api, problem
from tests.app.test_routes import RULES, csrf_of, is_api
from tests.intent import Intent

NUMBERS = (2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 99999999999999999999, 10**40)
# Of the page: which routes read numbers elsewhere than in their path.
QUERIES = (
    "history?before={number}",
    "compare?was=1&becomes={number}",
    "compare?was={number}&becomes=1",
    "rollback?to={number}",
)
FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("rollback", {"to": "{number}", "generation": "1"}),
    ("rollback", {"to": "1", "generation": "{number}"}),
    ("edit", {"generation": "{number}", "replicas": "2"}),
    ("upgrade", {"version": "{number}", "generation": "1"}),
    ("upgrade", {"version": "1", "generation": "{number}"}),
    ("adopt", {"path": "Deployment/lobby:spec.replicas", "generation": "{number}"}),
)


def filled(path: str, deployment: str, number: int) -> str:
    """A path with a number for each number in it."""
    words = [
        str(number) if word.endswith(":int}") else deployment if word.endswith(":uuid}") else word
        for word in path.split("/")
    ]
    return "/".join(words).replace("{course:str}", "pause")


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_in_a_path_of_the_api_is_at_most_one_that_is_not_there(
    api: Api, templates: Intent, number: int
) -> None:
    made = await api.create("lobby")
    for route, rule in RULES.items():
        method, path = route.split(" ")
        if is_api(route) and ":int}" in path:
            sent = {} if method in {"GET", "DELETE"} else {"json": rule.body or {}}
            answer = await api.client.request(method, filled(path, made["id"], number), **sent)
            assert answer.status_code in {404, 422}, (route, answer.text)


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_among_the_parameters_of_the_api_is_refused_or_finds_nothing(
    api: Api, templates: Intent, number: int
) -> None:
    made = await api.create("lobby")
    described = (await api.stranger.get("/api/openapi.json")).json()["paths"]
    walked = 0
    for path, methods in described.items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and parameter["schema"].get("type") == "integer":
                    place = path.replace("{deployment_id}", made["id"]).replace("{generation}", "1")
                    query: dict[str, Any] = {parameter["name"]: number}
                    problem(await api.client.request(method, place, params=query), 400)
                    walked += 1
    assert walked > 5


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_that_the_page_is_asked_with_breaks_nothing(api: Api, templates: Intent, number: int) -> None:
    made = await api.create("lobby")
    cookie, token = await csrf_of(api.client)
    csrf = {"X-CSRF-Token": token, "Cookie": f"{cookie}; session={api.client.cookies['session']}"}
    place = f"/servers/{made['id']}"
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("GET", f"{place}/{query}".replace("{number}", str(number)), {}) for query in QUERIES
    ]
    for path, form in FORMS:
        given = {name: value.replace("{number}", str(number)) for name, value in form.items()}
        asked.append(("POST", f"{place}/{path}", given))
    for route in RULES:
        method, path = route.split(" ")
        if not is_api(route) and ":int}" in path:
            asked.append((method, filled(path, made["id"], number), {}))
    for method, path, form in asked:
        answer = await api.stranger.request(method, path, headers=csrf, **({"data": form} if form else {}))
        assert answer.status_code < 500, (method, path, form, answer.text[-300:])
    assert templates.deployment(made["id"])["generation"] == 1
