"""psql itself as a baseline: one session, statements as people type them, timed by its own \\timing."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import psycopg

from db.connection import Session
from tests.bench.rig import Database

_TIME = re.compile(r"Time: ([0-9.]+) ms")
_DONE = "that was all"


class Psql:
    """A session of psql's, which begins each transaction by entering with a credential, as the API does."""

    def __init__(self, process: subprocess.Popen[str], token: str) -> None:
        self._process = process
        self._token = token

    def milliseconds(self, statements: Sequence[str]) -> float:
        """What psql says that the statements took, from sending each until all of its rows were there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = "".join(f"{statement};\n" for statement in statements)
        self._process.stdin.write(
            f"BEGIN;\nSELECT orchestrator.enter('token', '{self._token}');\n"
            f"\\timing on\n{asked}\\timing off\nCOMMIT;\n\\echo {_DONE}\n"
        )
        self._process.stdin.flush()
        found: list[float] = []
        while (line := self._process.stdout.readline().strip()) != _DONE:
            timed = _TIME.match(line)
            if timed is None:
                raise RuntimeError(f"psql: {line or 'it ended'}")
            found.append(float(timed[1]))
        assert len(found) == len(statements)
        return sum(found)


@contextlib.contextmanager
def psql(database: Database, login: str, token: str, options: str) -> Iterator[Psql]:
    """psql on a session of this login. Rows go nowhere: what it takes to show them is not measured."""
    url = database.dsn_of(login)
    program = [f"{database.server.bin}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, url]
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PGOPTIONS": options},
    ) as process:
        yield Psql(process, token)
        process.stdin.close()


async def statements_of(url: str, read: Callable[[Session], Awaitable[Any]]) -> list[str]:
    """The statements that a function of db/ sends, with their values in place."""
    noted: list[str] = []

    class Noting(psycopg.AsyncClientCursor[Any]):
        """Writes down what it executes."""

        async def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
            noted.append(self.mogrify(query, params))
            return await super().execute(query, params, **more)

    async with await psycopg.AsyncConnection.connect(url, autocommit=True, cursor_factory=Noting) as session:
        await read(session)
    return noted
