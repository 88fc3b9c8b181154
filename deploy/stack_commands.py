"""The commands of a person with a local stack: `up`, `env`, `down`, `reset`, `people link`, `psql`, `kubectl`.

The heavy modules are loaded by the command that needs them: `env` shall answer at once.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

from deploy.errors import StateError
from deploy.telling import tell, tell_with_time, until_stopped

DEFAULT_STATE = Path(__file__).parent.parent / ".local"


def start_stack(wanted: argparse.Namespace) -> int:
    """`orchestrator up`."""
    from deploy.logs import configure_logs  # noqa: PLC0415
    from deploy.stack import Wanted, up  # noqa: PLC0415

    configure_logs("WARNING")
    kubeconfigs = [] if wanted.kubeconfig is None else [wanted.kubeconfig]
    if wanted.kubeconfig is None and wanted.context is not None:  # named, so the user's own is meant
        named = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
        kubeconfigs = [Path(name) for name in named] or [Path.home() / ".kube/config"]
    asked = Wanted(
        folder=wanted.state.resolve(),
        kubeconfigs=tuple(kubeconfig.resolve() for kubeconfig in kubeconfigs),
        context=wanted.context,
        database_url=wanted.database_url,
        k3s=wanted.cluster == "k3s",
        workers=wanted.workers,
    )
    if wanted.database_url is None and "DATABASE_URL" in os.environ:
        # It may well come from `env` of this very stack, in the shell of someone who starts it again.
        tell_with_time("DATABASE_URL is set but not used: --database-url names a Postgres of your own")
    code = until_stopped(up(asked, tell_with_time))
    tell_with_time("all stopped; the next `up` goes on from here")
    return code


def print_environment(wanted: argparse.Namespace) -> None:
    """`orchestrator env`: for `eval`, so nothing but export lines, and a comment, goes to standard output."""
    from deploy import state  # noqa: PLC0415

    folder = wanted.state.resolve()
    for name, value in environment_of(folder).items():
        print(f"export {name}={shlex.quote(value)}" + (':"$PATH"' if name == "PATH" else ""))
    stack = state.load(folder)
    if stack is not None:
        # Last: an eval without quotes makes one line of it all.
        print(f"# metrics of API (with the token), worker and watcher: {' '.join(stack.metrics_urls.values())}")


def environment_of(folder: Path) -> dict[str, str]:
    """What `env` exports, by name; PATH is only the folder to put in front. Raises StateError if no stack runs."""
    from deploy import state  # noqa: PLC0415

    stack = state.load(folder)
    if stack is None or state.running_process(folder) is None:
        raise StateError(f"no stack runs on {folder}; start it with `./just up`")
    if stack.database_url is None or stack.kubeconfig is None or not stack.token:
        raise StateError("the stack is still starting its database; try again in a few seconds")
    return {
        "DATABASE_URL": stack.database_url,
        "KUBECONFIG": stack.kubeconfig,
        "ORCHESTRATOR_URL": stack.api_url,
        "ORCHESTRATOR_TOKEN": stack.token,
        "PATH": str(folder / "bin"),
    }


def stop_stack(wanted: argparse.Namespace) -> None:
    """`orchestrator down`."""
    from deploy import state  # noqa: PLC0415

    folder = wanted.state.resolve()
    tell(f"stopped the stack on {folder}" if state.stop_running(folder) else f"no stack runs on {folder}")


def reset_stack(wanted: argparse.Namespace) -> None:
    """`orchestrator reset`."""
    from deploy import state  # noqa: PLC0415

    folder = wanted.state.resolve()
    if state.load(folder) is None:
        tell(f"{folder} holds no stack: nothing to remove")
        return
    if not wanted.yes:
        if not sys.stdin.isatty():
            raise StateError(f"reset removes everything in {folder}; say so with --yes")
        if input(f"Remove the database, the cluster and the tokens in {folder}? [y/N] ").strip().lower() != "y":
            tell("kept everything")
            return
    state.stop_running(folder)
    state.remove(folder)
    tell(f"removed what was in {folder}")


def print_password_link(wanted: argparse.Namespace) -> None:
    """`orchestrator people link NAME`: for who has lost the password, or was just made."""
    import psycopg  # noqa: PLC0415

    from db.connection import translated  # noqa: PLC0415
    from db.errors import Refused  # noqa: PLC0415
    from db.people import make_password_link  # noqa: PLC0415

    environment = environment_of(wanted.state.resolve())
    try:
        with translated(), psycopg.connect(environment["DATABASE_URL"]) as connection:
            secret = make_password_link(connection, wanted.name)
    except Refused as refused:
        raise StateError(f"{refused.message}: {refused.hint}") from None
    print(f"{environment['ORCHESTRATOR_URL']}/welcome/{secret}")


def run_psql(wanted: argparse.Namespace) -> None:
    """`orchestrator psql`: become psql, connected as an admin."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415

    folder, rest = split_state(wanted.rest)
    environment = environment_of(folder)
    connection = conninfo_to_dict(environment["DATABASE_URL"])
    environment["PGPASSWORD"] = str(connection.pop("password", ""))  # arguments are seen by everyone in ps
    become("psql", [make_conninfo("", **connection), *rest], environment)


def run_kubectl(wanted: argparse.Namespace) -> None:
    """`orchestrator kubectl`: become kubectl, pointed at the stack's cluster and no other."""
    folder, rest = split_state(wanted.rest)
    environment = environment_of(folder)
    if not Path(environment["KUBECONFIG"]).exists():
        raise StateError("the cluster is still being built; `up` shows how far it is")
    become("kubectl", rest, environment)


def split_state(arguments: list[str]) -> tuple[Path, list[str]]:
    """The state folder, if the arguments begin with it, and what is meant for the other program."""
    match arguments:
        case ["--state", folder, *rest]:
            return Path(folder).resolve(), rest
        case _:
            return DEFAULT_STATE, arguments


def become(program: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Replace this process by a program found as `env` would find it."""
    path = f"{environment['PATH']}:{os.environ.get('PATH', os.defpath)}"
    os.environ.update(environment | {"PATH": path})
    try:
        os.execvp(program, [program, *arguments])  # noqa: S606
    except FileNotFoundError:
        raise StateError(f"there is no {program} on PATH; install it, or use the local one (`up` brings it)") from None
