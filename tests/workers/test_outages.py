"""Real workers while the cluster or Postgres is away: nothing is started, one word about it, and quick recovery."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from db.migrate import migrate
from deploy.postgres import FORGETFUL, prepare, running
from tests.conftest import ROLES, Database
from tests.intent import Intent, intent_on
from tests.proxy import Proxy
from tests.rooms import Room
from tests.waiting import eventually


async def test_while_the_cluster_is_away_deployments_wait_and_say_why_once(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    kubeconfig = proxy.kubeconfig()
    await proxy.close()
    waiting = [intent.deploy(f"early{number}") for number in range(3)]
    with Room("worker", database, kubeconfig) as worker:
        late = intent.deploy("late")
        every = [*waiting, late]
        await eventually(lambda: all(intent.events(one, "ReconcileDeferred") for one in every), 20, intent.story)
        await asyncio.to_thread(worker.says, "cluster unreachable")
        for deployment in every:
            assert intent.status(deployment) == "Progressing"
            assert "not reachable" in intent.message(deployment)
            assert intent.events(deployment, "ReconcileStarted") == []
        probes = intent.value("SELECT clock_timestamp()")
        # Several probes and an upkeep later there is still one word about it.
        await eventually(
            lambda: intent.value("SELECT clock_timestamp() - %s > interval '4 s'", probes), describe="some probes"
        )
        await proxy.open()
        await eventually(lambda: all(intent.is_applied(one) for one in every), 10, intent.story)
        assert {len(intent.events(one, "ReconcileDeferred")) for one in every} == {1}
        assert intent.value("SELECT unreachable_since FROM orchestrator.clusters") is None


async def test_each_outage_is_told_once_also_to_a_deployment_in_the_middle_of_its_work(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    with Room("worker", database, proxy.kubeconfig()) as worker:
        lobby = intent.deploy("lobby")
        await eventually(lambda: intent.is_applied(lobby), 20, intent.story)
        for outage in (1, 2):
            held = proxy.hold("PATCH", "services/lobby")
            intent.change(lobby, note=f"outage {outage}")
            await asyncio.wait_for(held.arrived.wait(), 20)
            await proxy.close()
            held.release()
            await eventually(
                lambda outage=outage: len(intent.events(lobby, "ReconcileDeferred")) == outage, 20, intent.story
            )
            intent.change(lobby, greeting=f"outage {outage}")
            await eventually(lambda: "not reachable" in intent.message(lobby), 20, intent.story)
            await proxy.open()
            await eventually(lambda: intent.is_applied(lobby), 10, lambda: f"{intent.story()}\n{worker.tail}")
            assert len(intent.events(lobby, "ReconcileDeferred")) == outage
        assert intent.events(lobby, "ReconcileFailed") == []


FOR_GOOD = 1_000


async def probed(proxy: Proxy, times: int) -> None:
    """So many more questions whether the server is ready came by."""

    def count() -> int:
        return sum(passed.path == "/readyz" for passed in proxy.seen)

    before = count()
    await eventually(lambda: count() >= before + times, 30, lambda: f"{count() - before} probes")


async def test_a_load_balancer_without_servers_is_an_outage_and_told_once(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    with Room("worker", database, proxy.kubeconfig()) as worker:
        lobby, arena = intent.deploy("lobby"), intent.deploy("arena")
        await eventually(lambda: intent.is_applied(lobby) and intent.is_applied(arena), 20, intent.story)
        proxy.answer("/", status=503, times=FOR_GOOD, message="no healthy upstream")
        intent.change(lobby, note="meanwhile")
        await eventually(lambda: "not reachable" in intent.message(lobby), 20, intent.story)
        intent.change(arena, note="meanwhile")
        await probed(proxy, 4)
        assert "it answers 503 to /readyz" in intent.value("SELECT unreachable_reason FROM orchestrator.clusters")
        proxy.answer_no_more()
        every = [lobby, arena]
        await eventually(lambda: all(intent.is_applied(one) for one in every), 20, lambda: worker.tail)
        await eventually(lambda: [len(intent.events(one, "ReconcileDeferred")) for one in every] == [1, 1], 5)
        assert [intent.events(one, "ReconcileFailed") for one in every] == [[], []]


async def test_a_server_that_is_up_and_not_ready_is_an_outage_and_told_once(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    with Room("worker", database, proxy.kubeconfig()):
        lobby = intent.deploy("lobby")
        await eventually(lambda: intent.is_applied(lobby), 20, intent.story)
        # It answers /version, as one does whose etcd is away.
        proxy.answer("GET", "/readyz", status=500, times=FOR_GOOD)
        proxy.answer("PATCH", "lobby", status=500, times=FOR_GOOD, message="etcdserver: leader changed")
        intent.change(lobby, note="meanwhile")
        await eventually(lambda: intent.events(lobby, "ReconcileDeferred"), 20, intent.story)
        await probed(proxy, 4)
        assert "not reachable" in intent.message(lobby)
        proxy.answer_no_more()
        await eventually(lambda: intent.is_applied(lobby), 20, intent.story)
        assert len(intent.events(lobby, "ReconcileDeferred")) == 1
        assert intent.events(lobby, "ReconcileFailed") == []


async def test_what_breaks_for_one_object_only_is_a_failure_of_its_deployment(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    with Room("worker", database, proxy.kubeconfig()):
        proxy.lose("configmaps/broken-env", times=FOR_GOOD)
        proxy.answer("configmaps/faulty-env", status=500, times=FOR_GOOD, message="failed calling webhook")
        broken, faulty, well = intent.deploy("broken"), intent.deploy("faulty"), intent.deploy("well")
        for one in (broken, faulty):
            await eventually(lambda one=one: len(intent.events(one, "ReconcileFailed")) > 1, 30, intent.story)
        await eventually(lambda: intent.is_applied(well), 20, intent.story)
        assert [intent.events(one, "ReconcileDeferred") for one in (broken, faulty, well)] == [[], [], []]
        assert intent.value("SELECT unreachable_since FROM orchestrator.clusters") is None


# Whatever is said of the cluster from now on, by whomever.
NOTE_FLIPS = """
CREATE TABLE public.flips (unreachable_since timestamptz);
CREATE FUNCTION public.note_flip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.flips VALUES (NEW.unreachable_since);
    RETURN NULL;
END $$;
CREATE TRIGGER note_flip AFTER UPDATE ON orchestrator.clusters FOR EACH ROW EXECUTE FUNCTION public.note_flip();
"""


async def test_a_worker_that_is_cut_off_leaves_the_work_to_one_that_is_not(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    lobby = intent.deploy("lobby")
    with Room("worker", database, proxy.kubeconfig()) as well:
        await eventually(lambda: intent.is_applied(lobby), 20, intent.story)
        await eventually(lambda: intent.value("SELECT bool_or(reached_at IS NOT NULL) FROM orchestrator.processes"), 20)
        nowhere = proxy.kubeconfig(server="http://127.0.0.1:1")
        with Room("worker", database, nowhere, ORCHESTRATOR_WORKER="cut-off") as cut_off:
            await asyncio.to_thread(cut_off.says, "cluster unreachable")
            intent.superuser.execute(NOTE_FLIPS)
            seen = intent.value("SELECT max(reached_at) FROM orchestrator.processes")
            later = "SELECT max(reached_at) > %s FROM orchestrator.processes"
            await eventually(lambda: intent.value(later, seen), 30, "the other's word")
            intent.change(lobby, note="meanwhile")
            await eventually(lambda: intent.is_applied(lobby), 20, lambda: well.tail)
            assert intent.value("SELECT count(*) FROM public.flips") == 0
            assert intent.events(lobby, "ReconcileDeferred") == []


async def test_an_outage_is_noticed_while_nobody_asks_for_anything(
    intent: Intent, database: Database, proxy: Proxy
) -> None:
    with Room("worker", database, proxy.kubeconfig()):
        lobby = intent.deploy("lobby")
        await eventually(lambda: intent.is_applied(lobby), 20, intent.story)
        await proxy.close()
        away = "SELECT unreachable_since IS NOT NULL FROM orchestrator.clusters"
        await eventually(lambda: intent.value(away), 30, "an upkeep")


@pytest.fixture
def own_postgres() -> Iterator[tuple[Database, ExitStack]]:
    """A Postgres that this test may kill: migrated, running on the stack that is given with it."""
    with tempfile.TemporaryDirectory(prefix="so-test-") as name, ExitStack() as stack:
        home = Path(name)
        home.chmod(0o711)
        # What it has committed must survive its own end, if not the machine's.
        server = prepare(home / "postgres", settings={**FORGETFUL, "synchronous_commit": "on"})
        stack.enter_context(running(server, home / "log"))
        server.create_database("own")
        database = Database(server, "own", "known")
        migrate(database.dsn)
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            for role in ROLES:
                connection.execute(
                    f"CREATE ROLE test_{role} LOGIN PASSWORD 'known' IN ROLE orchestrator_{role}".encode()
                )
        yield database, stack


def kill_postgres(database: Database, stack: ExitStack) -> None:
    """kill -9 of the postmaster; its sessions end with it."""
    pid = int((database.server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    stack.close()


async def test_while_postgres_is_away_no_write_is_started_and_everything_reconnects(
    own_postgres: tuple[Database, ExitStack], proxy: Proxy, namespace: str
) -> None:
    database, stack = own_postgres
    with Room("worker", database, proxy.kubeconfig(), ORCHESTRATOR_LEASE_SECONDS="60") as worker:
        with intent_on(database, namespace) as intent:
            first = intent.deploy("first")
            await eventually(lambda: intent.is_applied(first), 30, intent.story)
            held = proxy.hold("PATCH", "second-root", answered=True)
            second = intent.deploy("second")
            await asyncio.wait_for(held.arrived.wait(), 20)
        kill_postgres(database, stack)
        await asyncio.to_thread(worker.says, "postgres does not answer")
        proxy.seen.clear()
        held.release()
        await asyncio.to_thread(worker.says, "lease lost")
        assert proxy.writes() == [], "its lease had a minute to go, but nobody could have answered for it"
        stack.enter_context(running(database.server, Path(database.server.home) / "log"))
        with intent_on(database, namespace) as intent:
            third = intent.deploy("third")
            await eventually(lambda: intent.is_applied(third), 30, lambda: f"{intent.story()}\n{worker.tail}")
            # Handed back as soon as Postgres answered; its lease would have lasted a minute.
            await eventually(lambda: intent.is_applied(second), 30, lambda: f"{intent.story()}\n{worker.tail}")
            listeners = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'worker listen'"
            await eventually(lambda: intent.value(listeners) == 1, describe="a new listener")
        assert worker.process.poll() is None, "it never ended"


async def test_a_worker_started_before_postgres_waits_for_it(
    own_postgres: tuple[Database, ExitStack], proxy: Proxy, namespace: str
) -> None:
    database, stack = own_postgres
    with intent_on(database, namespace) as intent:
        lobby = intent.deploy("lobby")
    kill_postgres(database, stack)
    with Room("worker", database, proxy.kubeconfig()) as worker:
        await asyncio.to_thread(worker.says, "postgres does not answer")
        assert proxy.writes() == []
        stack.enter_context(running(database.server, Path(database.server.home) / "log"))
        with intent_on(database, namespace) as intent:
            await eventually(lambda: intent.is_applied(lobby), 30, lambda: f"{intent.story()}\n{worker.tail}")
