"""Every route with everybody: without a credential, and as each role, limited to a namespace and not.

The list is held against the application's own: a route that is added and not listed here fails, so nobody forgets to
say who may use it.
"""

import re
from typing import Any

import httpx
import msgspec
import pytest

from app.api import build_routes
from app.gate import place_of
from app.page.page import signed_forms
from app.settings import OidcSettings
from app.streams import Streams
from app.wakes import Wakes
from db.database import Database as Way
from tests.app.conftest import Api
from tests.conftest import Database
from tests.intent import Intent
from tests.people import UNKNOWN_SESSION, UNKNOWN_TOKEN, session_of, token_of

ROLES = ("viewer", "operator", "admin")
# Whose routes are there where one is set: see test_oidc.py.
PROVIDER = OidcSettings("https://provider.example", "client", "secret")
# A namespace that the limited ones have not, and no text of ours holds.
ELSEWHERE = "vault-7"
OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /api/openapi.json",
    "GET /api/docs",
    "GET /assets/{name:str}",
    "GET /sign-in",
    "GET /sign-in/oidc",
    "GET /sign-in/oidc/back",
    "POST /sign-in",
    "GET /welcome/{secret:str}",
    "POST /welcome/{secret:str}",
}


# Of the description itself, which does not describe them.
DESCRIPTION = {"GET /api/openapi.json", "GET /api/docs"}


class Rule(msgspec.Struct, frozen=True):
    """From which role on a route is for whom, and what to send it.

    `limited`: how it ends for the same role where that is limited to another namespace than what it is asked about; 200
    is any success, without a word of what is elsewhere.
    """

    role: str
    limited: int = 200
    body: Any = None
    form: dict[str, str] | None = None
    path: dict[str, str] = {}
    query: dict[str, str] = {}


ONE = 404  # asked about one deployment, which is not there for who may not see it
NEW = {"name": "{fresh}", "template": "web", "namespace": ELSEWHERE}
PASSWORD = {"current": "not this", "password": "four words in a row", "again": "four words in a row"}
STOP = {"desired_state": "Stopped"}
TEMPLATE = {"name": "web"}
WINDOW = {
    "name": "{fresh}",
    "namespace": ELSEWHERE,
    "days": ["Mon"],
    "starts": "04:00",
    "lasts_minutes": 60,
    "zone": "UTC",
}
RULES: dict[str, Rule] = {
    "GET /metrics": Rule("viewer", 403),
    "GET /api/clusters": Rule("viewer"),
    "GET /api/contested": Rule("viewer"),
    "GET /api/deployments": Rule("viewer"),
    "POST /api/deployments": Rule("operator", 403, NEW),
    "POST /api/deployments/bulk": Rule("operator", ONE, {"ids": ["{deployment_id}"], "change": STOP}),
    "GET /api/deployments/counts": Rule("viewer"),
    "POST /api/deployments/preview": Rule("operator", 403, NEW),
    "GET /api/deployments/{deployment_id:uuid}": Rule("viewer", ONE),
    "PATCH /api/deployments/{deployment_id:uuid}": Rule("operator", ONE, STOP),
    "DELETE /api/deployments/{deployment_id:uuid}": Rule("operator", ONE),
    "GET /api/deployments/{deployment_id:uuid}/drift": Rule("viewer", ONE),
    "POST /api/deployments/{deployment_id:uuid}/drift/adopt": Rule("operator", ONE, {}),
    "POST /api/deployments/{deployment_id:uuid}/drift/put-back": Rule("operator", ONE, {}),
    "POST /api/deployments/{deployment_id:uuid}/drift/adopt/preview": Rule("operator", ONE, {}),
    "GET /api/deployments/{deployment_id:uuid}/events": Rule("viewer", ONE),
    "POST /api/deployments/{deployment_id:uuid}/pause": Rule("operator", ONE),
    "POST /api/deployments/dry-run": Rule("operator", 403, NEW),
    "POST /api/deployments/{deployment_id:uuid}/dry-run": Rule("operator", ONE, STOP),
    "GET /api/dry-runs/{dry_run_id:int}": Rule("viewer", ONE),
    "GET /api/deployments/{deployment_id:uuid}/plan": Rule("viewer", ONE),
    "POST /api/deployments/{deployment_id:uuid}/preview": Rule("operator", ONE, STOP),
    "POST /api/deployments/{deployment_id:uuid}/reconcile": Rule("operator", ONE),
    "GET /api/deployments/{deployment_id:uuid}/resources": Rule("viewer", ONE),
    "POST /api/deployments/{deployment_id:uuid}/restart": Rule("operator", ONE),
    "DELETE /api/deployments/{deployment_id:uuid}/restart": Rule("operator", ONE),
    "PUT /api/deployments/{deployment_id:uuid}/players": Rule("operator", ONE, {"online": 0}),
    "POST /api/deployments/{deployment_id:uuid}/resume": Rule("operator", ONE),
    "GET /api/deployments/{deployment_id:uuid}/revisions": Rule("viewer", ONE),
    "GET /api/deployments/{deployment_id:uuid}/revisions/{generation:int}": Rule("viewer", ONE),
    "POST /api/deployments/{deployment_id:uuid}/rollback": Rule("operator", ONE, {"generation": 1}),
    "POST /api/deployments/{deployment_id:uuid}/rollback/preview": Rule("operator", ONE, {"generation": 1}),
    "GET /api/deployments/as-of": Rule("viewer", query={"at": "2999-01-01T00:00:00Z"}),
    "POST /api/deployments/{deployment_id:uuid}/upgrade": Rule("operator", ONE, {}),
    "POST /api/deployments/{deployment_id:uuid}/upgrade/preview": Rule("operator", ONE, {}),
    "POST /api/deployments/{deployment_id:uuid}/start": Rule("operator", ONE),
    "POST /api/deployments/{deployment_id:uuid}/stop": Rule("operator", ONE),
    "GET /api/drift": Rule("viewer"),
    "GET /api/events": Rule("viewer"),
    "GET /api/rollouts": Rule("viewer"),
    "POST /api/rollouts": Rule("operator", ONE, {"template": "web", "ids": ["{deployment_id}"]}),
    "POST /api/rollouts/preview": Rule("operator", ONE, {"template": "web", "ids": ["{deployment_id}"]}),
    "GET /api/rollouts/{rollout_id:int}": Rule("viewer", ONE),
    "POST /api/rollouts/{rollout_id:int}/pause": Rule("operator", ONE),
    "POST /api/rollouts/{rollout_id:int}/resume": Rule("operator", ONE),
    "POST /api/rollouts/{rollout_id:int}/abort": Rule("operator", ONE),
    "POST /api/rollouts/{rollout_id:int}/roll-back": Rule("operator", ONE),
    "GET /api/templates": Rule("viewer"),
    "GET /api/templates/{name:str}": Rule("viewer", path=TEMPLATE),
    "GET /api/templates/{name:str}/versions": Rule("viewer", path=TEMPLATE),
    "GET /api/tokens": Rule("viewer"),
    "POST /api/tokens": Rule("viewer", body={"name": "t"}),
    "DELETE /api/tokens/{token_id:int}": Rule("viewer", ONE),
    "GET /api/users": Rule("viewer"),
    "POST /api/users": Rule("admin", 403, {"name": "{fresh}", "role": "viewer"}),
    "PATCH /api/users/{name:str}": Rule("admin", 404, {"role": "viewer"}),
    "POST /api/users/{name:str}/link": Rule("admin", 403),
    "GET /api/windows": Rule("viewer"),
    "POST /api/windows": Rule("admin", 403, WINDOW),
    "GET /api/windows/{window_id:int}": Rule("viewer", 404),
    "PUT /api/windows/{window_id:int}": Rule("admin", 404, WINDOW),
    "DELETE /api/windows/{window_id:int}": Rule("admin", 404),
    "GET /api/whoami": Rule("viewer"),
    "GET /": Rule("viewer"),
    "GET /account": Rule("viewer"),
    # Past who may: the password is another.
    "POST /account/password": Rule("viewer", 422, form=PASSWORD),
    "POST /account/sessions/{session_id:int}/end": Rule("viewer", form={}),
    "POST /account/tokens": Rule("viewer", form={"name": "t", "expires_in": "30"}),
    "POST /account/tokens/{token_id:int}/revoke": Rule("viewer", ONE, form={}),
    "GET /clusters": Rule("viewer"),
    "GET /live/{name:str}": Rule("viewer", path={"name": "servers"}),
    "GET /windows": Rule("viewer"),
    "POST /windows": Rule("admin", 403, form=WINDOW | {"lasts_minutes": "60", "days": "Mon"}),
    "GET /windows/{window_id:int}": Rule("viewer", 404),
    "POST /windows/{window_id:int}": Rule("admin", 404, form=WINDOW | {"lasts_minutes": "60", "days": "Mon"}),
    "POST /windows/{window_id:int}/delete": Rule("admin", 404, form={}),
    "GET /people": Rule("viewer"),
    "POST /people": Rule("admin", 403, form={"name": "cid", "role": "viewer"}),
    "GET /people/{name:str}": Rule("admin", 404),
    "POST /people/{name:str}": Rule("admin", ONE, form={"role": "viewer"}),
    "POST /people/{name:str}/disable": Rule("admin", 403, form={}),
    "POST /people/{name:str}/enable": Rule("admin", 403, form={}),
    "POST /people/{name:str}/link": Rule("admin", 403, form={}),
    "GET /drift": Rule("viewer"),
    "GET /new": Rule("viewer"),
    "GET /new/{template:str}": Rule("operator"),
    "POST /new/{template:str}": Rule("operator", 403, form={"name": "{fresh}", "namespace": ELSEWHERE}),
    "GET /servers/{deployment_id:uuid}": Rule("viewer", ONE),
    "POST /servers/{deployment_id:uuid}/{action:str}": Rule("operator", ONE, form={}, path={"action": "pause"}),
    "GET /servers/{deployment_id:uuid}/adopt": Rule("operator", ONE),
    "POST /servers/{deployment_id:uuid}/adopt": Rule(
        "operator", ONE, form={"path": "Deployment/{deployment}:spec.replicas", "generation": "1"}
    ),
    "GET /servers/{deployment_id:uuid}/compare": Rule("viewer", ONE, query={"was": "1", "becomes": "1"}),
    "GET /servers/{deployment_id:uuid}/delete": Rule("operator", ONE),
    "POST /servers/{deployment_id:uuid}/delete": Rule("operator", ONE, form={"typed": "{deployment}", "data": "keep"}),
    "GET /servers/{deployment_id:uuid}/edit": Rule("operator", ONE),
    "POST /servers/{deployment_id:uuid}/edit": Rule("operator", ONE, form={"generation": "1", "replicas": "2"}),
    "GET /servers/{deployment_id:uuid}/history": Rule("viewer", ONE),
    "GET /servers/{deployment_id:uuid}/plan": Rule("viewer", ONE),
    "POST /servers/{deployment_id:uuid}/dry-run": Rule("operator", ONE, form={}),
    "GET /dry-runs/{dry_run_id:int}": Rule("viewer", ONE),
    "GET /servers/{deployment_id:uuid}/revisions": Rule("viewer", ONE),
    "GET /servers/{deployment_id:uuid}/upgrade": Rule("operator", ONE),
    "POST /servers/{deployment_id:uuid}/upgrade": Rule("operator", ONE, form={"version": "1", "generation": "1"}),
    "GET /rollouts": Rule("viewer"),
    "GET /rollouts/new": Rule("operator", query={"template": "web"}),
    "POST /rollouts/new": Rule(
        "operator", ONE, form={"template": "web", "version": "1", "id": "{deployment_id}", "sure": "yes"}
    ),
    "GET /rollouts/{rollout_id:int}": Rule("viewer", ONE),
    "POST /rollouts/{rollout_id:int}/{course:str}": Rule("operator", ONE, form={}, path={"course": "pause"}),
    "GET /servers/{deployment_id:uuid}/rollback": Rule("operator", ONE, query={"to": "1"}),
    "POST /servers/{deployment_id:uuid}/rollback": Rule("operator", ONE, form={"to": "1", "generation": "2"}),
    "POST /servers/act": Rule("operator", ONE, form={"action": "pause", "id": "{deployment_id}"}),
    "POST /sign-out": Rule("viewer", form={}),
}
# Ends that are not the usual 403 for who may less: what is somebody else's is not there.
HIDDEN = {
    "PUT /api/windows/{window_id:int}",
    "DELETE /api/windows/{window_id:int}",
    "GET /people/{name:str}",
    "POST /people/{name:str}",
    "PATCH /api/users/{name:str}",
}
# Everybody who may use them gets this: their own password is not the one sent, the token is another's.
ALWAYS = {
    "DELETE /api/tokens/{token_id:int}": 404,
    "POST /account/password": 422,
    "POST /account/tokens/{token_id:int}/revoke": 404,
}


def routes() -> set[str]:
    """What the application answers, but for what the framework adds: OPTIONS, and pages of its own that are closed."""
    app = build_routes(Way(None), Streams(Wakes(""), 1), signed_forms(), PROVIDER)  # type: ignore[arg-type]
    return {
        f"{method} {route.path}"
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS" and not route.path.startswith("/openapi")
    }


def test_every_route_is_listed_here() -> None:
    assert routes() == OPEN | RULES.keys()


async def test_the_description_names_every_route_of_the_api_and_none_of_the_page(api: Api) -> None:
    described = (await api.client.get("/api/openapi.json")).json()["paths"]
    listed = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    programs = {route for route in routes() if is_api(route)} | {"GET /healthz", "GET /readyz"}
    assert listed == {re.sub(r":\w+}", "}", route) for route in programs - DESCRIPTION}


class Somebody(msgspec.Struct, frozen=True):
    """Who asks: a name for messages, an API token, and a cookie."""

    name: str
    role: str
    limited: bool
    token: str
    cookie: str


@pytest.fixture
def people(database: Database) -> list[Somebody]:
    return [
        Somebody(
            f"{role} of {limit or 'all'}",
            role,
            limit is not None,
            token_of(database.dsn, role, limit),
            session_of(database.dsn, role, limit),
        )
        for role in ROLES
        for limit in (None, ["games"])
    ]


DRIFTED = """INSERT INTO orchestrator.deployment_resources
    (deployment_id, cluster_id, api_version, kind, name, namespace, managed, drift, drifted_at)
    VALUES (%s, 1, 'apps/v1', 'Deployment', %s, %s, true, %s, now())"""


class World:
    """Makes what a route is asked about: a deployment elsewhere, and a person, anew for each request."""

    def __init__(self, templates: Intent) -> None:
        self._templates = templates
        self._superuser = templates.superuser
        self._made = 0

    def fresh(self, route: str) -> dict[str, str]:
        self._made += 1
        names = {"fresh": f"n{self._made}", "deployment": f"d{self._made}", "template": "web", "secret": "none"}
        names |= {"generation": "1", "token_id": "999", "session_id": "999"}
        if "{deployment_id" in f"{route} {RULES.get(route)}":
            names["deployment_id"] = self._templates.deploy(f"d{self._made}", "web", namespace=ELSEWHERE)
        if "window_id" in route:
            made = self._superuser.execute(
                "INSERT INTO orchestrator.maintenance_windows (name, namespace, days, starts, lasts, zone)"
                " VALUES (%s, %s, '{Mon}', '04:00', '1 hour', 'UTC') RETURNING id::text",
                (f"w{self._made}", ELSEWHERE),
            )
            names["window_id"] = next(iter(made))["id"]
        if route.startswith("DELETE") and route.endswith("/restart"):
            self._superuser.execute(
                "SELECT orchestrator.plan_restart(%s, when_empty => true)", (names["deployment_id"],)
            )
        if "{dry_run_id" in route:
            own = self._templates.deploy(f"d{self._made}", "web", namespace=ELSEWHERE)
            asked = self._superuser.execute("SELECT orchestrator.request_dry_run(%s) AS id", (own,)).fetchone()
            names["dry_run_id"] = str(asked["id"])
        if "rollout_id" in route:
            own = self._templates.deploy(f"d{self._made}", "web", namespace=ELSEWHERE)
            start = "SELECT orchestrator.start_rollout('web', ids => ARRAY[%s]::uuid[]) AS id"
            names["rollout_id"] = str(self._templates.operator.execute(start, (own,)).fetchall()[0]["id"])
            if route.endswith("/resume"):
                self._templates.operator.execute("SELECT orchestrator.pause_rollout(%s)", (names["rollout_id"],))
        if "/rollback" in route:
            self._templates.change(names["deployment_id"], replicas=2)
        if "/adopt" in route or "/put-back" in route:
            drift = '[{"path": "spec.replicas", "wanted": 1, "live": 3}]'
            self._superuser.execute(DRIFTED, (names["deployment_id"], f"d{self._made}", ELSEWHERE, drift))
        if "{name:str}" in route:
            names["name"] = f"person-{self._made}"
            self._superuser.execute("SELECT orchestrator.create_user(%s, 'operator')", (names["name"],))
        return names


@pytest.fixture
def world(templates: Intent) -> World:
    return World(templates)


def filled(value: Any, names: dict[str, str]) -> Any:
    """The same with `{name}` and `{name:type}` replaced, wherever it stands."""
    text = re.sub(
        r"\{(\w+)(?::\w+)?\}", lambda match: names.get(match[1], match[0]), msgspec.json.encode(value).decode()
    )
    return msgspec.json.decode(text)


async def ask(
    api: Api, world: World, route: str, csrf: tuple[str, str] | None = None, *, token: str = "", cookie: str = ""
) -> tuple[int, str]:
    """Status and text of an answer; of a stream only the status."""
    (method, path), names, rule = route.split(" "), world.fresh(route), RULES.get(route, Rule("viewer"))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    cookies = [f"session={cookie}"] if cookie else []
    if csrf is not None:
        cookies.append(csrf[0])
        headers["X-CSRF-Token"] = csrf[1]
    if cookies:
        headers["Cookie"] = "; ".join(cookies)
    sent = {"json": filled(rule.body, names)} if rule.body is not None else {"data": filled(rule.form, names)}
    async with api.stranger.stream(
        method,
        filled(path, names | rule.path),
        params=rule.query,
        headers=headers,
        **({} if method in {"GET", "DELETE"} else sent),
    ) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return response.status_code, ""
        return response.status_code, (await response.aread()).decode()


async def csrf_of(client: httpx.AsyncClient) -> tuple[str, str]:
    """The cookie and the token that a form is shown with."""
    page = await client.get("/sign-in")
    cookie = next(given for given in page.headers.get_list("set-cookie") if given.startswith("csrf"))
    token = re.search(r'name="_csrf_token" value="([^"]+)"', page.text)
    assert token
    return cookie.split(";")[0], token[1]


def is_api(route: str) -> bool:
    """Whether it asks for a token rather than a session."""
    return route.split(" ")[1].startswith(("/api/", "/metrics"))


def fits(route: str, person: Somebody, status: int, text: str) -> bool:
    """Whether an answer is what the rule says."""
    rule = RULES[route]
    if ROLES.index(person.role) < ROLES.index(rule.role):
        return status == 403 or (status == 404 and (route in HIDDEN or person.limited))
    if route in ALWAYS:
        return status == ALWAYS[route]
    if person.limited and rule.limited != 200:
        return status == rule.limited
    return status < 400 and "/sign-in" not in text[:200] and not (person.limited and ELSEWHERE in text)


async def test_an_open_route_asks_for_nothing(api: Api, world: World) -> None:
    csrf = await csrf_of(api.stranger)
    answers = {route: (await ask(api, world, route, csrf))[0] for route in OPEN}
    assert {route: status for route, status in answers.items() if status not in {200, 401, 404}} == {}


async def test_a_route_is_closed_to_who_shows_nothing_that_is_good_for_it(
    api: Api, world: World, people: list[Somebody]
) -> None:
    csrf, admin = await csrf_of(api.stranger), people[-2]
    wrong: list[dict[str, str]] = [{}, {"token": UNKNOWN_TOKEN}, {"cookie": UNKNOWN_SESSION}]
    answers = {
        (route, str(shown)): (await ask(api, world, route, csrf, **shown))[0]
        for route in RULES
        for shown in (*wrong, {"cookie": admin.cookie} if is_api(route) else {"token": admin.token})
    }
    assert {asked: got for asked, got in answers.items() if got != (401 if is_api(asked[0]) else 303)} == {}


async def test_a_route_is_for_those_it_is_for(api: Api, world: World, people: list[Somebody]) -> None:
    csrf, wrong = await csrf_of(api.stranger), []
    for route in RULES:
        for person in people:
            shown = {"token": person.token} if is_api(route) else {"cookie": person.cookie}
            status, text = await ask(api, world, route, csrf, **shown)
            if not fits(route, person, status, text):
                wrong.append(f"{route} as {person.name}: {status} {text[-300:]}")
    assert not wrong, "\n".join(wrong)


async def test_a_form_of_another_site_changes_nothing(api: Api, world: World, people: list[Somebody]) -> None:
    for route in RULES:
        if not is_api(route) and not route.startswith("GET "):
            status, text = await ask(api, world, route, cookie=people[-2].cookie)
            assert status == 403, route
            assert "Nothing was changed" in text


MALFORMED = [
    ("PUT", "", {}),
    ("OPTIONS", "", {}),
    ("HEAD", "", {}),
    ("", "?nonsense=1&after=%00&limit=many", {}),
    ("", "", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    ("", "", {"content": b"x" * 300_000, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    ("", "/nowhere", {}),
]


async def test_who_is_not_known_learns_nothing_else_however_wrong_the_request_is(api: Api, world: World) -> None:
    """A credential that has the form of one, and is nobody's: no 400, 403, 404, 405 or 413 comes before its 401."""
    shown = {"Authorization": f"Bearer {UNKNOWN_TOKEN}", "Cookie": f"session={UNKNOWN_SESSION}"}
    wrong = []
    for route in sorted(RULES):
        method, path = route.split(" ")
        place = filled(path, {**world.fresh("GET /"), "deployment_id": "no-id", "name": "nobody", "action": "dance"})
        for other, more, sent in MALFORMED:
            asked = (other or method, place + more)
            content = {} if asked[0] in {"GET", "HEAD", "OPTIONS"} else sent
            headers = {**shown, **content.get("headers", {})}
            answer = await api.stranger.request(*asked, **{**content, "headers": headers})
            if answer.status_code != (401 if place_of(answer.request.url.path) == "api" else 303):
                wrong.append(f"{asked} {sent and 'with a body'}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


async def test_who_is_known_is_told_what_is_wrong_with_a_request(api: Api, people: list[Somebody]) -> None:
    shown = {"Authorization": f"Bearer {people[0].token}", "Cookie": f"session={people[0].cookie}"}
    for method, path, status in (
        ("GET", "/api/nope", 404),
        ("PUT", "/api/deployments", 405),
        ("GET", "/api/deployments?nonsense=1", 400),
        ("GET", "/nowhere", 404),
        ("POST", "/sign-out", 403),
    ):
        assert (await api.stranger.request(method, path, headers=shown)).status_code == status, (method, path)
