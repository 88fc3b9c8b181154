"""`restart`, now or later."""

import argparse

from deploy.client.change import bulk, show_done
from deploy.client.errors import Misused
from deploy.client.http import Api, Json
from deploy.client.names import find_all, path_of
from deploy.client.waiting import waiting


def restart(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator restart`: now, all or none; or planned, one after another."""
    found = find_all(api, wanted.names)
    body: Json = {"in_window": wanted.in_window, "when_empty": wanted.when_empty, "at": wanted.at}
    waits = any(body.values())
    if wanted.cancel and (waits or wanted.always):
        raise Misused("--cancel takes back what is planned, and plans nothing")
    if wanted.always and not waits:
        raise Misused("--always is for what waits", hint="Without --in-window, --when-empty or --at it restarts now.")
    if wanted.cancel:
        for one in found:
            api.call("DELETE", path_of(one, "restart"))
        show_done(found, lambda _: "is not restarted: what was planned is taken back", wanted.output)
    elif waits:
        body |= {"only_if_required": not wanted.always}
        done = [api.call("POST", path_of(one, "restart"), body=body).body for one in found]
        show_done(done, lambda one: waiting(one["planned_restart"]), wanted.output)
    else:
        # Under a key, also for one: a restart that is sent again shall not be another restart.
        show_done(bulk(api, found, {"action": "restart"}), lambda _: "asked to restart", wanted.output)
