"""Drift: what was changed behind our back, and what will happen to it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.gate import SESSION_COOKIE
from tests.conftest import Database
from tests.db.stage import Stage, load_shipped
from tests.page.conftest import Person, text
from tests.people import session_of

CHANGE = {
    "path": "spec.ports",
    "wanted": 80,
    "live": [81, "<b>"],
    "manager": "kubectl-edit",
    "since": "2026-01-02T03:04:05Z",
}


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    load_shipped(database)
    stage = Stage(database)
    stage.reachable()
    yield stage
    stage.close()


def drifted(stage: Stage, name: str, **change: Any) -> str:
    """A server whose Service somebody changed, as a watcher tells it."""
    own = stage.run_healthy(name)
    stage.observe(stage.later(own, "Service", name, fields_hash="theirs", ours=True))
    tell(stage, own, name, [CHANGE | change])
    return str(own)


def tell(stage: Stage, own: Any, name: str, changes: list[dict[str, Any]]) -> None:
    found = {"deployment_id": str(own), "kind": "Service", "namespace": "default", "name": name, "drift": changes}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([found]),))


async def test_no_drift_is_said_too(person: Person, stage: Stage) -> None:
    assert "Nothing has drifted" in text(await person.look("/drift"))


async def test_drift_tells_path_wanted_live_by_whom_since_and_policy(person: Person, stage: Stage) -> None:
    own = drifted(stage, "hub")
    page = await person.look("/drift")
    assert 'spec.ports Service hub 80 [81,"<b>"] kubectl-edit' in text(page)
    assert 'datetime="2026-01-02T03:04:05+00:00"' in page
    assert "Enforce" in text(page)
    assert "It is being put back now." in text(page)
    assert f'href="/servers/{own}"' in page
    assert "Changed from outside" in text(await person.look(f"/servers/{own}")), "its own page tells it as well"


async def test_put_back_now_asks_for_a_reconciliation(person: Person, stage: Stage) -> None:
    own = drifted(stage, "hub")
    stage.settle(stage.claim_one(), "failed", error="timeout", retry_seconds=100)
    assert "Putting it back failed. Next attempt in" in text(await person.look("/drift"))
    answer = await person.send(f"/servers/{own}/reconcile", "/drift", back="drift")
    assert "It is being put back now." in await person.told(answer)
    assert stage.slot(own)["due_at"] is None


async def test_drift_of_a_paused_server_is_left_until_it_is_resumed(person: Person, stage: Stage) -> None:
    own = drifted(stage, "hub")
    stage.change(own, desired_state="Paused")
    page = await person.look("/drift")
    assert "Left as it is: the server is paused." in text(page)
    assert f'action="/servers/{own}/reconcile"' not in page
    answer = await person.send(f"/servers/{own}/resume", "/drift", back="drift")
    assert answer.headers["location"] == "/drift"
    assert stage.deployment("hub")["desired_state"] == "Active"


async def test_drift_that_waits_for_its_cluster_or_is_stuck_says_so(person: Person, stage: Stage) -> None:
    drifted(stage, "hub")
    stage.settle(stage.claim_one(), "failed", error="refused", permanent=True)
    assert "It cannot be put back as things are." in text(await person.look("/drift"))
    stage.worker.execute("SELECT report_cluster('default', false, 'gone')")
    drifted_too = stage.deploy("other")
    assert drifted_too
    stage.operator.execute("SELECT reconcile_now(id) FROM deployments WHERE name = 'hub'")
    assert "Waits for the cluster, which does not answer." in text(await person.look("/drift"))


async def test_an_object_that_is_gone_is_drift_as_a_whole(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("hub")
    stage.observe(stage.gone(own, "Service", "hub"))
    assert "the object itself Service hub present missing unknown" in text(await person.look("/drift"))


async def test_much_drift_comes_in_pages(person: Person, stage: Stage) -> None:
    own = drifted(stage, "hub")
    many = [CHANGE | {"path": f"spec.p{number:03}"} for number in range(130)]
    tell(stage, own, "hub", many)
    page = await person.look("/drift")
    assert page.count("<tr id=") == 100
    onward = page[page.index('href="/drift?after=') + 6 :].partition('"')[0]
    assert (await person.look(onward)).count("<tr id=") == 30
    await person.look("/drift?after=nonsense", 400)


async def test_a_viewer_is_offered_no_button(person: Person, stage: Stage, database: Database) -> None:
    drifted(stage, "hub")
    person.client.cookies.set(SESSION_COOKIE, session_of(database.dsn, "viewer"))
    page = await person.look("/drift")
    assert "spec.ports" in text(page)
    assert "Put back now" not in text(page)


async def test_what_is_contested_is_a_line_on_the_server_the_list_and_the_drift(person: Person, stage: Stage) -> None:
    own = drifted(stage, "hub")
    for page in ("/", "/drift", f"/servers/{own}"):
        assert "contested" not in text(await person.look(page))
    stage.root.execute(
        "INSERT INTO put_backs SELECT id, 1, 'Service', 'hub', 'spec.ports', 'kubectl-edit', 4, ARRAY[now() - interval '9 minutes'],"  # noqa: E501
        " now(), now() - interval '8 minutes', now() + interval '5 minutes 30 seconds' FROM deployments"
    )
    told = (
        "spec.ports of Service hub is contested by kubectl-edit : put back 4 times, first 9 min ago ."
        " Next attempt in 5 min , or when a person asks."
    )
    for page in ("/", "/drift", f"/servers/{own}"):
        assert told in text(await person.look(page)), page
    stage.observe(stage.later(own, "Service", "hub", fields_hash="h1"))
    assert "first 9 min ago . It stands as wanted for now." in text(await person.look(f"/servers/{own}"))


async def test_a_fight_is_told_in_the_history_of_its_server(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("hub")
    fight = {"kind": "Service", "name": "hub", "path": "spec.ports", "manager": "hpa", "put_back": 3}
    deletion = {"kind": "Service", "name": "hub", "path": "", "manager": None, "put_back": 3}
    for kind, data in (
        ("Contested", fight),
        ("Contested", deletion),
        ("ContestEnded", fight | {"why": "quiet"}),
    ):
        stage.root.execute(
            "INSERT INTO deployment_events (deployment_id, source, type, data_json, actor) VALUES (%s, 'system', %s, %s, 'x')",  # noqa: E501
            (own, kind, json.dumps(data)),
        )
    told = text(await person.look(f"/servers/{own}"))
    assert "hpa keeps changing Service hub spec.ports put back 3 times; tried less and less often from now on" in told
    assert "somebody keeps deleting or replacing Service hub" in told
    assert "No longer contested: Service hub spec.ports it stood as wanted for a while" in told
