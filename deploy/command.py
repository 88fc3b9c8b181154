"""The `orchestrator` command: a client of the API, every process of a deployment, and the local stack of them all.

What a command needs is loaded when it runs: scripts call some of them in a loop.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from deploy.client.command_line import EXIT_CODES, client_commands
from deploy.errors import DeployError, StateError
from deploy.stack_commands import (
    DEFAULT_STATE,
    print_environment,
    print_password_link,
    reset_stack,
    run_kubectl,
    run_psql,
    start_stack,
    stop_stack,
)
from deploy.telling import tell, tell_upwards, until_stopped

# The process, its room, and the settings that the room's `main.run` takes.
ROOMS = {
    "api": ("app", "ApiSettings"),
    "worker": ("workers", "WorkerSettings"),
    "watcher": ("watchers", "WatcherSettings"),
}

Commands = Any  # argparse keeps the type of add_subparsers() to itself


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit code of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:2] == ["templates", "load"]:  # `templates` itself asks the API, and this writes to Postgres
        given[:2] = ["load-templates"]
    # What follows psql and kubectl is theirs, options and all; what follows complete is a line that is being typed.
    passed_on = given[1:] if given[:1] in (["psql"], ["kubectl"], ["complete"]) else []
    wanted = parser().parse_args(given[: len(given) - len(passed_on)])
    wanted.rest = passed_on
    try:
        return int(wanted.run(wanted) or 0)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        messages = expected_messages(error)
        if messages is None:
            raise
        for message in messages:
            print(message, file=sys.stderr)
        return 1


def expected_messages(error: BaseException) -> list[str] | None:
    """The messages of errors that are made for people, also from within groups; None if any other is among them."""
    from db.errors import DatabaseError  # noqa: PLC0415 - `env` need not load psycopg
    from kube.errors import KubeError  # noqa: PLC0415

    if isinstance(error, BaseExceptionGroup):
        found: list[str] = []
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            messages = expected_messages(inner)
            if messages is None:
                return None
            found += messages
        return found
    return [str(error)] if isinstance(error, DeployError | DatabaseError | KubeError) else None


# ---------------------------------------------------------------- the command line


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="orchestrator",
        description="Game servers on Kubernetes, with Postgres as the control plane.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    client_commands(commands)
    stack_commands(commands)
    process_commands(commands)
    database_commands(commands)
    cluster_commands(commands)
    assets = commands.add_parser("assets", help="build what the page sends to browsers, where it changed")
    assets.set_defaults(run=build_assets)
    return top


def stack_commands(commands: Commands) -> None:
    """`up`, `env`, `down`, `reset`, `people`, `psql`, `kubectl`: the local stack."""
    start = commands.add_parser("up", help="run the whole stack on this machine until Ctrl-C")
    start.add_argument("--kubeconfig", type=Path, help="use this cluster instead of starting a local one")
    start.add_argument("--context", help="the context in it, or in your own kubeconfig")
    start.add_argument("--database-url", help="use this Postgres instead of starting one; needs CREATEROLE")
    start.add_argument("--cluster", choices=("local", "k3s"), default="local", help="k3s needs Docker")
    start.add_argument("--workers", type=int, default=1, help="how many workers to run")
    for name, run, text in (
        ("env", print_environment, "print export lines for a running stack"),
        ("down", stop_stack, "stop a running stack, keeping all it has"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=run)
    for name, run in (("psql", run_psql), ("kubectl", run_kubectl)):
        text = f"{name} against a running stack: [--state DIR] {name}'s own arguments"
        commands.add_parser(name, help=text, add_help=False).set_defaults(run=run)
    forget = commands.add_parser("reset", help="stop a stack and remove all it keeps")
    forget.add_argument("--yes", action="store_true", help="do not ask")
    people = commands.add_parser("people", help="who may come in").add_subparsers(required=True, metavar="COMMAND")
    link = people.add_parser("link", help="print a one-time link where a user of a running stack chooses a password")
    link.add_argument("name", help="of the user")
    link.set_defaults(run=print_password_link)
    start.set_defaults(run=start_stack)
    forget.set_defaults(run=reset_stack)
    for state in (link, *(commands.choices[name] for name in ("up", "env", "down", "reset"))):
        state.add_argument("--state", type=Path, default=DEFAULT_STATE, help="the folder where it keeps everything")


def process_commands(commands: Commands) -> None:
    """`api`, `worker`, `watcher`: one process of a deployment, told by its environment."""
    for kind in ROOMS:
        command = commands.add_parser(kind, help=f"run one {kind} process (settings from ORCHESTRATOR_* variables)")
        command.set_defaults(run=run_room, kind=kind)
        if kind == "worker":
            command.add_argument("--until-empty", action="store_true", help="end when nothing is due; 1: no cluster")


def database_commands(commands: Commands) -> None:
    """`migrate`, `load-templates`, `scratch`: on the database of DATABASE_URL, or one that lasts for a command."""
    migrate = commands.add_parser("migrate", help="bring the database of DATABASE_URL to this release's schema")
    migrate.set_defaults(run=migrate_database)
    load = commands.add_parser(
        "load-templates", help="write templates into the database of DATABASE_URL; also `templates load`"
    )
    load.add_argument("directory", type=Path, nargs="?", help="a folder of YAML files; this release's own if left out")
    load.set_defaults(run=load_templates)
    scratch = commands.add_parser("scratch", help="run a command with DATABASE_URL set to an empty Postgres of its own")
    scratch.add_argument("command", nargs=argparse.REMAINDER)
    scratch.set_defaults(run=run_with_scratch_database)


def cluster_commands(commands: Commands) -> None:
    """`cluster build`, `cluster run`: the local control plane by itself."""
    cluster = commands.add_parser("cluster", help="the local Kubernetes control plane").add_subparsers(required=True)
    cluster.add_parser("build", help="build its programs if they are not there yet").set_defaults(run=build_cluster)
    run = cluster.add_parser("run", help="run it in a folder until stopped (`up` does this for you)")
    run.add_argument("--state", type=Path, required=True)
    run.add_argument("--k3s", action="store_true", help="k3s in Docker instead")
    run.set_defaults(run=run_cluster)


# ---------------------------------------------------------------- one process


def run_room(wanted: argparse.Namespace) -> int:
    """`orchestrator api`, `worker` or `watcher`."""
    import msgspec  # noqa: PLC0415

    from deploy.logs import configure_logs  # noqa: PLC0415

    configure_logs()
    room, settings_name = ROOMS[wanted.kind]
    settings = getattr(importlib.import_module(f"{room}.settings"), settings_name).from_environment(os.environ)
    if getattr(wanted, "until_empty", False):
        settings = msgspec.structs.replace(settings, until_empty=True)
    return until_stopped(importlib.import_module(f"{room}.main").run(settings), hurried=True)


# ---------------------------------------------------------------- the database


def migrate_database(_wanted: argparse.Namespace) -> None:
    """`orchestrator migrate`."""
    from db.migrate import migrate  # noqa: PLC0415
    from deploy.logs import configure_logs  # noqa: PLC0415

    configure_logs("WARNING")
    for name in migrate(database_url()):
        tell(f"applied {name}")


def load_templates(wanted: argparse.Namespace) -> None:
    """`orchestrator templates load [DIR]`, or `load-templates [DIR]`."""
    templates: Any = importlib.import_module("db.templates")
    for name, version in templates.load_templates(database_url(), wanted.directory or templates.SHIPPED):
        tell(f"{name} version {version}")


def database_url() -> str:
    """DATABASE_URL, which these commands need."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise StateError('DATABASE_URL is not set; for the local stack: eval "$(./just env)"')
    return url


def run_with_scratch_database(wanted: argparse.Namespace) -> int:
    """`orchestrator scratch COMMAND`: its exit code. DATABASE_URL is a superuser's, pg_dump and psql are on PATH."""
    import subprocess  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    from deploy.postgres import FORGETFUL, prepare, running  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="so-scratch-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with running(prepare(folder / "postgres", settings=FORGETFUL), folder / "postgres.log") as server:
            path = f"{server.bin}:{os.environ.get('PATH', os.defpath)}"
            environment = {**os.environ, "DATABASE_URL": server.dsn(), "PATH": path}
            return subprocess.run(wanted.command, env=environment, check=False).returncode  # noqa: S603


# ---------------------------------------------------------------- the page and the cluster


def build_assets(_wanted: argparse.Namespace) -> None:
    """`orchestrator assets`. Silent where nothing changed."""
    from deploy.assets import ensure_built  # noqa: PLC0415

    ensure_built(tell_upwards)


def build_cluster(_wanted: argparse.Namespace) -> None:
    """`orchestrator cluster build`. Silent where nothing needs building."""
    from deploy.build import ensure_built  # noqa: PLC0415

    ensure_built(tell_upwards)


def run_cluster(wanted: argparse.Namespace) -> int:
    """`orchestrator cluster run`. Its progress goes to standard output, where `up` listens."""
    from deploy import cluster, k3s  # noqa: PLC0415
    from deploy.children import GIVE_UP_CODE  # noqa: PLC0415

    state: Path = wanted.state.resolve()
    work = k3s.run(state, tell_upwards) if wanted.k3s else cluster.run(state, tell_upwards)
    try:
        return until_stopped(work)
    except (DeployError, ExceptionGroup) as error:
        messages = expected_messages(error)
        if messages is None:
            raise
        for message in messages:
            tell_upwards(message)
        return GIVE_UP_CODE


if __name__ == "__main__":
    sys.exit(main())
