"""Lists over HTTP: each deployment once, in the order asked for, whatever happens between two pages."""

import itertools
from typing import Any

import psycopg
import pytest

from db.templates import SHIPPED, load_templates
from tests.app.conftest import Api, problem
from tests.conftest import Database
from tests.intent import TEMPLATES, Intent

NAMES = [f"d{number}" for number in range(7)]
STATUSES = ["Healthy", "Error", "Stopped", "Healthy", "Degraded", "Error", "Healthy"]


def finalise(intent: Intent, deployment: str) -> None:
    """As a worker does when the last object is gone."""
    intent.rows(
        "UPDATE orchestrator.deployments SET finalised_at = clock_timestamp(), status_summary = 'Deleted'"
        " WHERE id = %s RETURNING id",
        deployment,
    )


def judge(intent: Intent, deployment: str, status: str) -> None:
    """As the watchers' observations do."""
    intent.rows(
        "UPDATE orchestrator.deployments SET status_summary = %s WHERE id = %s RETURNING id", status, deployment
    )


@pytest.fixture
def crowd(templates: Intent) -> dict[str, str]:
    """Seven deployments, made in the order of their names, each status after the other; ids by name."""
    ids = {name: templates.deploy(name, "web", namespace="b" if name in ("d1", "d4") else "a") for name in NAMES}
    for (name, made), status in zip(ids.items(), STATUSES, strict=True):
        judge(templates, made, status)
        assert templates.deployment(made)["name"] == name
    return ids


async def pages(api: Api, limit: int = 3, **wanted: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    found, after = [], {}
    while True:
        page = await api.get("/api/deployments", limit=limit, **wanted, **after)
        found.append(page["items"])
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


async def names(api: Api, **wanted: Any) -> list[str]:
    return [item["name"] for page in await pages(api, **wanted) for item in page]


WORST_FIRST = ["d1", "d5", "d4", "d2", "d0", "d3", "d6"]
BEST_FIRST = ["d0", "d3", "d6", "d2", "d4", "d1", "d5"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, NAMES),
        ("name", NAMES),
        ("-name", NAMES[::-1]),
        ("created", NAMES),
        ("-created", NAMES[::-1]),
        ("updated", NAMES),
        ("-updated", NAMES[::-1]),
        ("status", WORST_FIRST),
        ("-status", BEST_FIRST),
    ],
)
async def test_pages_hold_each_deployment_once_in_every_order(
    api: Api, crowd: dict[str, str], sort: str | None, expected: list[str]
) -> None:
    order = {} if sort is None else {"sort": sort}
    for limit in (1, 3, 7, 8):
        found = await pages(api, limit, **order)
        assert [item["name"] for page in found for item in page] == expected
        assert all(len(page) == limit for page in found[:-1])


async def test_the_order_by_update_follows_changes_of_intent(
    api: Api, templates: Intent, crowd: dict[str, str]
) -> None:
    templates.set(crowd["d2"], "Paused")
    assert (await names(api, sort="-updated"))[:2] == ["d2", "d6"]


async def test_what_comes_and_goes_between_pages_moves_nothing_else(
    api: Api, templates: Intent, crowd: dict[str, str]
) -> None:
    first = await api.get("/api/deployments", limit=3)
    templates.deploy("c-before", "web")
    templates.deploy("d31", "web")
    finalise(templates, crowd["d0"])
    finalise(templates, crowd["d4"])
    rest = await api.get("/api/deployments", limit=10, after=first["next"])
    assert [item["name"] for item in rest["items"]] == ["d3", "d31", "d5", "d6"]


async def test_deployments_of_one_name_in_several_namespaces_are_all_listed(api: Api, templates: Intent) -> None:
    for namespace in ("a", "b", "c", "d"):
        templates.deploy("same", "web", namespace=namespace)
    found = await pages(api, 1)
    assert sorted(item["namespace"] for page in found for item in page) == ["a", "b", "c", "d"]


async def test_an_exactly_full_page_is_the_last_one(api: Api, templates: Intent) -> None:
    for name in ("a", "b"):
        templates.deploy(name, "web")
    page = await api.get("/api/deployments", limit=2)
    assert ([item["name"] for item in page["items"]], page["next"]) == (["a", "b"], None)


async def test_the_list_can_be_narrowed_in_every_way_and_counted_alike(
    api: Api, templates: Intent, crowd: dict[str, str], database: Database
) -> None:
    templates.set(crowd["d3"], "Paused")
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute(
            """INSERT INTO orchestrator.deployment_resources
                   (deployment_id, cluster_id, api_version, kind, namespace, name, managed, drift, missing_since,
                    applied_generation, rendered_hash)
               VALUES (%(d0)s, 1, 'v1', 'Service', 'a', 'd0', true, '[{"path": "x"}]', NULL, 1, 'r'),
                      (%(d1)s, 1, 'v1', 'Service', 'b', 'd1', true, NULL, now(), 1, 'r'),
                      (%(d2)s, 1, 'v1', 'Service', 'a', 'd2', true, NULL, NULL, 1, NULL),
                      (%(d3)s, 1, 'v1', 'Service', 'a', 'd3', true, NULL, NULL, 1, 'r')""",
            crowd,
        )
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, NAMES),
        ({"namespace": "b"}, ["d1", "d4"]),
        ({"name": "d1"}, ["d1"]),
        ({"name": "1"}, []),
        ({"q": "1"}, ["d1"]),
        ({"q": "B/D"}, ["d1", "d4"]),
        ({"q": "%"}, []),
        ({"status": "Error"}, ["d1", "d5"]),
        ({"status": ["Error", "Degraded"]}, ["d1", "d4", "d5"]),
        ({"status": "Deleted"}, []),
        ({"template": "web"}, NAMES),
        ({"template": "none"}, []),
        ({"cluster": "default", "namespace": "a", "q": "d0"}, ["d0"]),
        ({"cluster": "elsewhere"}, []),
        ({"desired_state": "Paused"}, ["d3"]),
        ({"drifted": "true"}, ["d0", "d1", "d2"]),
        ({"drifted": "false"}, ["d3", "d4", "d5", "d6"]),
    ]
    for wanted, found in expected:
        for sort in ("name", "status", "-status", "-updated"):
            assert sorted(await names(api, limit=2, sort=sort, **wanted)) == found, (wanted, sort)
        counts = await api.get("/api/deployments/counts", **wanted)
        assert (counts["total"], sum(counts["by_status"].values())) == (len(found), len(found)), wanted
    drifted = {item["name"] for page in await pages(api) for item in page if item["drifted"]}
    assert drifted == {"d0", "d1", "d2"}, "the same as the view drift says"
    assert {row["deployment"] for row in templates.rows("SELECT deployment FROM orchestrator.drift")} == drifted


async def test_counts_are_by_status_worst_first(api: Api, crowd: dict[str, str]) -> None:
    counts = await api.get("/api/deployments/counts")
    assert list(counts["by_status"].items()) == [("Error", 2), ("Degraded", 1), ("Stopped", 1), ("Healthy", 3)]
    assert counts["total"] == 7


async def test_the_memory_of_a_server_is_told_also_where_it_is_the_templates(
    api: Api, database: Database, intent: Intent
) -> None:
    load_templates(database.dsn_as("admin"), SHIPPED)
    await api.create("big", parameters={"memory": "4Gi"})
    await api.create("default", template="paper", parameters={"eula": "TRUE"})
    intent.put_template("plain", TEMPLATES["web"])
    await api.create("none", template="plain")
    schema = (await api.get("/api/templates/paper"))["allowed_mutations_json"]
    page = await api.get("/api/deployments")
    own = schema["properties"]["memory"]["default"]
    assert {item["name"]: item["memory"] for item in page["items"]} == {"big": "4Gi", "default": own, "none": None}


async def test_deployments_that_are_gone_have_a_list_of_their_own_latest_first(
    api: Api, templates: Intent, crowd: dict[str, str]
) -> None:
    gone = ["d4", "d0", "d2"]
    for name in gone:
        templates.set(crowd[name], "Deleted")
        finalise(templates, crowd[name])
    assert await names(api) == ["d1", "d3", "d5", "d6"]
    assert await names(api, deleted="true", limit=2) == gone[::-1]
    assert (await api.get("/api/deployments/counts", deleted="true"))["by_status"] == {"Deleted": 3}
    assert (await api.get(f"/api/deployments/{crowd['d0']}"))["finalised_at"] is not None, "the row stays readable"


async def test_a_cursor_of_another_order_is_refused(api: Api, crowd: dict[str, str]) -> None:
    orders: list[dict[str, str]] = [
        {"sort": "name"}, {"sort": "-name"}, {"sort": "status"}, {"sort": "updated"}, {"deleted": "true"}
    ]  # fmt: skip
    finalise_two = {"deleted": "true"}
    for given, asked in itertools.permutations(orders, 2):
        if given == finalise_two:
            continue  # nothing is gone, so it has one page
        page = await api.get("/api/deployments", limit=1, **given)
        response = await api.client.get("/api/deployments", params={**asked, "after": page["next"]})
        assert problem(response, 400)["path"] == "after"
    page = await api.get("/api/deployments", limit=1, sort="status", status="Error")
    response = await api.client.get(
        "/api/deployments", params={"sort": "status", "status": "Healthy", "after": page["next"]}
    )
    assert problem(response, 400)["path"] == "after"


async def test_all_drift_is_listed_in_pages(
    api: Api, templates: Intent, crowd: dict[str, str], database: Database
) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        for name, made in crowd.items():
            superuser.execute(
                """INSERT INTO orchestrator.deployment_resources
                       (deployment_id, cluster_id, api_version, kind, namespace, name, managed, drift)
                   SELECT %(id)s, 1, 'v1', k, 'a', %(name)s, true, '[{"path": "x", "wanted": 1, "live": 2},
                          {"path": "y"}, {"path": "z"}]' FROM unnest('{Service,ConfigMap}'::text[]) k""",
                {"id": made, "name": name},
            )
    whole = (await api.get("/api/drift", limit=500))["items"]
    assert len(whole) == 7 * 2 * 3
    for limit in (1, 2, 5, 42, 43):
        found, after = [], {}
        while True:
            page = await api.get("/api/drift", limit=limit, **after)
            found += page["items"]
            assert len(page["items"]) <= limit
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert found == whole
    assert (whole[0]["wanted"], whole[0]["live"], whole[0]["path"]) == (1, 2, "x")


async def test_clusters_tell_how_they_are(api: Api, templates: Intent, crowd: dict[str, str]) -> None:
    (cluster,) = (await api.get("/api/clusters"))["items"]
    assert (cluster["name"], cluster["reachable"], cluster["seen_at"]) == ("default", False, None)
    assert "no worker has reached" in cluster["unreachable_reason"]
    assert cluster["deployments"] == {"Healthy": 3, "Error": 2, "Stopped": 1, "Degraded": 1}
    assert [(lane["lane"], lane["depth"], lane["leased"]) for lane in cluster["queues"]] == [
        ("now", 7, 0),
        ("bulk", 0, 0),
    ]
    templates.rows(
        """INSERT INTO orchestrator.watch_streams (cluster_id, kind, state, synced_at)
           VALUES (1, 'Pod', 'synced', now()) RETURNING kind"""
    )
    (cluster,) = (await api.get("/api/clusters"))["items"]
    assert [(watch["kind"], watch["state"]) for watch in cluster["watches"]] == [("Pod", "synced")]
    assert cluster["seen_at"] == cluster["watches"][0]["synced_at"]


async def test_a_cluster_tells_its_workers_what_each_is_doing_and_its_watchers(
    api: Api, templates: Intent, crowd: dict[str, str]
) -> None:
    templates.superuser.execute("SELECT orchestrator.report_process('default', 'worker', 'one', 60, true)")
    templates.superuser.execute("SELECT orchestrator.report_process('default', 'watcher', 'w', 5, true)")
    templates.superuser.execute("SELECT orchestrator.report_process('default', 'watcher', 'spare', 5, false)")
    (claimed,) = templates.rows("SELECT deployment_id FROM orchestrator.claim('default', 'one', 1, 30)")
    (cluster,) = (await api.get("/api/clusters"))["items"]
    (worker,) = cluster["workers"]
    assert worker["worker"] == "one"
    assert [work["id"] for work in worker["busy"]] == [str(claimed["deployment_id"])]
    assert [(watcher["watcher"], watcher["active"]) for watcher in cluster["watchers"]] == [
        ("w", True),
        ("spare", False),
    ]


async def test_a_cluster_tells_since_when_it_answers_or_does_not(api: Api, templates: Intent) -> None:
    async def told() -> tuple[bool, bool, bool]:
        (cluster,) = (await api.get("/api/clusters"))["items"]
        return cluster["reachable"], cluster["reachable_since"] is not None, cluster["unreachable_since"] is not None

    report = "SELECT orchestrator.report_cluster('default', %s, %s)"
    assert await told() == (False, False, True)
    templates.superuser.execute(report, (True, None))
    assert await told() == (True, True, False)
    (since,) = templates.rows("SELECT reachable_since FROM orchestrator.clusters")
    templates.superuser.execute(report, (True, None))
    assert templates.rows("SELECT reachable_since FROM orchestrator.clusters") == [since]
    templates.superuser.execute(report, (False, "refused"))
    assert await told() == (False, False, True)
