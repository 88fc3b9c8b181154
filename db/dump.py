"""Writes db/schema.sql: what all migrations, routines and views make together, for people to read and CI to compare.

`python -m db.dump` migrates a database of its own on the server of DATABASE_URL (a superuser's), dumps our schema with
pg_dump and writes the file; `--check` compares instead, and exits with 1 and the difference.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.migrate import migrate
from db.settings import DatabaseSettings

SCHEMA_FILE = Path(__file__).parent / "schema.sql"
DUMP_SECONDS = 60
# What differs between two dumps of one schema: the versions of server and client, and a random key against injection.
NOISE = re.compile(r"^(-- Dumped (from|by) .*|\\(un)?restrict .*)\n", re.MULTILINE)
BLANKS = re.compile(r"\n{3,}")


@contextmanager
def scratch_database(url: str) -> Generator[str]:
    """A database that lasts for the block; gives its connection string."""
    name = f"dump_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def dump(url: str) -> str:
    """The schema of this release as SQL. Raises SystemExit where pg_dump is missing or fails."""
    program = shutil.which("pg_dump")
    if program is None:
        raise SystemExit("pg_dump is not on PATH. Run: orchestrator scratch python -m db.dump")
    with scratch_database(url) as scratch:
        migrate(scratch)
        done = subprocess.run(  # noqa: S603
            [program, "--schema-only", "--schema=orchestrator", f"--dbname={scratch}"],
            capture_output=True,
            text=True,
            timeout=DUMP_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(f"pg_dump failed: {done.stderr.strip()}")
    return BLANKS.sub("\n\n", NOISE.sub("", done.stdout))


def difference(written: str, current: str) -> str:
    """What the file says against what the schema is, as a unified diff; empty when they agree."""
    lines = difflib.unified_diff(
        written.splitlines(keepends=True), current.splitlines(keepends=True), "db/schema.sql", "the schema as migrated"
    )
    return "".join(lines)


def main() -> int:
    """The command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m db.dump", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare db/schema.sql instead of writing it")
    wanted = parser.parse_args()
    current = dump(DatabaseSettings.from_environment(os.environ).url)
    if not wanted.check:
        SCHEMA_FILE.write_text(current)
        return 0
    told = difference(SCHEMA_FILE.read_text() if SCHEMA_FILE.exists() else "", current)
    if told:
        sys.stderr.write(told + "\ndb/schema.sql is out of date: orchestrator scratch python -m db.dump writes it.\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
