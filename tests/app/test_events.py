"""The history over HTTP: nothing skipped and nothing twice, in whatever order transactions commit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import Intent


async def follow(
    api: Api, path: str = "/api/events", after: str | None = None, limit: int = 2
) -> tuple[list[Any], str]:
    """Every page from there to the end; and where to go on."""
    events: list[Any] = []
    while True:
        page = await api.get(path, limit=limit, **({} if after is None else {"after": after}))
        events += page["items"]
        after = page["next"]
        assert len(page["items"]) <= limit
        if not page["more"]:
            return events, after


async def test_pages_of_events_hold_the_whole_history_once(api: Api, templates: Intent) -> None:
    first, second = templates.deploy("one", "web"), templates.deploy("two", "web")
    templates.change(first, replicas=2)
    templates.set(second, "Stopped")
    events, _ = await follow(api)
    assert [event["id"] for event in events] == [
        row["id"] for row in templates.rows("SELECT id FROM orchestrator.deployment_events ORDER BY id")
    ]
    own, _ = await follow(api, f"/api/deployments/{first}/events")
    assert [event["type"] for event in own] == templates.event_types(first)
    assert {event["deployment_id"] for event in own} == {first}
    changed = next(event for event in own if event["type"] == "DeploymentChanged")
    assert changed["data"]["parameters.replicas"]["to"] == 2
    assert (changed["generation"], changed["actor"], changed["source"]) == (2, "test_operator", "user")


async def test_a_reader_goes_on_where_it_stopped(api: Api, templates: Intent) -> None:
    made = templates.deploy("one", "web")
    before, place = await follow(api)
    assert await follow(api, after=place) == ([], place), "nothing new: the cursor stays good"
    templates.change(made, replicas=2)
    after, _ = await follow(api, after=place)
    assert after
    assert not {event["id"] for event in before} & {event["id"] for event in after}
    assert {event["generation"] for event in after} == {2}


async def test_a_place_behind_which_events_were_dropped_is_told(api: Api, templates: Intent) -> None:
    made = templates.deploy("one", "web")
    page = await api.get("/api/events", limit=1)
    templates.superuser.execute(
        "BEGIN; SET LOCAL session_replication_role = replica;"
        " UPDATE orchestrator.deployment_events SET created_at = created_at - interval '40 days'; COMMIT"
    )
    templates.superuser.execute("SELECT orchestrator.drop_old_events('30 days')")
    templates.change(made, replicas=2)
    streamed = {"Accept": "text/event-stream"}
    for path in ("/api/events", f"/api/deployments/{made}/events"):
        told = problem(await api.client.get(path, params={"after": page["next"]}), 410)
        assert (told["type"], told["path"]) == ("/problems/gone", "after")
        told = problem(await api.client.get(path, headers=streamed | {"Last-Event-ID": page["next"]}), 410)
        assert (told["path"], "present state" in told["hint"]) == ("Last-Event-ID", True)
    events, _ = await follow(api)
    assert {event["generation"] for event in events} == {2}, "from the start is what is left"


async def test_a_transaction_that_began_first_and_committed_last_is_not_skipped(
    api: Api, templates: Intent, database: Database
) -> None:
    _, start = await follow(api)
    with psycopg.connect(database.dsn_as("operator")) as slow, psycopg.connect(database.dsn_as("operator")) as quick:
        slow.execute("SELECT orchestrator.deploy('slow', template => 'web')")
        quick.execute("SELECT orchestrator.deploy('quick', template => 'web')")
        quick.commit()
        early, place = await follow(api, after=start)
        assert early == [], "what an older transaction may still precede is not told yet"
        slow.commit()
    late, _ = await follow(api, after=place)
    seen = [event["id"] for event in early + late]
    written = templates.rows("SELECT id FROM orchestrator.deployment_events ORDER BY id")
    assert sorted(seen) == [row["id"] for row in written]
    assert len(seen) == len(set(seen))


async def test_the_history_of_a_deleted_deployment_stays_readable(api: Api, templates: Intent) -> None:
    made = templates.deploy("one", "web")
    templates.set(made, "Deleted")
    templates.rows("UPDATE orchestrator.deployments SET finalised_at = now() WHERE id = %s RETURNING id", made)
    events, _ = await follow(api, f"/api/deployments/{made}/events")
    assert [event["type"] for event in events][:1] == ["DeploymentCreated"]


async def test_a_reader_may_begin_at_a_time(api: Api, templates: Intent) -> None:
    old = templates.deploy("old", "web")
    templates.superuser.execute("ALTER TABLE orchestrator.deployment_events DISABLE TRIGGER USER")
    templates.superuser.execute("UPDATE orchestrator.deployment_events SET created_at = now() - interval '2 hours'")
    templates.superuser.execute("ALTER TABLE orchestrator.deployment_events ENABLE TRIGGER USER")
    new = templates.deploy("new", "web")
    hour, early = (datetime.now(UTC) - timedelta(hours=hours) for hours in (1, 3))
    page = await api.get("/api/events", since=hour.isoformat())
    assert {event["deployment_id"] for event in page["items"]} == {new}
    page = await api.get("/api/events", since=early.isoformat())
    assert {event["deployment_id"] for event in page["items"]} == {old, new}
    assert await follow(api, after=page["next"]) == ([], page["next"])
    page = await api.get("/api/events", since=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert (page["items"], page["more"]) == ([], False)
    assert (await api.get(f"/api/deployments/{old}/events", since=hour.isoformat()))["items"] == []
    problem(await api.client.get("/api/events", params={"since": "soon"}), 400)
