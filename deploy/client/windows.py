"""`orchestrator windows`: when restarts and put-backs may happen. All list those they may use, admins write them."""

import argparse
import re

from deploy.client.errors import Conflicting, Misused, NotFound
from deploy.client.http import Api, Json
from deploy.client.tables import plain, show_json, show_table
from deploy.client.waiting import moment

_LASTS = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,4})m)?")


def windows(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator windows`: those that one may use, and when they are open."""
    found = api.get("windows")
    if wanted.output == "json":
        show_json(found)
        return
    rows = [
        (
            one["name"],
            one["namespace"] or "all",
            ",".join(one["days"]),
            one["starts"],
            lasting(one["lasts_minutes"]),
            one["zone"],
            opening(one),
        )
        for one in found["items"]
    ]
    show_table(("NAME", "NAMESPACE", "DAYS", "STARTS", "LASTS", "ZONE", "OPEN"), rows, gives_way="DAYS")


def make(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator windows make`."""
    body: Json = {
        "name": wanted.window_name,
        "namespace": wanted.namespace,
        "days": wanted.days.split(","),
        "starts": wanted.starts,
        "lasts_minutes": minutes(wanted.lasts),
        "zone": wanted.zone,
    }
    show_window(api.call("POST", "windows", body=body).body, "made", wanted.output)


def change(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator windows change`: what is left out stays as it is."""
    given: Json = {
        "name": wanted.rename,
        "days": wanted.days and wanted.days.split(","),
        "starts": wanted.starts,
        "lasts_minutes": wanted.lasts and minutes(wanted.lasts),
        "zone": wanted.zone,
    }
    changed = {key: value for key, value in given.items() if value is not None}
    if not changed:
        raise Misused("there is nothing to change", hint="Give one of --days, --starts, --lasts, --zone and --rename.")
    found = find_window(api, wanted.window)
    body = {key: found[key] for key in ("name", "namespace", "days", "starts", "lasts_minutes", "zone")} | changed
    show_window(api.call("PUT", f"windows/{found['id']}", body=body).body, "changed", wanted.output)


def delete(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator windows delete`: refused while something waits for it."""
    found = find_window(api, wanted.window)
    api.call("DELETE", f"windows/{found['id']}")
    print(f"window {plain(found['name'])} is deleted")


def find_window(api: Api, typed: str) -> Json:
    """The one that is meant, by name or namespace/name. Raises NotFound, Conflicting (ambiguous)."""
    namespace, _, name = typed.rpartition("/")
    found = [
        one
        for one in api.get("windows")["items"]
        if one["name"] == name and (not namespace or one["namespace"] == namespace)
    ]
    if not found:
        raise NotFound(f"there is no window {typed}", path="window", hint="`orchestrator windows` lists them.")
    if len(found) > 1:
        told = ", ".join(f"{one['namespace']}/{one['name']}" for one in found)
        raise Conflicting(f"{typed} names {len(found)} windows", path="window", hint=f"Name one: {told}")
    return found[0]


def show_window(window: Json, done: str, output: str) -> None:
    """What became of it, and when it opens."""
    if output == "json":
        show_json(window)
    else:
        print(f"{done} window {plain(window['name'])}, open {opening(window)}")


def opening(window: Json) -> str:
    """When it is open next, or until when it is."""
    first = window["openings"][0]
    return f"now, until {moment(first['closes'])}" if window["is_open"] else moment(first["opens"])


def minutes(text: str) -> int:
    """1h30m is 90. Raises Misused."""
    found = _LASTS.fullmatch(text)
    if not text or found is None:
        raise Misused(f"{text or 'nothing'} is no length of time", path="lasts", hint="Write such as 90m, 2h or 1h30m.")
    return 60 * int(found[1] or 0) + int(found[2] or 0)


def lasting(length: int) -> str:
    """90 is 1h30m."""
    hours, rest = divmod(length, 60)
    return (f"{hours}h" if hours else "") + (f"{rest}m" if rest else "")
