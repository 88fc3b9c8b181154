"""What is installed from the wheel, with no sources beside it: the command, its SQL, its templates and its page."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from db.measures import expected_scripts
from deploy.leash import leashed
from tests.conftest import REPOSITORY
from tests.waiting import eventually_blocking

SECONDS = 120


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `orchestrator` of an environment that has our wheel; what it depends on comes from the tests' own."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=REPOSITORY)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    run(str(folder / "venv/bin/pip"), "install", "--no-index", "--no-deps", "-q", str(wheel))
    return folder / "venv/bin/orchestrator"


def environment(**settings: str) -> dict[str, str]:
    """On PYTHONPATH no .pth file is read, so the sources that the tests run from are not found there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DATABASE_"))}
    return {**kept, "PYTHONPATH": sysconfig.get_path("purelib"), "ORCHESTRATOR_LOG": "json", **settings}


def run(*command: str, cwd: Path | None = None, **settings: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=environment(**settings), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def url(postgres_server) -> Iterator[str]:
    """An empty database."""
    postgres_server.create_database("wheel")
    yield postgres_server.dsn("wheel")
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as superuser:
        superuser.execute("DROP DATABASE wheel WITH (FORCE)")


def test_the_installed_command_migrates_loads_its_templates_and_serves_its_page(
    installed: Path, url: str, tmp_path: Path
) -> None:
    python = str(installed.parent / "python")
    found = run(python, "-c", "import app, db, deploy; print(app.__file__, db.__file__, deploy.__file__)", cwd=tmp_path)
    assert all(str(installed.parent.parent) in place for place in found.split()), found
    run(str(installed), "migrate", cwd=tmp_path, DATABASE_URL=url)
    with psycopg.connect(url) as superuser:
        applied = dict(superuser.execute("SELECT name, checksum FROM orchestrator.applied_migrations").fetchall())
    assert applied.items() >= expected_scripts().items()
    run(str(installed), "load-templates", cwd=tmp_path, DATABASE_URL=url)
    with psycopg.connect(url) as superuser:
        names = {row[0] for row in superuser.execute("SELECT name FROM orchestrator.templates")}
    assert names == {file.stem for file in (REPOSITORY / "db/shipped").glob("*.yaml")}
    with serving(installed, url, tmp_path) as address:
        page = httpx.get(f"{address}/sign-in")
        assert page.status_code == 200
        assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
        assert {Path(asset).suffix for asset in assets} == {".js", ".css", ".svg"}
        for asset in assets:
            assert httpx.get(f"{address}{asset}").status_code == 200, asset


@contextlib.contextmanager
def serving(installed: Path, url: str, folder: Path) -> Iterator[str]:
    """The installed `orchestrator api`; yields its address."""
    output = folder / "api.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            leashed([str(installed), "api"], death_signal=signal.SIGKILL),
            cwd=folder,
            env=environment(DATABASE_URL=url, ORCHESTRATOR_PORT="0"),
            stdout=log,
            stderr=log,
        )
    try:
        listening = eventually_blocking(lambda: re.search(r'"port":\s*(\d+)', output.read_text()), 30, output.read_text)
        yield f"http://127.0.0.1:{listening[1]}"
    finally:
        process.kill()
        process.wait(10)
