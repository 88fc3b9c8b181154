"""Drift rules of a template: named for each deployment made of it, they decide wherever rules of its own would."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from db.templates import load_templates
from tests.db.stage import Stage, refused
from tests.db.test_adopt import change, drifted
from tests.intent import PARAMETERS, REPLICAS, config_map, service, workload

# fmt: off
RULES = [
    {"kind": "Deployment", "name": "${name}", "path": "spec.replicas", "policy": "Ignore"},
    {"kind": "Service", "policy": "Adopt"},
    {"kind": "ConfigMap", "name": "${name}-env", "path": "data", "policy": "Adopt", "automatic": True},
]
# fmt: on
NAMED = [
    {key: value.replace("${name}", "hub") if key == "name" else value for key, value in rule.items()} for rule in RULES
]
MANIFESTS = [
    config_map(),
    service(),
    workload("Deployment", replicas=REPLICAS),
    workload("Deployment", suffix="-second", replicas=REPLICAS),
]
SCHEMA = {"properties": {name: PARAMETERS[name] for name in ("greeting", "note", "image", "replicas", "cpu")}}
SCALED = change("spec.replicas", 1, 3)


@pytest.fixture
def hub(stage: Stage) -> Any:
    """Made of a template with rules, among which one is about one of two objects of one kind."""
    put = "SELECT put_template('ruled', %s, %s, %s)"
    stage.admin.execute(put, (json.dumps(MANIFESTS), json.dumps(SCHEMA), json.dumps(RULES)))
    return stage.run_healthy("hub", "ruled")


def test_the_view_tells_what_a_template_decides_and_hides_what_it_ignores(stage: Stage, hub: Any) -> None:
    drifted(stage, hub, "Deployment", "hub", SCALED)
    drifted(stage, hub, "Deployment", "hub-second", SCALED)
    drifted(stage, hub, "Service", "hub", change("spec.selector", {"a": "b"}, {"c": "d"}))
    columns = "object, path, policy, rule_source, rule, outlook"
    found = stage.viewer.execute(f"SELECT {columns} FROM drift ORDER BY kind").fetchall()  # type: ignore[arg-type]
    assert [tuple(row.values()) for row in found] == [
        ("hub-second", "spec.replicas", "Enforce", "default", None, "now"),
        ("hub", "spec.selector", "Adopt", "template", NAMED[1], "undecided"),
    ]
    stage.change(hub, drift_rules=[{"kind": "Service", "policy": "Ignore"}])
    found = stage.viewer.execute("SELECT kind FROM drift").fetchall()
    assert [row["kind"] for row in found] == ["Deployment"], "of equal rules the deployment's decides"


def test_a_claim_leaves_out_what_a_template_ignores_of_the_object_it_names(stage: Stage, hub: Any) -> None:
    stage.change(hub, parameters={"replicas": 2})
    left = {f"{item['kind']}/{item['name']}": item["paths"] for item in stage.claim_one()["inventory"]}
    assert left == {
        "ConfigMap/hub-env": [],
        "ConfigMap/hub-root": [],
        "Deployment/hub": ["spec.replicas"],
        "Deployment/hub-second": [],
        "Service/hub": [],
    }


def test_a_plan_tells_no_change_where_a_template_leaves_it_to_others(stage: Stage, hub: Any) -> None:
    with stage.operator.transaction(force_rollback=True):
        stage.change(hub, parameters={"replicas": 2})
        plan = stage.operator.execute("SELECT * FROM plan(%s) WHERE path = 'spec.replicas'", (hub,)).fetchall()
    assert [(row["name"], row["action"], row["reason"]) for row in plan] == [
        ("hub", "none", "asked for, and left alone: a rule ignores it"),
        ("hub-second", "change", "asked for"),
    ]


def test_what_a_template_adopts_by_itself_is_wanted_as_soon_as_it_is_seen(stage: Stage, hub: Any) -> None:
    drifted(stage, hub, "ConfigMap", "hub-env", change("data.GREETING", "hello", "hi"))
    row = stage.deployment("hub")
    assert (row["parameters"], row["drift_rules"]) == ({"greeting": "hi"}, [])
    assert stage.last_event(hub, "DeploymentChanged")["actor"] == "adopt:kubectl-edit"


def test_rules_belong_to_their_version(stage: Stage, hub: Any) -> None:
    stage.admin.execute("SELECT put_template('ruled', %s, %s)", (json.dumps(MANIFESTS), json.dumps(SCHEMA)))
    drifted(stage, hub, "Deployment", "hub", SCALED)
    assert stage.rows("SELECT FROM drift") == []
    stage.change(hub, template_version=2)
    assert [row["policy"] for row in stage.rows("SELECT policy FROM drift")] == ["Enforce"]


def test_the_rules_in_a_templates_file_are_loaded_with_it(stage: Stage, tmp_path: Path) -> None:
    file = {"name": "filed", "base_spec_json": MANIFESTS, "allowed_mutations_json": SCHEMA, "drift_rules": RULES}
    (tmp_path / "filed.yaml").write_text(yaml.safe_dump(file))
    url = stage.database.dsn_as("admin")
    assert load_templates(url, tmp_path) == [("filed", 1)]
    assert stage.one("SELECT drift_rules_json FROM templates WHERE name = 'filed'") == RULES
    assert load_templates(url, tmp_path) == [("filed", 1)], "nothing changed"
    (tmp_path / "filed.yaml").write_text(yaml.safe_dump({**file, "drift_rules": []}))
    assert load_templates(url, tmp_path) == [("filed", 2)], "other rules are another version"


def test_a_rule_of_a_template_for_an_object_of_somebody_elses_is_refused(stage: Stage) -> None:
    put = "SELECT put_template('ruled', %s, %s, %s)"
    rules = [{"name": "lobby", "policy": "Ignore"}]
    with refused("SO422", "drift_rules.0.name", "${name}"):
        stage.admin.execute(put, (json.dumps(MANIFESTS), json.dumps(SCHEMA), json.dumps(rules)))
