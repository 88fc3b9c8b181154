"""/metrics: what Prometheus reads is what the tables hold."""

from collections.abc import Awaitable, Callable

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from tests.app.conftest import Api
from tests.conftest import Database
from tests.intent import Intent
from tests.waiting import eventually

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(api: Api) -> Samples:
    """Every sample by name and labels."""
    response = await api.client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = list(text_string_to_metric_families(response.text))
    assert len({family.name for family in found}) == len(found), "each family once"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for family in found for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"orchestrator_{name}", frozenset(labels.items())))


async def test_queue_and_status_are_counted(api: Api, templates: Intent) -> None:
    templates.deploy("one", "web")
    templates.set(templates.deploy("two", "web"), "Paused")
    templates.superuser.execute(
        "SELECT orchestrator.request_reconcile(array_agg(id), 'test', 'test') FROM orchestrator.deployments"
    )
    templates.superuser.execute("UPDATE pgmq.q_c1_now SET enqueued_at = now() - interval '1 minute'")
    samples = await scrape(api)
    assert value(samples, "database_up") == 1
    assert value(samples, "queue_depth", cluster="default", lane="now") == 2
    assert value(samples, "queue_leased", cluster="default", lane="now") == 0
    assert value(samples, "queue_depth", cluster="default", lane="bulk") == 0
    assert 60 <= (value(samples, "queue_oldest_seconds", cluster="default", lane="now") or 0) < 90
    assert value(samples, "queue_oldest_seconds", cluster="default", lane="bulk") == 0
    assert value(samples, "deployments", cluster="default", status="Progressing") == 1
    assert value(samples, "deployments", cluster="default", status="Paused") == 1


async def test_what_a_worker_holds_is_counted_as_leased(api: Api, templates: Intent) -> None:
    templates.deploy("one", "web")
    templates.deploy("two", "web")
    templates.superuser.execute("SELECT orchestrator.claim('default', 'a worker', 1, 30)")
    samples = await scrape(api)
    assert value(samples, "queue_depth", cluster="default", lane="now") == 2
    assert value(samples, "queue_leased", cluster="default", lane="now") == 1


async def test_what_needs_attention_is_counted(api: Api, templates: Intent, database: Database) -> None:
    one, two = templates.deploy("one", "web"), templates.deploy("two", "web")
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute(
            "UPDATE orchestrator.reconcile_slots SET quarantined_at = now(), last_error = 'x' WHERE deployment_id = %s",
            [one],
        )
        superuser.execute(
            "UPDATE orchestrator.reconcile_slots SET msg_id = NULL, due_at = now() + interval '1 hour'"
            " WHERE deployment_id = %s",
            [two],
        )
        superuser.execute("UPDATE orchestrator.deployments SET stale_since = now() WHERE id = %s", [two])
        superuser.execute(
            """INSERT INTO orchestrator.deployment_resources
                   (deployment_id, cluster_id, api_version, kind, namespace, name, managed, drift, missing_since)
               VALUES (%(id)s, 1, 'v1', 'ConfigMap', 'default', 'a', true, '[]', NULL),
                      (%(id)s, 1, 'v1', 'Service', 'default', 'b', true, NULL, now()),
                      (%(id)s, 1, 'v1', 'Service', 'default', 'c', true, NULL, NULL)""",
            {"id": two},
        )
        superuser.execute(
            """INSERT INTO orchestrator.put_backs
                      (deployment_id, cluster_id, kind, name, path, put_backs, recent, last_at, contested_since)
               VALUES (%(id)s, 1, 'Service', 'a', 'spec', 3, '{now}', now(), now()),
                      (%(id)s, 1, 'Service', 'a', 'data', 2, '{now}', now(), NULL)""",
            {"id": two},
        )
        superuser.execute("SELECT orchestrator.report_cluster('default', false, 'connection refused')")
    samples = await scrape(api)
    assert value(samples, "contested_paths", cluster="default") == 1, "not what was put back now and then"
    for name in ("quarantined", "waiting", "failing", "drifted", "stale"):
        assert value(samples, f"deployments_{name}", cluster="default") == 1, name
    assert value(samples, "cluster_reachable", cluster="default") == 0
    assert (value(samples, "cluster_unreachable_seconds", cluster="default") or 0) > 0
    templates.superuser.execute("SELECT orchestrator.report_cluster('default', true, NULL)")
    samples = await scrape(api)
    assert value(samples, "cluster_reachable", cluster="default") == 1
    assert value(samples, "cluster_unreachable_seconds", cluster="default") == 0


async def test_a_transaction_that_somebody_leaves_open_is_told_by_its_age(
    api: Api, templates: Intent, database: Database
) -> None:
    async def shown() -> float | None:
        return value(await scrape(api), "oldest_snapshot_seconds")

    await eventually(lambda: shown_is(shown, 0), 10, "nobody holds one")
    with psycopg.connect(database.dsn_as("viewer")) as idle:
        idle.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        idle.execute("SELECT FROM orchestrator.deployments")
        first = await shown()
        assert first is not None
        assert first > 0
        assert (await shown() or 0) > first
    await eventually(lambda: shown_is(shown, 0), 10, "it is over")


async def shown_is(shown: Callable[[], Awaitable[float | None]], wanted: float) -> bool:
    return await shown() == wanted


async def test_watches_tell_their_age_and_restarts(api: Api, templates: Intent) -> None:
    templates.superuser.execute("SELECT orchestrator.record_stream('default', 'Pod', 'synced', 3, NULL)")
    templates.superuser.execute("SELECT orchestrator.record_stream('default', 'Secret', 'lost', 5, 'reset by peer')")
    templates.superuser.execute(
        "UPDATE orchestrator.watch_streams SET synced_at = now() - interval '5 minutes',"
        " changed_at = now() - interval '2 minutes'"
    )
    samples = await scrape(api)
    pod, secret = {"cluster": "default", "kind": "Pod"}, {"cluster": "default", "kind": "Secret"}
    assert value(samples, "watch_restarts_total", **pod) == 3
    assert value(samples, "watch_restarts_total", **secret) == 5
    assert (value(samples, "watch_connected", **pod), value(samples, "watch_connected", **secret)) == (1, 0)
    assert 300 <= (value(samples, "watch_synced_seconds_ago", **pod) or 0) < 330
    assert value(samples, "watch_lost_seconds", **pod) == 0
    assert 120 <= (value(samples, "watch_lost_seconds", **secret) or 0) < 150


async def test_events_are_counted_once_and_reconciliations_with_their_duration(
    api: Api, templates: Intent, database: Database
) -> None:
    made = templates.deploy("one", "web")
    assert value(await scrape(api), "events_total", type="DeploymentCreated") is None, "counting begins with a look"
    templates.change(made, replicas=2)
    with psycopg.connect(database.dsn) as open_for_long:
        open_for_long.execute(
            """INSERT INTO orchestrator.deployment_events (deployment_id, source, type, data_json, actor) VALUES
               (%(id)s, 'reconciler', 'ReconcileSucceeded', '{"milliseconds": 40}', 'test'),
               (%(id)s, 'reconciler', 'ReconcileSucceeded', '{"milliseconds": 60000}', 'test'),
               (%(id)s, 'reconciler', 'ResourceApplied', '{"milliseconds": 7, "reason": "drifted"}', 'test'),
               (%(id)s, 'reconciler', 'ResourceApplied', '{"milliseconds": 8, "reason": "created"}', 'test'),
               (%(id)s, 'reconciler', 'ReconcileFailed', '{"milliseconds": 200}', 'test')""",
            {"id": made},
        )
        templates.change(made, replicas=3)
        first = await scrape(api)
        open_for_long.commit()
    second = await scrape(api)
    third = await scrape(api)
    assert value(first, "events_total", type="DeploymentChanged") == 1, "not yet what an older transaction may precede"
    for samples in (second, third):
        assert value(samples, "events_total", type="DeploymentChanged") == 2
        assert value(samples, "events_total", type="ReconcileSucceeded") == 2
        assert value(samples, "events_total", type="ResourceApplied") == 2
        assert value(samples, "put_backs_total", reason="drifted") == 1
        assert value(samples, "put_backs_total", reason="missing") == 0
        name = "recorded_reconcile_seconds"
        assert value(samples, f"{name}_count", outcome="succeeded") == 2
        assert value(samples, f"{name}_sum", outcome="succeeded") == 60.04
        assert value(samples, f"{name}_bucket", outcome="succeeded", le="0.05") == 1
        assert value(samples, f"{name}_bucket", outcome="succeeded", le="30.0") == 1
        assert value(samples, f"{name}_bucket", outcome="failed", le="0.25") == 1
        assert value(samples, f"{name}_bucket", outcome="failed", le="0.1") == 0


async def test_requests_are_counted_by_route_and_never_by_what_was_typed(api: Api) -> None:
    for path in ("/api/events", "/nope", "/nope-either"):
        await api.client.get(path)
    samples = await scrape(api)
    routes = {dict(labels)["route"] for name, labels in samples if name == "orchestrator_http_request_seconds_count"}
    assert {"/api/events", "other"} <= routes
    assert not any("nope" in route for route in routes)
