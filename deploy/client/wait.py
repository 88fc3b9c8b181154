"""`orchestrator wait`: until deployments are as a script needs them.

What happens is streamed; each time something happened to one that is awaited, how it is now is read. A deployment is
looked at whenever the stream opens, too, and at each heartbeat, so nothing hangs on one message.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from deploy.client.change import show_done
from deploy.client.errors import ClientError, NotFound, TimedOut, Unreachable
from deploy.client.http import Api, Json
from deploy.client.look import status_of
from deploy.client.names import candidates_of, find, full_name, path_of
from deploy.client.stream import follow

# The first look is given so long, however short the wait.
FIRST_LOOK_SECONDS = 5.0

Reached = Callable[[Json], bool]


def wait(api: Api, wanted: argparse.Namespace) -> None:
    """Raises TimedOut, which tells how each still is, and ClientError for one that will not come right by itself."""
    deadline = time.monotonic() + wanted.timeout
    api.deadline = max(deadline, time.monotonic() + FIRST_LOOK_SECONDS)
    found = [one for one in (awaited(api, name, wanted.state) for name in wanted.names) if one is not None]
    pending: dict[str, Json] = {one["id"]: one for one in found}
    reached = condition(wanted.state, wanted.generation)
    done = [pending.pop(one["id"]) for one in found if reached(one)]
    path = path_of(next(iter(pending.values())), "events") if len(pending) == 1 else "events"
    # From here on a fault costs no more than a look: the stream opens again, and there is another.
    api.attempts, api.deadline = 1, deadline
    for event in follow(api, path, deadline=deadline) if pending else ():
        for one in list(pending.values()) if event is None else filter(None, [pending.get(event["deployment_id"])]):
            with suppress(Unreachable):
                now = present(api, one)
                pending[now["id"]] = now
                if reached(now):
                    done.append(pending.pop(now["id"]))
                elif wanted.state != "deleted":
                    refuse_hopeless(now)
        if not pending:
            break
    if pending:
        told = "; ".join(f"{full_name(one)} is {described(one)}" for one in pending.values())
        raise TimedOut(f"not {wanted.state} within {wanted.timeout:g} s: {told}")
    show_done(done, lambda one: f"is {status_of(one)}", wanted.output)


def awaited(api: Api, typed: str, state: str) -> Json | None:
    """Who is meant; None for one that is deleted already, if that is what is awaited. Raises NotFound."""
    try:
        return find(api, typed)
    except NotFound:
        if state == "deleted" and candidates_of(api, typed, deleted=True):
            print(f"{typed} is deleted already", file=sys.stderr)
            return None
        raise


def condition(state: str, generation: int | None) -> Reached:
    """What is awaited, as a question about a deployment as it is now."""
    match state:
        case "healthy":
            return lambda one: one["status_summary"] == "Healthy" and one["stale_since"] is None
        case "stopped":
            return lambda one: one["status_summary"] == "Stopped" and one["stale_since"] is None
        case "deleted":
            return lambda one: one["status_summary"] == "Deleted"
        case _:
            return lambda one: one["last_applied_generation"] >= (generation or one["generation"])


def present(api: Api, deployment: Json) -> Json:
    """How it is now; deleted, where nothing of it is left to see."""
    try:
        return api.get(path_of(deployment))
    except NotFound:
        return {**deployment, "status_summary": "Deleted"}


def refuse_hopeless(deployment: Json) -> None:
    """Raises ClientError for what waits for a person."""
    if deployment["status_summary"] == "Error":
        hint = "It stays so until it is changed; `orchestrator describe` tells more."
        raise ClientError(f"{full_name(deployment)} is {described(deployment)}", hint=hint)


def described(deployment: Json) -> str:
    """Status and message, and what is asked for."""
    return f"{status_of(deployment)} (asked to be {deployment['desired_state']}): {deployment['status_message']}"
