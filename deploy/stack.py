"""`orchestrator up`: a Postgres, a cluster, the API, a worker and a watcher on one machine, each a process of its own.

Order matters twice. Starting: the API needs only Postgres, so it answers while the cluster may still be building.
Stopping: the processes end before Postgres and the cluster, so that a worker can hand back its work.
The nesting of `kept_running` blocks below is that order.
"""

import asyncio
import contextlib
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from db import logins, migrate, people, templates
from deploy import build, postgres, postgres_programs, state
from deploy.accounts import accounts_kept
from deploy.children import Program, Tell, kept_running, own_command
from deploy.errors import PostgresError
from deploy.kubeconfig import copy_for_context
from deploy.postgres import EmbeddedPostgres
from deploy.state import Stack

DATABASE = "orchestrator"
ADMIN = "admin"
POSTGRES_SECONDS = 60
API_EXPECTATION_SECONDS = 10
HEALTH_PAUSE_SECONDS = 0.1
# login on our own server -> role of the migration
ROLES = {
    "admin": "orchestrator_admin",
    "so_api": "orchestrator_api",
    "so_worker": "orchestrator_worker",
    "so_watcher": "orchestrator_watcher",
}


class Wanted(msgspec.Struct, frozen=True):
    """What the command line asked for."""

    folder: Path
    # Of a cluster that is there already; several count as one.
    kubeconfigs: tuple[Path, ...] = ()
    context: str | None = None
    database_url: str | None = None
    k3s: bool = False
    workers: int = 1


async def up(wanted: Wanted, tell: Tell) -> None:
    """Run the stack until cancelled. Raises StateError or the errors of its parts, each saying what to do."""
    with state.locked(wanted.folder):
        stack = prepare_folder(wanted)
        state.save(wanted.folder, stack)
        async with (
            kept_running(cluster_programs(wanted), tell),
            running_database(wanted, stack, tell) as (started, superuser_url),
        ):
            stack, urls = await migrated(wanted, started, superuser_url, tell)
            state.save(wanted.folder, stack)
            stack, link = await with_people(stack, urls)
            state.save(wanted.folder, stack)
            await with_templates(urls["admin"], tell)
            async with (
                accounts_kept(wanted.kubeconfigs, wanted.context, wanted.folder / "accounts", tell),
                kept_running(processes(wanted, stack, urls), tell),
            ):
                await greet(stack, wanted, link, tell)
                await asyncio.Event().wait()  # until cancelled; the blocks above keep all running


def prepare_folder(wanted: Wanted) -> Stack:
    """Open the state and decide which cluster is meant."""
    stack = state.open_state(wanted.folder)
    state.link(wanted.folder, "orchestrator", Path(own_command()[0]))
    with contextlib.suppress(PostgresError):
        state.link(wanted.folder, "psql", postgres_programs.find_programs() / "psql")
    if wanted.kubeconfigs:
        kubeconfig = wanted.folder / "kubeconfig"
        copy_for_context(wanted.kubeconfigs, wanted.context, kubeconfig)
    else:
        state.link(wanted.folder, "kubectl", build.programs_folder() / "kubectl")
        kubeconfig = wanted.folder / "cluster" / "kubeconfig"
    return msgspec.structs.replace(stack, kubeconfig=str(kubeconfig))


# ---------------------------------------------------------------- Postgres


@contextlib.asynccontextmanager
async def running_database(wanted: Wanted, stack: Stack, tell: Tell) -> AsyncGenerator[tuple[Stack, str]]:
    """The given database as it is, or our own kept running for the block."""
    if wanted.database_url is not None:
        tell("using the database given with --database-url")
        yield stack, wanted.database_url
        return
    stack, password = state.password_of(stack, "postgres")
    state.save(wanted.folder, stack)  # before initdb fixes it for good
    server = await asyncio.to_thread(
        postgres.prepare, wanted.folder / "postgres", port=stack.postgres_port, password=password
    )
    stack = msgspec.structs.replace(stack, postgres_port=server.port, postgres_home=server.home)
    state.save(wanted.folder, stack)
    log = wanted.folder / "logs" / "postgres.log"
    program = Program(
        name="postgres",
        command=server.command(),
        log=log,
        stop_signal=signal.SIGINT,
        leashed_already=True,
    )
    async with kept_running([program], tell):
        await answering(server, log)
        tell(f"Postgres answers on 127.0.0.1:{server.port} (data in {server.home})")
        await asyncio.to_thread(server.create_database, DATABASE)
        yield stack, server.dsn(DATABASE)


async def answering(server: EmbeddedPostgres, log: Path) -> None:
    """Return when the server answers; raise with its last words when it does not in time."""
    deadline = time.monotonic() + POSTGRES_SECONDS
    while not await asyncio.to_thread(server.answers):
        if time.monotonic() > deadline:
            raise PostgresError(f"Postgres did not answer within {POSTGRES_SECONDS} s; see {log}")
        await asyncio.sleep(0.05)


async def migrated(wanted: Wanted, stack: Stack, url: str, tell: Tell) -> tuple[Stack, dict[str, str]]:
    """Bring the schema up to date, and make the URL that each process connects with, by login name."""
    applied = await asyncio.to_thread(migrate.migrate, url)
    tell(f"applied {len(applied)} migrations" if applied else "the schema is up to date")
    if wanted.database_url is not None:
        await asyncio.to_thread(logins.allow_roles, url, list(ROLES.values()))
        urls = {login: logins.narrowed(url, role) for login, role in ROLES.items()}
    else:
        users: list[logins.Login] = []
        for login, role in ROLES.items():
            stack, password = state.password_of(stack, login)
            users.append(logins.Login(login, role, password))
        await asyncio.to_thread(logins.ensure_logins, url, users)
        place = f"127.0.0.1:{stack.postgres_port}/{DATABASE}"
        urls = {user.name: f"postgresql://{user.name}:{user.password}@{place}" for user in users}
    return msgspec.structs.replace(stack, database_url=urls["admin"]), urls


async def with_people(stack: Stack, urls: dict[str, str]) -> tuple[Stack, str | None]:
    """The stack with a token that is good, and the secret of a link for the admin, None once they have a password."""
    token, link = await asyncio.to_thread(people.first_admin, urls["admin"], urls["so_api"], ADMIN, stack.token)
    return msgspec.structs.replace(stack, token=token), link


async def with_templates(url: str, tell: Tell) -> None:
    """Bring the shipped templates, so that there is something to deploy. Later versions are the admin's to load."""
    loaded = await asyncio.to_thread(templates.load_new_templates, url, templates.SHIPPED)
    if loaded:
        tell(f"loaded the templates {', '.join(loaded)}")


# ---------------------------------------------------------------- the programs


def cluster_programs(wanted: Wanted) -> list[Program]:
    """The local cluster's own supervisor, none where a cluster was given."""
    if wanted.kubeconfigs:
        return []
    command = [*own_command(), "cluster", "run", "--state", str(wanted.folder / "cluster")]
    return [
        Program(
            name="cluster",
            command=[*command, "--k3s"] if wanted.k3s else command,
            log=wanted.folder / "logs" / "cluster.log",
            death_signal=signal.SIGKILL,
            heard=True,
        )
    ]


def processes(wanted: Wanted, stack: Stack, urls: dict[str, str]) -> list[Program]:
    """API, watcher and workers. Each gets what it needs and no more: the API no cluster, none another's login."""
    listen = {
        "ORCHESTRATOR_HOST": "127.0.0.1",
        "ORCHESTRATOR_PORT": str(stack.api_port),
    }
    watch = credentials(wanted, "watcher") | metrics(stack.watcher_metrics_port)
    found = [process(wanted, "api", urls["so_api"], listen), process(wanted, "watcher", urls["so_watcher"], watch)]
    for number in range(1, wanted.workers + 1):
        port = stack.worker_metrics_port if number == 1 else 0
        work = credentials(wanted, "worker") | metrics(port)
        found.append(process(wanted, "worker", urls["so_worker"], work, number))
    return found


def credentials(wanted: Wanted, kind: str) -> dict[str, str]:
    """Which kubeconfig a worker or watcher uses: its own, wherever it has one; with k3s the admin's."""
    folder = wanted.folder / ("accounts" if wanted.kubeconfigs else "cluster")
    file = "kubeconfig" if wanted.k3s and not wanted.kubeconfigs else f"{kind}.kubeconfig"
    return {"ORCHESTRATOR_KUBECONFIG": str(folder / file), "ORCHESTRATOR_CONTEXT": ""}


def metrics(port: int) -> dict[str, str]:
    """Where a process without an API shows its metrics."""
    return {"ORCHESTRATOR_METRICS_PORT": str(port)}


def process(wanted: Wanted, kind: str, url: str, environment: dict[str, str], number: int = 1) -> Program:
    """`orchestrator api`, `worker` or `watcher`. Killed outright if we are: leases and resyncs are made for that."""
    name = kind if number == 1 else f"{kind}-{number}"
    return Program(
        name=name,
        command=[*own_command(), kind],
        log=wanted.folder / "logs" / f"{name}.log",
        environment={"DATABASE_URL": url, "KUBECONFIG": os.devnull, "ORCHESTRATOR_LOG": "json", **environment},
        death_signal=signal.SIGKILL,
        grace_seconds=30,
    )


# ---------------------------------------------------------------- telling


async def greet(stack: Stack, wanted: Wanted, link: str | None, tell: Tell) -> None:
    """Say when the API answers and how to use the stack, and say so too while it does not."""
    started = time.monotonic()
    said = False
    while not await asyncio.to_thread(api_answers, stack.api_url):
        if not said and time.monotonic() - started > API_EXPECTATION_SECONDS:
            said = True
            tell(f"the API does not answer yet; it usually does within seconds (see {wanted.folder}/logs/api.log)")
        await asyncio.sleep(HEALTH_PAUSE_SECONDS)
    option = "" if wanted.folder.name == ".local" else f" --state {wanted.folder}"
    tell(f"the API answers at {stack.api_url}")
    if link is not None:
        tell(f"choose {ADMIN}'s password, once, at {stack.api_url}/welcome/{link}")
    tell(f'in another shell: eval "$(./just env{option})"; then psql "$DATABASE_URL", kubectl get pods -A')
    shown = stack.metrics_urls
    tell(f"metrics are at {shown['api']} (with a token), {shown['worker']} and {shown['watcher']}")
    tell(f"logs are in {wanted.folder}/logs; Ctrl-C stops everything and keeps all for the next start")


def api_answers(url: str) -> bool:
    """Whether the API says it is alive."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as response:  # noqa: S310
            return response.status == 200  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False
