"""What happened, what was wanted, and what differs: `events`, `revisions` and `drift`."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import cast

from deploy.client.errors import NotFound
from deploy.client.http import Api, Json
from deploy.client.names import find, full_name, path_of
from deploy.client.stream import follow
from deploy.client.tables import age, clock, plain, show_json, show_table
from deploy.client.times import time_of
from deploy.client.waiting import moment

EVERYTHING = "1970-01-01"
Named = Callable[[str], str]


def events(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator events`: of one deployment or of all, so far or from now on."""
    deployment = find(api, wanted.name) if wanted.name else None
    path = path_of(deployment, "events") if deployment else "events"
    named = names(api, deployment)
    place, found = None, list[Json]()
    if wanted.since is not None or not wanted.follow:
        since = time_of(wanted.since or (EVERYTHING if deployment else "1h"), "--since")
        for page in api.pages(path, {"since": since.isoformat()}):
            place = page["next"]
            new = [event for event in page["items"] if datetime.fromisoformat(event["created_at"]) >= since]
            if wanted.output == "json" and not wanted.follow:
                found += new
                continue
            for event in new:
                show_event(event, named, wanted.output)
    if wanted.follow:
        sys.stdout.flush()
        for event in follow(api, path, after=place, give_up_seconds=wanted.give_up):
            if event is not None:
                show_event(event, named, wanted.output)
                sys.stdout.flush()
    elif wanted.output == "json":
        show_json({"items": found, "next": place, "more": False})


def names(api: Api, deployment: Json | None) -> Named:
    """How to call the deployment of an event. Each is asked for once; one that is hidden is called by its id."""
    known = {} if deployment is None else {deployment["id"]: full_name(deployment)}

    def named(deployment_id: str) -> str:
        if deployment_id not in known:
            try:
                known[deployment_id] = full_name(api.get(f"deployments/{deployment_id}"))
            except NotFound:
                known[deployment_id] = deployment_id
        return known[deployment_id]

    return named


def show_event(event: Json, named: Named, output: str) -> None:
    """One event on a line: for programs as JSON, for people in words."""
    if output == "json":
        print(json.dumps(event, ensure_ascii=False))
        return
    generation = "" if event["generation"] is None else f"generation {event['generation']}"
    parts = (
        clock(event["created_at"]),
        named(event["deployment_id"]),
        event["type"],
        generation,
        f"by {event['actor']}",
    )
    print("  ".join(filter(None, (*map(plain, parts), plain(particulars(event["data"]))))))


def particulars(data: Json) -> str:
    """What an event holds, in short: changes as from → to."""
    match data:
        case {"from": old, "to": new, **rest}:
            return " ".join([f"{plain(old)} → {plain(new)}", *([f"({text})"] if (text := particulars(rest)) else [])])
        case {"message": str(message), **rest}:
            return " ".join([message, *([f"({text})"] if (text := particulars(rest)) else [])])
        case _:
            return ", ".join(
                f"{name} {particulars(cast(Json, value)) if isinstance(value, dict) else plain(value)}"
                for name, value in data.items()
            )


# ---------------------------------------------------------------- drift


def drift(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator drift`: what stands otherwise at the cluster than it should, of one deployment or of all."""
    if wanted.name:
        found: list[Json] = api.get(path_of(find(api, wanted.name), "drift"))["items"]
    else:
        found = list(api.items("drift", {}))
    if wanted.output == "json":
        show_json({"items": found, "next": None})
        return
    rows = [
        (
            one["deployment"],
            f"{one['kind']}/{one['name']}",
            one["path"],
            one["wanted"],
            one["live"],
            one["manager"],
            age(one["since"]),
            outlook(one),
            adoption(one),
        )
        for one in found
    ]
    headings = ("DEPLOYMENT", "OBJECT", "PATH", "WANTED", "LIVE", "BY", "SINCE", "NEXT", "ADOPTABLE")
    show_table(headings, rows, gives_way="LIVE")


def adoption(drift: Json) -> str:
    """What `adopt` would set, or why it cannot."""
    if not drift["adoptable"]:
        return f"no: {drift['not_adoptable']}"
    return ", ".join(f"{name} = {plain(change['to'])}" for name, change in drift["adopts"].items())


NEXT = {
    "now": "put back now",
    "held": "stays: held by pause",
    "undecided": "stays until `adopt` or `put-back`",
    "stuck": "stays until a change or `reconcile`",
    "away": "put back when the cluster answers",
}


def outlook(drift: Json) -> str:
    """What happens to it next, and when."""
    match drift["outlook"]:
        case "retrying" | "contested" as why:
            again = f"tried again at {clock(drift['due_at'])}" if drift["due_at"] else "tried again"
            return f"contested, {again}" if why == "contested" else again
        case "shut":
            return f"put back in the window {drift['rule']['window']}, from {moment(drift['due_at'])}"
        case other:
            return NEXT.get(other, str(other))


# ---------------------------------------------------------------- revisions


def revisions(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator revisions`: who wanted what and when, newest first; or what one generation changed."""
    path = path_of(find(api, wanted.name), "revisions")
    if wanted.generation is None:
        show_revisions(list(api.items(path, {})), wanted.output)
    else:
        revision = api.get(f"{path}/{wanted.generation}", {"against": wanted.against})
        show_differences(revision, wanted.against, wanted.output)


def show_revisions(found: list[Json], output: str) -> None:
    """One line each."""
    if output == "json":
        show_json({"items": found, "next": None})
        return
    rows = [
        (one["generation"], clock(one["created_at"]), one["actor"], one["desired_state"], one["template_version"])
        for one in found
    ]
    show_table(("GENERATION", "AT", "BY", "WANTED", "TEMPLATE VERSION"), rows, gives_way="BY")


def show_differences(revision: Json, against: int | None, output: str) -> None:
    """What one generation has otherwise than another."""
    if output == "json":
        show_json(revision)
        return
    than = f"generation {against}" if against else "the generation before"
    told = f"generation {revision['generation']}, by {revision['actor']} at {clock(revision['created_at'])}"
    print(f"{plain(told)}, against {than}")
    rows = [
        (
            one["field"],
            with_default(one["was"], one["was_default"]),
            with_default(one["becomes"], one["becomes_default"]),
        )
        for one in revision["differences"]
    ]
    if rows:
        show_table(("FIELD", "WAS", "BECOMES"), rows, gives_way="BECOMES")


def with_default(value: object, is_default: bool) -> str:
    """A value, and whether nobody asked for it."""
    return f"{plain(value)} (default)" if is_default else plain(value)
