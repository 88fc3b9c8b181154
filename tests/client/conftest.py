"""The command as a process of its own, against the real API on a real Postgres."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.leash import leashed
from tests.app.conftest import Api, serving
from tests.db.conftest import shipped_database, shipped_postgres, stage
from tests.db.stage import Stage
from tests.people import token_of
from tests.proxy import Proxy, proxy_to

__all__ = ["shipped_database", "shipped_postgres", "stage"]

ORCHESTRATOR = Path(sys.executable).parent / "orchestrator"
LONGEST_SECONDS = 40


class Done(msgspec.Struct, frozen=True):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which must be one document and nothing else."""
        return json.loads(self.out)

    def lines(self) -> list[list[str]]:
        """The words of each line of a table, headings first."""
        return [line.split() for line in self.out.splitlines()]

    def failed(self, code: int, *words: str) -> "Done":
        """It ended so, printed nothing on standard output, and told these words on standard error."""
        assert self.code == code, (self.code, self.out, self.err)
        assert self.out == ""
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err
        return self

    def fine(self) -> "Done":
        """It ended well and had nothing to complain of."""
        assert (self.code, self.err) == (0, ""), (self.code, self.out, self.err)
        return self


class Command(msgspec.Struct, frozen=True):
    """Runs `orchestrator` with a home of its own and nothing of ours in its environment but what a test gives it."""

    home: Path
    settings: dict[str, str]

    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ORCHESTRATOR_", "DATABASE_", "XDG_", "NO_COLOR", "COLUMNS"))
        }
        return {**kept, "HOME": str(self.home), **self.settings}

    def given(self, **settings: str) -> "Command":
        """The same with other settings; an empty one counts as none."""
        return Command(self.home, {**self.settings, **settings})

    async def start(self, *arguments: str, stdin: int | None = None) -> asyncio.subprocess.Process:
        """Start it and let it run."""
        return await asyncio.create_subprocess_exec(
            *leashed([str(ORCHESTRATOR), *arguments], death_signal=signal.SIGKILL),
            env=self.environment(),
            stdin=asyncio.subprocess.PIPE if stdin is None else stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str, stdin: str = "") -> Done:
        """Run it to its end."""
        process = await self.start(*arguments)
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin.encode()), LONGEST_SECONDS)
        except TimeoutError:
            raise AssertionError(f"`orchestrator {' '.join(arguments)}` does not end") from None
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[Api]:
    """The API on the database of the stage, where tests play people, worker and watcher."""
    async with serving(stage.database.dsn_as("api"), token_of(stage.database.dsn)) as running:
        yield running


def token_in(api: Api) -> str:
    """The token that the API's own client sends."""
    return api.client.headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder without a profile."""
    return tmp_path / "home"


@pytest.fixture
def command(api: Api, home: Path) -> Command:
    """Signed in by its environment."""
    return Command(home, {"ORCHESTRATOR_URL": str(api.client.base_url), "ORCHESTRATOR_TOKEN": token_in(api)})


@contextlib.asynccontextmanager
async def wire_to(api: Api, folder: Path) -> AsyncIterator[Proxy]:
    """A wire to the API, for what only a network does."""
    file = folder / "api.json"
    content = {
        "clusters": [{"name": "api", "cluster": {"server": str(api.client.base_url)}}],
        "contexts": [{"name": "api", "context": {"cluster": "api"}}],
        "current-context": "api",
    }
    file.write_text(json.dumps(content))
    async with proxy_to(file, folder) as proxy:
        yield proxy


@pytest.fixture
async def wire(api: Api, tmp_path: Path) -> AsyncIterator[Proxy]:
    """A wire to the API."""
    async with wire_to(api, tmp_path) as proxy:
        yield proxy


@pytest.fixture
def wired(command: Command, wire: Proxy) -> Command:
    """The command through the wire."""
    return command.given(ORCHESTRATOR_URL=f"http://127.0.0.1:{wire.port}")
