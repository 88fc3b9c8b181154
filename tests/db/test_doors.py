"""The Python doors: what goes in as structs comes out of SQL the same, and errors are ours."""

import asyncio

import msgspec
import pytest

from db import observations, queue
from db.connection import borrow, connect, open_pool
from db.errors import Contended, DatabaseError, Refused, Unavailable
from tests.db.stage import Stage, manifests
from tests.waiting import eventually


def resources(wish: queue.Wish) -> list[queue.AppliedResource]:
    claimed = {"name": wish.name, "manifests": wish.manifests}
    return [
        queue.AppliedResource(
            api_version=m["apiVersion"],
            kind=m["kind"],
            namespace=wish.namespace,
            name=m["metadata"]["name"],
            uid=f"uid-{m['kind']}",
            resource_version=5,
            fields={"f:spec": {}},
            fields_hash="h1",
            rendered_hash="r1",
        )
        for m in manifests(claimed)
    ]


async def test_a_run_from_claim_to_settlement(stage: Stage) -> None:
    own = stage.deploy("lobby")
    async with await connect(stage.database.dsn_as("worker"), name="test") as session:
        assert await queue.find_cluster(session, "default") == 1
        assert await queue.find_cluster(session, "mars") is None
        (wish,) = await queue.claim(session, "default", "w1", 5, 30)
        assert (wish.deployment_id, wish.name, wish.generation, wish.desired_state) == (str(own), "lobby", 1, "Active")
        assert wish.inventory == []
        assert await queue.heartbeat(session, [wish], 60) == {str(own)}
        settlement = queue.Settlement(
            deployment_id=wish.deployment_id,
            queue=wish.queue,
            msg_id=wish.msg_id,
            token=wish.token,
            seen=wish.seen,
            generation=wish.generation,
            outcome="succeeded",
            resources=resources(wish),
            events=[queue.EventRow("ReconcileSucceeded", {"changed": 4})],
        )
        assert await queue.settle(session, settlement) == "settled"
        assert await queue.settle(session, settlement) == "lost"
        assert await queue.promote(session, "default") is None
        assert await queue.repair(session, "default") == 0
        assert await queue.mark_stale(session, "default") == 0
        await queue.report_cluster(session, "default", "w", reachable=False, reason="gone")
        stage.operator.execute("SELECT reconcile_now(%s)", (own,))
        (wish,) = await queue.claim(session, "default", "w1", 5, 30)
        assert {(i.kind, i.uid, i.managed) for i in wish.inventory if i.kind == "Service"} == {
            ("Service", "uid-Service", True)
        }
        service = next(i for i in wish.inventory if i.kind == "Service")
        assert await queue.applied_fields(session, wish.deployment_id, service) == {"f:spec": {}}
        assert await queue.release(session, [wish]) == 1
        assert await queue.release(session, [wish]) == 0
    assert stage.last_event(own, "ReconcileSucceeded")["data_json"] == {"changed": 4}


async def test_a_listener_is_told_of_new_work(stage: Stage) -> None:
    async with await connect(stage.database.dsn_as("worker"), name="test") as session:
        await queue.listen(session, 1)
        assert await queue.notified(session, 0.05) is False
        stage.deploy("lobby")
        assert await queue.notified(session, 5) is True
        await queue.ping(session)


async def test_observations_drift_relist_warnings_and_streams(stage: Stage) -> None:
    own = str(stage.run_healthy("lobby"))
    async with await connect(stage.database.dsn_as("watcher"), name="test") as session:
        assert await observations.resync_seconds(session, "default") == 60
        assert await observations.resync_seconds(session, "mars") is None
        seen = observations.Observation(
            change="seen", api_version="v1", kind="Service", namespace="default", name="lobby", uid="uid-Service-lobby",
            resource_version=10**9, deployment_id=own, ours=True, fields_hash="x", health="Healthy",
        )  # fmt: skip
        async with observations.recording(session):
            recorded = await observations.record_observations(session, "default", [seen])
            (suspect,) = recorded.suspects
            assert recorded.busy == []
            assert (suspect.deployment_id, suspect.deployment_name, suspect.applied_fields) == (
                own,
                "lobby",
                {"f:spec": {}},
            )
            report = observations.DriftReport(
                own, "Service", "default", "lobby", [{"path": "spec.type", "manager": "kubectl"}]
            )
            await observations.record_drift(session, "default", [report])
        assert await observations.catch_up(session, "default", [seen], [own]) == []
        assert "is being put back" in stage.deployment("lobby")["status_message"]
        with stage.operator.transaction():
            stage.operator.execute("UPDATE deployments SET keep_data = false")
            assert (await observations.record_observations(session, "default", [seen])).busy == [
                ("Service", "default", "lobby")
            ]
            busy = await observations.catch_up(session, "default", [seen], [own])
            assert busy == [("Service", "default", "lobby")]
        [lacking] = await observations.record_relist(session, "default", "Service", 10**9, [])
        assert (lacking.namespace, lacking.name, lacking.uid) == ("default", "lobby", "uid-Service-lobby")
        assert (lacking.deployment_id, lacking.generation) == (seen.deployment_id, 1)
        warning = observations.KubernetesEvent(
            "Warning", "Service", "default", "lobby", "R", "m", 1, "2026-01-01T00:00:00Z"
        )
        await observations.record_kubernetes_events(session, "default", [warning])
        await observations.record_stream(session, "default", "Service", "lost", 2, "reset")
    assert stage.one("SELECT path FROM drift") == "spec.type"
    assert stage.one("SELECT error FROM watch_streams") == "reset"


async def test_what_was_seen_is_kept_only_together_with_what_a_closer_look_found(stage: Stage) -> None:
    own = str(stage.run_healthy("lobby"))
    seen = observations.Observation(
        change="seen", api_version="v1", kind="Service", namespace="default", name="lobby", uid="uid-Service-lobby",
        resource_version=10**9, deployment_id=own, ours=True, fields_hash="x", health="Healthy",
    )  # fmt: skip
    unknown = observations.DriftReport("no id", "Service", "default", "lobby", [{"path": "spec.type"}])
    async with await connect(stage.database.dsn_as("watcher"), name="test") as session:
        with pytest.raises(Refused, match="no id"):  # noqa: PT012 - the batch is sent at the end
            async with observations.recording(session):
                await observations.record_observations(session, "default", [seen])
                await observations.record_drift(session, "default", [unknown])
        with pytest.raises(KeyError):  # noqa: PT012 - as above
            async with observations.recording(session):
                await observations.record_observations(session, "default", [seen])
                raise KeyError
        misspelt = msgspec.structs.replace(seen, deployment_id="no id")
        with pytest.raises(Refused, match="no id"):
            async with observations.recording(session):
                await observations.record_observations(session, "default", [misspelt])
        assert stage.one("SELECT count(*) FROM deployment_resources WHERE resource_version = 10 ^ 9") == 0
        async with observations.recording(session):
            await observations.record_observations(session, "default", [seen])
    assert stage.one("SELECT count(*) FROM deployment_resources WHERE resource_version = 10 ^ 9") == 1


async def test_one_watcher_a_cluster_is_active_and_the_next_takes_over_when_it_goes(stage: Stage) -> None:
    url = stage.database.dsn_as("watcher")
    first, second = await connect(url, name="one"), await connect(url, name="two")
    assert await observations.try_become_active(first, "default")
    assert not await observations.try_become_active(second, "default")
    assert await observations.try_become_active(second, "another")
    await first.close()
    await eventually(lambda: observations.try_become_active(second, "default"), 10, "the lock of a closed session free")
    await second.close()


async def test_errors_are_ours(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with pytest.raises(Unavailable):
        await connect("postgresql://nobody:x@127.0.0.1:1/none", name="test")
    async with await connect(stage.database.dsn_as("viewer"), name="test") as session:
        with pytest.raises(Refused) as caught:
            await queue.claim(session, "default", "w", 1, 30)
        assert caught.value.status == 403
        assert caught.value.hint
    async with await connect(stage.database.dsn_as("worker"), name="test") as session:
        (wish,) = await queue.claim(session, "default", "w", 1, 30)
        await session.execute("SET lock_timeout = '50ms'")
        with stage.operator.transaction():
            stage.operator.execute("UPDATE deployments SET keep_data = false WHERE id = %s", (own,))
            with pytest.raises(Contended):
                await queue.settle(
                    session,
                    queue.Settlement(
                        deployment_id=wish.deployment_id,
                        queue=wish.queue,
                        msg_id=wish.msg_id,
                        token=wish.token,
                        seen=1,
                        generation=1,
                        outcome="held",
                    ),
                )
        stage.root.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))
        with pytest.raises(DatabaseError):
            async with asyncio.timeout(10):
                await queue.promote(session, "default")


async def test_a_pool_reconnects_after_its_session_was_killed(stage: Stage) -> None:
    async with open_pool(stage.database.dsn_as("worker"), name="test", size=1) as pool:
        async with pool.connection() as session:
            assert await queue.repair(session, "default") == 0
            pid = session.info.backend_pid
        stage.root.execute("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(DatabaseError):
            async with borrow(pool) as session:
                await queue.repair(session, "default")
        async with asyncio.timeout(20), borrow(pool) as session:
            assert await queue.repair(session, "default") == 0
