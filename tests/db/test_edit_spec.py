"""Editing desired_spec_json: every changed place must be one that a parameter fills, and the parameters follow."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import copy
import json
from typing import Any

import pytest

from tests.db.stage import Stage, refused

Spec = list[dict[str, Any]]


def find(spec: Spec, kind: str) -> dict[str, Any]:
    return next(m for m in spec if m["kind"] == kind)


def container(spec: Spec, kind: str = "StatefulSet") -> dict[str, Any]:
    return find(spec, kind)["spec"]["template"]["spec"]["containers"][0]


def edit(stage: Stage, own: Any, spec: Spec) -> None:
    stage.change(own, desired_spec_json=spec)


def spec_of(stage: Stage, name: str = "lobby") -> Spec:
    return copy.deepcopy(stage.deployment(name)["desired_spec_json"])


def test_an_edited_value_becomes_the_parameter(stage: Stage) -> None:
    own = stage.deploy("lobby", "web")
    spec = spec_of(stage)
    find(spec, "Deployment")["spec"]["replicas"] = 4
    edit(stage, own, spec)
    row = stage.deployment("lobby")
    assert (row["generation"], row["parameters"]) == (2, {"replicas": 4})
    assert row["desired_spec_json"] == spec
    assert stage.last_event(own, "DeploymentChanged")["data_json"] == {"parameters.replicas": {"from": None, "to": 4}}


def test_an_edited_text_becomes_the_typed_parameter_and_all_that_follows_from_it(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    spec = spec_of(stage)
    settings = find(spec, "StatefulSet")["spec"]["template"]["metadata"]["annotations"][
        "server-orchestrator.io/settings"
    ]
    find(spec, "ConfigMap")["data"] |= {"MAX_PLAYERS": "7", "ONLINE_MODE": "false", "MOTD": "100% fun"}
    edit(stage, own, spec)
    row = stage.deployment("lobby")
    assert row["parameters"] == {"max_players": 7, "online_mode": False, "motd": "100% fun"}
    changed = find(row["desired_spec_json"], "StatefulSet")["spec"]["template"]["metadata"]["annotations"]
    assert changed["server-orchestrator.io/settings"] != settings


def test_editing_one_of_several_places_of_a_parameter_is_enough(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    spec = spec_of(stage)
    container(spec)["resources"]["limits"]["memory"] = "4Gi"
    edit(stage, own, spec)
    assert stage.deployment("lobby")["parameters"] == {"memory": "4Gi"}
    assert container(spec_of(stage))["resources"]["requests"]["memory"] == "4Gi"


def test_an_edit_is_found_behind_a_manifest_that_is_left_out(stage: Stage) -> None:
    stage.admin.execute(
        """SELECT put_template('pick', '[{"apiVersion":"v1","kind":"ConfigMap","$when":"first","metadata":{"name":"${name}-a"},"data":{"x":"${one}"}},
             {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}-b"},"data":{"x":"${two}"}}]',
           '{"properties": {"first": {"type": "boolean", "default": false}, "one": {"type": "string", "default": "1"},
             "two": {"type": "string", "default": "2"}}}')"""
    )
    own = stage.deploy("lobby", "pick")
    spec = spec_of(stage)
    spec[0]["data"]["x"] = "changed"
    edit(stage, own, spec)
    assert stage.deployment("lobby")["parameters"] == {"two": "changed"}


def test_a_number_that_would_be_written_otherwise_is_refused(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    spec = spec_of(stage)
    find(spec, "ConfigMap")["data"]["PAUSE_WHEN_EMPTY_SECONDS"] = "-0"
    with refused("SO422", "desired_spec_json.0.data.PAUSE_WHEN_EMPTY_SECONDS", "as it is written here"):
        edit(stage, own, spec)


def spoil(spec: Spec, how: str) -> None:
    match how:
        case "a fixed value":
            find(spec, "Deployment")["spec"]["template"]["spec"]["containers"][0]["name"] = "other"
        case "a new field":
            find(spec, "Deployment")["spec"]["paused"] = True
        case "a removed field":
            del find(spec, "Deployment")["spec"]["replicas"]
        case "a new manifest":
            spec.append(copy.deepcopy(spec[0]))
        case "a removed manifest":
            spec.pop()
        case "a list of another length":
            container(spec, "Deployment")["env"].append({"name": "X", "value": "y"})
        case "the name":
            find(spec, "Service")["metadata"]["name"] = "other"
        case "a type":
            find(spec, "Deployment")["spec"]["replicas"] = {"more": 1}


@pytest.mark.parametrize(
    ("how", "path"),
    [
        ("a fixed value", "desired_spec_json.1.spec.template.spec.containers.0.name"),
        ("a new field", "desired_spec_json.1.spec.paused"),
        ("a removed field", "desired_spec_json.1.spec.replicas"),
        ("a new manifest", "desired_spec_json"),
        ("a removed manifest", "desired_spec_json"),
        ("a list of another length", "desired_spec_json.1.spec.template.spec.containers.0.env"),
        ("the name", "desired_spec_json.0.metadata.name"),
        ("a type", "parameters.replicas"),
    ],
)
def test_an_edit_outside_the_allowed_mutations_is_refused(stage: Stage, how: str, path: str) -> None:
    own = stage.deploy("lobby", "web")
    before = stage.deployment("lobby")
    spec = spec_of(stage)
    spoil(spec, how)
    with refused("SO422", path, "eplicas"):
        edit(stage, own, spec)
    assert stage.deployment("lobby") == before
    assert stage.events(own) == ["DeploymentCreated", "DeploymentQueued"]


def test_an_edited_value_must_satisfy_its_schema(stage: Stage) -> None:
    own = stage.deploy("lobby", "web")
    spec = spec_of(stage)
    find(spec, "Deployment")["spec"]["replicas"] = 51
    with refused("SO422", "parameters.replicas", "50"):
        edit(stage, own, spec)


def test_a_text_that_is_no_such_value_is_refused_by_the_schema(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    for text in ["07", "seven", "1e2", "", "7.5"]:
        spec = spec_of(stage)
        find(spec, "ConfigMap")["data"]["MAX_PLAYERS"] = text
        with refused("SO422", "parameters.max_players", "integer"):
            edit(stage, own, spec)


def test_two_places_that_ask_for_different_values_are_refused(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    spec = spec_of(stage)
    container(spec)["resources"]["limits"]["memory"] = "4Gi"
    container(spec)["resources"]["requests"]["memory"] = "3Gi"
    with refused("SO422", "desired_spec_json.", "the same value"):
        edit(stage, own, spec)


def test_the_spec_and_what_it_is_made_from_cannot_change_together(stage: Stage) -> None:
    own = stage.deploy("lobby", "web")
    spec = spec_of(stage)
    find(spec, "Deployment")["spec"]["replicas"] = 4
    with refused("SO422", "desired_spec_json", "first"):
        stage.change(own, desired_spec_json=spec, parameters={"replicas": 4})


def fixed(stage: Stage) -> Any:
    stage.admin.execute(
        """SELECT put_template('fixed', '[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}-a"},
             "data":{"x":"aba${word}aba","mixed":"${word}-${name}","plain":"${word}"}}]',
           '{"properties": {"word": {"type": "string", "default": "w"}}}')"""
    )
    return stage.deploy("lobby", "fixed")


def test_a_text_that_loses_its_fixed_part_is_refused(stage: Stage) -> None:
    """Also where prefix and suffix overlap in what is left."""
    own = fixed(stage)
    for text in ["w", "abaw", "waba", "aba", "ababa", "", "abwaba"]:
        spec = spec_of(stage)
        spec[0]["data"]["x"] = text
        with refused("SO422", "desired_spec_json.0.data.x", "aba…aba"):
            edit(stage, own, spec)
    spec = spec_of(stage)
    spec[0]["data"]["x"] = "abaaba"
    edit(stage, own, spec)
    assert stage.deployment("lobby")["parameters"] == {"word": ""}


@pytest.mark.parametrize("value", [{"a": 1}, ["x"], 3, None])
def test_a_place_of_text_takes_text_only(stage: Stage, value: Any) -> None:
    own = fixed(stage)
    spec = spec_of(stage)
    spec[0]["data"]["plain"] = value
    with refused("SO422"):
        edit(stage, own, spec)


def test_a_text_made_of_several_parameters_cannot_be_read_back(stage: Stage) -> None:
    own = fixed(stage)
    spec = spec_of(stage)
    spec[0]["data"]["mixed"] = "z-lobby"
    with refused("SO422", "desired_spec_json.0.data.mixed", "word"):
        edit(stage, own, spec)


def test_a_digest_cannot_be_edited(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    spec = spec_of(stage)
    find(spec, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]["server-orchestrator.io/settings"] = "0"
    with refused("SO422", "desired_spec_json.4"):
        edit(stage, own, spec)


def test_an_edit_of_storage_is_held_to_the_same_rules(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    spec = spec_of(stage)
    find(spec, "PersistentVolumeClaim")["spec"]["resources"]["requests"]["storage"] = "1Gi"
    with refused("SO409", "PersistentVolumeClaim/lobby-data"):
        edit(stage, own, spec)


def test_a_direct_jsonb_set_in_psql_works(stage: Stage) -> None:
    own = stage.deploy("lobby", "web")
    stage.operator.execute(
        "UPDATE deployments SET desired_spec_json = jsonb_set(desired_spec_json, '{1,spec,replicas}', %s)",
        (json.dumps(9),),
    )
    assert stage.deployment("lobby")["parameters"] == {"replicas": 9}
    assert stage.slot(own)["requested"] == 2
