"""Many workers with nothing to do: what they cost Postgres, that one takes a change, and a listener that went deaf."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from db.connection import open_pool
from db.settings import DatabaseSettings
from kube.settings import ClusterSettings
from tests.conftest import ControlPlane, Database
from tests.intent import Intent
from tests.rooms import Room
from tests.waiting import eventually
from workers.main import Sessions, Worker
from workers.settings import WorkerSettings

WORKERS = 50
# A poll claims and looks around, now and then something else is told: three a second with nothing to do.
MOST_STATEMENTS_A_SECOND = 8
LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'worker listen'"


@asynccontextmanager
async def many_workers(database: Database, control_plane: ControlPlane) -> AsyncIterator[None]:
    """Fifty, each with a LISTEN connection of its own. In one process and on one pool: apart they would need GBs."""
    stop = asyncio.Event()
    url = database.dsn_as("worker")
    async with open_pool(url, name="workers", size=16) as pool, asyncio.TaskGroup() as group:
        for number in range(WORKERS):
            settings = WorkerSettings(
                database=DatabaseSettings(url),
                cluster=ClusterSettings(kubeconfig=control_plane.kubeconfig),
                name=f"worker-{number}",
            )
            group.create_task(Worker(settings, Sessions(pool, pool, pool)).run(stop))
        try:
            yield
        finally:
            stop.set()


async def test_fifty_workers_without_work_ask_a_few_things_a_second_each_and_one_takes_a_change(
    intent: Intent, database: Database, control_plane: ControlPlane
) -> None:
    def transactions() -> int:
        return intent.value("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")

    async with many_workers(database, control_plane):
        await eventually(lambda: intent.value(f"SELECT count(*) {LISTENERS}") == WORKERS, 60, "all listen")
        reached = "SELECT count(*) FROM orchestrator.processes WHERE reached_at IS NOT NULL"
        await eventually(lambda: intent.value(reached) == WORKERS, 60, "all have reached the cluster")
        before, began = transactions(), intent.value("SELECT clock_timestamp()")
        passed = "SELECT extract(epoch FROM clock_timestamp() - %s)::double precision"
        seconds = await eventually(lambda: (spent := intent.value(passed, began)) > 5 and spent, 20, "several polls")
        # Sessions tell the statistics what they did up to a second late.
        bound = WORKERS * MOST_STATEMENTS_A_SECOND * (seconds + 1)
        assert transactions() - before < bound, "they do not spin, however slow the machine is"
        lobby = intent.deploy("lobby")
        await eventually(lambda: intent.is_applied(lobby), 60, intent.story)
        assert len(intent.events(lobby, "ReconcileStarted")) == 1, "all were woken, and one took it"
        assert intent.events(lobby, "ReconcileFailed", "ReconcileDeferred") == []


class Swallowing:
    """A wire to Postgres on which connections can go half open: what is sent on them is taken and lost."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._deaf = set[str]()
        self._known: dict[str, str] = {}
        self.port = 0

    def swallow(self, *names: str) -> None:
        """Pass nothing on any more, either way, of the connections there are whose first words have such a name."""
        self._deaf |= {key for key in self._known if any(name in self._known[key] for name in names)}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Swallowing"]:
        """Listen for the block."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = str(writer.get_extra_info("peername"))
        self._known[key] = ""
        try:
            back, onward = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass(key, reader, onward, heard=True))
            group.create_task(self._pass(key, back, writer, heard=False))

    async def _pass(self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, heard: bool) -> None:
        try:
            while data := await reader.read(65536):
                if heard and len(self._known[key]) < 500:  # the start of it names the application
                    self._known[key] += data.decode("latin-1")
                if key not in self._deaf:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def test_a_listener_that_is_half_open_is_made_anew_and_polling_does_its_work_meanwhile(
    intent: Intent, database: Database, control_plane: ControlPlane
) -> None:
    parts = urlsplit(database.dsn_as("worker"))
    async with Swallowing(parts.hostname or "127.0.0.1", parts.port or 5432).running() as wire:
        dsn = parts._replace(netloc=parts.netloc.rsplit(":", 1)[0] + f":{wire.port}").geturl()
        with Room("worker", database, control_plane.kubeconfig, dsn=dsn) as worker:
            first = intent.deploy("first")
            await eventually(lambda: intent.is_applied(first), 30, intent.story)
            [before] = [row["pid"] for row in intent.rows(f"SELECT pid {LISTENERS}")]
            wire.swallow("worker listen")
            second = intent.deploy("second")
            await eventually(lambda: intent.is_applied(second), 30, lambda: f"{intent.story()}\n{worker.tail}")
            await eventually(
                lambda: [row for row in intent.rows(f"SELECT pid {LISTENERS}") if row["pid"] != before],
                40,
                lambda: worker.tail,
            )
            assert "listen connection lost" in worker.output
            third = intent.deploy("third")
            await eventually(lambda: intent.is_applied(third), 30, lambda: worker.tail)
