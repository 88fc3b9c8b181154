"""A restart as a wish: what it leaves in rows and manifests, when it is refused, and when one is needed."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.db.stage import Stage, applied, denied, manifests, refused

ANNOTATION = "server-orchestrator.io/restarted-at"
ASK = ["SELECT restart(id) FROM deployments", "UPDATE deployments SET restarted_at = now()"]


def annotations(claimed: dict[str, Any]) -> dict[str, Any]:
    """By "Kind/name": the pod template's annotation of each workload."""
    return {
        f"{m['kind']}/{m['metadata']['name']}": m["spec"]["template"]["metadata"].get("annotations", {}).get(ANNOTATION)
        for m in claimed["manifests"]
        if "template" in m.get("spec", {})
    }


@pytest.mark.parametrize("ask", ASK, ids=["by function", "by column"])
def test_a_restart_is_a_generation_with_a_revision_and_an_event_and_one_run(stage: Stage, ask: str) -> None:
    own = stage.run_healthy("lobby")
    before = stage.one("SELECT clock_timestamp()")
    stage.operator.execute(ask)
    row = stage.deployment("lobby")
    assert (row["generation"], row["status_summary"]) == (2, "Progressing")
    assert before < row["restarted_at"] < stage.one("SELECT clock_timestamp()")
    revisions = stage.rows("SELECT generation, restarted_at, actor FROM deployment_revisions ORDER BY generation")
    assert [(r["generation"], r["restarted_at"]) for r in revisions] == [(1, None), (2, row["restarted_at"])]
    told = stage.last_event(own, "DeploymentChanged")
    assert list(told["data_json"]) == ["restarted_at"]
    assert told["data_json"]["restarted_at"]["from"] is None
    assert datetime.fromisoformat(told["data_json"]["restarted_at"]["to"]) == row["restarted_at"]
    assert (told["generation"], told["actor"]) == (2, "test_operator")
    assert len(stage.messages(deployment_id=own)) == 1


@pytest.mark.parametrize(("template", "workload"), [("web", "Deployment/lobby"), ("paper", "StatefulSet/lobby")])
def test_only_the_pod_templates_a_worker_applies_carry_a_restart(stage: Stage, template: str, workload: str) -> None:
    own = stage.run_healthy("lobby", template)
    spec = stage.deployment("lobby")["desired_spec_json"]
    stage.operator.execute("SELECT restart(%s)", (own,))
    row = stage.deployment("lobby")
    assert row["desired_spec_json"] == spec
    claimed = stage.claim_one()
    expected = row["restarted_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert annotations(claimed) == {workload: expected}
    undressed = [m for m in claimed["manifests"] if m["kind"] not in ("Deployment", "StatefulSet")]
    assert undressed == [m for m in spec if m["kind"] not in ("Deployment", "StatefulSet")]
    changed = next(m for m in claimed["manifests"] if f"{m['kind']}/{m['metadata']['name']}" == workload)
    original = next(m for m in spec if m["kind"] == changed["kind"])
    changed["spec"]["template"]["metadata"]["annotations"].pop(ANNOTATION)
    original["spec"]["template"]["metadata"].setdefault("annotations", {})
    assert changed == original


def test_a_generation_that_asks_for_no_restart_keeps_the_annotation_as_it_was(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.change(own, parameters={"motd": "a"})
    first = stage.claim_one()
    assert annotations(first) == {"StatefulSet/lobby": None}
    stage.converge(first)
    stage.operator.execute("SELECT restart(%s)", (own,))
    restarted = stage.claim_one()
    stage.converge(restarted)
    stage.change(own, parameters={"motd": "b"}, keep_data=False)
    assert annotations(stage.claim_one()) == annotations(restarted) != annotations(first)


def test_a_stopped_deployment_keeps_the_annotation_beside_its_missing_replicas(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.operator.execute("SELECT restart(%s)", (own,))
    stage.converge(stage.claim_one())
    stage.change(own, desired_state="Stopped")
    claimed = stage.claim_one()
    (workload,) = [m for m in claimed["manifests"] if m["kind"] == "StatefulSet"]
    assert workload["spec"]["replicas"] == 0
    assert annotations(claimed)["StatefulSet/lobby"] is not None


def test_each_restart_is_later_than_the_one_before_whatever_time_is_written(stage: Stage) -> None:
    own = stage.deploy("lobby")
    seen = []
    for written in ("now()", "'2001-01-01'", "restarted_at - interval '1 day'", "clock_timestamp() + interval '30 s'"):
        stage.operator.execute(f"UPDATE deployments SET restarted_at = {written}")
        seen.append(stage.deployment("lobby")["restarted_at"])
    assert seen == sorted(set(seen))
    assert seen[-1] < stage.one("SELECT clock_timestamp()")
    with stage.root.transaction():
        stage.root.execute("SET LOCAL session_replication_role = replica")
        stage.root.execute("UPDATE deployments SET restarted_at = '2099-01-01'")
    stage.operator.execute("SELECT restart(%s)", (own,))
    assert stage.deployment("lobby")["restarted_at"] > datetime(2099, 1, 1, tzinfo=UTC), (
        "clocks may go back, this may not"
    )


def test_two_restarts_in_one_transaction_are_two_generations(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with stage.operator.transaction():
        stage.operator.execute("SELECT restart(%s)", (own,))
        first = stage.operator.execute("SELECT restarted_at FROM deployments").fetchone()
        stage.operator.execute("UPDATE deployments SET restarted_at = now()")
    assert first is not None
    assert stage.deployment("lobby")["generation"] == 3
    assert stage.deployment("lobby")["restarted_at"] > first["restarted_at"]


def test_restart_answers_the_generation_to_wait_for(stage: Stage) -> None:
    own = stage.deploy("lobby")
    assert stage.operator.execute("SELECT restart(%s) AS generation", (own,)).fetchone() == {"generation": 2}


def test_a_new_deployment_has_not_been_restarted(stage: Stage) -> None:
    stage.root.execute(
        "INSERT INTO deployments (name, template_id, restarted_at, restart_required)"
        " SELECT 'lobby', id, now(), true FROM templates WHERE name = 'web'"
    )
    row = stage.deployment("lobby")
    assert (row["restarted_at"], row["restart_required"]) == (None, False)


@pytest.mark.parametrize("ask", ASK, ids=["by function", "by column"])
@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("Stopped", "it starts with all that was changed"),
        ("Paused", "while it is Paused"),
        ("Deleted", "bring it back"),
    ],
)
def test_what_does_not_run_is_not_restarted(stage: Stage, ask: str, state: str, hint: str) -> None:
    own = stage.deploy("lobby", "paper")
    stage.change(own, desired_state=state)
    before = stage.deployment("lobby")
    with refused("SO409", "restarted_at", hint):
        stage.operator.execute(ask)
    assert stage.deployment("lobby") == before


def test_what_is_gone_says_how_to_bring_it_back(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, desired_state="Deleted")
    stage.settle(stage.claim_one(), "finalised")
    with refused("SO409", "desired_state", "bring it back"):
        stage.operator.execute("SELECT restart(%s)", (own,))


def test_a_start_may_ask_for_a_restart_in_the_same_statement(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.change(own, desired_state="Paused")
    stage.operator.execute("UPDATE deployments SET desired_state = 'Active', restarted_at = now()")
    assert stage.deployment("lobby")["restarted_at"] is not None


@pytest.mark.parametrize(
    ("value", "hint"),
    [("NULL", "Set it to now() to restart once more"), ("now() + interval '4 hours'", "when it should happen")],
)
def test_a_restart_is_neither_taken_back_nor_put_off(stage: Stage, value: str, hint: str) -> None:
    stage.operator.execute("SELECT restart(%s)", (stage.deploy("lobby"),))
    with refused("SO422", "restarted_at", hint):
        stage.operator.execute(f"UPDATE deployments SET restarted_at = {value}")


def test_an_unknown_deployment_and_a_viewer_are_refused(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with refused("SO404", "id", "SELECT id, name FROM deployments"):
        stage.operator.execute("SELECT restart(gen_random_uuid())")
    with denied():
        stage.viewer.execute("SELECT restart(%s)", (own,))
    with denied():
        stage.viewer.execute("UPDATE deployments SET restarted_at = now()")


# ---------------------------------------------------------------- when one is needed


def changed(stage: Stage, *, restarts_by_hand: bool = True) -> Any:
    """A running server whose settings were changed: its StatefulSet was seen with the new revision, its pod with the old."""
    own = stage.run_healthy("lobby", "paper")
    see(stage, own, "StatefulSet", "lobby", "lobby-old" if restarts_by_hand else None)
    see(stage, own, "Pod", "lobby-0", "lobby-old")
    assert stage.deployment("lobby")["restart_required"] is False
    stage.change(own, parameters={"motd": "new"})
    stage.converge(stage.claim_one())
    assert stage.deployment("lobby")["restart_required"] is False, "the controller has not made a revision of it yet"
    see(stage, own, "StatefulSet", "lobby", "lobby-new" if restarts_by_hand else None)
    return own


def see(stage: Stage, own: Any, kind: str, name: str, revision: str | None, **more: Any) -> None:
    digest = {"revision": revision} if revision else {"ready": 1}
    stage.observe(stage.later(own, kind, name, **{"uid": f"uid-{kind}-{name}", "digest": digest, **more}))


def test_a_change_that_waits_for_a_restart_says_so_until_the_pod_is_new(stage: Stage) -> None:
    own = changed(stage)
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["restart_required"]) == ("Healthy", True)
    assert (
        row["status_message"] == "Everything asked for is running. A restart is needed for the changes of generation 2."
    )
    see(stage, own, "Pod", "lobby-0", "lobby-old", health="Degraded", message="it crashed 5 times")
    row = stage.deployment("lobby")
    assert row["restart_required"], "a crashing server is mended by the restart that brings the mended settings"
    assert (
        row["status_message"] == "Pod lobby-0: it crashed 5 times A restart is needed for the changes of generation 2."
    )
    see(stage, own, "Pod", "lobby-0", "lobby-old", deleting=True)
    assert stage.deployment("lobby")["restart_required"] is False, "it is on its way"
    stage.observe(stage.gone(own, "Pod", "lobby-0"))
    assert stage.deployment("lobby")["restart_required"] is False
    see(stage, own, "Pod", "lobby-0", "lobby-new", uid="another")
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["restart_required"]) == ("Healthy", False)
    assert row["status_message"] == "Everything asked for is running."


def test_the_wish_to_restart_and_its_run_need_no_other(stage: Stage) -> None:
    own = changed(stage)
    stage.operator.execute("SELECT restart(%s)", (own,))
    assert stage.deployment("lobby")["restart_required"] is False
    claimed = stage.claim_one()
    see(stage, own, "StatefulSet", "lobby", "lobby-newer")
    assert stage.deployment("lobby")["restart_required"] is False, "the run is not over"
    stage.converge(claimed, restarted=[{"namespace": "default", "name": "lobby-0", "uid": "uid-Pod-lobby-0"}])
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["status_message"]) == ("Progressing", "Pod lobby-0: It is being restarted.")
    assert row["restart_required"] is False
    assert "Healthy" not in [e["data_json"]["to"] for e in after_restart(stage, own)]


def after_restart(stage: Stage, own: Any) -> list[dict[str, Any]]:
    return stage.rows(
        "SELECT * FROM deployment_events WHERE deployment_id = %s AND type = 'StatusChanged' AND generation = 3", own
    )


def test_a_pod_that_took_the_name_meanwhile_is_not_the_one_restarted(stage: Stage) -> None:
    own = changed(stage)
    stage.operator.execute("SELECT restart(%s)", (own,))
    claimed = stage.claim_one()
    see(stage, own, "StatefulSet", "lobby", "lobby-newer")
    see(stage, own, "Pod", "lobby-0", "lobby-newer", uid="successor")
    stage.converge(claimed, restarted=[{"namespace": "default", "name": "lobby-0", "uid": "uid-Pod-lobby-0"}])
    assert stage.deployment("lobby")["status_summary"] == "Healthy"


def test_a_set_that_rolls_by_itself_needs_no_restart(stage: Stage) -> None:
    changed(stage, restarts_by_hand=False)
    assert stage.deployment("lobby")["restart_required"] is False


def test_pods_of_another_set_are_not_compared(stage: Stage) -> None:
    own = changed(stage)
    see(stage, own, "Pod", "lobby-0", "lobby-new")
    see(stage, own, "Pod", "lobby-proxy-0", "lobby-proxy-old")
    assert stage.deployment("lobby")["restart_required"] is False
    see(stage, own, "StatefulSet", "lobby-proxy", "lobby-proxy-new")
    assert stage.deployment("lobby")["restart_required"] is True


@pytest.mark.parametrize("state", ["Stopped", "Paused", "Deleted"])
def test_what_was_switched_off_needs_no_restart(stage: Stage, state: str) -> None:
    own = changed(stage)
    stage.change(own, desired_state=state)
    assert stage.deployment("lobby")["restart_required"] is False
    claimed = stage.claim_one()
    stage.settle(
        claimed,
        "held" if state == "Paused" else "succeeded",
        resources=[applied(m, "default") for m in manifests(claimed)],
    )
    see(stage, own, "Pod", "lobby-0", "lobby-old", message="on its way")
    assert stage.deployment("lobby")["restart_required"] is False


def test_nobody_writes_that_a_restart_is_needed(stage: Stage) -> None:
    stage.deploy("lobby")
    with denied():
        stage.operator.execute("UPDATE deployments SET restart_required = true")


def test_a_session_that_previews_restarts_nothing(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with stage.operator.transaction(force_rollback=True), refused("SO200"):
        stage.operator.execute("SET LOCAL orchestrator.preview = 'on'")
        stage.operator.execute("SELECT restart(%s)", (own,))
    assert stage.deployment("lobby")["generation"] == 1


def test_revisions_that_differ_by_a_restart_say_so(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.operator.execute("SELECT restart(%s)", (own,))
    told = stage.rows("SELECT field, was FROM diff(%s, 1, 2)", own)
    assert [(row["field"], row["was"]) for row in told] == [("restarted_at", None)]


def test_who_sees_some_namespaces_restarts_those_only(stage: Stage) -> None:
    mine, other = stage.deploy("lobby", namespace="games"), stage.deploy("lobby", namespace="secret")
    stage.root.execute("SELECT create_user('test_operator', 'operator', '{games}')")
    stage.operator.execute("SELECT restart(%s)", (mine,))
    with refused("SO404", "id"):
        stage.operator.execute("SELECT restart(%s)", (other,))
    assert stage.operator.execute("UPDATE deployments SET restarted_at = now()").rowcount == 1
