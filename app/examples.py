"""Examples of every body and answer, made from what the description says they look like."""

from __future__ import annotations

from typing import Any, cast

Schema = dict[str, Any]

_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_TIME = "2026-11-24T09:30:00Z"
# What stands in examples, by the name of the field. Others get the least that their schema allows.
_VALUES: dict[str, Any] = {
    "name": "lobby",
    "title": "Paper",
    "namespace": "games",
    "cluster": "default",
    "deployment": "lobby",
    "template": "paper",
    "parameters": {"eula": "TRUE", "memory": "4Gi"},
    "memory": "4Gi",
    "desired_state": "Active",
    "drift_policy": "Enforce",
    "policy": "Enforce",
    "rule_source": "default",
    "rule": None,
    "drift_rules": [{"kind": "StatefulSet", "path": "spec.replicas", "policy": "Ignore"}],
    "drift_rules_json": [],
    "status_summary": "Healthy",
    "status_message": "Everything asked for is running.",
    "by_status": {"Degraded": 1, "Healthy": 41},
    "deployments": {"Healthy": 41},
    "kind": "StatefulSet",
    "api_version": "apps/v1",
    "path": "spec.replicas",
    "wanted": 1,
    "live": 0,
    "was": "2Gi",
    "becomes": "4Gi",
    "field": "parameters.memory",
    "manager": "kubectl-scale",
    "adopted": None,
    "adopts": {"replicas": {"from": 1, "to": 0}},
    "adoptable": True,
    "not_adoptable": None,
    "seen": "5f2c08be9d1a44e7",
    "health": "Healthy",
    "type": "DeploymentChanged",
    "source": "user",
    "actor": "alice",
    "user": "alice",
    "role": "operator",
    "namespaces": ["games"],
    "lane": "now",
    "state": "synced",
    "status": "ok",
    "next": None,
    "in_window": "nights",
    "days": ["Sat", "Sun"],
    "starts": "04:00",
    "lasts_minutes": 120,
    "zone": "Europe/Berlin",
    "opens_there": "2026-11-28T04:00:00",
    "closes_there": "2026-11-28T06:00:00",
    "players": 3,
    "asked_by": "alice",
    "stale_since": None,
    "finalised_at": None,
    "missing_since": None,
    "unreachable_since": None,
    "unreachable_reason": None,
    "error": None,
    "manifest": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lobby"}},
    "desired_spec_json": [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lobby"}}],
    "observed_json": {"StatefulSet/lobby": {"replicas": 1, "readyReplicas": 1}},
}
_BODIES: dict[str, Any] = {
    "NewDeployment": {
        "name": "lobby",
        "template": "paper",
        "namespace": "games",
        "parameters": {"eula": "TRUE", "memory": "4Gi"},
    },
    "Adoption": {"paths": ["StatefulSet/lobby:spec.replicas"], "generation": 3, "seen": ["5f2c08be9d1a44e7"]},
    "ChangedDeployment": {"parameters": {"memory": "6Gi"}},
    "Wanted": {
        "name": "nights",
        "namespace": "games",
        "days": ["Sat", "Sun"],
        "starts": "04:00",
        "lasts_minutes": 120,
        "zone": "Europe/Berlin",
    },
    "Restart": {"in_window": "nights"},
    "NewRollout": {"template": "paper", "version": 4, "batch_size": 5, "max_unavailable": 1},
    "Bulk": {"ids": [_ID], "action": "restart"},
}


def body_example(schema: Schema, components: Schema) -> Any:
    """One that would be carried out."""
    return _BODIES.get(_referred(schema)) or example(schema, components)


def example(schema: Schema, components: Schema, name: str = "") -> Any:
    """A value that this schema allows, such as one meets in a field of this name."""
    if "$ref" in schema:
        return example(components[_referred(schema)], components, name)
    variants: list[Schema] = schema.get("oneOf") or [schema]
    if name in _VALUES and any(_fits(_VALUES[name], one) for one in variants):
        return _VALUES[name]
    if "oneOf" in schema:
        return example(variants[0], components, name)
    return _least(schema, components, name)


def _least(schema: Schema, components: Schema, name: str) -> Any:
    """What a schema allows that refers to no other."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            found = {key: example(one, components, key) for key, one in schema.get("properties", {}).items()}
        case "array":
            found = [example(schema.get("items", {}), components, name)]
        case "string":
            found = {"uuid": _ID, "date-time": _TIME}.get(schema.get("format", ""), "")
        case "integer" | "number":
            found = schema.get("minimum", 1)
        case "boolean":
            found = False
        case _:
            found = None
    return found


def _referred(schema: Schema) -> str:
    return schema.get("$ref", "").rpartition("/")[2]


_TYPES: dict[str, type[Any]] = {
    "string": str,
    "integer": int,
    "object": dict,
    "array": list,
    "boolean": bool,
    "null": type(None),
}


def _fits(value: Any, schema: Schema) -> bool:
    """Whether a value of ours may stand here; unsure is no."""
    if "enum" in schema:
        return value in schema["enum"]
    if "$ref" in schema or "properties" in schema or "format" in schema:
        return False
    items: Schema = schema.get("items", {})
    if isinstance(value, list) and items:
        return all(_fits(one, items) for one in cast("list[Any]", value))
    return "type" not in schema or isinstance(value, _TYPES[schema["type"]])
