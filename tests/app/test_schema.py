"""Requests of every kind that the description allows, and of kinds that it does not, made up by Schemathesis.

Nothing fails, and every answer is one that the description has: its status, its type, its shape, its headers.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from db.templates import SHIPPED, load_templates
from tests.app.conftest import serving
from tests.conftest import Database
from tests.db.conftest import copied
from tests.people import token_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 15
LEAST_OPERATIONS = 30
# What is made up for these names nothing that there is, or asks for more than may be.
HARD_TO_GUESS = {
    "POST /api/deployments",
    "POST /api/deployments/preview",
    "POST /api/deployments/bulk",
    "DELETE /api/deployments/{deployment_id}/restart",
    "POST /api/windows",
    "PUT /api/windows/{window_id}",
    "POST /api/deployments/dry-run",
    "POST /api/deployments/{deployment_id}/drift/put-back",
    "POST /api/deployments/{deployment_id}/drift/adopt",
    "POST /api/deployments/{deployment_id}/drift/adopt/preview",
    "POST /api/rollouts",
    "POST /api/rollouts/preview",
}

# Something to roll out; nobody does, for there is no worker.
NEXT_VERSION = """
SELECT orchestrator.put_template(name, base_spec_json,
           jsonb_set(allowed_mutations_json, '{properties,replicas,title}', '"Copies"'))
  FROM orchestrator.templates WHERE name = 'web'
"""


class Served:
    """An API in a thread of its own: Schemathesis calls and waits."""

    def __init__(self, database: Database) -> None:
        self.token = token_of(database.dsn)
        self._dsn = database.dsn_as("api")
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url = ""
        self.known: dict[str, Any] = {"name": "web", "generation": 1, "token_id": token_of(database.dsn).split("_")[1]}
        token_of(database.dsn, "viewer")
        self.known |= {f"/api/users/{{name}}{rest} name": "viewer" for rest in ("", "/link")}

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._dsn, self.token) as api:
            self.url = str(api.client.base_url)
            self._ready.set()
            await self._stop.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)


@pytest.fixture(scope="module")
def served(postgres: Database) -> Iterator[Served]:
    """With templates to deploy from, and a deployment or two."""
    for database in copied(postgres):
        load_templates(database.dsn_as("admin"), SHIPPED)
        running = Served(database)
        running.start()
        try:
            with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {running.token}"}) as client:
                for name in ("one", "two"):
                    made = client.post("/api/deployments", json={"name": name, "template": "web"})
                    assert made.status_code == 201, made.text
                    running.known["deployment_id"] = made.json()["id"]
                window = {"name": "w", "days": ["Mon"], "starts": "04:00", "lasts_minutes": 60, "zone": "UTC"}
                running.known["window_id"] = client.post("/api/windows", json=window).json()["id"]
                question = client.post(f"/api/deployments/{running.known['deployment_id']}/dry-run", json={})
                running.known["dry_run_id"] = question.json()["id"]
                with psycopg.connect(database.dsn_as("admin")) as admin:
                    admin.execute(NEXT_VERSION)
                rollout = client.post("/api/rollouts", json={"template": "web"})
                running.known["rollout_id"] = rollout.json()["id"]
            yield running
        finally:
            running.stop()


UNHURRIED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_api_or_is_answered_otherwise_than_described(
    served: Served, mode: GenerationMode
) -> None:
    """`mode`: requests that the description allows, and such as it does not."""
    schema = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    answered: dict[str, set[int]] = {}
    failures = []
    for found in schema.include(path_regex="^/api/").get_all_operations():
        operation = found.ok()
        statuses = answered.setdefault(operation.label, set())
        for known in (True, False) if "{" in operation.label and mode is GenerationMode.POSITIVE else (False,):
            ask = asking(operation.as_strategy(generation_mode=mode), served, statuses, known=known)
            try:
                ask()
            except Unsatisfiable:
                pass  # no request to it could be wrong
            except Exception as error:
                failures.append(f"{operation.label}: {error}")
    assert failures == [], "\n\n".join(failures)
    if mode is GenerationMode.POSITIVE:
        unmet = {label: statuses for label, statuses in answered.items() if not statuses & {200, 201, 202, 204}}
        assert set(unmet) <= HARD_TO_GUESS, unmet
    else:
        assert set().union(*answered.values()) >= {400, 422}, answered
    assert len(answered) >= LEAST_OPERATIONS


def asking(
    cases: SearchStrategy[schemathesis.Case], served: Served, statuses: set[int], *, known: bool
) -> Callable[[], None]:
    """Sends some of these cases, `known`: about what there is, and validates each answer."""

    @UNHURRIED
    @given(cases)
    def ask(case: schemathesis.Case) -> None:
        for name in case.path_parameters if known else ():
            case.path_parameters[name] = served.known.get(f"{case.path} {name}") or served.known[name]
        if str(case.path_parameters.get("token_id")) == served.token.split("_")[1]:
            case.path_parameters["token_id"] = 0  # it is still needed
        response = case.call(headers={"Authorization": f"Bearer {served.token}"}, timeout=30)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    return ask
