"""`./just bench [a b c …] [--runs 3] [--json FILE] [--markdown FILE]`: measures, prints the table, writes it down."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from tests.bench import drift, latency, noticed, queue, reads, rest, rig, throughput, writes
from tests.bench.figures import Figure, Report, describe_machine, markdown, table
from tests.bench.scene import RESYNC_SECONDS, Scene, scene
from tests.conftest import REPOSITORY

GROUPS = "abcdefghij"
SIZE = 200
LARGE = 1_000
OBJECTS = 10_000
BEGUN = time.monotonic()


def main() -> int:
    """Measure what was asked for. Exit code 1 where a target was missed."""
    wanted = arguments()
    if wanted.show:
        report = msgspec.json.decode(wanted.show.read_bytes(), type=Report)
        sys.stdout.write(markdown(report))
        return 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    groups = set("".join(wanted.groups)) or set(GROUPS)
    machine = describe_machine()
    figures, settings = measured(groups, wanted)
    report = Report(
        started=datetime.now(UTC).isoformat(timespec="minutes"),
        machine=machine,
        settings=settings,
        runs=wanted.runs,
        size=wanted.size,
        commit=commit(),
        figures=figures,
    )
    wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    if wanted.markdown:
        wanted.markdown.write_text(markdown(report))
    sys.stdout.write(f"{table(figures)}\n\nwritten to {wanted.json}\n")
    return 1 if any(figure.met is False for figure in figures) else 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"which of {' '.join(GROUPS)}; all without")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where to write the figures")
    parser.add_argument("--markdown", type=Path, help="where to write them as a Markdown table")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: print a written file as Markdown")
    parser.add_argument("--size", type=int, default=SIZE, help="deployments of (a) to (e), and edits of (j)")
    parser.add_argument("--large", type=int, default=LARGE, help="deployments of the larger part of (h)")
    parser.add_argument("--objects", type=int, default=OBJECTS, help="objects of (j)")
    wanted = parser.parse_args()
    unknown = set("".join(wanted.groups)) - set(GROUPS)
    if unknown:
        parser.error(f"unknown groups: {' '.join(sorted(unknown))}; known are {' '.join(GROUPS)}")
    return wanted


def measured(groups: set[str], wanted: argparse.Namespace) -> tuple[list[Figure], dict[str, str]]:
    """All figures in order of their groups, and the server's settings."""
    runs: int = wanted.runs
    figures: list[Figure] = []
    with rig.scratch() as folder, rig.durable_postgres(folder) as (server, _):
        settings = rig.server_settings(rig.make_database(server, "settings"))
    settings["resync"] = f"{RESYNC_SECONDS} s"
    if groups & set("abcdeh"):
        tell("starting Postgres, the control plane, a worker and a watcher")
        with rig.scratch() as folder, scene(folder) as stage:
            figures += staged(stage, groups, runs, wanted.size, wanted.large)
    if "f" in groups:
        tell("(f) triggers against a bare table")
        with rig.scratch() as folder:
            figures += writes.measure(folder, runs)
    if "g" in groups:
        tell("(g) claim and settle; filling a database with 100,000 deployments takes a minute")
        with rig.scratch() as folder:
            figures += queue.measure(folder, runs)
    if "i" in groups:
        tell("(i) reading through the API at 10,000 deployments")
        with rig.scratch() as folder:
            figures += reads.measure(folder, runs)
    if "j" in groups:
        tell(f"(j) drift checks of {wanted.objects:,} objects")
        with rig.scratch() as folder:
            figures += drift.measure(folder, runs, wanted.objects)
        tell(f"(j) the view drift where {wanted.objects:,} objects differ")
        with rig.scratch() as folder:
            figures += noticed.view(folder, runs, wanted.objects)
        tell(f"(j) edits of {wanted.size} servers, noticed")
        with rig.scratch() as folder:
            figures += noticed.measure(folder, runs, wanted.size)
    return sorted(figures, key=lambda figure: figure.group), settings


def staged(stage: Scene, groups: set[str], runs: int, size: int, large: int) -> list[Figure]:
    """(a) to (e) and (h), in an order in which the number of deployments only grows."""
    figures: list[Figure] = []
    if groups & set("h"):
        tell(f"(h) at {size} deployments")
        stage.add_deployments("first", size)
        figures += rest.memory(stage, size)
    if groups & set("abh"):
        tell(f"(a, b) {runs} runs of {size} deployments, beside the bare loop")
        figures += throughput.measure(stage, groups, runs, size)
    if groups & set("cd"):
        tell("(c, d) one at a time, beside the bare loop")
        figures += latency.measure(stage, groups, runs, min(size, 60))
    if groups & set("e"):
        tell("(e) resyncs of what is there")
        figures += rest.resync(stage, top_up(stage, size))
    if groups & set("h"):
        tell(f"(h) at {large:,} deployments")
        count = top_up(stage, large)
        figures += [*rest.idle(stage, count), *rest.memory(stage, count)]
    return figures


def top_up(stage: Scene, least: int) -> int:
    """Have at least so many deployments; answers how many there are."""
    with stage.database.connect() as session:
        there = session.execute("SELECT count(*) FROM orchestrator.deployments").fetchone()[0]
    if there < least:
        stage.add_deployments(f"more-{least}", least - there)
    return max(there, least)


def commit() -> str:
    """What was measured."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()


def tell(message: str) -> None:
    """Progress, for a person who waits."""
    sys.stderr.write(f"{time.monotonic() - BEGUN:6.1f} s  {message}\n")


if __name__ == "__main__":
    raise SystemExit(main())
