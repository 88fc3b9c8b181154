"""A rule that ignores whole objects gives all of them away, whatever they hold, and changes nothing of them."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from db.templates import SHIPPED, load_templates
from kube.kinds import APPLIED
from tests.conftest import ControlPlane, Database
from tests.drift.conftest import CORPUS, PARAMETERS, templates
from tests.intent import Intent
from tests.outsider import Outsider
from tests.workers.steps import Steps
from tests.workers.test_fields import our_fields
from tests.workers.test_yielding import applied, rules

# Owner references are ours and never left; a template can hold no ephemeral containers.
OUT_OF_REACH = ("ownerReferences", "ephemeralContainers")
PLAIN = ("apiVersion", "kind", "status")


@pytest.mark.parametrize("template", [template.name for template in templates()])
async def test_all_of_it_is_left_as_it_stands(
    template: str, database: Database, intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    for folder in (SHIPPED, CORPUS):
        load_templates(database.dsn, folder)
    made = intent.deploy(template, template, **PARAMETERS.get(template, {}))
    await applied(intent, steps, made)
    managed = [row for row in intent.inventory(made).values() if row["managed"] and row["name"] != f"{template}-root"]
    before = {(row["kind"], row["name"]): outsider.get(row["kind"], namespace, row["name"]) for row in managed}
    rules(intent, made, [{"policy": "Ignore"}])
    await applied(intent, steps, made)
    for (kind, name), live in before.items():
        now = outsider.get(kind, namespace, name)
        assert content(now) == content(live), f"{kind} {name}"
        assert now["metadata"].get("generation") == live["metadata"].get("generation"), f"{kind} {name}"
        assert beside_metadata(our_fields(now)) == {}, f"{kind} {name}"


def beside_metadata(fields: dict[str, Any]) -> dict[str, Any]:
    """A fieldset without the labels and annotations that we put on objects and pods for ourselves."""
    left = {step: beside_metadata(below) for step, below in fields.items() if step != "f:metadata"}
    return {step: below for step, below in left.items() if below or not fields[step]}


def content(live: dict[str, Any]) -> dict[str, Any]:
    """What an object says of itself. A claim is bound when its cluster comes to it, which may be between two looks."""
    said = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    if live["kind"] == "PersistentVolumeClaim":
        said["spec"] = {key: value for key, value in said["spec"].items() if key != "volumeName"}
    return said


def test_what_has_fields_and_is_one_value_to_the_api_server_is_known_for_one(
    control_plane: ControlPlane, intent: Intent
) -> None:
    described = msgspec.json.decode(control_plane.kubectl("get", "--raw", "/openapi/v2"))["definitions"]
    found = {path for kind in APPLIED for path in atomic(described, schema_of(described, kind.name, kind.api_version))}
    assert "spec.template.spec.nodeSelector" in found
    assert "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution" in found
    known = "SELECT array_agg(path) FROM unnest(%s::text[]) path WHERE NOT orchestrator.below_atomic(path || '.a')"
    assert intent.value(known, sorted(found)) is None, "each of these is one value to the API server"
    assert intent.value("SELECT orchestrator.below_atomic('data[a.selector.yaml]')") is False, "a key is no field"


def schema_of(described: dict[str, Any], kind: str, api_version: str) -> dict[str, Any]:
    group, _, version = api_version.rpartition("/")
    meant = {"group": group, "version": version, "kind": kind}
    return next(one for one in described.values() if meant in one.get("x-kubernetes-group-version-kind", ()))


def atomic(
    described: dict[str, Any], schema: dict[str, Any], path: str = "", above: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The places below a schema that have fields and are one value, but for those in lists that are one themselves."""
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ())), None)
    if reference is not None:
        if reference in above:
            return
        above = above | {reference}
        schema = {**described[reference.rpartition("/")[2]], **schema}
    if schema.get("x-kubernetes-map-type") == "atomic":
        yield path
    elif schema.get("type") == "array" and schema.get("x-kubernetes-list-type") == "map":
        yield from atomic(described, schema["items"], f"{path}[name=a]", above)
    elif schema.get("type") != "array":
        for name, below in schema.get("properties", {}).items():
            if name not in OUT_OF_REACH and (path or name not in PLAIN):
                yield from atomic(described, below, f"{path}.{name}" if path else name, above)
