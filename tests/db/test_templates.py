"""Templates: what may be written, what a rendering is, and that reading it back gives the parameters it was made from."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import copy
import json
import random
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db.errors import Refused
from db.templates import SHIPPED, BadTemplateFile, load_templates
from deploy.command import main
from tests.conftest import Database
from tests.db.stage import Stage, denied, refused
from tests.waiting import eventually_blocking

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${name}-c"}, "data": {"a": "b"}}


def put(
    stage: Stage, spec: list[Any], properties: dict[str, Any] | None = None, name: str = "mine", **schema: Any
) -> int:
    row = stage.admin.execute(
        "SELECT put_template(%s, %s, %s) AS version",
        (name, json.dumps(spec), json.dumps({"type": "object", "properties": properties or {}, **schema})),
    ).fetchone()
    assert row is not None
    return row["version"]


def config(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CONFIG), **changes}


@pytest.mark.parametrize("spelling", [["templates", "load"], ["load-templates"]])
def test_a_folder_of_templates_is_loaded_by_a_command(
    stage: Stage, shipped_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: list[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", shipped_database.dsn_as("admin"))
    written = {"name": "brought", "base_spec_json": [CONFIG], "allowed_mutations_json": {"type": "object"}}
    (tmp_path / "brought.yaml").write_text(json.dumps(written))
    assert main([*spelling, str(tmp_path)]) == 0
    assert stage.rows("SELECT name, version FROM templates WHERE name = 'brought'") == [
        {"name": "brought", "version": 1}
    ]


# ---------------------------------------------------------------- the property

STRINGS = [
    "",
    "x",
    "100%",
    "%s %1$s %%",
    'say "hi"',
    "back\\slash",
    "new\nline",
    "tab\t",
    "☃ ünïcödé 🎮",
    "${name}",
    "{}",
    "'",
    "a" * 300,
    "\u2028",
]


def random_parameter(dice: random.Random) -> tuple[dict[str, Any], Any]:
    """A schema and a value it allows."""
    match dice.choice(["string", "integer", "number", "boolean", "enum"]):
        case "string":
            return {"type": "string", "default": "d%"}, dice.choice(STRINGS)
        case "integer":
            return {"type": "integer", "default": 5}, dice.choice([0, -1, 7, 2**40, dice.randrange(10**9)])
        case "number":
            return {"type": "number", "default": 0.5}, dice.choice([0, 1.5, -0.25, 12345.678])
        case "boolean":
            return {"type": "boolean", "default": True}, dice.choice([True, False])
    return {"type": "string", "default": "one", "enum": ["one", "two", "three%"]}, dice.choice(["one", "two", "three%"])


def random_tree(dice: random.Random, names: list[str], depth: int = 0) -> Any:
    """A piece of a manifest that uses parameters here and there."""
    kind = dice.choice(["param", "text", "fixed", "list", "object"] if depth < 3 else ["param", "text", "fixed"])
    match kind:
        case "param":
            return {"$param": dice.choice(names)}
        case "text":
            return (
                dice.choice(["", "pre-", "50% ", '"'])
                + "${"
                + dice.choice(names)
                + "}"
                + dice.choice(["", "-post", "%s", "\\"])
            )
        case "list":
            return [random_tree(dice, names, depth + 1) for _ in range(dice.randrange(4))]
        case "object":
            return {
                dice.choice(["a", "b%", 'c"', "d.e/f", "ü"]) + str(n): random_tree(dice, names, depth + 1)
                for n in range(dice.randrange(4))
            }
    return dice.choice([1, 2.5, True, None, "fixed", "100% fixed", "$not"])


def rendered(template: Any, values: dict[str, Any]) -> Any:
    """What a rendering should be, worked out the slow and obvious way."""
    match template:
        case {"$param": name}:
            return values[name]
        case dict():
            return {key: rendered(value, values) for key, value in template.items() if value is not None}
        case list():
            return [rendered(value, values) for value in template]
        case str():
            for name, value in values.items():
                text = value if isinstance(value, str) else json.dumps(value)
                template = template.replace("${" + name + "}", f"\0{name}\0")
                values = {**values, f"\0{name}\0": text}
            for name in [name for name in values if name.startswith("\0")]:
                template = template.replace(name, values[name])
            return template
    return template


@pytest.mark.parametrize("seed", range(25))
def test_a_rendering_is_what_the_template_says_and_inverts_to_its_parameters(quiet_stage: Stage, seed: int) -> None:
    """Random templates and values. Property: invert(render(p)) = p, for every binding that can be read back."""
    dice = random.Random(seed)
    known = {f"p{n}": random_parameter(dice) for n in range(dice.randrange(1, 6))}
    properties, values = {k: v[0] for k, v in known.items()}, {k: v[1] for k, v in known.items()}
    tree = {"data": random_tree(dice, list(known)), "rest": {k: {"$param": k} for k in known}}
    spec = [config(data=tree), config(metadata={"name": "${name}-d"}, data={k: "<${" + k + "}>" for k in known})]
    with quiet_stage.admin.transaction(force_rollback=True), quiet_stage.root.transaction(force_rollback=True):
        execute = quiet_stage.root.execute
        execute("SELECT put_template('random', %s, %s)", (json.dumps(spec), json.dumps({"properties": properties})))
        for name, parameters in [("default", {}), ("given", values)]:
            execute("SELECT deploy(%s, 'random', %s)", (name, json.dumps(parameters)))
            row = execute("SELECT * FROM deployments WHERE name = %s", (name,)).fetchone()
            assert row is not None
            full = {k: p["default"] for k, p in properties.items()} | parameters | {"name": name}
            assert row["desired_spec_json"] == rendered(spec, full)
        # The spec of the second, written into the first, must give the first the parameters of the second.
        moved = json.loads(json.dumps(row["desired_spec_json"]))
        for manifest in moved:
            manifest["metadata"]["name"] = manifest["metadata"]["name"].replace("given", "default", 1)
        execute("UPDATE deployments SET desired_spec_json = %s WHERE name = 'default'", (json.dumps(moved),))
        got = execute("SELECT parameters, desired_spec_json FROM deployments WHERE name = 'default'").fetchone()
        assert got is not None
        assert {k: p["default"] for k, p in properties.items()} | got["parameters"] == values
        assert got["desired_spec_json"] == moved


def test_when_leaves_a_manifest_out(stage: Stage) -> None:
    own = stage.deploy("lobby", "web", {"ingress": False})
    kinds = lambda: [m["kind"] for m in stage.deployment("lobby")["desired_spec_json"]]  # noqa: E731
    assert kinds() == ["Service", "Deployment"]
    stage.change(own, parameters={"ingress": True})
    assert kinds() == ["Service", "Deployment", "Ingress"]
    assert all("$when" not in m for m in stage.deployment("lobby")["desired_spec_json"])


def test_a_digest_changes_when_and_only_when_its_source_does(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")

    def digest() -> str:
        spec = stage.deployment("lobby")["desired_spec_json"]
        return spec[4]["spec"]["template"]["metadata"]["annotations"]["server-orchestrator.io/settings"]

    first = digest()
    stage.change(own, parameters={"memory": "5Gi", "storage": "20Gi"})
    assert digest() == first
    stage.change(own, parameters={"memory": "5Gi", "storage": "20Gi", "motd": "new"})
    assert digest() != first
    stage.change(own, parameters={"storage": "20Gi"})
    assert digest() == first


def test_a_generated_secret_is_left_to_the_cluster(stage: Stage) -> None:
    stage.deploy("lobby", "paper")
    secret = stage.deployment("lobby")["desired_spec_json"][1]
    assert secret["stringData"] == {"password": {"$generate": "password"}}


# ---------------------------------------------------------------- the shipped ones


def test_the_shipped_templates_load_once_and_render(database: Any) -> None:
    assert load_templates(database.dsn_as("admin"), SHIPPED) == [("paper", 1), ("vanilla", 1), ("web", 1)]
    assert load_templates(database.dsn_as("admin"), SHIPPED) == [("paper", 1), ("vanilla", 1), ("web", 1)]
    with psycopg.connect(database.dsn_as("operator")) as connection:
        for name in ("paper", "vanilla", "web"):
            connection.execute("SELECT orchestrator.deploy(%s, %s)", (name, name))
        specs = connection.execute("SELECT desired_spec_json::text FROM orchestrator.deployments").fetchall()
    assert len(specs) == 3
    assert not any("${" in spec or "$param" in spec for (spec,) in specs)


def test_a_folder_of_templates_is_loaded_whole_or_not_at_all(database: Any, tmp_path: Any) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps({"name": "good", "base_spec_json": [CONFIG], "allowed_mutations_json": {}})
    )
    (tmp_path / "b.yaml").write_text("name: bad\nbase_spec_json: [{kind: Node}]\nallowed_mutations_json: {}\n")
    with pytest.raises(Refused) as caught:
        load_templates(database.dsn_as("admin"), tmp_path)
    assert (caught.value.status, caught.value.path) == (422, "base_spec_json.0.kind")
    (tmp_path / "b.yaml").write_text("name: [")
    with pytest.raises(BadTemplateFile, match=r"b\.yaml"):
        load_templates(database.dsn_as("admin"), tmp_path)
    (tmp_path / "b.yaml").unlink()
    assert load_templates(database.dsn_as("admin"), tmp_path) == [("good", 1)]


# ---------------------------------------------------------------- versions


def test_putting_the_same_again_writes_nothing_and_another_writes_the_next_version(stage: Stage) -> None:
    assert put(stage, [config()]) == 1
    assert put(stage, [config()]) == 1
    assert put(stage, [config(data={})]) == 2
    assert put(stage, [config()]) == 3
    ids = stage.rows("SELECT DISTINCT id FROM templates WHERE name = 'mine'")
    assert len(ids) == 1


def test_two_sessions_putting_the_same_at_once_write_one_version(stage: Stage) -> None:
    second = stage.session("admin")
    answers: list[Any] = []
    call = "SELECT put_template('mine', %s, '{\"properties\": {}}') AS version"
    with stage.admin.transaction():
        stage.admin.execute(call, (json.dumps([CONFIG]),))
        thread = threading.Thread(
            target=lambda: answers.append(second.execute(call, (json.dumps([CONFIG]),)).fetchone())
        )
        thread.start()
        eventually_blocking(
            lambda: stage.one("SELECT count(*) FROM pg_locks WHERE NOT granted"), describe="the second waiting"
        )
    thread.join(20)
    assert answers == [{"version": 1}]
    assert stage.one("SELECT count(*) FROM templates WHERE name = 'mine'") == 1


def test_a_version_never_changes_and_one_in_use_never_goes(stage: Stage) -> None:
    put(stage, [config()])
    for change in ["base_spec_json = '[]'", "allowed_mutations_json = '{}'", "name = 'other'", "version = 9", "id = 9"]:
        with refused("SO409", "templates", "next version"):
            stage.admin.execute(f"UPDATE templates SET {change} WHERE name = 'mine'")
    stage.deploy("lobby", "mine")
    with refused("SO409", "templates"):
        stage.admin.execute("DELETE FROM templates WHERE name = 'mine'")
    put(stage, [config(data={})])
    stage.admin.execute("DELETE FROM templates WHERE name = 'mine' AND version = 2")
    with refused("SO409", "version", "leave the version out"):
        stage.admin.execute(
            "INSERT INTO templates (name, version, base_spec_json) VALUES ('mine', 1, %s)", (json.dumps([CONFIG]),)
        )
    with denied():
        stage.admin.execute("TRUNCATE templates CASCADE")


# ---------------------------------------------------------------- what is refused

STRING = {"type": "string", "default": "x"}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"properties": {"a": {**STRING, "format": "email"}}}, "allowed_mutations_json.properties.a.format"),
        ({"properties": {"a": {**STRING, "oneOf": []}}}, "allowed_mutations_json.properties.a.oneOf"),
        (
            {"properties": {"a": {**STRING, "exclusiveMinimum": 1}}},
            "allowed_mutations_json.properties.a.exclusiveMinimum",
        ),
        ({"properties": {}, "patternProperties": {}}, "allowed_mutations_json.patternProperties"),
        ({"properties": {}, "$ref": "#"}, "allowed_mutations_json.$ref"),
        ({"properties": {}, "additionalProperties": True}, "allowed_mutations_json"),
        ({"type": "array"}, "allowed_mutations_json"),
        ({"properties": []}, "allowed_mutations_json"),
        ([], "allowed_mutations_json"),
        ({"properties": {"a": "string"}}, "allowed_mutations_json.properties.a"),
        ({"properties": {"a": {"default": "x"}}}, "allowed_mutations_json.properties.a.type"),
        ({"properties": {"a": {"type": "object", "default": {}}}}, "allowed_mutations_json.properties.a.type"),
        ({"properties": {"a": {"type": ["string"], "default": ""}}}, "allowed_mutations_json.properties.a.type"),
        ({"properties": {"a": {"type": "string"}}}, "allowed_mutations_json.properties.a"),
        ({"properties": {"a": {"type": "string", "default": 3}}}, "parameters.a"),
        ({"properties": {"a": {"type": "string", "default": "x", "enum": ["y"]}}}, "parameters.a"),
        (
            {"properties": {"a": {"type": "string", "default": "x", "enum": "x"}}},
            "allowed_mutations_json.properties.a.enum",
        ),
        ({"properties": {"a": {**STRING, "pattern": "["}}}, "allowed_mutations_json.properties.a.pattern"),
        (
            {"properties": {"a": {"type": "string", "pattern": "("}}, "required": ["a"]},
            "allowed_mutations_json.properties.a.pattern",
        ),
        (
            {"properties": {"a": {"type": "integer", "default": 1, "minimum": "0"}}},
            "allowed_mutations_json.properties.a.minimum",
        ),
        ({"properties": {"a": {**STRING, "maxLength": "9"}}}, "allowed_mutations_json.properties.a.maxLength"),
        ({"properties": {"a": {**STRING, "neverLower": "yes"}}}, "allowed_mutations_json.properties.a.neverLower"),
        (
            {"properties": {"a": {"type": "integer", "default": 1, "neverLower": True}}},
            "allowed_mutations_json.properties.a.neverLower",
        ),
        ({"properties": {"A": STRING}}, "allowed_mutations_json.properties.A"),
        ({"properties": {"a": {**STRING, "unit": 3}}}, "allowed_mutations_json.properties.a.unit"),
        ({"properties": {"a": STRING}, "order": ["b"]}, "allowed_mutations_json.order"),
        ({"properties": {"a": STRING}, "order": "a"}, "allowed_mutations_json.order"),
        ({"properties": {"a-b": STRING}}, "allowed_mutations_json.properties.a-b"),
        ({"properties": {"name": STRING}}, "allowed_mutations_json.properties.name"),
        ({"properties": {}, "required": ["a"]}, "allowed_mutations_json.required"),
        ({"properties": {}, "required": "a"}, "allowed_mutations_json.required"),
    ],
)
def test_a_schema_that_could_not_be_enforced_whole_is_refused(quiet_stage: Stage, schema: Any, path: str) -> None:
    with refused("SO422", path):
        quiet_stage.admin.execute("SELECT put_template('bad', %s, %s)", (json.dumps([CONFIG]), json.dumps(schema)))


def other(api_version: str, kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "${name}"}, "spec": spec}


NOTHING = {"matchLabels": {}, "matchExpressions": []}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "${name}-s"}}
SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "${name}"},
    "spec": {"volumeClaimTemplates": []},
}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ([], "base_spec_json"),
        ({}, "base_spec_json"),
        ([config(metadata={"name": f"${{name}}-{n}"}) for n in range(51)], "base_spec_json"),
        ([config(kind="Node")], "base_spec_json.0.kind"),
        ([config(kind="Namespace")], "base_spec_json.0.kind"),
        ([config(kind="ClusterRoleBinding", apiVersion="rbac.authorization.k8s.io/v1")], "base_spec_json.0.kind"),
        ([config(kind="Pod")], "base_spec_json.0.kind"),
        ([config(kind="Deployment", apiVersion="apps/v1beta1")], "base_spec_json.0.kind"),
        ([{k: v for k, v in CONFIG.items() if k != "kind"}], "base_spec_json.0.kind"),
        (["ConfigMap"], "base_spec_json.0.kind"),
        ([config(), config(metadata={"name": "fixed"})], "base_spec_json.1.metadata.name"),
        ([config(metadata={"name": "x-${name}"})], "base_spec_json.0.metadata.name"),
        ([config(metadata={})], "base_spec_json.0.metadata.name"),
        ([config(metadata={"name": "${name}-root"})], "base_spec_json.0.metadata.name"),
        ([config(), config()], "base_spec_json.1.metadata.name"),
        ([config(metadata={"name": "${name}", "namespace": "x"})], "base_spec_json.0.metadata.namespace"),
        ([config(**{"$when": "missing"})], "base_spec_json.0.$when"),
        ([config(**{"$when": "text"})], "base_spec_json.0.$when"),
        ([config(data={"a": {"$param": "missing"}})], "base_spec_json.0.data.a"),
        ([config(data={"a": {"$param": "text", "more": 1}})], "base_spec_json.0.data.a"),
        ([config(data={"a": {"$if": "text"}})], "base_spec_json.0.data.a"),
        ([config(data={"a": "${missing}"})], "base_spec_json.0.data.a"),
        ([config(data={"a": "${text"})], "base_spec_json.0.data.a"),
        ([config(data={"a": {"$hash": "ConfigMap/${name}-c"}})], "base_spec_json.0.data.a"),
        ([config(data={"a": {"$generate": "password"}})], "base_spec_json.0.data.a"),
        ([{**SECRET, "stringData": {"a": {"$generate": "uuid"}}}], "base_spec_json.0.stringData.a"),
        ([{**SECRET, "stringData": {"a": "hunter2"}}], "base_spec_json.0.stringData"),
        ([config(kind="Secret", data={"a": "aHVudGVyMg=="})], "base_spec_json.0.stringData"),
        ([SET], "base_spec_json.0.spec.volumeClaimTemplates"),
        ([other("policy/v1", "NetworkPolicy")], "base_spec_json.0.kind"),
        ([other("batch/v1", "Job")], "base_spec_json.0.kind"),
        ([other("networking.k8s.io/v1", "NetworkPolicy")], "base_spec_json.0.spec.podSelector"),
        ([other("networking.k8s.io/v1", "NetworkPolicy", podSelector={})], "base_spec_json.0.spec.podSelector"),
        ([other("policy/v1", "PodDisruptionBudget", selector=NOTHING)], "base_spec_json.0.spec.selector"),
        (
            [other("autoscaling/v2", "HorizontalPodAutoscaler", scaleTargetRef={"kind": "Deployment", "name": "web"})],
            "base_spec_json.0.spec.scaleTargetRef.name",
        ),
    ],
)
def test_a_manifest_that_could_not_be_applied_and_owned_is_refused(quiet_stage: Stage, spec: Any, path: str) -> None:
    with refused("SO422", path):
        put(quiet_stage, spec, {"text": STRING})


@pytest.mark.parametrize("name", ["", "Web", "-web", "w" * 41, "w eb"])
def test_a_bad_template_name_is_refused(quiet_stage: Stage, name: str) -> None:
    with refused("SO422", "name", "small letters"):
        put(quiet_stage, [CONFIG], name=name)


def test_what_says_nothing_is_left_out_of_what_is_rendered(stage: Stage) -> None:
    """A null, or labels of which there are none: applied, each would be a field that we set and cannot hold."""
    manifest = config(
        metadata={"name": "${name}", "labels": {}, "annotations": None},
        data={"empty": ""},
        immutable=None,
        **{"$when": None},
    )
    stage.admin.execute("SELECT put_template('silent', %s, '{}')", (json.dumps([manifest]),))
    stage.deploy("lobby", "silent")
    [rendered] = stage.one("SELECT desired_spec_json FROM deployments")
    assert rendered == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "lobby"},
        "data": {"empty": ""},
    }
