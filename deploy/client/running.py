"""Runs one client command: finds the API, calls the command, and turns what goes wrong into words and an exit code.

A command's module is loaded when it runs: the parser of all commands shall not load what one of them needs.
"""

import argparse
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, cast

from deploy.client.errors import ClientError

if TYPE_CHECKING:
    from deploy.client.http import Api

BROKEN_PIPE_CODE = 141  # as a program that SIGPIPE ended


def run(wanted: argparse.Namespace) -> int:
    """The exit code of the command that `wanted.does` names as "module.function"."""
    cast(io.TextIOWrapper, sys.stdout).reconfigure(errors="backslashreplace")
    module, _, function = wanted.does.rpartition(".")
    try:
        does = getattr(importlib.import_module(f"deploy.client.{module}"), function)
        given = (connected(wanted), wanted) if wanted.asks else (wanted,)
        code = int(does(*given) or 0)
        sys.stdout.flush()
    except ClientError as error:
        explain(error)
        return error.code
    except BrokenPipeError:  # `orchestrator get | head`; Python would complain once more when it closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_CODE
    return code


def connected(wanted: argparse.Namespace) -> "Api":
    """The API of the environment or profile; nothing is sent yet."""
    from deploy.client.http import Api  # noqa: PLC0415
    from deploy.client.profile import find_target  # noqa: PLC0415

    api = Api(find_target(wanted.profile, os.environ))
    warn_if_exposed(api)
    return api


def warn_if_exposed(api: "Api") -> None:
    """Say so where anybody on the way can read the token."""
    if api.is_exposed:
        print(f"warning: the token goes unencrypted to {api.told}; use https", file=sys.stderr)


def explain(error: ClientError) -> None:
    """What went wrong, where, and what to do next, on standard error."""
    from deploy.client.tables import plain  # noqa: PLC0415

    sys.stdout.flush()
    print(f"error: {plain(error.detail)}", file=sys.stderr)
    for name, text in (("path", error.path), ("hint", error.hint)):
        if text:
            print(f"  {name}: {plain(text)}", file=sys.stderr)
