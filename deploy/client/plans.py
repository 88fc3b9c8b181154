"""The command `plan`: what the next reconciliation would do, as things stand or after a change that is not made."""

import argparse
from itertools import groupby

from deploy.client.change import schema_of
from deploy.client.errors import Misused
from deploy.client.http import Api, Json
from deploy.client.names import find, path_of
from deploy.client.parameters import from_pairs, typed
from deploy.client.tables import plain, show_json, show_table

# As `terraform plan -detailed-exitcode` ends, and only if it is asked for: else 2 is a command line that is wrong.
CHANGES_CODE = 2
RESTARTS = {
    "needed": "its pods keep the old settings until a restart",
    "now": "restarted",
    "rolling": "its pods are replaced",
}


def plan(api: Api, wanted: argparse.Namespace) -> int:
    """`orchestrator plan`: the exit code tells whether there is something to do, where that is asked for."""
    deployment = find(api, wanted.name)
    body = change_of(api, deployment, wanted)
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
