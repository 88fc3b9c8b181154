"""Adopt: what somebody changed at the cluster becomes what is wanted, by parameters, all of it or nothing."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any

import pytest

from tests.db.stage import Stage, denied, refused
from tests.db.test_previews import traces

CONTAINER = "spec.template.spec.containers"


def change(path: str, wanted: Any, live: Any, **more: Any) -> dict[str, Any]:
    """One path as a watcher reports it."""
    return {
        "path": path,
        "wanted": wanted,
        "live": live,
        "absent": live is None,
        "reason": "removed" if live is None else "changed",
        "manager": "kubectl-edit",
        "operation": "Update",
        "since": "2026-11-24T08:00:00Z",
        **more,
    }


def drifted(stage: Stage, own: Any, kind: str, name: str, *changes: dict[str, Any]) -> None:
    """The watcher finds that this is how one object differs."""
    report = {"deployment_id": str(own), "kind": kind, "namespace": "default", "name": name, "drift": changes}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([report]),))


def paused(stage: Stage, template: str = "web", **parameters: Any) -> Any:
    """A deployment that runs and is held, so that drift stays where it is."""
    own = stage.run_healthy("lobby", template, parameters)
    stage.change(own, desired_state="Paused")
    stage.run_all()
    return own


def adopt(stage: Stage, own: Any, *paths: str, **more: Any) -> int:
    row = stage.operator.execute(
        "SELECT orchestrator.adopt(%s, %s, %s, %s) AS generation",
        (own, list(paths) or None, more.get("generation"), more.get("seen")),
    ).fetchone()
    assert row is not None
    return row["generation"]


def drift(stage: Stage, own: Any) -> dict[str, dict[str, Any]]:
    """The view, by path."""
    rows = stage.viewer.execute("SELECT * FROM drift WHERE deployment_id = %s", (own,)).fetchall()
    return {row["path"]: row for row in rows}


REPLICAS = change("spec.replicas", 1, 3)
MEMORY = f"{CONTAINER}[name=web].resources.limits.memory"
GREETING = f"{CONTAINER}[name=web].env[name=GREETING].value"


def test_a_row_tells_what_adopting_it_would_set(stage: Stage) -> None:
    own = paused(stage, memory="128Mi")
    drifted(
        stage, own, "Deployment", "lobby", REPLICAS, change(MEMORY, "128Mi", "256Mi"), change(GREETING, "hello", "hi")
    )
    found = drift(stage, own)
    assert {path: row["adopts"] for path, row in found.items()} == {
        "spec.replicas": {"replicas": {"from": 1, "to": 3}},
        MEMORY: {"memory": {"from": "128Mi", "to": "256Mi"}},
        GREETING: {"greeting": {"from": "hello", "to": "hi"}},
    }
    assert all(row["adoptable"] and row["not_adoptable"] is None for row in found.values())
    assert len({row["seen"] for row in found.values()}) == 3
    assert {(row["manager"], row["since"].isoformat()) for row in found.values()} == {
        ("kubectl-edit", "2026-11-24T08:00:00+00:00")
    }


def test_an_adopted_value_is_a_parameter_and_differs_no_more(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi"))
    before = stage.deployment("lobby")
    assert adopt(stage, own, "spec.replicas") == before["generation"] + 1
    row = stage.deployment("lobby")
    assert (row["parameters"], row["desired_state"]) == ({"replicas": 3}, "Paused")
    assert drift(stage, own).keys() == {GREETING}, "the rest waits on"
    adopt(stage, own)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3, "greeting": "hi"}
    assert drift(stage, own) == {}
    resource = stage.resource(own, "Deployment", "lobby")
    assert resource is not None
    assert (resource["drift"], resource["drifted_at"], resource["differs"]) == (None, None, False)


def test_what_was_adopted_is_no_drift_again_until_an_apply_has_taken_it_over(stage: Stage) -> None:
    """Whoever changed it still owns the field, so a look at the fields alone finds it lost."""
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    adopt(stage, own)
    adopted = change("spec.replicas", 3, 3)
    drifted(stage, own, "Deployment", "lobby", adopted, change(GREETING, "hello", "hi"))
    assert drift(stage, own).keys() == {GREETING}, "held, nobody would take it over"
    drifted(stage, own, "Deployment", "lobby", adopted)
    assert drift(stage, own) == {}
    stage.change(own, desired_state="Active")
    drifted(stage, own, "Deployment", "lobby", adopted)
    assert drift(stage, own) == {}, "the apply that is waited for takes it over"
    stage.run_all()
    drifted(stage, own, "Deployment", "lobby", adopted)
    assert drift(stage, own).keys() == {"spec.replicas"}, "after it, it is taken back as anything else"
    assert stage.messages(deployment_id=own)


def test_secrets_are_never_taken_for_equal(stage: Stage) -> None:
    own = paused(stage, "paper")
    drifted(stage, own, "Secret", "lobby-rcon", change("data.password", "(hidden)", "(hidden)"))
    drifted(stage, own, "ConfigMap", "lobby-env", change("data.MOTD", "a…", "a…", cut=True))
    assert drift(stage, own).keys() == {"data.password", "data.MOTD"}


def test_event_and_revision_name_who_approved_and_who_made_the_change(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi", manager="helm"))
    generation = adopt(stage, own)
    told = {
        "paths": [f"Deployment/lobby:{path}" for path in ("spec.replicas", GREETING)],
        "managers": ["helm", "kubectl-edit"],
    }
    event = stage.last_event(own, "DeploymentChanged")
    assert (event["generation"], event["actor"]) == (generation, "test_operator (adopt:helm, adopt:kubectl-edit)")
    assert event["data_json"]["parameters.replicas"] == {"from": None, "to": 3}
    assert event["data_json"]["adopted"] == told
    [revision] = stage.rows(
        "SELECT * FROM deployment_revisions WHERE deployment_id = %s AND generation = %s", own, generation
    )
    assert (revision["actor"], revision["adopted"]) == (event["actor"], told)
    stage.change(own, parameters={"replicas": 2})
    event = stage.last_event(own, "DeploymentChanged")
    assert (event["actor"], "adopted" in event["data_json"]) == ("test_operator", False), (
        "nothing of it clings to the session"
    )


def test_one_place_of_several_takes_the_others_along(stage: Stage) -> None:
    own = paused(stage, "paper")
    path = f"{CONTAINER}[name=minecraft].resources.limits.memory"
    drifted(stage, own, "StatefulSet", "lobby", change(path, "2Gi", "4Gi"))
    adopt(stage, own, f"StatefulSet/lobby:{path}")
    assert stage.deployment("lobby")["parameters"] == {"memory": "4Gi"}


def test_a_setting_in_a_text_gets_its_type_back(stage: Stage) -> None:
    own = paused(stage, "paper")
    drifted(
        stage,
        own,
        "ConfigMap",
        "lobby-env",
        change("data.MAX_PLAYERS", "20", "40"),
        change("data.ONLINE_MODE", "true", "false"),
    )
    drifted(
        stage,
        own,
        "Service",
        "lobby",
        change("metadata.annotations[mc-router.itzg.me/externalServerName]", "", "play.example.com"),
    )
    adopt(stage, own)
    assert stage.deployment("lobby")["parameters"] == {
        "max_players": 40,
        "online_mode": False,
        "hostname": "play.example.com",
    }


def test_what_changed_within_a_list_is_read_item_by_item(stage: Stage) -> None:
    own = paused(stage)
    rules = stage.one(
        "SELECT m #> '{spec,rules}' FROM deployments, jsonb_array_elements(desired_spec_json) m WHERE m ->> 'kind' = 'Ingress'"
    )
    theirs = [{**rules[0], "host": "play.example.com"}]
    drifted(stage, own, "Ingress", "lobby", change("spec.rules", rules, theirs))
    assert drift(stage, own)["spec.rules"]["adopts"] == {"host": {"from": "web.example.com", "to": "play.example.com"}}
    adopt(stage, own)
    assert stage.deployment("lobby")["parameters"] == {"host": "play.example.com"}


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "unbound": ("Service", "lobby", change("spec.selector", {}, {"app": "theirs"}), "no parameter fills this place"),
    "unknown place": ("Service", "lobby", change("spec.externalName", "a", "b"), "no parameter fills this place"),
    "by schema": ("Deployment", "lobby", change("spec.replicas", 1, 51), "parameter replicas must be at most 50"),
    "by pattern": ("Deployment", "lobby", change(MEMORY, "64Mi", "1.5Gi"), "parameter memory must match"),
    "by type": ("Deployment", "lobby", change("spec.replicas", 1, "3"), "parameter replicas must be of type integer"),
    "removed": ("Deployment", "lobby", change("spec.replicas", 1, None), "it was removed"),
    "cut": ("Deployment", "lobby", change(GREETING, "hello", "h" * 500 + "…", cut=True), "the value is too long"),
    "ours": ("Deployment", "lobby", change("metadata.labels[app.kubernetes.io/managed-by]", "server-orchestrator", "Helm"), "server-orchestrator sets it"),
    "our deployment's label": ("Service", "lobby", change("metadata.labels[server-orchestrator.io/deployment-id]", "x", None), "server-orchestrator sets it"),
    "owner": ("Service", "lobby", change("metadata.ownerReferences", "x", []), "server-orchestrator sets it"),
    "a restart": ("Deployment", "lobby", change("spec.template.metadata.annotations[server-orchestrator.io/restarted-at]", "x", "y"), "server-orchestrator sets it"),
    "ownership": ("Service", "lobby", change("metadata.managedFields", "x", None, reason="ownership lost"), "the record of who owns"),
    "a default beside": ("Deployment", "lobby", change(f"{CONTAINER}[name=web].env", [], [{"name": "GREETING", "value": "hi", "more": 1}]), "no parameter fills this place"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_what_no_parameter_can_say_is_refused_with_the_reason(stage: Stage, why: str) -> None:
    own = paused(stage)
    kind, name, changed, reason = REFUSED[why]
    drifted(stage, own, kind, name, changed)
    row = drift(stage, own)[changed["path"]]
    assert row["not_adoptable"].startswith(reason), row["not_adoptable"]
    assert (row["adoptable"], row["adopts"]) == (False, None)
    before = traces(stage)
    with refused("SO422", f"{kind}/{name}:{changed['path']}") as told:
        adopt(stage, own)
    assert reason in str(told.value)
    assert traces(stage) == before


def test_what_was_set_here_meanwhile_is_not_adopted(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    stage.change(own, parameters={"replicas": 3})
    assert drift(stage, own)["spec.replicas"]["not_adoptable"] == "it has the wanted value already"
    with refused("SO422", "Deployment/lobby:spec.replicas"):
        adopt(stage, own)


def put_template(stage: Stage, name: str, data: dict[str, str], **properties: Any) -> None:
    manifests = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${name}-env"}, "data": data}]
    stage.admin.execute(
        "SELECT put_template(%s, %s, %s)", (name, json.dumps(manifests), json.dumps({"properties": properties}))
    )


TEXT = {"type": "string", "default": "x"}


def test_a_text_with_several_parameters_is_refused(stage: Stage) -> None:
    put_template(
        stage,
        "texts",
        {"URL": "http://${host}:${port}/", "NAME": "${name}", "PORT": "at ${port}!"},
        host=TEXT,
        port={"type": "integer", "default": 1},
    )
    own = paused(stage, "texts")
    drifted(stage, own, "ConfigMap", "lobby-env", change("data.URL", "http://x:1/", "http://y:2/"), change("data.NAME", "lobby", "hub"),
            change("data.PORT", "at 1!", "on 2!"))  # fmt: skip
    assert {path: row["not_adoptable"] for path, row in drift(stage, own).items()} == {
        "data.URL": "this text is made of several parameters",
        "data.NAME": "no parameter fills this place",
        "data.PORT": "this text no longer has its fixed part",
    }


def test_a_value_that_would_be_written_otherwise_is_refused(stage: Stage) -> None:
    """A number that is read back from a text is not always written as that text."""
    put_template(stage, "numbers", {"RATE": "${rate}"}, rate={"type": "number", "default": 1})
    own = paused(stage, "numbers")
    for live, reason in (("-0", '"-0" would be written as 0'),
                         ("007", "parameter rate must be of type number, not string"), ("1.50", None)):  # fmt: skip
        drifted(stage, own, "ConfigMap", "lobby-env", change("data.RATE", "1", live))
        assert drift(stage, own)["data.RATE"]["not_adoptable"] == reason


def test_half_of_a_list_that_one_parameter_fills_is_refused(stage: Stage) -> None:
    """Rendering would change the other half as well, which stands otherwise."""
    hosts = [{"host": "a.${zone}"}, {"host": "b.${zone}"}]
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "${name}"},
        "spec": {"rules": hosts},
    }
    stage.admin.execute(
        "SELECT put_template('zones', %s, %s)", (json.dumps([manifest]), json.dumps({"properties": {"zone": TEXT}}))
    )
    own = paused(stage, "zones")
    was = [{"host": "a.x"}, {"host": "b.x"}]
    drifted(stage, own, "Ingress", "lobby", change("spec.rules", was, [{"host": "a.y"}, {"host": "b.x"}]))
    assert drift(stage, own)["spec.rules"]["not_adoptable"] == "what is read back from it would be written otherwise"
    drifted(stage, own, "Ingress", "lobby", change("spec.rules", was, [{"host": "a.y"}, {"host": "b.y"}]))
    adopt(stage, own)
    assert stage.deployment("lobby")["parameters"] == {"zone": "y"}


def test_two_places_that_ask_for_different_values_are_adopted_one_by_one_only(stage: Stage) -> None:
    put_template(stage, "twice", {"A": "${text}", "B": "${text}"}, text=TEXT)
    own = paused(stage, "twice")
    drifted(stage, own, "ConfigMap", "lobby-env", change("data.A", "x", "a"), change("data.B", "x", "b"))
    with refused("SO422", "ConfigMap/lobby-env:data.B", "one of them") as told:
        adopt(stage, own, "data.A", "data.B")
    assert 'different values of text: ConfigMap/lobby-env:data.A for "a", ConfigMap/lobby-env:data.B for "b"' in str(
        told.value
    )
    adopt(stage, own, "data.A")
    assert stage.deployment("lobby")["parameters"] == {"text": "a"}


def test_two_that_exclude_each_other_are_not_adopted_together(stage: Stage) -> None:
    manifests = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${name}-a"}, "data": {"MORE": "${more}"}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "$when": "more",
            "metadata": {"name": "${name}-b"},
            "data": {"TEXT": "${text}"},
        },
    ]
    schema = {"properties": {"more": {"type": "boolean", "default": True}, "text": TEXT}}
    stage.admin.execute("SELECT put_template('either', %s, %s)", (json.dumps(manifests), json.dumps(schema)))
    own = paused(stage, "either")
    drifted(stage, own, "ConfigMap", "lobby-a", change("data.MORE", "true", "false"))
    drifted(stage, own, "ConfigMap", "lobby-b", change("data.TEXT", "x", "y"))
    assert all(row["adoptable"] for row in drift(stage, own).values())
    with refused("SO422", "ConfigMap/lobby-b:data.TEXT", "one after the other"):
        adopt(stage, own)
    adopt(stage, own, "data.TEXT")
    adopt(stage, own, "data.MORE")
    assert stage.deployment("lobby")["parameters"] == {"text": "y", "more": False}


def test_a_secret_is_told_as_changed_only_and_never_adopted(stage: Stage) -> None:
    own = paused(stage, "paper")
    drifted(stage, own, "Secret", "lobby-rcon", change("data.password", "(hidden)", "(hidden)"))
    row = drift(stage, own)["data.password"]
    assert (row["wanted"], row["live"]) == ("(hidden)", "(hidden)")
    assert row["not_adoptable"] == "it is a secret, and those are never read"
    with refused("SO422", "Secret/lobby-rcon:data.password"):
        adopt(stage, own)


def test_an_object_that_is_gone_is_not_adopted(stage: Stage) -> None:
    own = paused(stage)
    stage.observe(stage.gone(own, "Service", "lobby"))
    row = drift(stage, own)[""]
    assert row["not_adoptable"].startswith("the object itself is gone")
    with refused("SO422", "Service/lobby:"):
        adopt(stage, own)


def test_one_that_is_refused_keeps_all_from_being_adopted(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    drifted(stage, own, "Service", "lobby", change("spec.selector", {}, {"app": "theirs"}))
    before = traces(stage)
    with refused("SO422", "Service/lobby:spec.selector", "Places that may be edited: greeting"):
        adopt(stage, own)
    assert traces(stage) == before


def test_a_value_that_policy_forbids_is_refused(stage: Stage) -> None:
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": {"$param": "user"}, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "web", "image": "example/web:1",
                        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
    }  # fmt: skip
    labels = {"app": "${name}"}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "${name}"},
                "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}}  # fmt: skip
    schema = {"properties": {"user": {"type": "integer", "default": 1000}}}
    stage.admin.execute("SELECT put_template('roots', %s, %s)", (json.dumps([manifest]), json.dumps(schema)))
    own = paused(stage, "roots")
    drifted(stage, own, "Deployment", "lobby", change("spec.template.spec.securityContext.runAsUser", 1000, 0))
    with refused("SO422", "Deployment/lobby:", "Pod Security") as told:
        adopt(stage, own)
    assert "refused by policy" in str(told.value)


def test_storage_that_was_grown_by_hand_is_adopted(stage: Stage) -> None:
    own = paused(stage, "paper")
    path = "spec.resources.requests.storage"
    drifted(stage, own, "PersistentVolumeClaim", "lobby-data", change(path, "10Gi", "5Gi"))
    assert drift(stage, own)[path]["not_adoptable"] == "storage cannot shrink"
    drifted(stage, own, "PersistentVolumeClaim", "lobby-data", change(path, "10Gi", "20Gi"))
    adopt(stage, own)
    assert stage.deployment("lobby")["parameters"] == {"storage": "20Gi"}


def test_replicas_are_no_matter_of_what_is_stopped(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "web", {"replicas": 2})
    drifted(stage, own, "Deployment", "lobby", change("spec.replicas", 2, 0), change(GREETING, "hello", "hi"))
    stage.change(own, desired_state="Stopped")
    found = drift(stage, own)
    assert found["spec.replicas"]["not_adoptable"].startswith("the server is stopped")
    with refused("SO422", "Deployment/lobby:spec.replicas"):
        adopt(stage, own)
    adopt(stage, own, GREETING)
    row = stage.deployment("lobby")
    assert (row["parameters"], row["desired_state"]) == ({"replicas": 2, "greeting": "hi"}, "Stopped")


def test_what_is_being_deleted_adopts_nothing(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    stage.change(own, desired_state="Deleted")
    with refused("SO422") as told:
        adopt(stage, own)
    assert "the server is deleted" in str(told.value)


# ---------------------------------------------------------------- by itself

AUTOMATIC = [{"kind": "Deployment", "policy": "Adopt", "automatic": True}]


def test_what_a_rule_adopts_by_itself_is_wanted_as_soon_as_it_is_seen(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_rules=AUTOMATIC)
    stage.run_all()
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi", manager="helm"))
    row = stage.deployment("lobby")
    assert (row["parameters"], row["generation"]) == ({"replicas": 3, "greeting": "hi"}, 3)
    assert drift(stage, own) == {}
    event = stage.last_event(own, "DeploymentChanged")
    assert (event["actor"], event["source"]) == ("adopt:helm, adopt:kubectl-edit", "system")
    assert event["data_json"]["adopted"] == {
        "paths": ["Deployment/lobby:spec.replicas", f"Deployment/lobby:{GREETING}"],
        "managers": ["helm", "kubectl-edit"],
        "automatic": True,
    }
    assert stage.events(own, "ResourceModifiedExternally", "DeploymentChanged")[-2:] == [
        "ResourceModifiedExternally",
        "DeploymentChanged",
    ]
    assert stage.messages(deployment_id=own), "a worker takes it over"


def test_what_is_refused_waits_for_a_person_and_says_why_once(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_rules=AUTOMATIC)
    stage.run_all()
    both = (REPLICAS, change(MEMORY, "64Mi", "1.5Gi"))
    for _ in range(3):
        drifted(stage, own, "Deployment", "lobby", *both)
    assert stage.deployment("lobby")["parameters"] == {}, "all of it or none"
    assert stage.events(own, "AdoptionRefused") == ["AdoptionRefused"]
    event = stage.last_event(own, "AdoptionRefused")
    assert event["actor"] == "adopt:kubectl-edit"
    assert event["data_json"]["path"] == f"Deployment/lobby:{MEMORY}"
    assert "parameter memory must match" in event["data_json"]["reason"]
    assert event["data_json"]["hint"].startswith("Memory allows: text")
    assert {row["outlook"] for row in drift(stage, own).values()} == {"undecided"}
    assert stage.messages(deployment_id=own) == [], "neither put back nor adopted"
    drifted(stage, own, "Deployment", "lobby", change("spec.replicas", 1, 51))
    assert stage.events(own, "AdoptionRefused") == ["AdoptionRefused"] * 2, "another reason is news"
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3}


def test_what_other_paths_wait_for_is_left_to_a_person(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(
        own, drift_policy="Adopt", drift_rules=[{"path": "spec.replicas", "policy": "Adopt", "automatic": True}]
    )
    stage.run_all()
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi"))
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3}
    assert drift(stage, own).keys() == {GREETING}
    adopt(stage, own)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3, "greeting": "hi"}


def test_a_rule_that_comes_later_adopts_what_waits_at_the_next_look(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_policy="Adopt")
    stage.run_all()
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    stage.change(own, drift_rules=AUTOMATIC)
    stage.run_all()
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3}


def test_what_is_paused_adopts_nothing_by_itself_until_it_is_resumed(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_rules=AUTOMATIC, desired_state="Paused")
    stage.run_all()
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    assert (stage.deployment("lobby")["parameters"], stage.deployment("lobby")["generation"]) == ({}, 2)
    assert {row["outlook"] for row in drift(stage, own).values()} == {"held"}
    assert "AdoptionRefused" not in stage.events(own)
    stage.change(own, desired_state="Active")
    claimed = stage.claim_one()
    [workload] = [item for item in claimed["inventory"] if item["kind"] == "Deployment"]
    assert workload["paths"] == ["spec.replicas"], "nor does the apply put it back"
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3}
    assert stage.last_event(own, "DeploymentChanged")["actor"] == "adopt:kubectl-edit"


A, B = change("data.A", "x", "a"), change("data.B", "x", "b", manager="helm")
EVERYTHING = [{"policy": "Adopt", "automatic": True}]


@pytest.fixture
def twice(stage: Stage) -> Any:
    """A deployment with two places of one parameter; what is changed of it is adopted by itself."""
    put_template(stage, "twice", {"A": "${text}", "B": "${text}"}, text=TEXT)
    own = stage.run_healthy("lobby", "twice")
    stage.change(own, drift_rules=EVERYTHING)
    stage.run_all()
    return own


def refusals(stage: Stage, own: Any) -> list[str]:
    rows = stage.rows(
        "SELECT data_json ->> 'reason' AS reason FROM deployment_events WHERE deployment_id = %s AND type = 'AdoptionRefused' ORDER BY id",
        own,
    )
    return [row["reason"] for row in rows]


def test_of_two_places_at_odds_a_rule_picks_none(stage: Stage, twice: Any) -> None:
    for _ in range(3):
        drifted(stage, twice, "ConfigMap", "lobby-env", A, B)
    assert stage.deployment("lobby")["parameters"] == {}
    assert refusals(stage, twice) == [
        'two places ask for different values of text: ConfigMap/lobby-env:data.A for "a", ConfigMap/lobby-env:data.B for "b"'
    ]
    assert {path: row["outlook"] for path, row in drift(stage, twice).items()} == {
        "data.A": "undecided",
        "data.B": "undecided",
    }
    assert stage.messages(deployment_id=twice) == []
    adopt(stage, twice, "data.B")
    assert stage.deployment("lobby")["parameters"] == {"text": "b"}, "a person decides"


def test_two_places_that_are_set_in_turns_are_not_adopted_in_turns(stage: Stage, twice: Any) -> None:
    drifted(stage, twice, "ConfigMap", "lobby-env", A)
    stage.run_all()
    assert stage.deployment("lobby")["parameters"] == {"text": "a"}
    other = {**B, "wanted": "a"}
    for _ in range(3):
        drifted(stage, twice, "ConfigMap", "lobby-env", other)
    assert stage.deployment("lobby")["parameters"] == {"text": "a"}
    assert refusals(stage, twice) == [
        "two places ask for different values of text: it was just adopted from ConfigMap/lobby-env:data.A (generation 3), and would be from ConfigMap/lobby-env:data.B now"
    ]
    drifted(stage, twice, "ConfigMap", "lobby-env", {**A, "wanted": "a", "live": "c"})
    assert stage.deployment("lobby")["parameters"] == {"text": "c"}, "the place that was adopted goes on being"
    stage.run_all()
    pass_seconds(stage, 601)
    drifted(stage, twice, "ConfigMap", "lobby-env", {**B, "wanted": "c"})
    assert stage.deployment("lobby")["parameters"] == {"text": "b"}, "it was quiet for long enough"


def set_by_itself(stage: Stage, own: Any, *counts: int, since: str = "2026-11-24T08:00:00Z") -> None:
    """Somebody sets these replicas, one after the other, and each is taken over where it is adopted."""
    for count in counts:
        wanted = stage.deployment("lobby")["parameters"].get("replicas", 1)
        drifted(stage, own, "Deployment", "lobby", change("spec.replicas", wanted, count, since=since))
        stage.run_all()


def pass_seconds(stage: Stage, seconds: int) -> None:
    with stage.root.transaction():
        stage.root.execute("SET LOCAL session_replication_role = replica")
        stage.root.execute(
            "UPDATE deployment_revisions SET created_at = created_at - make_interval(secs => %s)", (seconds,)
        )


def test_a_path_that_is_set_again_and_again_is_left_to_a_person_and_told_once(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_rules=AUTOMATIC)
    stage.run_all()
    set_by_itself(stage, own, 2, 3, 4)
    generation = stage.deployment("lobby")["generation"]
    set_by_itself(stage, own, 5, 6, 7)
    row = stage.deployment("lobby")
    assert (row["parameters"], row["generation"]) == ({"replicas": 4}, generation)
    [told] = refusals(stage, own)
    assert told.startswith("Deployment/lobby:spec.replicas was adopted by itself 3 times since ")
    assert told.endswith(": somebody keeps changing it")
    event = stage.last_event(own, "AdoptionRefused")["data_json"]
    assert (event["code"], event["path"]) == ("SO409", "Deployment/lobby:spec.replicas")
    assert {path: row["outlook"] for path, row in drift(stage, own).items()} == {"spec.replicas": "undecided"}
    drifted(stage, own, "Deployment", "lobby", change(GREETING, "hello", "hi"))
    assert stage.deployment("lobby")["parameters"] == {"replicas": 4, "greeting": "hi"}, "another path is no fight"
    set_by_itself(stage, own, 8)
    assert len(refusals(stage, own)) == 2, "once a generation"


def test_it_is_adopted_by_itself_again_when_it_was_quiet_or_a_person_has_adopted_it(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_rules=AUTOMATIC)
    stage.run_all()
    set_by_itself(stage, own, 2, 3, 4, 5)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 4}
    adopt(stage, own)
    stage.run_all()
    set_by_itself(stage, own, 6, 7, 8, 9)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 8}, "three more, since a person agreed"
    pass_seconds(stage, 601)
    set_by_itself(stage, own, 10, since=stage.one("SELECT now()::text"))
    assert stage.deployment("lobby")["parameters"] == {"replicas": 8}, "not quiet: it was changed just now"
    set_by_itself(stage, own, 10)
    assert stage.deployment("lobby")["parameters"] == {"replicas": 10}


def test_nobody_hides_behind_a_rule(stage: Stage) -> None:
    """Any session can set a setting; only a watcher's is believed to act for a rule."""
    own = stage.deploy("lobby")
    told = json.dumps({"paths": [], "managers": ["nobody"], "automatic": True})
    stage.operator.execute("SELECT set_config('orchestrator.adopt', %s, false)", (told,))
    stage.change(own, parameters={"replicas": 2})
    assert stage.last_event(own, "DeploymentChanged")["actor"] == "test_operator (adopt:nobody)"


# ---------------------------------------------------------------- only what was looked at


def test_another_generation_than_was_looked_at_is_refused(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    looked_at = stage.deployment("lobby")["generation"]
    stage.change(own, parameters={"greeting": "hi"})
    with refused("SO409", "generation", "differs now") as told:
        adopt(stage, own, generation=looked_at)
    assert "it changed meanwhile: lobby is at generation" in str(told.value)
    assert adopt(stage, own, generation=looked_at + 1) == looked_at + 2


def test_another_value_than_was_looked_at_is_refused(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    seen = [row["seen"] for row in drift(stage, own).values()]
    drifted(stage, own, "Deployment", "lobby", change("spec.replicas", 1, 30))
    before = traces(stage)
    for paths in ([], ["spec.replicas"]):
        with refused("SO409", "seen", "differs now"):
            adopt(stage, own, *paths, seen=seen)
    assert traces(stage) == before
    adopt(stage, own, seen=[row["seen"] for row in drift(stage, own).values()])
    assert stage.deployment("lobby")["parameters"] == {"replicas": 30}


def test_all_of_it_is_what_was_looked_at_no_more_and_no_less(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    first = [row["seen"] for row in drift(stage, own).values()]
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi"))
    both = [row["seen"] for row in drift(stage, own).values()]
    with refused("SO409", "seen"):
        adopt(stage, own, seen=first)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    with refused("SO409", "seen"):
        adopt(stage, own, seen=both)
    assert adopt(stage, own, "spec.replicas", seen=both), "of what was looked at one may be chosen"


def test_a_path_that_differs_nowhere_or_twice_is_refused(stage: Stage) -> None:
    own = paused(stage)
    with refused("SO409", "paths", "FROM drift"):
        adopt(stage, own)
    note = "metadata.annotations[example.com/note]"
    drifted(stage, own, "Deployment", "lobby", change(note, "a", "b"))
    drifted(stage, own, "Service", "lobby", change(note, "a", "b"))
    with refused("SO409", "spec.replicas", "FROM drift"):
        adopt(stage, own, "spec.replicas")
    with refused("SO422", note, f"Deployment/lobby:{note}, Service/lobby:{note}"):
        adopt(stage, own, note)
    with refused("SO409", "paths"):
        stage.operator.execute("SELECT orchestrator.adopt(%s, '{}')", (own,))


def test_who_may_not_change_it_may_not_adopt(stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    with denied():
        stage.viewer.execute("SELECT orchestrator.adopt(%s)", (own,))
    with refused("SO404", "id"):
        stage.operator.execute("SELECT orchestrator.adopt(gen_random_uuid())")


def test_a_preview_of_it_tells_what_it_would_do_and_leaves_no_trace(stage: Stage) -> None:
    own = paused(stage, "paper")
    drifted(stage, own, "ConfigMap", "lobby-env", change("data.MOTD", "A Minecraft server", "Welcome"))
    before = traces(stage)
    row = stage.operator.execute("SELECT orchestrator.preview_adopt(%s) AS found", (own,)).fetchone()
    assert row is not None
    assert row["found"]["parameters"]["motd"] == "Welcome"
    assert [(o["kind"], o["change"], o["restart"]) for o in row["found"]["objects"] if o["change"] != "unchanged"] == [
        ("ConfigMap", "changed", False),
        ("StatefulSet", "changed", True),
    ]
    assert traces(stage) == before
