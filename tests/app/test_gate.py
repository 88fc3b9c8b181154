"""Who gets in: everything is closed but the two health routes, whatever is added later."""

import pytest

from tests.app.conftest import TOKEN, Api, problem
from tests.intent import Intent

OPEN = {"/healthz", "/readyz"}


async def test_every_route_but_health_asks_for_the_token(api: Api) -> None:
    described = await api.get("/api/openapi.json")
    operations = [(method, path) for path, methods in described["paths"].items() for method in methods]
    assert len(operations) >= 15
    for method, path in [*operations, ("get", "/api/openapi.json"), ("get", "/nope"), ("options", "/api/deployments")]:
        place = path.replace("{deployment_id}", "00000000-0000-4000-8000-000000000000").replace("{name}", "web")
        response = await api.stranger.request(method, place)
        if path in OPEN:
            assert response.status_code == 200, path
        else:
            problem(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer wrong")],
        [("Authorization", f"Bearer {TOKEN}x")],
        [("Authorization", f"Bearer {TOKEN[:-1]}")],
        [("Authorization", "Bearer")],
        [("Authorization", TOKEN)],
        [("Authorization", f"Basic {TOKEN}")],
        [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {TOKEN}")],
        [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer wrong")],
        [("X-Authorization", f"Bearer {TOKEN}")],
    ],
)
async def test_what_is_not_the_token_is_refused(api: Api, headers: list[tuple[str, str]]) -> None:
    problem(await api.stranger.get("/api/templates", headers=headers), 401)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_written_as_one_likes(api: Api, scheme: str) -> None:
    response = await api.stranger.get("/api/templates", headers={"Authorization": f"{scheme} {TOKEN}"})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["//healthz", "/healthz/", "/HEALTHZ", "/healthz/../api/templates", "/readyz%2F"])
async def test_only_the_health_routes_themselves_are_open(api: Api, path: str) -> None:
    problem(await api.stranger.get(path), 401)


async def test_a_stranger_changes_nothing(api: Api, templates: Intent) -> None:
    problem(await api.stranger.post("/api/deployments", json={"name": "lobby", "template": "web"}), 401)
    assert templates.rows("SELECT FROM orchestrator.deployments") == []
