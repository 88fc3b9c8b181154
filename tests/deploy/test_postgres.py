"""The embedded Postgres: where it may live, and what it does with the leavings of a killed predecessor."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from deploy import placing, postgres
from deploy.errors import PostgresError
from deploy.leash import leashed
from tests.deploy.stack_process import still_running
from tests.waiting import eventually_blocking

ROOT = os.geteuid() == 0


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="so-pg-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def start(home: Path, **options: object) -> postgres.EmbeddedPostgres:
    return postgres.prepare(home / "postgres", password="known", settings=postgres.FORGETFUL, **options)


def count_tables(server: postgres.EmbeddedPostgres) -> int:
    with psycopg.connect(server.dsn()) as connection:
        return connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'kept'").fetchone()[0]


def test_a_second_start_has_the_data_and_the_port_of_the_first(home: Path) -> None:
    with postgres.running(start(home), home / "log") as first, psycopg.connect(first.dsn()) as connection:
        connection.execute("CREATE TABLE kept ()")
    second = start(home, port=first.port)
    assert second.port == first.port
    with postgres.running(second, home / "log"):
        assert count_tables(second) == 1


def test_it_never_runs_as_root_and_its_data_is_closed_to_others(home: Path) -> None:
    with postgres.running(start(home), home / "log") as server:
        pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
        assert psutil.Process(pid).uids().effective != 0
        assert server.data.stat().st_mode & 0o077 == 0


def test_it_dies_with_a_process_that_is_killed_and_starts_again_after(home: Path) -> None:
    script = f"""
import signal, sys
from pathlib import Path
from deploy import postgres
home = Path({str(home)!r})
with postgres.running(postgres.prepare(home / "postgres", password="known"), home / "log") as server:
    print("up", flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "up\n"
        family = psutil.Process(holder.pid).children(recursive=True)
        assert family
        holder.kill()
    eventually_blocking(lambda: not still_running(family), 10, lambda: still_running(family))
    with postgres.running(start(home), home / "log") as server:
        assert count_tables(server) == 0


def test_a_pid_file_that_names_some_other_live_process_is_no_hindrance(home: Path) -> None:
    """Pids are reused. Postgres itself refuses to start if the recorded one is any process of its own user."""
    server = start(home)
    with postgres.running(server, home / "log"):
        left_over = (server.data / "postmaster.pid").read_text().splitlines()
    bystander = subprocess.Popen(leashed(["sleep", "60"], user=placing.as_ids(server.account)))
    eventually_blocking(lambda: psutil.Process(bystander.pid).name() == "sleep", 5)
    (server.data / "postmaster.pid").write_text("\n".join([str(bystander.pid), *left_over[1:]]) + "\n")
    with postgres.running(start(home), home / "log") as server:
        assert server.answers()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_predecessor_that_still_runs_is_ended_first(home: Path) -> None:
    server = start(home)
    orphan = subprocess.Popen(server.command(), stderr=subprocess.DEVNULL, cwd="/")
    eventually_blocking(server.answers, 10, "the first server")
    with postgres.running(start(home), home / "log") as second:
        assert second.answers()
    assert orphan.wait(5) == 0


def test_an_interrupted_initdb_is_not_taken_for_a_database(home: Path) -> None:
    account = placing.server_account()
    place = placing.place(home / "postgres", account)
    (place / "data.partial").mkdir()
    (place / "data.partial/PG_VERSION").write_text("18\n")
    with postgres.running(start(home), home / "log") as server:
        assert server.answers()


def test_data_of_another_major_version_is_refused_with_words(home: Path) -> None:
    (start(home).data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError, match="made by PostgreSQL 9, but the programs here are"):
        start(home)


def test_a_folder_closed_to_its_account_is_left_closed_and_another_found(home: Path) -> None:
    """As root this is a checkout under /root; for anyone else the wanted folder is always the place."""
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    account = placing.server_account()
    place = placing.place(closed / "postgres", account)
    try:
        assert (place == closed / "postgres") is not ROOT
        assert closed.stat().st_mode & 0o777 == 0o700
        assert placing.place(closed / "postgres", account) == place
    finally:
        shutil.rmtree(place)


def test_a_long_path_still_gets_a_socket(home: Path) -> None:
    deep = home / ("a-long-folder-name-" * 5) / "more"
    deep.mkdir(parents=True)
    server = postgres.prepare(deep / "postgres", password="known", settings=postgres.FORGETFUL)
    with postgres.running(server, home / "log"):
        url = f"postgresql://postgres:known@/postgres?host={server.socket_directory}&port={server.port}"
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    shutil.rmtree(server.socket_directory)


def test_ending_is_by_signal_not_by_luck(home: Path) -> None:
    """SIGINT is fast shutdown: no recovery is needed at the next start."""
    with postgres.running(start(home), home / "log"):
        pass
    (home / "log").write_text("")
    with postgres.running(start(home), home / "log"):
        pass
    assert "not properly shut down" not in (home / "log").read_text()
