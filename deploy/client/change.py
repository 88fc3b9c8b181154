"""The commands that change what is wanted: `deploy`, `set`, `start` … `reconcile`, `delete`.

One deployment is changed at the generation that was read, so a change that somebody made in between is not overwritten.
Several are changed in one transaction: all, or none.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from urllib.parse import quote

from deploy.client.errors import ClientError, Conflicting, Misused
from deploy.client.http import Api, Json
from deploy.client.look import show
from deploy.client.names import find, find_all, full_name, path_of
from deploy.client.parameters import from_file, from_pairs, typed
from deploy.client.tables import plain, show_json, show_table

STATES = {"start": "Active", "stop": "Stopped", "pause": "Paused", "resume": "Active"}
DONE = {
    "start": "asked to run",
    "stop": "asked to stop",
    "pause": "held: nothing is changed at the cluster until `resume`",
    "resume": "asked to run",
    "reconcile": "is looked at now",
}


def deploy(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator deploy`: make one, or show what would be made."""
    namespace, _, name = wanted.new.rpartition("/")
    if namespace and wanted.namespace not in (None, namespace):
        raise Misused(f"{wanted.new} and --namespace {wanted.namespace} name different namespaces")
    given = {**from_file(wanted.file), **from_pairs(wanted.parameter)}
    body: Json = {
        "name": name,
        "template": wanted.template,
        "parameters": typed(given, schema_of(api, wanted.template, wanted.version)) if given else {},
        "namespace": namespace or wanted.namespace or "default",
        "cluster": wanted.cluster,
        "template_version": wanted.version,
        "desired_state": "Stopped" if wanted.stopped else "Active",
        **policy(wanted),
    }
    if wanted.dry_run:
        show_preview(api.call("POST", "deployments/preview", body=body).body, wanted.output)
        return
    made = api.once("deployments", body)
    show_done([made], lambda one: f"deployed from {one['template']} version {one['template_version']}", wanted.output)


def schema_of(api: Api, template: str, version: int | None) -> Json:
    """The JSON Schema of a template's parameters. Raises NotFound."""
    found = api.get(f"templates/{quote(template, safe='')}", {"version": version})
    return found["allowed_mutations_json"]


def show_preview(preview: Json, output: str) -> None:
    """What would come of it: parameters and objects."""
    if output == "json":
        show_json(preview)
        return
    for name, value in sorted(preview["parameters"].items()):
        print(f"{plain(name)} = {plain(value)}")
    print()
    changes = {"restart": "changed; its pods keep the old settings until a restart"}
    rows = [
        (one["kind"], one["name"], changes["restart"] if one["restart"] else one["change"], one["purpose"])
        for one in preview["objects"]
    ]
    show_table(("KIND", "NAME", "CHANGE", "PURPOSE"), rows, gives_way="PURPOSE")
    print("\nA dry run: nothing was changed.")


def set_parameters(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator set`: change parameters, or move to another version of the template."""
    pairs = from_pairs(wanted.pairs)
    drift = policy(wanted)
    if not pairs and not wanted.unset and wanted.version is None and not drift:
        raise Misused(
            "there is nothing to set", hint="key=value, --unset key, --version N, --drift-policy or --drift-rules"
        )
    both = sorted(set(pairs) & set(wanted.unset))
    if both:
        raise Misused(f"{both[0]} is both set and unset", path=both[0])
    deployment = find(api, wanted.name)
    version = wanted.version or deployment["template_version"]
    values: Json = typed(pairs, schema_of(api, deployment["template"], version)) if pairs else {}
    values |= dict.fromkeys(wanted.unset)
    body: Json = {"parameters": values} if values else {}
    body |= drift
    if wanted.version is not None:
        body["template_version"] = wanted.version
    if wanted.dry_run:
        show_preview(api.call("POST", path_of(deployment, "preview"), body=body).body, wanted.output)
        return
    changed = patch(api, deployment, body, at=wanted.at)
    what = "changed" if changed["generation"] != deployment["generation"] else "is so already"
    show_done([changed], lambda _: what, wanted.output)


def patch(api: Api, deployment: Json, body: Json, *, at: int | None = None) -> Json:
    """Change one deployment if it is still as it was read, or at generation `at`. Raises Conflicting if it is not."""
    generation = at or deployment["generation"]
    try:
        return api.call("PATCH", path_of(deployment), body=body, headers=if_match(generation)).body
    except Conflicting as error:
        now = api.get(path_of(deployment)) if error.unsure else None
        if now is not None and now["generation"] == generation + 1 and is_as(now, body):
            return now  # it was our own: carried out, and its answer lost
        raise


def is_as(deployment: Json, body: Json) -> bool:
    """Whether a deployment already is what a change asks for. What is unset shows no value of its own."""
    values: Json = body.get("parameters", {})
    fields = {name: value for name, value in body.items() if name != "parameters"}
    return fields.items() <= deployment.items() and all(
        deployment["parameters"].get(name) == value for name, value in values.items() if value is not None
    )


def if_match(generation: int) -> dict[str, str]:
    """The condition that nobody has changed it meanwhile."""
    return {"If-Match": f'"{generation}"'}


def rollback(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator rollback`: what an earlier generation wanted, as a new one."""
    deployment = find(api, wanted.name)
    body: Json = {"generation": wanted.generation, "force": wanted.force, "restart": wanted.restart}
    if wanted.dry_run:
        show_preview(api.call("POST", path_of(deployment, "rollback/preview"), body=body).body, wanted.output)
        return
    headers = if_match(deployment["generation"])
    changed = api.call("POST", path_of(deployment, "rollback"), body=body, headers=headers).body
    same = changed["generation"] == deployment["generation"]
    text = "is so already" if same else f"goes back to what generation {wanted.generation} wanted"
    show_done([changed], lambda _: text, wanted.output)


def upgrade(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator upgrade`: another version of the template, with the parameters there are."""
    deployment = find(api, wanted.name)
    version: int | None = wanted.to
    pairs = from_pairs(wanted.parameter)
    values: Json = typed(pairs, schema_of(api, deployment["template"], version)) if pairs else {}
    values |= dict.fromkeys(wanted.unset)
    body: Json = {"version": version, "parameters": values, "force": wanted.force, "restart": wanted.restart}
    if wanted.dry_run:
        show_preview(api.call("POST", path_of(deployment, "upgrade/preview"), body=body).body, wanted.output)
        return
    headers = if_match(deployment["generation"])
    changed = api.call("POST", path_of(deployment, "upgrade"), body=body, headers=headers).body
    same = changed["generation"] == deployment["generation"]
    text = "is so already" if same else f"moves to version {changed['template_version']} of {changed['template']}"
    show_done([changed], lambda _: text, wanted.output)


def adopt(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator adopt`: the live values become the wanted ones, as they are read now: all of them, or none."""
    deployment = find(api, wanted.name)
    found: list[Json] = api.get(path_of(deployment, "drift"))["items"]
    meant = [one for one in found if not wanted.paths or {one["path"], spelled(one)} & set(wanted.paths)]
    body: Json = {"generation": deployment["generation"]}
    if wanted.paths:
        body["paths"] = wanted.paths
    if meant:
        body["seen"] = [one["seen"] for one in meant]
    if wanted.dry_run:
        place = path_of(deployment, "drift", "adopt", "preview")
        show_preview(api.call("POST", place, body=body).body, wanted.output)
        return
    changed = api.call("POST", path_of(deployment, "drift", "adopt"), body=body).body
    settings: Json = {name: change["to"] for one in meant for name, change in one["adopts"].items()}
    text = ", ".join(f"{name} = {plain(value)}" for name, value in sorted(settings.items()))
    show_done([changed], lambda _: f"adopted {text}", wanted.output)


def put_back(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator put-back`: once, whatever the policy of what differs."""
    deployment = find(api, wanted.name)
    body: Json = {"paths": wanted.paths} if wanted.paths else {}
    changed = api.call("POST", path_of(deployment, "drift", "put-back"), body=body).body
    show_done([changed], lambda _: "is being put back", wanted.output)


def policy(wanted: argparse.Namespace) -> Json:
    """What was said of drift, for a body. Raises Misused."""
    body: Json = {} if wanted.drift_policy is None else {"drift_policy": wanted.drift_policy}
    if wanted.drift_rules is not None:
        try:
            body["drift_rules"] = json.loads(wanted.drift_rules)
        except ValueError:
            hint = 'Such as [{"path": "spec.replicas", "policy": "Ignore"}].'
            raise Misused("the drift rules are no JSON", path="--drift-rules", hint=hint) from None
    return body


def spelled(drift: Json) -> str:
    """The path among all of a deployment."""
    return f"{drift['kind']}/{drift['name']}:{drift['path']}"


# ---------------------------------------------------------------- one or many


def act(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator start`, `stop`, `pause`, `resume`, `reconcile`."""
    found = find_all(api, wanted.names)
    state = STATES.get(wanted.action)
    if state is None:
        done = bulk(api, found, {"action": wanted.action})
    elif len(found) == 1:
        done = [patch(api, found[0], {"desired_state": state})]
    else:
        done = bulk(api, found, {"change": {"desired_state": state}})
    show_done(done, lambda _: DONE[wanted.action], wanted.output)


def bulk(api: Api, deployments: Sequence[Json], what: Json) -> list[Json]:
    """In one transaction, all or none; answers them as they then are, in short. Raises ClientError."""
    return api.once("deployments/bulk", {"ids": [deployment["id"] for deployment in deployments], **what})["items"]


def delete(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator delete`: asks first."""
    found = find_all(api, wanted.names)
    if not wanted.yes:
        confirm(found, delete_data=wanted.delete_data)
    keep: Json = {"keep_data": False} if wanted.delete_data else {}
    if len(found) == 1:
        query = {"keep_data": "false"} if wanted.delete_data else None
        done = [gone(api, found[0], query)]
    else:
        done = bulk(api, found, {"change": {"desired_state": "Deleted", **keep}})
    lost = {one["id"] for one in found if wanted.delete_data or not one["keep_data"]}
    text = ("is deleted; its data is kept", "is deleted, and its data too")
    show_done(done, lambda one: text[one["id"] in lost], wanted.output)


def gone(api: Api, deployment: Json, query: dict[str, str] | None) -> Json:
    """Delete one if it is still as it was read, or was deleted by an attempt of ours."""
    try:
        return api.call("DELETE", path_of(deployment), query=query, headers=if_match(deployment["generation"])).body
    except Conflicting as error:
        now = api.get(path_of(deployment)) if error.unsure else None
        if now is not None and now["desired_state"] == "Deleted":
            return now
        raise


def confirm(found: Sequence[Json], *, delete_data: bool) -> None:
    """Ask on a terminal. Raises Misused where there is none, ClientError for any answer but yes."""
    if not sys.stdin.isatty():
        raise Misused("delete asks first, and there is nobody to ask", hint="Say --yes.")
    for deployment in found:
        kept = deployment["keep_data"] and not delete_data
        data = "its data is kept, and `start` with its id brings it back" if kept else "ITS DATA IS DELETED, for good"
        print(f"{full_name(deployment)} on {deployment['cluster']}: {data}", file=sys.stderr)
    print("Delete? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ClientError("nothing was deleted")


def show_done(done: list[Json], text: Callable[[Json], str], output: str) -> None:
    """What came of it, each on a line of its own."""
    if output == "table":
        for deployment in done:
            print(f"{full_name(deployment)} {plain(text(deployment))} (generation {deployment['generation']})")
    elif output == "name":
        show(done, output)
    else:
        show_json(done[0] if len(done) == 1 else {"items": done})
