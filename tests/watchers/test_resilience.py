"""What a watcher must get over: missed events, lost sessions, outages, a second watcher, an object Postgres refuses."""

from collections.abc import Callable

from kube.kinds import EVENT, OBSERVED
from tests.intent import Intent
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.waiting import eventually
from tests.watchers.conftest import Watching, synced
from tests.workers.steps import Steps


async def test_what_happened_while_nobody_watched_is_found_at_the_start(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
    outsider.delete("Service", namespace, "lobby")
    outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "hacked"}})
    async with watching():
        await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 20, intent.story)
        await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)


async def test_what_a_silent_stream_hides_is_found_by_the_resync(
    intent: Intent, steps: Steps, watching: Watching, proxy: Proxy, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching(proxy.kubeconfig(), resync_seconds=0.5):
        await steps.once(lobby)
        await synced(intent)
        proxy.freeze()
        outsider.delete("Service", namespace, "lobby")
        outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "hacked"}})
        await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 20, intent.story)
        await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
        proxy.thaw()


async def test_an_object_that_lost_its_label_unseen_is_not_taken_for_gone(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
    outsider.merge(
        "Service", namespace, "lobby", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody-else"}}}
    )
    async with watching():
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
    assert event["data_json"]["changes"][0]["live"] == "somebody-else"
    assert not intent.events(lobby, "ResourceDeletedExternally")


async def test_an_outage_of_the_cluster_is_told_and_got_over(
    intent: Intent, steps: Steps, watching: Watching, proxy: Proxy, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching(proxy.kubeconfig()):
        await steps.once(lobby)
        await synced(intent)
        await proxy.close()

        def lost() -> bool:
            rows = intent.rows("SELECT kind, error FROM orchestrator.watch_streams WHERE state = 'lost'")
            assert {row["kind"] for row in rows} == {kind.name for kind in OBSERVED} | {EVENT.name}, rows
            return all("cannot be reached" in row["error"] or "broke" in row["error"] for row in rows)

        await eventually(lost, 20, "every stream told as lost")
        outsider.delete("Service", namespace, "lobby")
        await proxy.open()
        await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 30, intent.story)
        restarts = intent.value("SELECT restarts FROM orchestrator.watch_streams WHERE kind = 'Service'")
    assert restarts >= 1


async def test_a_killed_session_is_replaced_and_nothing_is_missed(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        kill_sessions(intent)
        outsider.delete("Service", namespace, "lobby")
        await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 20, intent.story)


async def test_a_second_watcher_stands_by_and_takes_over(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    def seen() -> dict[str, bool]:
        return {row["watcher"]: row["active"] for row in intent.rows("SELECT * FROM orchestrator.watchers")}

    lobby = intent.deploy("lobby")
    async with watching(name="one"):
        await steps.once(lobby)
        await synced(intent)
        first = holder(intent)
        assert seen() == {"one": True}
        async with watching(name="other"):
            await eventually(lambda: sessions(intent) == 2, 20, "a second session, standing by")
            assert holder(intent) == first
            await eventually(lambda: seen() == {"one": True, "other": False}, 20, seen)
            kill_sessions(intent, f"AND pid = {first}")
            await eventually(lambda: holder(intent) not in (None, first), 20, "the lock with another session")
            outsider.delete("Service", namespace, "lobby")
            await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 20, intent.story)
            await eventually(lambda: seen() == {"one": False, "other": True}, 20, seen)
    assert len(intent.events(lobby, "ResourceDeletedExternally")) == 1


async def test_an_object_that_postgres_cannot_take_stops_no_other(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby, web = intent.deploy("lobby"), intent.deploy("web", "web")
    async with watching():
        await steps_of_both(steps, lobby, web)
        pods: Callable[[], list[str]] = lambda: [key for key in intent.inventory(web) if key.startswith("Pod/")]  # noqa: E731
        (pod,) = await eventually(pods, 30, intent.story)
    # A NUL is valid in JSON and in Kubernetes, and not in jsonb.
    spoilt = {"status": {"phase": "Failed", "reason": "Evicted", "message": "a\x00b"}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod.removeprefix('Pod/')}/status"
    status, answer = outsider.call("PATCH", path, spoilt, "application/merge-patch+json")
    assert status == 200, answer
    outsider.delete("Service", namespace, "lobby")
    async with watching():
        await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 20, intent.story)
        await synced(intent)


async def steps_of_both(steps: Steps, *deployments: str) -> None:
    from db import queue

    await queue.promote(steps.session, "default")
    for wish in await queue.claim(steps.session, "default", "steps", 10, 30):
        assert wish.deployment_id in deployments
        assert await steps.settle(await steps.reconcile(wish)) == "settled"


HELD = "SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted"
OURS = "FROM pg_stat_activity WHERE application_name = 'watcher' AND datname = current_database()"


def holder(intent: Intent) -> int | None:
    """The session that may write."""
    rows = intent.rows(f"{HELD} AND a.application_name = 'watcher' AND a.datname = current_database()")
    assert len(rows) <= 1
    return rows[0]["pid"] if rows else None


def sessions(intent: Intent) -> int:
    return intent.value(f"SELECT count(*) {OURS}")


def kill_sessions(intent: Intent, which: str = "") -> None:
    assert intent.rows(f"SELECT pg_terminate_backend(pid) {OURS} {which}")
