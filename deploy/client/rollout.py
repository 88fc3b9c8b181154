"""`orchestrator rollout`: move many deployments to another version of their template, and decide about its course."""

import argparse
from urllib.parse import quote

from deploy.client.change import schema_of
from deploy.client.http import Api, Json
from deploy.client.names import find_all
from deploy.client.parameters import from_pairs, typed
from deploy.client.plans import show_plan
from deploy.client.tables import age, plain, show_fields, show_json, show_table

MEMBER_STATES = ("done", "started", "waiting", "failed", "refused", "skipped", "rolled_back")


def rollouts(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator rollout`: all of them."""
    found = list(api.items("rollouts", {}))
    if wanted.output == "json":
        show_json({"items": found})
        return
    rows = [
        (
            one["id"],
            one["state"],
            f"{one['template']} {one['to_version']}",
            counted(one),
            one["created_by"],
            age(one["created_at"]),
        )
        for one in found
    ]
    show_table(("ID", "STATE", "TO", "MEMBERS", "BY", "AGE"), rows, gives_way="MEMBERS")


def counted(rollout: Json) -> str:
    """How its members fare."""
    return ", ".join(f"{rollout['members'][state]} {state}" for state in MEMBER_STATES if state in rollout["members"])


def start(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator rollout start`: or tell what it would do, and what would be refused."""
    pairs = from_pairs(wanted.parameter)
    values: Json = typed(pairs, schema_of(api, wanted.template, wanted.to)) if pairs else {}
    values |= dict.fromkeys(wanted.unset)
    body: Json = {
        "template": wanted.template,
        "version": wanted.to,
        "ids": [one["id"] for one in find_all(api, wanted.names)] or None,
        "batch_size": wanted.batch_size,
        "max_unavailable": wanted.max_unavailable,
        "parameters": values,
        "pause_on_failure": not wanted.go_on,
        "restart": not wanted.no_restart,
        "force": wanted.force,
        "patience_seconds": wanted.patience,
    }
    if wanted.dry_run:
        show_preview(api.call("POST", "rollouts/preview", body=body).body, wanted.output)
        return
    show_rollout(api.once("rollouts", body), wanted.output)


def show_preview(found: Json, output: str) -> None:
    """How many would change, the plan of the first of them, and what would be refused."""
    if output == "json":
        show_json(found)
        return
    if found["first"] is not None:
        print(f"{found['first']['namespace']}/{found['first']['name']}, the first that changes:\n")
        show_plan(found["first"]["plan"])
        print()
    if found["refusals"]:
        rows = [(f"{one['namespace']}/{one['name']}", one["path"], one["message"]) for one in found["refusals"]]
        show_table(("REFUSED", "PATH", "WHY"), rows, gives_way="WHY")
        print()
    some = f" (the first {found['tried']} were looked at)" if found["tried"] < found["members"] else ""
    print(
        f"{found['members']} members{some}: {found['changes']} would change, {found['restarts']} of them only with a"
        f" restart, and {found['refused']} would be refused. A dry run: nothing was changed."
    )


def read(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator rollout get`."""
    show_rollout(api.get(f"rollouts/{wanted.id}"), wanted.output)


def direct(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator rollout pause`, `resume`, `abort`, `roll-back`."""
    done = api.call("POST", f"rollouts/{wanted.id}/{quote(wanted.course)}").body
    if wanted.output == "json":
        show_json(done)
    else:
        print(f"rollout {done['id']} is {plain(done['state']).replace('_', ' ')}")


def show_rollout(rollout: Json, output: str) -> None:
    """It and its members."""
    if output == "json":
        show_json(rollout)
        return
    fields = [
        ("Rollout", rollout["id"]),
        ("State", rollout["state"].replace("_", " ")),
        ("To", f"version {rollout['to_version']} of {rollout['template']}"),
        ("Members", counted(rollout)),
        ("Message", rollout["message"]),
        ("By", rollout["run_by"]),
    ]
    show_fields(fields)
    print()
    rows = [
        (f"{one['namespace']}/{one['name']}", one["batch"], one["state"], one["status_summary"], one["message"])
        for one in rollout["deployments"]
    ]
    show_table(("NAME", "BATCH", "STATE", "STATUS", "WHY"), rows, gives_way="WHY")
