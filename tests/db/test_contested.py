"""Contested: a path that is put back too often is told as a fight, waits longer each time, and is over when it is quiet."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any

import pytest

from tests.db.stage import Row, Stage, applied, manifests, refused

REPLICAS = {"path": "spec.replicas", "manager": "hpa"}


def put_back(stage: Stage, own: Any, *changes: Row, kind: str = "Deployment", name: str = "lobby") -> None:
    """Somebody changes these paths of an object, and a worker puts them back."""
    if changes == ({"path": ""},):
        stage.observe(stage.gone(own, kind, name))
    else:
        stage.observe(stage.later(own, kind, name, fields_hash="theirs"))
        tell_drift(stage, own, *changes, kind=kind, name=name)
    if not stage.slot(own)["msg_id"]:  # it waits, being contested
        stage.operator.execute("SELECT reconcile_now(%s)", (own,))
    claimed = stage.claim_one()
    [manifest] = [m for m in manifests(claimed) if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    done = [{"path": change["path"], "manager": change.get("manager")} for change in changes]
    assert stage.settle(claimed, resources=[applied(manifest, "default", put_back=done)]) == "settled"


def tell_drift(stage: Stage, own: Any, *changes: Row, kind: str = "Deployment", name: str = "lobby") -> None:
    report = {"deployment_id": str(own), "kind": kind, "namespace": "default", "name": name, "drift": list(changes)}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([report]),))


def age(stage: Stage, minutes: float) -> None:
    """All that was put back was so much longer ago."""
    stage.root.execute(
        """UPDATE put_backs SET last_at = last_at - make_interval(secs => %(s)s), next_at = next_at - make_interval(secs => %(s)s),
                  contested_since = contested_since - make_interval(secs => %(s)s),
                  recent = ARRAY(SELECT t - make_interval(secs => %(s)s) FROM unnest(recent) t)""",
        {"s": minutes * 60},
    )


def tend(stage: Stage) -> int:
    [row] = stage.worker.execute("SELECT tend_contests('default') AS count").fetchall()
    return row["count"]


def contested(stage: Stage) -> list[Row]:
    return stage.rows("SELECT * FROM contested ORDER BY deployment, kind, object, path")


@pytest.fixture
def lobby(stage: Stage) -> Any:
    return stage.run_healthy("lobby")


def test_a_path_put_back_three_times_in_ten_minutes_is_contested_by_whoever_changed_it(
    stage: Stage, lobby: Any
) -> None:
    for _ in range(2):
        put_back(stage, lobby, REPLICAS)
        assert contested(stage) == []
    put_back(stage, lobby, REPLICAS)
    [fight] = contested(stage)
    assert (fight["deployment"], fight["kind"], fight["object"], fight["path"]) == (
        "lobby",
        "Deployment",
        "lobby",
        "spec.replicas",
    )
    assert (fight["manager"], fight["put_backs"], fight["differs"]) == ("hpa", 3, False)
    [wait] = stage.rows(
        "SELECT next_at - since BETWEEN interval '1 minute' AND interval '2 minutes' AS fits FROM contested"
    )
    assert wait["fits"]
    event = stage.last_event(lobby, "Contested")
    assert event["source"] == "system"
    assert event["actor"] == "hpa"
    told = event["data_json"]
    assert told.pop("next")
    assert told == {
        "kind": "Deployment", "namespace": "default", "name": "lobby", "path": "spec.replicas", "manager": "hpa", "put_back": 3, "within": 600,
    }  # fmt: skip


def test_what_is_put_back_now_and_then_is_no_fight_and_leaves_nothing(stage: Stage, lobby: Any) -> None:
    for _ in range(4):
        put_back(stage, lobby, REPLICAS)
        age(stage, 5.1)
    assert contested(stage) == []
    age(stage, 5)
    assert tend(stage) == 1
    assert stage.rows("SELECT FROM put_backs") == []
    assert stage.events(lobby, "Contested", "ContestEnded") == []


def test_each_put_back_doubles_the_wait_up_to_the_longest(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    floors = [60, 120, 240, 480, 960, 1920, 3600, 3600]
    for floor in floors:
        [wait] = stage.rows("SELECT extract(epoch FROM next_at - last_at) / %s AS times FROM put_backs", floor)
        assert 1 <= wait["times"] <= 2
        put_back(stage, lobby, REPLICAS)
    assert contested(stage)[0]["put_backs"] == 3 + len(floors)
    assert stage.events(lobby, "Contested", "ContestEnded") == ["Contested"], "told once"


def test_how_often_within_what_time_and_how_long_it_waits_is_settable(stage: Stage, lobby: Any) -> None:
    stage.admin.execute(
        "UPDATE clusters SET contested_after = 2, contested_within_seconds = 60, contested_wait_seconds = 7, contested_longest_wait_seconds = 7"
    )
    put_back(stage, lobby, REPLICAS)
    age(stage, 1.1)
    put_back(stage, lobby, REPLICAS)
    assert contested(stage) == [], "not within the time"
    put_back(stage, lobby, REPLICAS)
    assert contested(stage)[0]["put_backs"] == 2
    put_back(stage, lobby, REPLICAS)
    [wait] = stage.rows("SELECT extract(epoch FROM next_at - last_at) AS seconds FROM put_backs")
    assert 7 <= wait["seconds"] <= 14


@pytest.mark.parametrize(
    ("column", "value", "hint"),
    [
        ("contested_after", 1, "between 2 and 100"),
        ("contested_within_seconds", 9, "between 10 and 86400"),
        ("contested_wait_seconds", 0, "between 1 and 86400"),
        ("contested_longest_wait_seconds", 59, "no less than contested_wait_seconds"),
        ("contested_longest_wait_seconds", None, "between 60 and 86400"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(
    quiet_stage: Stage, column: str, value: int | None, hint: str
) -> None:
    with refused("SO422", column, hint):
        quiet_stage.admin.execute(f"UPDATE clusters SET {column} = %s", (value,))


def test_two_paths_with_two_managers_are_two_fights(stage: Stage, lobby: Any) -> None:
    paused = {"path": "spec.paused", "manager": "rollouts"}
    for _ in range(3):
        put_back(stage, lobby, REPLICAS, paused)
    assert [(fight["path"], fight["manager"]) for fight in contested(stage)] == [
        ("spec.paused", "rollouts"),
        ("spec.replicas", "hpa"),
    ]
    assert stage.events(lobby, "Contested") == ["Contested", "Contested"]


def test_an_object_deleted_again_and_again_is_contested_by_nobody_that_is_known(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, {"path": ""}, kind="Service")
    [fight] = contested(stage)
    assert (fight["kind"], fight["path"], fight["manager"]) == ("Service", "", None)


def test_quiet_for_as_long_as_counts_ends_it_and_says_so(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    age(stage, 9.9)
    assert tend(stage) == 0
    assert contested(stage)
    age(stage, 0.2)
    assert tend(stage) == 1
    assert contested(stage) == []
    ended = stage.last_event(lobby, "ContestEnded")["data_json"]
    assert ended == {
        "kind": "Deployment", "namespace": "default", "name": "lobby", "path": "spec.replicas", "manager": "hpa", "put_back": 3, "why": "quiet",
    }  # fmt: skip
    assert tend(stage) == 0


def test_a_path_that_still_differs_is_not_quiet(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    stage.observe(stage.later(lobby, "Deployment", "lobby", fields_hash="theirs"))
    tell_drift(stage, lobby, REPLICAS)
    age(stage, 60)
    tend(stage)
    assert contested(stage)
    assert stage.events(lobby, "ContestEnded") == []


def test_a_fight_over_what_is_wanted_no_longer_is_over(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    stage.change(lobby, desired_state="Deleted")
    assert tend(stage) == 1
    assert stage.last_event(lobby, "ContestEnded")["data_json"]["why"] == "gone"


def test_adopting_what_is_contested_ends_the_fight_over_it_and_no_other(stage: Stage, lobby: Any) -> None:
    paused = {"path": "spec.paused", "manager": "rollouts"}
    for _ in range(3):
        put_back(stage, lobby, REPLICAS, paused)
    stage.observe(stage.later(lobby, "Deployment", "lobby", fields_hash="theirs"))
    tell_drift(stage, lobby, {**REPLICAS, "wanted": 1, "live": 4}, paused)
    stage.operator.execute("SELECT adopt(%s, '{spec.replicas}')", (lobby,))
    assert [fight["path"] for fight in contested(stage)] == ["spec.paused"]
    ended = stage.last_event(lobby, "ContestEnded")
    assert (ended["data_json"]["path"], ended["data_json"]["why"], ended["generation"]) == (
        "spec.replicas",
        "adopted",
        2,
    )


def test_a_deployment_that_somebody_holds_is_tended_later(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    age(stage, 11)
    with stage.operator.transaction():
        stage.operator.execute("UPDATE deployments SET keep_data = false WHERE id = %s", (lobby,))
        assert tend(stage) == 0
    assert tend(stage) == 1


def test_drift_tells_what_is_contested_and_until_when_it_waits(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    stage.observe(stage.later(lobby, "Deployment", "lobby", fields_hash="theirs"))
    tell_drift(stage, lobby, REPLICAS, {"path": "spec.paused", "manager": "person"})
    [fight] = contested(stage)
    waits, other = stage.rows("SELECT path, outlook, due_at, contested_since FROM drift ORDER BY path DESC")
    assert waits == {
        "path": "spec.replicas", "outlook": "contested", "due_at": fight["next_at"], "contested_since": fight["since"],
    }  # fmt: skip
    assert other == {"path": "spec.paused", "outlook": "now", "due_at": None, "contested_since": None}


def test_a_rule_that_leaves_the_path_to_others_ends_the_fight(stage: Stage, lobby: Any) -> None:
    paused = {"path": "spec.paused", "manager": "rollouts"}
    for _ in range(3):
        put_back(stage, lobby, REPLICAS, paused)
    rules = [{"path": "spec.replicas", "policy": "Ignore"}, {"path": "spec.paused", "policy": "Adopt"}]
    stage.change(lobby, drift_rules=rules)
    assert tend(stage) == 2
    ended = stage.rows(
        "SELECT data_json ->> 'path' AS path, data_json ->> 'why' AS why FROM deployment_events WHERE type = 'ContestEnded' ORDER BY path"
    )
    assert ended == [{"path": "spec.paused", "why": "undecided"}, {"path": "spec.replicas", "why": "ignored"}]
    assert contested(stage) == []


def held(stage: Stage) -> list[str]:
    return [row["path"] for row in stage.rows("SELECT path FROM drift WHERE outlook = 'contested'")]


def test_what_a_person_asks_for_does_not_wait(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    stage.observe(stage.later(lobby, "Deployment", "lobby", fields_hash="theirs"))
    tell_drift(stage, lobby, REPLICAS)
    assert held(stage) == ["spec.replicas"]
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("SELECT reconcile_now(%s)", (lobby,))
        assert stage.operator.execute("SELECT FROM drift WHERE outlook = 'contested'").fetchall() == []
    stage.change(lobby, parameters={"replicas": 2})
    assert held(stage) == [], "a newer generation"
    claimed = stage.claim_one()
    [manifest] = [m for m in manifests(claimed) if m["kind"] == "Deployment"]
    stage.settle(claimed, resources=[applied(manifest, "default", put_back=[REPLICAS])])
    stage.observe(stage.later(lobby, "Deployment", "lobby", fields_hash="theirs"))
    tell_drift(stage, lobby, REPLICAS)
    assert held(stage) == ["spec.replicas"], "once that has put it back, it waits again"
