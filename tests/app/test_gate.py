"""Who gets in: everything is closed but the few open paths, whatever is added later."""

import httpx
import pytest

from tests.app.conftest import Api, problem
from tests.intent import Intent
from tests.people import UNKNOWN_SESSION, UNKNOWN_TOKEN

OPEN = {"/healthz", "/readyz"}


async def test_every_described_route_but_health_asks_for_a_token(api: Api) -> None:
    described = await api.get("/api/openapi.json")
    operations = [(method, path) for path, methods in described["paths"].items() for method in methods]
    assert len(operations) >= 15
    for method, path in [*operations, ("get", "/api/nope"), ("options", "/api/deployments")]:
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
        ["Bearer wrong"],
        ["Bearer {}x"],
        ["Bearer {}0"],
        ["Bearer"],
        ["{}"],
        ["Basic {}"],
        ["Bearer wrong", "Bearer {}"],
        ["Bearer {}", "Bearer wrong"],
        ["Bearer " + UNKNOWN_TOKEN],
        ["Bearer so_1_" + "0" * 64],
        ["Bearer so_99999999999999999999_" + "0" * 64],
    ],
)
async def test_what_is_not_a_token_is_refused(api: Api, headers: list[str]) -> None:
    shown = [("Authorization", value.format(api.token)) for value in headers]
    response = await api.stranger.get("/api/templates", headers=shown)
    problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_is_good_below_api_in_its_header_and_nowhere_else(api: Api) -> None:
    problem(await api.stranger.get("/api/templates", headers={"X-Authorization": f"Bearer {api.token}"}), 401)
    problem(await api.stranger.get("/api/templates", headers={"Cookie": f"session={api.token}"}), 401)
    assert (await api.stranger.get("/nope", headers={"Authorization": f"Bearer {api.token}"})).status_code == 303


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_written_as_one_likes(api: Api, scheme: str) -> None:
    response = await api.stranger.get("/api/templates", headers={"Authorization": f"{scheme} {api.token}"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["//healthz", "/healthz/", "/HEALTHZ", "/healthz/../api/templates", "/readyz%2F", "/assets/../metrics",
     "/assets/%2e%2e/metrics", "/welcome/..", "/assets", "/x//y", "/a/./b", "/a%5Cb"],
)  # fmt: skip
async def test_only_the_open_paths_themselves_are_open(api: Api, path: str) -> None:
    url = httpx.URL(str(api.stranger.base_url)).copy_with(raw_path=path.encode())
    assert (await api.stranger.get(url)).status_code in {401, 303}


async def test_a_page_without_a_session_leads_to_the_sign_in_and_back(api: Api) -> None:
    for headers in (
        {},
        {"Cookie": "session=wrong"},
        {"Cookie": 'session="'},
        {"Authorization": f"Bearer {api.token}"},
    ):
        response = await api.stranger.get("/servers?status=Degraded&q=a%20b", headers=headers)
        assert response.status_code == 303
        assert response.headers["location"] == "/sign-in?next=/servers%3Fstatus%3DDegraded%26q%3Da%2520b"
    for headers in ({}, {"Cookie": f"session={UNKNOWN_SESSION}"}):
        assert (await api.stranger.get("/", headers=headers)).headers["location"] == "/sign-in"
    assert (await api.stranger.post("/servers/x/restart")).headers["location"] == "/sign-in"
    shown = {"HX-Request": "true", "HX-Current-URL": "http://elsewhere.example/drift?a=1"}
    response = await api.stranger.get("/servers", headers=shown)
    assert (response.status_code, response.headers["hx-redirect"]) == (401, "/sign-in?next=/drift%3Fa%3D1")
    assert (await api.stranger.get("/live/home", headers={"Accept": "text/event-stream"})).status_code == 401


async def test_a_stranger_changes_nothing(api: Api, templates: Intent) -> None:
    problem(await api.stranger.post("/api/deployments", json={"name": "lobby", "template": "web"}), 401)
    assert templates.rows("SELECT FROM orchestrator.deployments") == []
