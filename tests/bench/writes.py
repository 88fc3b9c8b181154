"""(f) What the triggers cost: UPDATE of deployments against the same UPDATE of a bare copy of the table."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from tests.bench import population
from tests.bench.figures import Figure
from tests.bench.rig import Database, durable_postgres, make_database

ROWS = 10_000
SECONDS = 6.0
# clients -> at least this part of the bare table's pace
TARGETS = {1: 0.5, 4: 0.5, 16: 0.35}
BULK_TARGET = 6.0

_PICK = "\\set n random(1, {rows})\n\\set r random(1, 1000000000)\n"
_OURS = """
UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('motd', 'Message ' || :r::text)
 WHERE id = lpad(to_hex(:n::int), 32, '0')::uuid;
"""
# The same columns with the values that the triggers arrive at; only a client would have to know them.
_BARE = """
UPDATE public.bare SET parameters = parameters || jsonb_build_object('motd', 'Message ' || :r::text),
       desired_spec_json = ({spec})::jsonb, generation = generation + 1, updated_at = clock_timestamp(),
       status_summary = 'Progressing', status_message = 'Generation 2 waits for a worker.'
 WHERE id = lpad(to_hex(:n::int), 32, '0')::uuid;
"""
_OURS_BULK = (
    "UPDATE orchestrator.deployments SET parameters = parameters || jsonb_build_object('motd', 'Bulk ' || %s::text)"
)
_BARE_BULK = """
UPDATE public.bare SET parameters = parameters || jsonb_build_object('motd', 'Bulk ' || %s::text),
       desired_spec_json = %s::jsonb, generation = generation + 1, updated_at = clock_timestamp(),
       status_summary = 'Progressing', status_message = 'Generation 2 waits for a worker.'
"""


def measure(folder: Path, runs: int, rows: int = ROWS, seconds: float = SECONDS) -> list[Figure]:
    """All of (f), on a server of its own."""
    with durable_postgres(folder) as (server, _):
        database = make_database(server, "writes")
        population.populate(database, rows)
        population.make_bare_copy(database)
        scripts = Scripts.of(database, rows)
        figures = [paced(database, scripts, clients, runs, seconds) for clients in TARGETS]
        return [*figures, bulk(database, scripts, runs, rows)]


class Scripts(msgspec.Struct, frozen=True):
    """pgbench scripts, and a rendered spec for the bare table."""

    ours: str
    bare: str
    spec: str

    @classmethod
    def of(cls, database: Database, rows: int) -> Scripts:
        """Write them for these rows."""
        with database.connect() as session:
            found = session.execute("SELECT desired_spec_json::text FROM orchestrator.deployments LIMIT 1").fetchone()
        spec = str(found[0])
        before, after = (part.replace("'", "''") for part in spec.split("Message 0"))
        pick = _PICK.format(rows=rows)
        literal = f"'{before}Message ' || :r::text || '{after}'"
        return cls(pick + _OURS, pick + _BARE.format(spec=literal), spec)


def paced(database: Database, scripts: Scripts, clients: int, runs: int, seconds: float) -> Figure:
    """Single-row updates by so many clients at once."""
    ours, bare = [], []
    for _ in range(runs):
        population.drain(database)
        ours.append(database.pgbench(scripts.ours, clients=clients, seconds=seconds).per_second)
        population.drain(database)
        bare.append(database.pgbench(scripts.bare, clients=clients, seconds=seconds).per_second)
    return Figure(
        group="f",
        name=f"UPDATE with all triggers, {clients} clients" if clients > 1 else "UPDATE with all triggers, 1 client",
        unit="/s",
        ours=ours,
        baseline=bare,
        baseline_name="bare table",
        bound="at least",
        target=TARGETS[clients],
    )


def bulk(database: Database, scripts: Scripts, runs: int, rows: int) -> Figure:
    """One statement that changes every row."""
    ours, bare = [], []
    with database.connect() as session:
        for run in range(runs):
            population.drain(database)
            started = time.perf_counter()
            session.execute(_OURS_BULK, [run])
            ours.append(time.perf_counter() - started)
            population.drain(database)
            started = time.perf_counter()
            session.execute(_BARE_BULK, [run, scripts.spec])
            bare.append(time.perf_counter() - started)
    return Figure(
        group="f",
        name=f"one UPDATE of {rows:,} rows",
        unit="s",
        ours=ours,
        baseline=bare,
        baseline_name="bare table",
        bound="at most",
        target=BULK_TARGET,
    )
