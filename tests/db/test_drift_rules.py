"""Rules by path: which one decides, what may be written, and that they are intent like everything else."""

import json
from typing import Any

import pytest

from tests.db.stage import Row, Stage, refused

REPLICAS = {"path": "spec.replicas", "policy": "Ignore"}
IMAGE = "spec.template.spec.containers[name=minecraft].image"
MEMORY = "spec.template.spec.containers[name=minecraft].env[name=MEMORY].value"


def judge(
    stage: Stage,
    path: str,
    rules: list[Row],
    *,
    template: list[Row] | None = None,
    default: str = "Enforce",
    kind: str = "StatefulSet",
    name: str = "lobby",
) -> Row:
    (row,) = stage.rows(
        "SELECT (policy_for(%s, %s, %s, %s, %s, %s)).*",
        *(json.dumps(template or []), json.dumps(rules), default, kind, name, path),
    )
    return row


PATTERNS: list[tuple[str, str, bool]] = [
    ("spec.replicas", "spec.replicas", True),
    ("spec", "spec.replicas", True),
    ("spec.replicas", "spec", False),
    ("spec.replica", "spec.replicas", False),
    ("*.replicas", "spec.replicas", True),
    ("*", "spec.replicas", True),
    ("*.*.*", "spec.replicas", False),
    ("spec.template.spec.containers[*].image", IMAGE, True),
    ("spec.template.spec.containers[name=*].image", IMAGE, True),
    ("spec.template.spec.containers[image=*].image", IMAGE, False),
    ("spec.template.spec.containers[name=proxy].image", IMAGE, False),
    ("spec.template.spec.containers[name=minecraft]", MEMORY, True),
    ("spec.template.spec.containers[name=minecraft].env[name=MOTD]", MEMORY, False),
    ("spec.ports[port=80]", "spec.ports[port=80,protocol=TCP].nodePort", True),
    ("spec.ports[port=80,protocol=TCP]", "spec.ports[port=80,protocol=TCP].nodePort", True),
    ("spec.ports[port=*,protocol=UDP]", "spec.ports[port=80,protocol=TCP].nodePort", False),
    ("spec.ports[port=8]", "spec.ports[port=80,protocol=TCP]", False),
    ("metadata.labels[app.kubernetes.io/part-of]", "metadata.labels[app.kubernetes.io/part-of]", True),
    ("metadata.labels[team]", "metadata.labels.team", True),
    ("metadata.labels.*", "metadata.labels[app.kubernetes.io/part-of]", True),
    ("metadata.labels[*]", "metadata.labels.team", True),
    ("data[server.properties]", "data[server.properties]", True),
    ("data.server.properties", "data[server.properties]", False),
    ("metadata.finalizers[*]", 'metadata.finalizers["example.com/keep"]', True),
]


def test_a_pattern_means_its_path_and_all_below(stage: Stage) -> None:
    stage.deploy("lobby", drift_rules=json.dumps([{"path": pattern, "policy": "Ignore"} for pattern, _, _ in PATTERNS]))
    for pattern, path, fits in PATTERNS:
        verdict = judge(stage, path, [{"path": pattern, "policy": "Ignore"}])
        found = (verdict["policy"], verdict["source"])
        assert found == (("Ignore", "deployment") if fits else ("Enforce", "default")), (pattern, path)


def decide(*rules: Row) -> list[Row]:
    """The first is the one that should decide; all others say otherwise."""
    return [{"policy": "Ignore", **rules[0]}, *({"policy": "Adopt", **rule} for rule in rules[1:])]


@pytest.mark.parametrize(
    "rules",
    [
        decide({"path": MEMORY}, {"path": "spec"}, {}),
        decide({"path": MEMORY}, {"path": MEMORY.replace("minecraft", "*")}),
        decide({"path": "spec.template.spec"}, {"path": "*.*.*.*.*.*.*"}),
        decide({"path": "spec.template"}, {"path": "spec", "name": "lobby", "kind": "StatefulSet"}),
        decide({"path": "spec", "name": "lobby"}, {"path": "spec", "kind": "StatefulSet"}),
        decide({"path": "spec", "name": "lobby", "kind": "StatefulSet"}, {"path": "spec", "name": "lobby"}),
        decide({"path": "spec", "kind": "StatefulSet"}, {"path": "spec"}),
        decide({}, {"kind": "Service"}, {"name": "hub"}, {"path": "data"}),
    ],
    ids=lambda rules: json.dumps(rules[0]),
)
def test_the_most_specific_rule_decides_wherever_it_stands(stage: Stage, rules: list[Row]) -> None:
    for order in (rules, rules[::-1]):
        assert judge(stage, MEMORY, order)["rule"] == rules[0]
        assert judge(stage, MEMORY, [], template=order)["rule"] == rules[0]
        # Specific in the template wins over general in the deployment.
        assert judge(stage, MEMORY, rules[1:], template=rules[:1])["rule"] == rules[0]


def test_of_equal_rules_the_deployments_and_then_the_later_decides(stage: Stage) -> None:
    ignored, adopted = ({"path": "spec.replicas", "policy": policy} for policy in ("Ignore", "Adopt"))
    assert judge(stage, "spec.replicas", [ignored, adopted])["policy"] == "Adopt"
    assert judge(stage, "spec.replicas", [adopted, ignored])["policy"] == "Ignore"
    verdict = judge(stage, "spec.replicas", [adopted], template=[ignored])
    assert (verdict["policy"], verdict["source"]) == ("Adopt", "deployment")
    verdict = judge(stage, "spec.replicas", [], template=[ignored])
    assert (verdict["policy"], verdict["source"], verdict["rule"]) == ("Ignore", "template", ignored)


def test_what_no_rule_is_about_goes_by_the_deployments_policy(stage: Stage) -> None:
    for policy in ("Enforce", "Adopt", "Ignore"):
        for rules in ([], [{"path": "spec.template", "policy": "Ignore"}]):
            verdict = judge(stage, "spec.replicas", rules, default=policy)
            assert (verdict["policy"], verdict["automatic"], verdict["rule"]) == (policy, False, None)


def test_only_a_rule_without_path_is_about_the_object_itself(stage: Stage) -> None:
    assert judge(stage, "", [{"kind": "StatefulSet", "policy": "Ignore"}])["policy"] == "Ignore"
    assert judge(stage, "", [{"path": "*", "policy": "Ignore"}])["policy"] == "Enforce"
    assert judge(stage, "", [], default="Ignore")["policy"] == "Ignore"
    # What is gone cannot be adopted.
    assert judge(stage, "", [{"policy": "Adopt"}])["policy"] == "Enforce"
    assert judge(stage, "", [], default="Adopt")["policy"] == "Enforce"


def test_a_verdict_tells_whether_it_is_adopted_automatically(stage: Stage) -> None:
    rules = [{"path": "spec.replicas", "policy": "Adopt", "automatic": True}]
    assert judge(stage, "spec.replicas", rules)["automatic"] is True


REFUSED: list[tuple[Any, str, str]] = [
    ({}, "drift_rules", "[]"),
    ([1], "drift_rules.0", '{"path"'),
    ([REPLICAS, {"path": "spec"}], "drift_rules.1.policy", "Enforce, Adopt, Ignore"),
    ([{"policy": "Forgive"}], "drift_rules.0.policy", "Enforce, Adopt, Ignore"),
    ([{"policy": 1}], "drift_rules.0.policy", "Leave it out"),
    ([{"policy": "Ignore", "paths": "spec"}], "drift_rules.0.paths", "Allowed: kind, name, path"),
    ([{"policy": "Ignore", "kind": "Pod"}], "drift_rules.0.kind", "StatefulSet"),
    ([{"policy": "Ignore", "name": "Lobby!"}], "drift_rules.0.name", "small letters"),
    ([{"policy": "Ignore", "automatic": True}], "drift_rules.0.automatic", "Adopt"),
    ([{"policy": "Adopt", "automatic": "yes"}], "drift_rules.0.automatic", "Leave it out"),
    *(
        ([{"policy": "Ignore", "path": path}], "drift_rules.0.path", "spec.replicas")
        for path in (
            *("", ".spec", "spec.", "spec..replicas", "/spec/replicas", "spec replicas", "spec.rep*", "$.spec"),
            *(
                "spec.containers[0].image",
                "spec.containers[]",
                "spec.containers[name=]",
                "spec.containers[name=m",
                "[a]",
            ),
            *("spec.containers[name=m*]", "spec.containers[=m]", "spec]", "spec." + "x" * 500, "metadata.labels.a/b"),
        )
    ),
    *(
        ([{"policy": "Ignore", "path": path}], "drift_rules.0.path", "spec, data")
        for path in ("status.replicas", "kind", "apiVersion", "metadata.name", "metadata[namespace]")
    ),
    ([REPLICAS] * 101, "drift_rules", "At most 100"),
]


def test_rules_that_cannot_be_meant_are_refused_when_written(stage: Stage) -> None:
    deployment_id = stage.deploy("lobby")
    for rules, path, hint in REFUSED:
        with refused("SO422", path, hint):
            stage.deploy("hub", drift_rules=json.dumps(rules))
        with refused("SO422", path, hint):
            stage.change(deployment_id, drift_rules=json.dumps(rules))
        with refused("SO422", path):
            stage.admin.execute("SELECT put_template('t', '[]', '{}', %s)", (json.dumps(rules),))
    assert stage.deployment("lobby")["generation"] == 1


def test_no_rules_at_all_are_written_as_an_empty_list(stage: Stage) -> None:
    deployment_id = stage.deploy("lobby")
    with refused("SO422", "drift_rules", "[]"):
        stage.operator.execute("UPDATE deployments SET drift_rules = NULL WHERE id = %s", (deployment_id,))


def test_a_policy_is_one_of_three(stage: Stage) -> None:
    with refused("SO422", "drift_policy", "Enforce, Adopt, Ignore"):
        stage.deploy("lobby", drift_policy="Forgive")
    deployment_id = stage.deploy("lobby", drift_policy="Adopt")
    with refused("SO422", "drift_policy", "Enforce, Adopt, Ignore"):
        stage.change(deployment_id, drift_policy="enforce")


def test_policy_and_rules_are_intent(stage: Stage) -> None:
    deployment_id = stage.deploy("lobby", drift_policy="Adopt", drift_rules=json.dumps([REPLICAS]))
    stage.run_all()
    stage.change(deployment_id, drift_rules=[])
    stage.change(deployment_id, drift_rules=[])
    stage.change(deployment_id, drift_policy="Ignore")
    assert stage.deployment("lobby")["generation"] == 3
    assert stage.claim_one()["generation"] == 3
    changes = stage.last_event(deployment_id, "DeploymentChanged")["data_json"]
    assert changes == {"drift_policy": {"from": "Adopt", "to": "Ignore"}}
    fields = {row["field"]: row["becomes"] for row in stage.rows("SELECT * FROM diff(%s, 1, 3)", deployment_id)}
    assert fields == {"drift_policy": "Ignore", "drift_rules": []}
    stage.operator.execute("SELECT rollback(%s, 1)", (deployment_id,))
    (now,) = stage.rows("SELECT * FROM deployments_as_of(now() + interval '1 hour') WHERE id = %s", deployment_id)
    assert (now["generation"], now["drift_policy"], now["drift_rules"]) == (4, "Adopt", [REPLICAS])
    kept = stage.rows("SELECT drift_rules FROM deployment_revisions ORDER BY generation")
    assert [row["drift_rules"] for row in kept] == [[REPLICAS], [], [], [REPLICAS]]


def test_a_preview_refuses_what_the_write_would(stage: Stage) -> None:
    wrong = json.dumps([{"policy": "Forgive"}])
    with refused("SO422", "drift_rules.0.policy"):
        stage.operator.execute("SELECT preview('lobby', 'web', drift_rules => %s)", (wrong,))
    deployment_id = stage.deploy("lobby")
    with refused("SO422", "drift_rules.0.policy"):
        stage.operator.execute("SELECT preview_change(%s, p_drift_rules => %s)", (deployment_id, wrong))
    stage.operator.execute("SELECT preview_change(%s, p_drift_rules => %s)", (deployment_id, json.dumps([REPLICAS])))
    assert stage.deployment("lobby")["drift_rules"] == []


def test_a_templates_rules_belong_to_its_version(stage: Stage) -> None:
    (web,) = stage.rows("SELECT * FROM templates WHERE name = 'web' ORDER BY version DESC LIMIT 1")
    put = "SELECT put_template('web', %s, %s, %s) AS version"
    body = (json.dumps(web["base_spec_json"]), json.dumps(web["allowed_mutations_json"]))
    rule = {**REPLICAS, "name": "${name}"}
    versions = [stage.admin.execute(put, (*body, json.dumps(rules))).fetchone() for rules in ([], [rule], [rule])]
    assert [row["version"] for row in versions if row] == [web["version"], web["version"] + 1, web["version"] + 1]
    with refused("SO422", "drift_rules.0.name", "${name}"):
        stage.admin.execute(put, (*body, json.dumps([{**REPLICAS, "name": "lobby"}])))


def shown(stage: Stage, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in stage.rows("SELECT * FROM drift ORDER BY path")]


def drift(path: str, **more: Any) -> Row:
    return {"path": path, "wanted": 1, "live": 2, "manager": "kubectl", "since": None, **more}


def lose(stage: Stage, deployment_id: Any, name: str, *rows: Row, kind: str = "Deployment") -> None:
    """As a watcher that has found these paths of an object changed."""
    seen = stage.later(deployment_id, kind, name, fields_hash="other")
    stage.observe(seen)
    found = [{"deployment_id": str(deployment_id), "kind": kind, "namespace": "default", "name": name, "drift": rows}]
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps(found),))
    stage.catch_up(seen)


def test_the_view_shows_the_policy_and_its_rule_and_hides_what_is_ignored(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    lose(stage, deployment_id, "lobby", drift("spec.replicas"), drift("metadata.labels.team"), drift("spec.paused"))
    columns = ("path", "policy", "rule_source", "rule", "outlook")
    assert shown(stage, *columns) == [
        (path, "Enforce", "default", None, "now") for path in ("metadata.labels.team", "spec.paused", "spec.replicas")
    ]
    adopted = {"path": "spec.paused", "policy": "Adopt"}
    stage.change(deployment_id, drift_rules=[REPLICAS, adopted])
    assert shown(stage, *columns) == [
        ("metadata.labels.team", "Enforce", "default", None, "now"),
        ("spec.paused", "Adopt", "deployment", adopted, "undecided"),
    ]
    stage.change(deployment_id, drift_rules=[], drift_policy="Ignore")
    assert shown(stage, *columns) == []


def test_the_root_is_put_back_whatever_the_policy(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    stage.change(deployment_id, drift_policy="Ignore", drift_rules=[{"policy": "Ignore"}])
    stage.observe(stage.gone(deployment_id, "ConfigMap", "lobby-root"), stage.gone(deployment_id, "Service", "lobby"))
    assert shown(stage, "object", "policy", "rule_source") == [("lobby-root", "Enforce", "fixed")]


def told(stage: Stage, deployment_id: Any) -> tuple[int, int]:
    """How often a change from outside was told, and how often somebody was asked to act."""
    events = len(stage.events(deployment_id, "ResourceModifiedExternally"))
    return events, stage.slot(deployment_id)["requested"]


def test_only_what_is_enforced_is_asked_for_and_what_is_ignored_is_not_even_told(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    stage.change(deployment_id, drift_rules=[REPLICAS, {"path": "spec.paused", "policy": "Adopt"}])
    stage.run_all()
    _, requested = told(stage, deployment_id)
    for count in range(5):
        lose(stage, deployment_id, "lobby", drift("spec.replicas", live=count), drift("spec.paused", live=count))
        (row,) = stage.rows("SELECT drift FROM deployment_resources WHERE kind = 'Deployment'")
        assert [change["live"] for change in row["drift"]] == [count, count], "kept whole, and fresh"
    assert told(stage, deployment_id) == (1, requested)
    (change,) = stage.last_event(deployment_id, "ResourceModifiedExternally")["data_json"]["changes"]
    assert change["path"] == "spec.paused"
    deployment = stage.deployment("lobby")
    assert deployment["status_summary"] == "Healthy"
    assert (
        "spec.paused of Deployment lobby was changed by kubectl and waits for a decision"
        in deployment["status_message"]
    )
    others = [drift("spec.replicas", live=9), drift("spec.paused", live=9)]
    lose(stage, deployment_id, "lobby", *others, drift("spec.template", live=1))
    assert told(stage, deployment_id) == (2, requested + 1)
    assert "is being put back" in stage.deployment("lobby")["status_message"]
    lose(stage, deployment_id, "lobby", *[{**one, "live": 10} for one in others], drift("spec.template", live=1))
    assert told(stage, deployment_id) == (2, requested + 1), "what is being put back is asked for once"


def test_put_back_refuses_what_it_cannot_mean(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    stage.change(deployment_id, drift_policy="Adopt")
    stage.run_all()
    put_back = "SELECT put_back(%s, %s)"
    with refused("SO404"):
        stage.operator.execute("SELECT put_back(gen_random_uuid())")
    with refused("SO409", "paths", "drift lists"):
        stage.operator.execute(put_back, (deployment_id, None))
    lose(stage, deployment_id, "lobby", drift("metadata.labels.team"))
    lose(stage, deployment_id, "lobby", drift("metadata.labels.team"), kind="Service")
    with refused("SO409", "paths.spec", "drift lists"):
        stage.operator.execute(put_back, (deployment_id, ["spec"]))
    with refused("SO422", "paths.metadata.labels.team", "Deployment/lobby:metadata.labels.team"):
        stage.operator.execute(put_back, (deployment_id, ["metadata.labels.team"]))
    stage.operator.execute(put_back, (deployment_id, ["Service/lobby:metadata.labels.team"]))
    asked = stage.rows("SELECT kind, enforce_once FROM deployment_resources WHERE enforce_once IS NOT NULL")
    assert asked == [{"kind": "Service", "enforce_once": ["metadata.labels.team"]}]
    stage.change(deployment_id, desired_state="Paused")
    with refused("SO409", "desired_state", "Active"):
        stage.operator.execute(put_back, (deployment_id, None))


def enforced(stage: Stage) -> Any:
    (row,) = stage.rows("SELECT enforce_once FROM deployment_resources WHERE kind = 'Deployment'")
    return row["enforce_once"]


def test_what_was_asked_for_first_is_put_back_too(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    stage.change(deployment_id, drift_policy="Adopt")
    stage.run_all()
    lose(stage, deployment_id, "lobby", drift("spec.replicas"), drift("spec.paused"), drift("spec.template"))
    for path in ("spec.replicas", "spec.paused"):
        stage.operator.execute("SELECT put_back(%s, %s)", (deployment_id, [path]))
    assert enforced(stage) == ["spec.paused", "spec.replicas"]
    outlooks = {row["path"]: row["outlook"] for row in stage.rows("SELECT path, outlook FROM drift")}
    assert outlooks == {"spec.paused": "now", "spec.replicas": "now", "spec.template": "undecided"}
    [item] = [item for item in stage.claim_one()["inventory"] if item["kind"] == "Deployment"]
    assert [one["path"] for one in item["lost"]] == ["spec.replicas", "spec.paused"]


def test_a_decision_to_put_back_is_about_what_stood_there_then(stage: Stage) -> None:
    """Undone by somebody before a worker came, it does not outlive that: the next change is its owner's again."""
    deployment_id = stage.run_healthy("lobby")
    stage.change(deployment_id, drift_rules=[REPLICAS, {"path": "spec.paused", "policy": "Adopt"}])
    stage.run_all()
    lose(stage, deployment_id, "lobby", drift("spec.replicas"), drift("spec.paused"))
    stage.operator.execute("SELECT put_back(%s, '{spec.replicas}')", (deployment_id,))
    lose(stage, deployment_id, "lobby", drift("spec.paused"))
    assert enforced(stage) is None
    lose(stage, deployment_id, "lobby", drift("spec.replicas"), drift("spec.paused"))
    [item] = [item for item in stage.claim_one()["inventory"] if item["kind"] == "Deployment"]
    assert (item["lost"], item["paths"]) == ([], ["spec.replicas"])


def test_a_claim_without_rules_or_drift_says_nothing_of_them(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    stage.operator.execute("SELECT reconcile_now(%s)", (deployment_id,))
    assert all("withheld" not in item for item in stage.claim_one()["inventory"])


def test_a_claim_tells_the_places_that_are_left_to_others(stage: Stage) -> None:
    deployment_id = stage.run_healthy("lobby")
    ports = {"kind": "Service", "path": "spec.ports[port=80].targetPort", "policy": "Ignore"}
    stage.change(
        deployment_id, drift_rules=[REPLICAS, ports, {"kind": "Service", "path": "spec.selector", "policy": "Ignore"}]
    )
    left = {item["kind"]: (item["paths"], item["withheld"]) for item in stage.claim_one()["inventory"]}
    assert left["Deployment"] == (["spec.replicas"], [["spec", "replicas"]])
    assert left["Service"] == (
        ["spec.ports[port=80,protocol=TCP].targetPort", "spec.selector"],
        [["spec", "ports", {"port": 80, "protocol": "TCP"}, "targetPort"], ["spec", "selector"]],
    )
    assert left["ConfigMap"] == ([], [])
