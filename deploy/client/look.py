"""The commands that look: `get`, `describe`, `templates`, `clusters`, `whoami`."""

import argparse
from collections.abc import Sequence
from itertools import islice
from urllib.parse import quote

from deploy.client.errors import Misused
from deploy.client.http import LARGEST_PAGE, Api, Json
from deploy.client.names import find, find_all, full_name, path_of
from deploy.client.tables import age, clock, plain, show_fields, show_json, show_table
from deploy.client.times import time_of
from deploy.client.waiting import waiting

FILTERS = ("namespace", "cluster", "status", "template", "state", "search", "drifted", "deleted", "sort", "reverse")


def get(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator get`: a list, or the deployments that are named."""
    given = [name for name in FILTERS if getattr(wanted, name)]
    if wanted.names and given:
        raise Misused(f"--{given[0]} chooses from the list; NAME names deployments", hint="Give one or the other.")
    if len(wanted.names) == 1 and wanted.output == "json":
        show_json(api.get(path_of(find(api, wanted.names[0]))))
        return
    if wanted.as_of is not None:
        if wanted.names or given or wanted.limit:
            raise Misused("--as-of lists all deployments", hint="Leave names, filters and --limit out.")
        show_past(api, wanted.as_of, wanted.output)
        return
    items = find_all(api, wanted.names) if wanted.names else listed(api, wanted)
    show(items, wanted.output)


def show_past(api: Api, text: str, output: str) -> None:
    """What was wanted of every deployment at a time, and who had asked for it."""
    at = time_of(text, "--as-of")
    found = sorted(api.items("deployments/as-of", {"at": at.isoformat()}), key=lambda one: (full_name(one), one["id"]))
    if output != "table":
        show(found, output)
        return
    rows = [
        (
            one["namespace"],
            one["name"],
            one["desired_state"],
            f"{one['template']}:{one['template_version']}",
            one["generation"],
            one["actor"],
            clock(one["changed_at"]),
        )
        for one in found
    ]
    show_table(("NAMESPACE", "NAME", "WANTED", "TEMPLATE", "GENERATION", "BY", "SINCE"), rows, gives_way="TEMPLATE")


def listed(api: Api, wanted: argparse.Namespace) -> list[Json]:
    """What the filters choose."""
    query: dict[str, str | int | list[str] | None] = {
        "namespace": wanted.namespace,
        "cluster": wanted.cluster,
        "status": wanted.status or None,
        "template": wanted.template,
        "desired_state": wanted.state,
        "q": wanted.search,
        "sort": f"{'-' if wanted.reverse else ''}{wanted.sort or 'name'}" if wanted.sort or wanted.reverse else None,
        "drifted": "true" if wanted.drifted else None,
        "deleted": "true" if wanted.deleted else None,
    }
    if wanted.limit is not None:
        query["limit"] = min(wanted.limit, LARGEST_PAGE)
    return list(islice(api.items("deployments", query), wanted.limit))


def show(items: list[Json], output: str) -> None:
    """Deployments in the form that was asked for."""
    match output:
        case "json":
            show_json({"items": items, "next": None})
        case "name":
            for one in items:
                print(full_name(one))
        case _:
            deployments_table(items)


def deployments_table(items: Sequence[Json]) -> None:
    """One line each; on a screen the message gives way."""
    rows = [
        (
            one["namespace"],
            one["name"],
            status_of(one),
            one["desired_state"],
            f"{one['template']}:{one['template_version']}",
            "yes" if one.get("drifted") else "",
            one["generation"],
            age(one["created_at"]),
            one["status_message"],
        )
        for one in items
    ]
    headings = ("NAMESPACE", "NAME", "STATUS", "WANTED", "TEMPLATE", "DRIFT", "GENERATION", "AGE", "MESSAGE")
    show_table(headings, rows, gives_way="MESSAGE")


def status_of(deployment: Json) -> str:
    """The status in words, with what qualifies it."""
    stale = deployment.get("stale_since")
    return f"{deployment['status_summary']} (not seen for {age(stale)})" if stale else deployment["status_summary"]


# ---------------------------------------------------------------- one deployment


def restart_of(deployment: Json) -> str:
    """Whether it needs one, and what is planned."""
    required = "required" if deployment["restart_required"] else ""
    planned = deployment["planned_restart"]
    return f"{required}; it {waiting(planned)}".removeprefix("; it is ") if planned else required


def describe(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator describe`: one deployment, its objects and what differs at the cluster."""
    deployment = api.get(path_of(find(api, wanted.name)))
    if wanted.output == "json":
        show_json(deployment)
        return
    show_fields(
        [
            ("Name", full_name(deployment)),
            ("Id", deployment["id"]),
            ("Cluster", deployment["cluster"]),
            ("Template", f"{deployment['template']} version {deployment['template_version']}"),
            ("Wanted", deployment["desired_state"]),
            ("Status", status_of(deployment)),
            ("Message", deployment["status_message"]),
            ("Generation", f"{deployment['generation']}, applied {deployment['last_applied_generation']}"),
            *([] if deployment["players"] is None else [("Players", deployment["players"])]),
            *([("Restart", restart_of(deployment))] if restart_of(deployment) else []),
            ("Data", "kept when deleted" if deployment["keep_data"] else "deleted with it"),
            ("Created", f"{deployment['created_at']} ({age(deployment['created_at'])} ago)"),
            ("Changed", f"{deployment['updated_at']} ({age(deployment['updated_at'])} ago)"),
        ]
    )
    print("\nParameters:")
    for name, value in sorted(deployment["parameters"].items()):
        print(f"  {plain(name)} = {plain(value)}")
    resources = api.get(path_of(deployment, "resources"))["items"]
    if resources:
        print("\nObjects:")
        rows = [
            (
                one["kind"],
                one["name"],
                one["health"] or "not seen yet",
                "yes" if one["drifted"] else "",
                age(one["last_seen_at"]),
                ": ".join(filter(None, (one["reason"], one["message"]))),
            )
            for one in resources
        ]
        show_table(("KIND", "NAME", "HEALTH", "DRIFT", "SEEN", "MESSAGE"), rows, gives_way="MESSAGE")


# ---------------------------------------------------------------- what else there is


def templates(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator templates`: all of them, or one with its parameters."""
    if wanted.template is None:
        found = api.get("templates")
        if wanted.output == "json":
            show_json(found)
            return
        rows = [(one["name"], one["version"], one["title"], one["description"]) for one in found["items"]]
        show_table(("NAME", "VERSION", "TITLE", "DESCRIPTION"), rows, gives_way="DESCRIPTION")
        return
    template = api.get(f"templates/{quote(wanted.template, safe='')}", {"version": wanted.version})
    if wanted.output == "json":
        show_json(template)
        return
    versions = ", ".join(map(str, template["versions"]))
    show_fields(
        [
            ("Name", template["name"]),
            ("Version", f"{template['version']} of {versions}"),
            ("Title", template["title"]),
            ("Description", template["description"]),
        ]
    )
    print()
    schema = template["allowed_mutations_json"]
    required = schema.get("required", [])
    rows = [
        (
            name,
            rule.get("type", ""),
            "required" if name in required and "default" not in rule else plain(rule.get("default")),
            limits(rule),
            rule.get("title") or rule.get("description") or "",
        )
        for name, rule in schema.get("properties", {}).items()
    ]
    show_table(("PARAMETER", "TYPE", "DEFAULT", "ALLOWED", "MEANING"), rows, gives_way="MEANING")


def limits(rule: Json) -> str:
    """What a parameter may be, in short."""
    if "enum" in rule:
        return " | ".join(map(plain, rule["enum"]))
    told = [
        f"{word} {rule[key]}"
        for key, word in (("minimum", "at least"), ("maximum", "at most"), ("pattern", "like"), ("maxLength", "up to"))
        if key in rule
    ]
    return ", ".join(told)


def clusters(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator clusters`."""
    found = api.get("clusters")
    if wanted.output == "json":
        show_json(found)
        return
    rows = [
        (
            one["name"],
            "yes" if one["reachable"] else f"no, for {age(one['unreachable_since'])}",
            f"{age(one['seen_at'])} ago" if one["seen_at"] else "never",
            sum(queue["depth"] for queue in one["queues"]),
            one["waiting"],
            ", ".join(f"{count} {status}" for status, count in one["deployments"].items()),
            one["unreachable_reason"] or "; ".join(lost_watches(one)),
        )
        for one in found["items"]
    ]
    show_table(("NAME", "REACHED", "SEEN", "QUEUED", "WAITING", "DEPLOYMENTS", "MESSAGE"), rows, gives_way="MESSAGE")
    at_work = [
        (one["name"], process["worker"], age(process["started_at"]), doing(process))
        for one in found["items"]
        for process in one["workers"]
    ] + [
        (one["name"], process["watcher"], age(process["started_at"]), "watches" if process["active"] else "stands by")
        for one in found["items"]
        for process in one["watchers"]
    ]
    if at_work:
        print()
        show_table(("CLUSTER", "PROCESS", "AGE", "DOES"), at_work, gives_way="DOES")


def doing(worker: Json) -> str:
    """What a worker has in hand, and for how long."""
    return ", ".join(f"{full_name(one)} for {age(one['since'])}" for one in worker["busy"]) or "waits for work"


def lost_watches(cluster: Json) -> list[str]:
    """What is not seen of a cluster, and why."""
    return [
        f"{watch['kind']} not watched for {age(watch['changed_at'])}: {watch['error']}"
        for watch in cluster["watches"]
        if watch["state"] == "lost"
    ]


def whoami(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator whoami`."""
    found = api.get("whoami")
    if wanted.output == "json":
        show_json(found)
        return
    show_fields([(name.replace("_", " ").capitalize(), value) for name, value in found.items()])
