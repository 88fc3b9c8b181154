"""The `orchestrator` command: every process of a deployment, and the local stack that runs them all on one machine."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit code of the process."""
    wanted = parser().parse_args(arguments)
    return int(wanted.run(wanted) or 0)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="orchestrator", description=__doc__)
    commands = top.add_subparsers(required=True)
    cluster_commands(commands.add_parser("cluster", help="the local Kubernetes control plane"))
    return top


def cluster_commands(cluster: argparse.ArgumentParser) -> None:
    """`cluster build` and `cluster run`."""
    commands = cluster.add_subparsers(required=True)
    build = commands.add_parser("build", help="build its programs if they are not there yet")
    build.set_defaults(run=build_cluster)
    run = commands.add_parser("run", help="run it in a folder until stopped (`up` does this for you)")
    run.add_argument("--state", type=Path, required=True)
    run.set_defaults(run=run_cluster)


def build_cluster(_wanted: argparse.Namespace) -> int:
    """`orchestrator cluster build`."""
    from deploy.build import BuildError, ensure_built  # noqa: PLC0415

    try:
        print(ensure_built(tell))
    except BuildError as error:
        tell(str(error))
        return 1
    return 0


def run_cluster(wanted: argparse.Namespace) -> int:
    """`orchestrator cluster run`."""
    from deploy.cluster import run  # noqa: PLC0415

    return until_stopped(run(wanted.state.resolve(), tell))


def until_stopped(work: Coroutine[Any, Any, None]) -> int:
    """Run a coroutine until it ends, or SIGTERM or Ctrl-C cancels it."""

    async def supervised() -> None:
        task = asyncio.create_task(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(supervised())
    return 0


def tell(message: str) -> None:
    """Progress is for people: standard error, so that `env` and `psql` keep standard output for themselves."""
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
