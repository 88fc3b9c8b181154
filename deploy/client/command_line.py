"""The arguments of every client command, and the exit codes that scripts may rely on.

Only this is loaded to parse a command line; `does` names what then runs.
"""

import argparse
from datetime import datetime
from typing import Any

from deploy.client.running import run

Commands = Any  # argparse keeps the type of add_subparsers() to itself

NAME = "name, namespace/name, or id"
STATES = ("Active", "Stopped", "Paused", "Deleted")
STATUSES = ("Healthy", "Progressing", "Degraded", "Error", "Stopped", "Paused", "Deleting", "Deleted")
EXIT_CODES = """exit codes of the commands that ask the API:
  0  done
  1  refused, or failed
  2  the command line is wrong
  3  there is no such deployment, template, ...
  4  conflict: the name is taken or ambiguous, or it was changed meanwhile
  5  what was waited for did not come in time
  6  the API or its database does not answer, or is too busy
  7  not signed in, or not allowed
Where the API is: ORCHESTRATOR_URL and ORCHESTRATOR_TOKEN, or a profile written by `orchestrator login`."""


def client_commands(commands: Commands) -> None:
    """Everything that asks the API."""
    look_commands(commands)
    change_commands(commands)
    rollout_commands(commands)
    history_commands(commands)
    wait_commands(commands)
    sign_in_commands(commands)
    completion_commands(commands)


def command(
    commands: Commands, name: str, does: str, text: str, *, output: tuple[str, ...] = ("table", "json")
) -> argparse.ArgumentParser:
    """One command with the options that all have."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    made.add_argument("--profile", metavar="PROFILE", help="which profile to use instead of the default one")
    if output:
        made.add_argument("-o", "--output", choices=output, default=output[0], help=f"{output[0]} if left out")
    made.set_defaults(run=run, does=does, asks=True)
    return made


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, not negative."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return found


def point(text: str) -> str:
    """A time, by the clocks here unless it says otherwise."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 2026-11-24T04:00") from None


def look_commands(commands: Commands) -> None:
    """`get`, `describe`, `templates`, `clusters`, `whoami`."""
    get = command(commands, "get", "look.get", "list deployments", output=("table", "json", "name"))
    get.add_argument("names", nargs="*", metavar="NAME", help=f"{NAME}; all if none is named")
    get.add_argument("-n", "--namespace", help="of this namespace")
    get.add_argument("--cluster", help="on this cluster")
    get.add_argument("--status", action="append", choices=STATUSES, help="of this status; may be given several times")
    get.add_argument("--template", help="made from this template")
    get.add_argument("--state", choices=STATES, help="that are asked to be so")
    get.add_argument("--search", metavar="TEXT", help="whose name holds this")
    get.add_argument("--drifted", action="store_true", help="that were changed behind our back")
    get.add_argument("--deleted", action="store_true", help="that are gone and kept as history")
    get.add_argument("--sort", choices=("name", "status", "updated", "created"), help="name if left out")
    get.add_argument("--reverse", action="store_true", help="the last first")
    get.add_argument("--limit", type=positive, help="how many at most; all if left out")
    get.add_argument("--as-of", metavar="TIME", help="what was wanted of all then, such as 2h ago or 2026-11-24T08:00")
    describe = command(commands, "describe", "look.describe", "show one deployment with its objects")
    describe.add_argument("name", metavar="NAME", help=NAME)
    templates = command(commands, "templates", "look.templates", "list templates, or show the parameters of one")
    templates.add_argument(
        "template",
        nargs="?",
        metavar="NAME",
        help="the one to show; `load DIR` writes a folder to DATABASE_URL",
    )
    templates.add_argument("--version", type=positive, help="this version of it instead of the newest")
    command(commands, "clusters", "look.clusters", "list clusters and how they are")
    command(commands, "whoami", "look.whoami", "tell who the token stands for, and what it may")


def change_commands(commands: Commands) -> None:
    """`deploy`, `set`, `start` … `rollback`, `upgrade`, `adopt`, `reconcile`, `delete`."""
    every = ("table", "json", "name")
    deploy = command(commands, "deploy", "change.deploy", "make a deployment from a template", output=every)
    deploy.add_argument("new", metavar="NAME", help="its name, or namespace/name")
    deploy.add_argument("-t", "--template", required=True, help="what to make; `orchestrator templates` lists them")
    deploy.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="KEY=VALUE", help="may be given several times"
    )
    deploy.add_argument("-f", "--file", help="parameters in YAML or JSON, - for standard input; -p wins over it")
    deploy.add_argument("-n", "--namespace", help="where; default if left out")
    deploy.add_argument("--cluster", help="on which cluster; needed if there are several")
    deploy.add_argument("--version", type=positive, help="version of the template; the newest if left out")
    deploy.add_argument("--stopped", action="store_true", help="make it, but do not start it")
    deploy.add_argument("--dry-run", action="store_true", help="check it and show the objects, but make nothing")
    drift_options(deploy)
    change = command(commands, "set", "change.set_parameters", "change parameters of a deployment", output=every)
    change.add_argument("name", metavar="NAME", help=NAME)
    change.add_argument("pairs", nargs="*", metavar="KEY=VALUE", help="what to set")
    change.add_argument("--unset", action="append", default=[], metavar="KEY", help="take the template's default again")
    change.add_argument("--version", type=positive, help="move to this version of the template")
    change.add_argument("--dry-run", action="store_true", help="check it and show the objects, but change nothing")
    drift_options(change)
    change.add_argument("--at", type=positive, metavar="GENERATION", help="only if it is still at this generation")
    rollback = command(
        commands, "rollback", "change.rollback", "go back to what an earlier generation wanted", output=every
    )
    rollback.add_argument("name", metavar="NAME", help=NAME)
    rollback.add_argument("generation", type=positive, metavar="GENERATION", help="`orchestrator revisions` lists them")
    rollback.add_argument(
        "--force", action="store_true", help="also to a lower version of Minecraft, at the world's risk"
    )
    rollback.add_argument("--restart", action="store_true", help="at once, where it takes effect only then")
    rollback.add_argument("--dry-run", action="store_true", help="check it and show the objects, but change nothing")
    upgrade = command(commands, "upgrade", "change.upgrade", "move to another version of the template", output=every)
    upgrade.add_argument("name", metavar="NAME", help=NAME)
    upgrade.add_argument("--to", type=positive, metavar="VERSION", help="the newest if left out")
    upgrade.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="KEY=VALUE", help="along with it; may be repeated"
    )
    upgrade.add_argument("--unset", action="append", default=[], metavar="KEY", help="take the template's default")
    upgrade.add_argument("--restart", action="store_true", help="at once, where it takes effect only then")
    upgrade.add_argument("--force", action="store_true", help="also to a lower version of Minecraft")
    upgrade.add_argument("--dry-run", action="store_true", help="check it and show the objects, but change nothing")
    adopt = command(
        commands, "adopt", "change.adopt", "make what was changed at the cluster what is wanted", output=every
    )
    adopt.add_argument("name", metavar="NAME", help=NAME)
    adopt.add_argument(
        "paths", nargs="*", metavar="PATH", help="as `orchestrator drift` tells it, or Kind/name:path; all if left out"
    )
    adopt.add_argument("--dry-run", action="store_true", help="check it and show the objects, but change nothing")
    back = command(commands, "put-back", "change.put_back", "put back once what was changed and waits", output=every)
    back.add_argument("name", metavar="NAME", help=NAME)
    back.add_argument("paths", nargs="*", metavar="PATH", help="as for `adopt`; all that waits or is held if left out")
    for action, text in (
        ("start", "have deployments run that are stopped, held or deleted"),
        ("stop", "stop deployments, keeping all they have"),
        ("pause", "hold deployments: nothing more is changed at the cluster"),
        ("resume", "let go of deployments that are held, and have them run; the same as start"),
        ("reconcile", "look at deployments now, whatever their back-off"),
    ):
        made = command(commands, action, "change.act", text, output=every)
        made.add_argument("names", nargs="+", metavar="NAME", help=f"{NAME}; several: all of them or none")
        made.set_defaults(action=action)
    restart_commands(commands)
    delete = command(commands, "delete", "change.delete", "delete deployments; asks first", output=every)
    delete.add_argument("names", nargs="+", metavar="NAME", help=NAME)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--delete-data", action="store_true", help="delete their data too, for good")


def drift_options(parser: argparse.ArgumentParser) -> None:
    """What becomes of changes from outside."""
    parser.add_argument("--drift-policy", choices=("Enforce", "Adopt", "Ignore"), help="for what no rule is about")
    parser.add_argument("--drift-rules", metavar="JSON", help="a list of rules by path, in place of those there are")


def restart_commands(commands: Commands) -> None:
    """`restart`, and `windows`, which it may wait for."""
    text = "start the pods of deployments anew, now or later"
    restart = command(commands, "restart", "restart.restart", text, output=("table", "json", "name"))
    restart.add_argument("names", nargs="+", metavar="NAME", help=f"{NAME}; several: all of them or none, if now")
    restart.add_argument("--in-window", metavar="WINDOW", help="when it opens; `orchestrator windows` lists them")
    restart.add_argument("--when-empty", action="store_true", help="once nobody plays, at the latest in the window")
    restart.add_argument("--at", type=point, metavar="TIME", help="at this time, such as 2026-11-24T04:00")
    restart.add_argument("--always", action="store_true", help="then even if nothing requires a restart any more")
    restart.add_argument("--cancel", action="store_true", help="take back what is planned")
    window_commands(commands)


def window_commands(commands: Commands) -> None:
    """`windows` and what an admin does with them."""
    windows = command(commands, "windows", "windows.windows", "list maintenance windows; make, change or delete one")
    kinds = windows.add_subparsers(metavar="make|change|delete")
    make = command(kinds, "make", "windows.make", "make a window, as an admin")
    make.add_argument("window_name", metavar="NAME", help="what rules and restarts call it")
    make.add_argument("-n", "--namespace", help="for deployments of this one only; for all if left out")
    change = command(kinds, "change", "windows.change", "change a window; what waits for it moves along")
    change.add_argument("window", metavar="NAME", help="name, or namespace/name")
    change.add_argument("--rename", metavar="NAME", help="what it is called from now on")
    for made, needed in ((make, True), (change, False)):
        made.add_argument("--days", required=needed, metavar="DAY,DAY", help="on which it opens, such as Sat,Sun")
        made.add_argument("--starts", required=needed, metavar="HH:MM", help="at what time, by the clocks of its zone")
        made.add_argument("--lasts", required=needed, metavar="TIME", help="for how long, such as 90m or 2h")
        made.add_argument("--zone", required=needed, help="such as Europe/Berlin")
    delete = command(kinds, "delete", "windows.delete", "delete a window that nothing waits for", output=())
    delete.add_argument("window", metavar="NAME", help="name, or namespace/name")


def rollout_commands(commands: Commands) -> None:
    """`rollout` and what one does with one."""
    rollout = command(commands, "rollout", "rollout.rollouts", "list rollouts; start one, or decide about its course")
    kinds = rollout.add_subparsers(metavar="start|get|pause|resume|abort|roll-back")
    start = command(kinds, "start", "rollout.start", "move deployments to another version of their template")
    start.add_argument("names", nargs="*", metavar="NAME", help=f"{NAME}; all on an older version if none is named")
    start.add_argument("-t", "--template", required=True, help="which template")
    start.add_argument("--to", type=positive, metavar="VERSION", help="the newest if left out")
    start.add_argument("--batch-size", type=positive, default=5, help="the next begins when all of one have ended; 5")
    start.add_argument("--max-unavailable", type=positive, default=1, help="how many may not be healthy at a time; 1")
    start.add_argument("--patience", type=positive, default=300, metavar="SECONDS", help="until one has failed; 300")
    start.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="KEY=VALUE", help="for every member; may be repeated"
    )
    start.add_argument("--unset", action="append", default=[], metavar="KEY", help="take the template's default")
    start.add_argument("--go-on", action="store_true", help="do not pause when one fails")
    start.add_argument("--no-restart", action="store_true", help="leave restarts to people")
    start.add_argument("--force", action="store_true", help="also to a lower version of Minecraft")
    start.add_argument("--dry-run", action="store_true", help="tell what it would do and be refused, but start nothing")
    get = command(kinds, "get", "rollout.read", "show one with its members")
    get.add_argument("id", type=positive, metavar="ID")
    for course, text in (
        ("pause", "start no further member"),
        ("resume", "go on with one that is paused"),
        ("abort", "leave everything as it stands"),
        ("roll-back", "put the members it changed back to what they were"),
    ):
        made = command(kinds, course, "rollout.direct", text)
        made.add_argument("id", type=positive, metavar="ID")
        made.set_defaults(course=course)


def history_commands(commands: Commands) -> None:
    """`events`, `plan`, `drift`, `revisions`."""
    events = command(commands, "events", "history.events", "tell what happened, or follow what happens")
    events.add_argument("name", nargs="?", metavar="NAME", help=f"{NAME}; of all if left out")
    events.add_argument("-f", "--follow", action="store_true", help="go on with what happens, until Ctrl-C")
    events.add_argument(
        "--give-up",
        type=seconds,
        default=300.0,
        metavar="SECONDS",
        help="how long to follow on while the API is away; 300 if left out",
    )
    since = "from this time on, such as 15m, 2h, 7d ago or 2026-11-24T08:00; of all the last hour if left out"
    events.add_argument("--since", metavar="TIME", help=since)
    plan = command(
        commands, "plan", "plans.plan", "tell what the next reconciliation would do, or would after a change"
    )
    plan.add_argument("name", metavar="NAME", help=NAME)
    plan.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as if this were set")
    plan.add_argument("--unset", action="append", default=[], metavar="KEY", help="as if this were the default again")
    plan.add_argument("--version", type=positive, help="as if it moved to this version of the template")
    plan.add_argument("--state", choices=STATES, help="as if it were asked to be so")
    plan.add_argument(
        "--detailed-exitcode", action="store_true", help="end with 2 if there is something to do, 0 if not"
    )
    plan.add_argument(
        "--ask-cluster", action="store_true", help="have its API server asked what it would refuse or change"
    )
    plan.add_argument(
        "--timeout", type=seconds, default=130.0, metavar="SECONDS", help="for --ask-cluster; 130 if left out"
    )
    drift = command(commands, "drift", "history.drift", "tell what was changed behind our back")
    drift.add_argument("name", nargs="?", metavar="NAME", help=f"{NAME}; of all if left out")
    revisions = command(commands, "revisions", "history.revisions", "tell who wanted what, and when")
    revisions.add_argument("name", metavar="NAME", help=NAME)
    revisions.add_argument("--generation", type=positive, help="what this one has otherwise")
    revisions.add_argument("--against", type=positive, metavar="GENERATION", help="than this one, not the one before")


def wait_commands(commands: Commands) -> None:
    """`wait`."""
    wait = command(
        commands, "wait", "wait.wait", "wait until deployments are as asked", output=("table", "json", "name")
    )
    wait.add_argument("names", nargs="+", metavar="NAME", help=NAME)
    wait.add_argument("--for", dest="state", required=True, choices=("healthy", "stopped", "deleted", "generation"))
    wait.add_argument(
        "--generation", type=positive, help="with --for generation: this one is applied, instead of the newest"
    )
    wait.add_argument(
        "--timeout", type=seconds, default=300.0, metavar="SECONDS", help="how long at most; 300 if left out"
    )


def sign_in_commands(commands: Commands) -> None:
    """`login` and `tokens`."""
    login = command(commands, "login", "sign_in.login", "sign in: keep an address and a token in a profile", output=())
    login.add_argument("url", nargs="?", metavar="URL", help="where the API is; ORCHESTRATOR_URL if left out")
    login.set_defaults(asks=False)
    tokens = command(commands, "tokens", "sign_in.tokens", "list API tokens, make or revoke one")
    tokens.add_argument("--all", action="store_true", help="everybody's that you may see")
    kinds = tokens.add_subparsers(metavar="make|revoke")
    make = command(kinds, "make", "sign_in.make_token", "make an API token; it is printed once")
    make.add_argument("token_name", metavar="NAME", help="what it is for")
    make.add_argument("--role", choices=("viewer", "operator", "admin"), help="yours if left out, and never more")
    make.add_argument("-n", "--namespace", action="append", help="only this one; may be given several times")
    make.add_argument("--days", type=positive, default=90, help="how long it is good; 90 if left out")
    make.add_argument("--user", help="for somebody else")
    make.add_argument("--save-as", metavar="PROFILE", help="keep it in this profile instead of printing it")
    revoke = command(kinds, "revoke", "sign_in.revoke_token", "end a token at once and for good", output=())
    revoke.add_argument("id", type=positive, metavar="ID")


def completion_commands(commands: Commands) -> None:
    """`completion`, and what its scripts ask."""
    made = commands.add_parser("completion", help="print what makes a shell complete this command")
    made.add_argument("shell", choices=("bash", "zsh", "fish"))
    made.set_defaults(run=run, does="completion.script", asks=False)
    # No help: people have no use for it.
    commands.add_parser("complete", add_help=False).set_defaults(run=run, does="completion.complete", asks=False)
