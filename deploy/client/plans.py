"""The command `plan`: what the next reconciliation would do, as things stand or after a change that is not made."""

import argparse
import time
from itertools import groupby

from deploy.client.change import schema_of
from deploy.client.errors import ClientError, Misused, TimedOut
from deploy.client.http import Api, Json
from deploy.client.names import find, path_of
from deploy.client.parameters import from_pairs, typed
from deploy.client.tables import plain, show_json, show_table

# As `terraform plan -detailed-exitcode` ends, and only if it is asked for: else 2 is a command line that is wrong.
CHANGES_CODE = 2
REFUSED_CODE = 1
POLL_SECONDS = 0.3
RESTARTS = {
    "needed": "its pods keep the old settings until a restart",
    "now": "restarted",
    "rolling": "its pods are replaced",
}


def plan(api: Api, wanted: argparse.Namespace) -> int:
    """`orchestrator plan`: the exit code tells whether there is something to do, where that is asked for."""
    deployment = find(api, wanted.name)
    body = change_of(api, deployment, wanted)
    if wanted.ask_cluster:
        return show_answers(ask(api, deployment, body, wanted.timeout), wanted.output)
    if body:
        rows: list[Json] = api.call("POST", path_of(deployment, "preview"), body=body).body["plan"]
    else:
        rows = api.get(path_of(deployment, "plan"))["items"]
    changes = any(row["action"] != "none" for row in rows)
    if wanted.output == "json":
        show_json({"changes": changes, "items": rows})
    else:
        show_plan(rows)
    return CHANGES_CODE if changes and wanted.detailed_exitcode else 0


def change_of(api: Api, deployment: Json, wanted: argparse.Namespace) -> Json:
    """The change that is asked about, empty for none. Raises Misused."""
    pairs = from_pairs(wanted.set)
    if both := sorted(set(pairs) & set(wanted.unset)):
        raise Misused(f"{both[0]} is both set and unset", path=both[0])
    body: Json = {}
    if wanted.version is not None:
        body["template_version"] = wanted.version
    if wanted.state is not None:
        body["desired_state"] = wanted.state
    if pairs or wanted.unset:
        version = wanted.version or deployment["template_version"]
        values: Json = typed(pairs, schema_of(api, deployment["template"], version)) if pairs else {}
        body["parameters"] = {**values, **dict.fromkeys(wanted.unset)}
    return body


def ask(api: Api, deployment: Json, body: Json, timeout_seconds: float) -> Json:
    """What the cluster answers to the change. Raises TimedOut."""
    asked: Json = api.call("POST", path_of(deployment, "dry-run"), body=body).body
    deadline = time.monotonic() + timeout_seconds
    while asked["state"] in ("queued", "running"):
        if time.monotonic() > deadline:
            why = f": {asked['message']}" if asked["message"] else ""
            raise TimedOut(
                f"cluster {asked['cluster']} has not answered yet{why}", hint=f"GET /api/dry-runs/{asked['id']}"
            )
        time.sleep(POLL_SECONDS)
        asked = api.get(f"dry-runs/{asked['id']}")
    return asked


def show_answers(asked: Json, output: str) -> int:
    """Object by object. Raises ClientError where the cluster could not be asked."""
    if output == "json":
        show_json(asked)
    if asked["state"] == "failed":
        raise ClientError(f"cluster {asked['cluster']} was not asked: {asked['message']}")
    if output != "json":
        rows = [(f"{one['kind']}/{one['name']}", one["verdict"], "; ".join(words(one))) for one in asked["answers"]]
        show_table(("OBJECT", "VERDICT", "WHY"), rows, gives_way="WHY")
        print(f"\nCluster {asked['cluster']} would {'refuse' if asked['refused'] else 'take'} it. Nothing was changed.")
    return REFUSED_CODE if asked["refused"] else 0


def words(answer: Json) -> list[str]:
    """Why it is refused, what the server warns of, and what it would change."""
    changes = [f"{one['path']}: {plain(one['sent'])} becomes {plain(one['becomes'])}" for one in answer["altered"]]
    return [*filter(None, [answer["message"]]), *answer["warnings"], *changes]


def show_plan(rows: list[Json]) -> None:
    """What changes, path by path, then how much that is; what stays is only counted."""
    objects = [list(found) for _, found in groupby(rows, key=lambda row: row["step"])]
    told = [row for row in rows if row["action"] != "none" or row["restart"] or row["live"] != row["wanted"]]
    if told:
        cells = [
            (f"{row['kind']}/{row['name']}", row["action"], row["path"], row["live"], row["wanted"], note(row))
            for row in told
        ]
        show_table(("OBJECT", "ACTION", "PATH", "LIVE", "WANTED", "WHY"), cells, gives_way="WHY")
        print()
    touched = [found for found in objects if any(row["action"] != "none" for row in found)]
    if not touched:
        print("Nothing to do." if not told else "Nothing is done.")
        return
    restart = "; a restart is needed for it to take effect" if any(row["restart"] == "needed" for row in rows) else ""
    print(f"{len(touched)} of {len(objects)} objects change{restart}. Nothing was changed yet.")


def note(row: Json) -> str:
    """Why, and what becomes of its pods."""
    restart = RESTARTS.get(row["restart"] or "")
    return plain(row["reason"]) + (f"; {restart}" if restart else "")
