"""Requests that hold only on a condition: the generation that was read, and not having been carried out before."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import Intent
from tests.people import token_of

DEPLOYMENTS = "/api/deployments"
WEB = {"name": "lobby", "template": "web"}
STOP = {"desired_state": "Stopped"}


def count(intent: Intent, table: str = "deployments") -> int:
    return intent.value(f"SELECT count(*) FROM orchestrator.{table}")


# ---------------------------------------------------------------- If-Match


async def test_the_etag_is_the_generation_everywhere(api: Api, templates: Intent) -> None:
    response = await api.client.post(DEPLOYMENTS, json=WEB)
    place = f"{DEPLOYMENTS}/{response.json()['id']}"
    assert response.headers["etag"] == '"1"'
    assert (await api.client.get(place)).headers["etag"] == '"1"'
    assert (await api.client.patch(place, json=STOP)).headers["etag"] == '"2"'
    assert (await api.client.post(f"{place}/reconcile")).headers["etag"] == '"2"'
    assert (await api.client.post(f"{place}/start")).headers["etag"] == '"3"'
    assert (await api.client.delete(place)).headers["etag"] == '"4"'


@pytest.mark.parametrize("if_match", ['"1"', "*", '"7", "1"'])
async def test_a_change_for_the_generation_there_is_is_made(api: Api, templates: Intent, if_match: str) -> None:
    made = await api.create("lobby")
    response = await api.client.patch(f"{DEPLOYMENTS}/{made['id']}", json=STOP, headers={"If-Match": if_match})
    assert (response.status_code, response.headers["etag"]) == (200, '"2"')


CHANGES: list[tuple[str, str, Any]] = [
    ("PATCH", "", STOP),
    ("PATCH", "", {}),
    ("DELETE", "", None),
    *(("POST", f"/{action}", None) for action in ("start", "stop", "pause", "resume", "restart", "reconcile")),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize("if_match", ['"1"', '"3", W/"2"', '"x"', 'W/"2"'])
async def test_a_change_for_another_generation_is_412_with_the_current_and_changes_nothing(
    api: Api, templates: Intent, method: str, path: str, body: Any, if_match: str
) -> None:
    made = await api.create("lobby")
    templates.change(made["id"], replicas=3)
    before = templates.deployment(made["id"]), templates.event_types(made["id"]), templates.slot(made["id"])
    response = await api.client.request(
        method, f"{DEPLOYMENTS}/{made['id']}{path}", json=body, headers={"If-Match": if_match}
    )
    told = problem(response, 412)
    assert (told["type"], told["path"], told["current"]) == ("/problems/moved-on", "If-Match", '"2"')
    assert response.headers["etag"] == '"2"'
    assert (templates.deployment(made["id"]), templates.event_types(made["id"]), templates.slot(made["id"])) == before


@pytest.mark.parametrize("if_match", ["1", '"1', "", '"1" "2"', '"1",', "nonsense"])
async def test_what_is_no_entity_tag_is_400(api: Api, templates: Intent, if_match: str) -> None:
    made = await api.create("lobby")
    response = await api.client.patch(f"{DEPLOYMENTS}/{made['id']}", json=STOP, headers={"If-Match": if_match})
    assert problem(response, 400)["path"] == "If-Match"
    assert templates.deployment(made["id"])["generation"] == 1


async def test_an_unknown_id_is_404_whatever_generation_is_expected(api: Api, templates: Intent) -> None:
    place = f"{DEPLOYMENTS}/00000000-0000-4000-8000-000000000000"
    for if_match in ('"1"', "*"):
        headers = {"If-Match": if_match}
        problem(await api.client.patch(place, json=STOP, headers=headers), 404)
        problem(await api.client.post(f"{place}/reconcile", headers=headers), 404)


async def test_of_many_that_change_one_generation_at_once_one_does(api: Api, templates: Intent) -> None:
    made = await api.create("lobby")
    for generation in range(1, 6):
        answers = await asyncio.gather(
            *(
                api.client.patch(
                    f"{DEPLOYMENTS}/{made['id']}",
                    json={"parameters": {"replicas": generation * 8 + number}},
                    headers={"If-Match": f'"{generation}"'},
                )
                for number in range(4)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
        assert templates.deployment(made["id"])["generation"] == generation + 1


# ---------------------------------------------------------------- Idempotency-Key


async def test_a_repeat_under_a_key_is_answered_alike_and_not_carried_out_again(api: Api, templates: Intent) -> None:
    key = {"Idempotency-Key": "first"}
    first = await api.client.post(DEPLOYMENTS, json=WEB, headers=key)
    templates.set(first.json()["id"], "Stopped")
    again = await api.client.post(DEPLOYMENTS, content=b'{ "template": "web", "name": "lobby" }', headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    for header in ("location", "etag", "content-type"):
        assert again.headers[header] == first.headers[header]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert count(templates) == 1


async def test_another_request_under_the_same_key_is_refused(api: Api, templates: Intent) -> None:
    key = {"Idempotency-Key": "first"}
    made = (await api.client.post(DEPLOYMENTS, json=WEB, headers=key)).json()
    for response in (
        await api.client.post(DEPLOYMENTS, json={**WEB, "name": "other"}, headers=key),
        await api.client.post(f"{DEPLOYMENTS}/bulk", json={"ids": [made["id"]], "change": STOP}, headers=key),
    ):
        told = problem(response, 422)
        assert (told["type"], told["path"]) == ("/problems/key-reused", "Idempotency-Key")
    assert (count(templates), templates.deployment(made["id"])["generation"]) == (1, 1)


async def test_a_narrower_token_is_not_answered_what_a_wider_one_was(
    api: Api, templates: Intent, database: Database
) -> None:
    key = {"Idempotency-Key": "first"}
    token_of(database.dsn, "operator", user="ann")
    made = "SELECT orchestrator.make_token('t', 'operator', %s::text[], \"user\" => 'ann')"
    wide, narrow, other = (templates.value(made, names) for names in (None, ["games"], ["games", "lobbies"]))
    body = {**WEB, "namespace": "vault"}
    api.show(wide)
    first = await api.client.post(DEPLOYMENTS, json=body, headers=key)
    assert first.status_code == 201
    for token in (narrow, other):
        api.show(token)
        told = problem(await api.client.post(DEPLOYMENTS, json=body, headers=key), 422)
        assert (told["type"], "token" in told["hint"]) == ("/problems/key-reused", True)
    api.show(templates.value(made, None))
    again = await api.client.post(DEPLOYMENTS, json=body, headers=key)
    assert again.content == first.content, "a token that may the same"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/tokens", {"name": "t"}),
        ("POST", "/api/users", {"name": "ann", "role": "viewer"}),
        ("POST", "/api/windows", {"name": "w", "days": ["Sat"], "starts": "04:00", "lasts_minutes": 60, "zone": "UTC"}),
        ("PATCH", "/api/users/admin", {"role": "admin"}),
    ],
)
async def test_a_key_where_none_is_kept_is_refused(
    api: Api, templates: Intent, method: str, path: str, body: dict[str, Any]
) -> None:
    before = [count(templates, table) for table in ("api_tokens", "users", "maintenance_windows")]
    told = problem(await api.client.request(method, path, json=body, headers={"Idempotency-Key": "k"}), 400)
    assert told["path"] == "Idempotency-Key"
    assert [count(templates, table) for table in ("api_tokens", "users", "maintenance_windows")] == before


async def test_what_was_refused_may_be_sent_again_under_its_key(api: Api, templates: Intent) -> None:
    key = {"Idempotency-Key": "first"}
    problem(await api.client.post(DEPLOYMENTS, json={**WEB, "parameters": {"replicas": 99}}, headers=key), 422)
    assert (await api.client.post(DEPLOYMENTS, json=WEB, headers=key)).status_code == 201


async def test_two_at_once_under_one_key_are_carried_out_once(api: Api, templates: Intent) -> None:
    for number in range(5):
        body, key = {**WEB, "name": f"race-{number}"}, {"Idempotency-Key": f"race-{number}"}
        answers = await asyncio.gather(*(api.client.post(DEPLOYMENTS, json=body, headers=key) for _ in range(4)))
        assert [answer.status_code for answer in answers] == [201] * 4
        assert len({answer.content for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert count(templates) == 5


async def test_one_that_waits_too_long_for_its_twin_is_told_to_try_again(
    api: Api, templates: Intent, database: Database
) -> None:
    made = await api.create("other")
    (created,) = templates.events(made["id"], "DeploymentCreated")
    key = {"Idempotency-Key": "slow"}
    with psycopg.connect(database.dsn) as twin:
        twin.execute(
            "INSERT INTO orchestrator.answered_requests (actor, key, request_hash) VALUES (%s, 'slow', 'x')",
            [created["actor"]],
        )
        response = await api.client.post(DEPLOYMENTS, json=WEB, headers=key)
        assert problem(response, 503)["type"] == "/problems/contended"
        twin.rollback()
    assert (await api.client.post(DEPLOYMENTS, json=WEB, headers=key)).status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "ключ"])
async def test_what_is_no_key_is_400(api: Api, templates: Intent, key: str) -> None:
    response = await api.client.post(DEPLOYMENTS, json=WEB, headers={b"Idempotency-Key": key.encode()})
    assert problem(response, 400)["path"] == "Idempotency-Key"
    assert count(templates) == 0


async def test_a_day_later_keys_are_free_and_removed_a_few_at_a_time(api: Api, templates: Intent) -> None:
    first = await api.client.post(DEPLOYMENTS, json=WEB, headers={"Idempotency-Key": "old"})
    templates.rows(
        """INSERT INTO orchestrator.answered_requests (actor, key, request_hash, created_at)
           SELECT 'somebody', 'k' || n, 'x', now() - interval '2 days' FROM generate_series(1, 100) n RETURNING key"""
    )
    templates.rows(
        "UPDATE orchestrator.answered_requests SET created_at = now() - interval '25 hours'"
        " WHERE key = 'old' RETURNING key"
    )
    again = await api.client.post(DEPLOYMENTS, json={**WEB, "name": "new"}, headers={"Idempotency-Key": "old"})
    assert (first.status_code, again.status_code, "idempotency-replayed" in again.headers) == (201, 201, False)
    assert count(templates, "answered_requests") == 81
    for number in range(5):
        body = {**WEB, "name": f"n{number}"}
        assert (await api.client.post(DEPLOYMENTS, json=body, headers={"Idempotency-Key": str(number)})).is_success
    assert count(templates, "answered_requests") == 6
