"""Edits of others, made up for each field that we own: another value, or none; by each of the ways there are.

Works out by itself what an edit changed (the object before and after, at every field we applied), so that it can be
held against what `kube.ownership` reads from managedFields.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from kube.kinds import kind_named
from tests.outsider import MERGE, Outsider

Steps = tuple[str, ...]
ABSENT = object()
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
# Where a field takes only certain words, the server says so, and the next is tried.
WORDS = (
    ("TCP", "UDP", "SCTP"),
    ("Always", "IfNotPresent", "Never", "OnFailure"),
    ("Prefix", "Exact", "ImplementationSpecific"),
    ("Local", "Cluster"),
    ("Allow", "Forbid", "Replace"),
    ("RollingUpdate", "Recreate", "OnDelete"),
    ("IfHealthyBudget", "AlwaysAllow"),
    ("Retain", "Delete"),
    ("Default", "ClusterFirst", "None"),
    ("File", "FallbackToLogsOnError"),
    ("HTTP", "HTTPS"),
    ("ScheduleAnyway", "DoNotSchedule"),
    ("Honor", "Ignore"),
    ("OnRootMismatch",),
    ("Memory", ""),
    ("ClientIP", "None"),
    ("NotRequired", "RestartContainer"),
    ("Utilization", "AverageValue"),
    ("NonIndexed", "Indexed"),
    ("ClusterIP", "NodePort", "LoadBalancer"),
)
SAMPLES = ("7", "3Gi", "13%", "1 1 * * *", "Etc/UTC", "10.2.0.0/16", "eA==", "limits.memory", "metadata.namespace", "a")


def leaves(fields: dict[str, Any], above: Steps = ()) -> Iterator[Steps]:
    """The paths of a FieldsV1 tree that have nothing below them."""
    for step, below in fields.items():
        if step == ".":
            continue
        here = (*above, step)
        if any(key != "." for key in below):
            yield from leaves(below, here)
        else:
            yield here


def items(fields: dict[str, Any], above: Steps = ()) -> Iterator[Steps]:
    """The list items, told by their keys, that are ours as a whole."""
    for step, below in fields.items():
        here = (*above, step)
        if step[:2] == "k:" and "." in below:
            yield here
        yield from items(below, here)


def find(value: Any, steps: Steps) -> tuple[list[str | int], Any]:
    """Where a path is in an object, as keys and indices, and what stands there (ABSENT where nothing does)."""
    where: list[str | int] = []
    for step in steps:
        text = step[2:]
        if step[:2] == "f:":
            place: str | int = text
            found = value.get(text, ABSENT) if isinstance(value, dict) else ABSENT
        else:
            wanted = json.loads(text)
            matching = [
                index
                for index, item in enumerate(value if isinstance(value, list) else ())
                if item == wanted or (isinstance(item, dict) and wanted.items() <= item.items())
            ]
            place, found = (matching[0], value[matching[0]]) if matching else (-1, ABSENT)
        where.append(place)
        value = found
        if found is ABSENT:
            break
    return where, value


def values_at(live: dict[str, Any], paths: list[Steps]) -> dict[Steps, Any]:
    """What stands at each path."""
    return {steps: find(live, steps)[1] for steps in paths}


def others_than(value: Any) -> Iterator[Any]:
    """Values that could stand there instead, likely ones first. Most are refused by the server."""
    match value:
        case bool():
            yield not value
        case int() | float():
            yield from (value + 1, value - 1, value * 2, 1, 7)
        case str():
            yield from other_words(value)
        case list():
            for index, item in enumerate(value):
                yield from ([*value[:index], other, *value[index + 1 :]] for other in others_than(item))
            yield value[:-1]
            yield [*value, "another"]
        case dict():
            for key, item in value.items():
                yield from ({**value, key: other} for other in others_than(item))
            yield from (
                {**value, "matchLabels": {"another": "one"}},
                {**value, "another": "one"},
                {**value, "type": "x"},
            )


def other_words(value: str) -> Iterator[str]:
    known = [word for words in WORDS if value in words for word in words if word != value]
    yield from known or (f"{value}x", *(sample for sample in SAMPLES if sample != value))


def generalised(kind: str, steps: Steps) -> str:
    """The path with its list keys left out: what is tried once need not be tried at each container."""
    plain = (step if step[:2] == "f:" else "[]" for step in steps)
    return re.sub(r"f:(data|binaryData|labels|annotations|matchLabels)/f:.*$", r"f:\1/*", f"{kind}/{'/'.join(plain)}")


class Editor:
    """Somebody else, in one of four ways: whole objects (PUT), JSON patch, merge patch, server-side apply by force."""

    def __init__(self, outsider: Outsider) -> None:
        self.outsider = outsider

    def put(self, live: dict[str, Any], steps: Steps, value: Any) -> bool:
        """As an editor or a controller writes: all of it, at the version that was read."""
        for _ in range(5):
            path = kind_named(live["kind"]).path(live["metadata"]["namespace"], live["metadata"]["name"])
            changed = copy.deepcopy(
                self.outsider.get(live["kind"], live["metadata"]["namespace"], live["metadata"]["name"])
            )
            write(changed, find(changed, steps)[0], value)
            status, _ = self.outsider.call("PUT", f"{path}?fieldManager=editor-put", changed)
            if status != 409:
                return status == 200
        return False

    def patch(self, live: dict[str, Any], steps: Steps, value: Any) -> bool:
        """By RFC 6902."""
        where, _ = find(live, steps)
        pointer = "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in where)
        operation = (
            {"op": "remove", "path": pointer} if value is ABSENT else {"op": "replace", "path": pointer, "value": value}
        )
        return self._send(live, "PATCH", "editor-patch", [operation], JSON_PATCH)

    def merge(self, live: dict[str, Any], steps: Steps, value: Any) -> bool:
        """By a merge patch, as `kubectl label` and `annotate` do; lists are sent whole."""
        where, _ = find(live, steps)
        changed = copy.deepcopy(live)
        write(changed, where, None if value is ABSENT and isinstance(where[-1], str) else value)
        depth = next((n for n, key in enumerate(where) if isinstance(key, int)), len(where))
        sent: Any = changed
        for key in where[:depth]:
            sent = sent[key]
        for key in reversed(where[:depth]):
            sent = {key: sent}
        return self._send(live, "PATCH", "editor-merge", sent, MERGE)

    def apply(self, live: dict[str, Any], steps: Steps, value: Any) -> bool:
        """By server-side apply with force, of this one field."""
        sent = value
        for step in reversed(steps):
            sent = {step[2:]: sent} if step[:2] == "f:" else [{**json.loads(step[2:]), **sent}]
        names = {key: live["metadata"][key] for key in ("name", "namespace")}
        body = {
            **sent,
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            "metadata": sent.get("metadata", {}) | names,
        }
        return self._send(live, "PATCH", "editor-apply", body, APPLY, "&force=true")

    def scale(self, live: dict[str, Any], steps: Steps, value: Any) -> bool:
        """By the scale subresource, as `kubectl scale` and autoscalers do."""
        if steps != ("f:spec", "f:replicas") or not isinstance(value, int):
            return False
        return self._send(live, "PATCH", "editor-scale", {"spec": {"replicas": value}}, MERGE, below="/scale")

    def _send(
        self,
        live: dict[str, Any],
        method: str,
        manager: str,
        body: Any,
        content_type: str,
        query: str = "",
        below: str = "",
    ) -> bool:
        path = kind_named(live["kind"]).path(live["metadata"]["namespace"], live["metadata"]["name"])
        status, _ = self.outsider.call(method, f"{path}{below}?fieldManager={manager}{query}", body, content_type)
        return status == 200


def write(target: Any, where: list[str | int], value: Any) -> None:
    """Put a value at a place, or take away what is there."""
    for key in where[:-1]:
        target = target[key]
    if value is ABSENT:
        del target[where[-1]]
    else:
        target[where[-1]] = value
