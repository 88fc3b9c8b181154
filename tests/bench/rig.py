"""What every benchmark runs on: a durable Postgres, databases in it, pgbench, and processes of ours."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from db.logins import Login, ensure_logins
from db.migrate import migrate
from db.templates import SHIPPED, load_templates
from deploy.children import own_command
from deploy.leash import leashed
from deploy.postgres import DURABLE, EmbeddedPostgres, prepare, running
from deploy.stack import ROLES

OPERATOR = "bench"
STOP_SECONDS = 40
PGBENCH_SECONDS = 300


class Database(msgspec.Struct, frozen=True):
    """A migrated database with the shipped templates and a login for each process."""

    server: EmbeddedPostgres
    name: str
    password: str

    @property
    def dsn(self) -> str:
        """As superuser: for arranging and looking."""
        return self.server.dsn(self.name)

    def dsn_of(self, login: str) -> str:
        """As `so_worker`, `so_watcher`, or `bench`, an operator."""
        return self.server.dsn(self.name, login, self.password)

    def connect(self) -> psycopg.Connection:
        """A superuser's session in autocommit."""
        return psycopg.connect(self.dsn, autocommit=True)

    def pgbench(self, script: str, *, clients: int, seconds: float = 0, transactions: int = 0) -> Pace:
        """Run a script by pgbench with prepared statements: for so many seconds, or transactions a client."""
        bound = ["-t", str(transactions)] if transactions else ["-T", str(round(seconds))]
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            command = [f"{self.server.bin}/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", *bound]
            command += ["-f", file.name, "-h", "127.0.0.1", "-p", str(self.server.port), "-U", OPERATOR, self.name]
            done = subprocess.run(
                command,
                env={**os.environ, "PGPASSWORD": self.password},
                capture_output=True,
                text=True,
                timeout=PGBENCH_SECONDS,
                check=False,
            )
        rate = re.search(r"tps = ([0-9.]+)", done.stdout)
        failed = re.search(r"number of failed transactions: ([1-9])", done.stdout)
        if done.returncode != 0 or rate is None or failed:
            raise RuntimeError(f"pgbench: {done.stderr[-1500:]}{done.stdout[-500:]}")
        latency = re.search(r"latency average = ([0-9.]+)", done.stdout)
        return Pace(float(rate[1]), float(latency[1]) if latency else 0.0)


class Pace(msgspec.Struct, frozen=True):
    """What pgbench measured."""

    per_second: float
    milliseconds: float


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for all servers, passable for the user that Postgres runs as."""
    with tempfile.TemporaryDirectory(prefix="so-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextlib.contextmanager
def durable_postgres(folder: Path) -> Iterator[tuple[EmbeddedPostgres, int]]:
    """The embedded server as `up` runs it (initdb's settings, fsync on), and the pid of its first process."""
    server = prepare(folder / "postgres", settings=DURABLE)
    with running(server, folder / "postgres.log"):
        yield server, int((server.data / "postmaster.pid").read_text().splitlines()[0])


def make_database(server: EmbeddedPostgres, name: str) -> Database:
    """Create, migrate, load the templates, and let the processes log in."""
    made = Database(server, name, server.password)  # logins belong to the whole server
    server.create_database(name)
    migrate(made.dsn)
    load_templates(made.dsn, SHIPPED)
    logins = [Login(login, role, made.password) for login, role in (ROLES | {OPERATOR: "orchestrator_admin"}).items()]
    ensure_logins(made.dsn, logins)
    return made


def server_settings(database: Database) -> dict[str, str]:
    """The settings that write figures depend on, as the server has them."""
    names = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers"]
    with database.connect() as session:
        return {name: str(session.execute("SELECT current_setting(%s)", [name]).fetchone()[0]) for name in names}


@contextlib.contextmanager
def room(
    kind: str, url: str, kubeconfig: Path, folder: Path, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """`orchestrator worker` or `orchestrator watcher` for the block; yields its pid. Started as `up` starts it."""
    ours = {
        "DATABASE_URL": url,
        "ORCHESTRATOR_KUBECONFIG": str(kubeconfig),
        "KUBECONFIG": os.devnull,
        "ORCHESTRATOR_LOG": "json",
        **(environment or {}),
    }
    with (folder / f"{kind}.log").open("ab") as log:
        process = subprocess.Popen(
            leashed([*own_command(), kind], death_signal=signal.SIGKILL),
            env={**os.environ, **ours},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            process_group=0,
        )
    try:
        yield process.pid
        if process.poll() is not None:
            raise RuntimeError(f"the {kind} ended: {(folder / f'{kind}.log').read_text()[-2000:]}")
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.wait()
