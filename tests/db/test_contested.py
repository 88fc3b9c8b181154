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


def tend(stage: Stage, most: int = 1000) -> int:
    [row] = stage.worker.execute("SELECT tend_contests('default', %s) AS count", (most,)).fetchall()
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


def test_a_person_has_it_put_back_once_and_the_fight_goes_on_being_counted(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    change_again(stage, lobby)
    [before] = stage.rows("SELECT next_at - last_at AS wait FROM put_backs")
    stage.operator.execute("SELECT put_back(%s, '{spec.replicas}')", (lobby,))
    assert held(stage) == []
    claimed = stage.claim_one()
    [item] = [item for item in claimed["inventory"] if item["kind"] == "Deployment"]
    assert (item["drifted"], item["lost"], item["withheld"]) == (True, [REPLICAS], [])
    [manifest] = [m for m in manifests(claimed) if m["kind"] == "Deployment"]
    done = applied(manifest, "default", put_back=item["lost"], enforced=item["enforce_once"])
    assert stage.settle(claimed, resources=[done]) == "settled"
    [fight] = contested(stage)
    assert (fight["put_backs"], stage.events(lobby, "Contested", "ContestEnded")) == (4, ["Contested"])
    [after] = stage.rows("SELECT next_at - last_at AS wait, next_at > now() AS waits FROM put_backs")
    assert after["waits"]
    assert after["wait"] >= before["wait"]
    change_again(stage, lobby)
    assert held(stage) == ["spec.replicas"], "once, and not for good"
    assert stage.slot(lobby)["msg_id"] is None


# ---------------------------------------------------------------- while it waits


@pytest.fixture
def fight(stage: Stage, lobby: Any) -> Any:
    """A deployment whose replicas are contested by hpa, who has just set them again."""
    for _ in range(3):
        put_back(stage, lobby, REPLICAS)
    change_again(stage, lobby)
    return lobby


def change_again(stage: Stage, own: Any, *more: Row, live: int = 5) -> None:
    stage.observe(stage.later(own, "Deployment", "lobby", fields_hash="theirs"))
    tell_drift(stage, own, {**REPLICAS, "wanted": 1, "live": live}, *more)


def test_what_is_contested_waits_and_says_who_contests_it_and_until_when(stage: Stage, fight: Any) -> None:
    assert stage.slot(fight)["msg_id"] is None
    [row] = stage.rows("SELECT * FROM drift")
    assert (row["path"], row["live"], row["outlook"]) == ("spec.replicas", 5, "contested")
    [until] = stage.rows(
        "SELECT next_at, to_char(began_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS began, to_char(next_at AT TIME ZONE 'UTC', 'HH24:MI:SS') AS next FROM contested"
    )
    assert row["due_at"] == until["next_at"]
    lobby = stage.deployment("lobby")
    assert lobby["status_summary"] == "Degraded"
    assert lobby["status_message"] == (
        f"Deployment lobby spec.replicas is contested by hpa: put back 3 times since {until['began']} UTC; tried again at {until['next']} UTC."
    )


def test_what_its_owner_sets_while_it_waits_is_recorded_and_not_told_each_time(stage: Stage, fight: Any) -> None:
    before = stage.events(fight)
    for live in range(10, 30):
        change_again(stage, fight, live=live)
    assert stage.events(fight) == before
    assert [row["live"] for row in stage.rows("SELECT live FROM drift")] == [29]
    change_again(stage, fight, {"path": "spec.paused", "manager": "person"}, live=30)
    assert stage.events(fight)[len(before) :][:2] == ["ResourceModifiedExternally", "DeploymentQueued"]


def test_its_time_come_it_is_asked_for_once(stage: Stage, fight: Any) -> None:
    assert tend(stage) == 0
    age(stage, 2)
    assert tend(stage) == 1
    assert tend(stage) == 0, "it is queued"
    assert stage.last_event(fight, "DeploymentQueued")["data_json"] == {"reason": "contested"}


def test_what_else_is_changed_is_put_back_at_once_and_leaves_out_what_is_contested(stage: Stage, fight: Any) -> None:
    service = {"path": "spec.ports", "manager": "person"}
    stage.observe(stage.later(fight, "Service", "lobby", fields_hash="theirs"))
    tell_drift(stage, fight, service, kind="Service")
    claimed = stage.claim_one()
    items = {item["kind"]: item for item in claimed["inventory"] if item["name"] == "lobby"}
    assert (items["Service"]["drifted"], items["Service"]["paths"]) == (True, [])
    assert (items["Deployment"]["drifted"], items["Deployment"]["paths"]) == (False, ["spec.replicas"])
    assert "is contested by hpa" in stage.deployment("lobby")["status_message"]


def test_an_object_that_is_deleted_again_and_again_stays_gone_until_its_time_has_come(stage: Stage, lobby: Any) -> None:
    for _ in range(3):
        put_back(stage, lobby, {"path": ""}, kind="Service")
    stage.observe(stage.gone(lobby, "Service", "lobby"))
    assert stage.slot(lobby)["msg_id"] is None
    assert stage.deployment("lobby")["status_message"].startswith(
        "Service lobby is contested by somebody: put back 3 times since "
    )
    stage.operator.execute("SELECT reconcile_now(%s)", (lobby,))
    stage.settle(stage.claim_one())
    stage.root.execute("UPDATE put_backs SET next_at = now() + interval '1 minute'")
    tell_drift(stage, lobby, REPLICAS)
    [service] = [item for item in stage.claim_one()["inventory"] if item["kind"] == "Service"]
    assert (service["missing"], service["let_be"]) == (True, True)


def test_what_is_undone_before_its_run_is_settled_waits_too(stage: Stage, lobby: Any) -> None:
    for _ in range(2):
        put_back(stage, lobby, REPLICAS)
    change_again(stage, lobby)
    claimed = stage.claim_one()
    [manifest] = [m for m in manifests(claimed) if m["kind"] == "Deployment"]
    done = applied(manifest, "default", put_back=[REPLICAS], fields_hash="ours")
    change_again(stage, lobby)
    stage.settle(claimed, resources=[done])
    assert held(stage) == ["spec.replicas"]
    assert stage.slot(lobby)["msg_id"] is None


def test_a_fight_that_goes_on_costs_few_events_an_hour(stage: Stage, fight: Any) -> None:
    costs: list[int] = []
    for _ in range(3):
        before = len(stage.events(fight))
        for minute in range(60):
            change_again(stage, fight, live=minute + 100)
            age(stage, 1)
            tend(stage)
            for claimed in stage.claim():
                [manifest] = [m for m in manifests(claimed) if m["kind"] == "Deployment"]
                stage.settle(claimed, resources=[applied(manifest, "default", put_back=[REPLICAS])])
        costs.append(len(stage.events(fight)) - before)
    assert contested(stage)[0]["put_backs"] <= 3 + 6 + 1 + 1
    assert costs[0] <= 6 * 8, "as many as a put-back takes, six times"
    assert costs[2] <= 8
    assert stage.events(fight, "Contested", "ContestEnded") == ["Contested"]


def test_of_more_than_are_seen_to_at_once_what_is_due_comes_first_and_what_is_over_comes_round(stage: Stage) -> None:
    due, *others = (stage.run_healthy(name) for name in ("due", "b", "c", "d", "e"))
    for one, name in zip((due, *others), ("due", "b", "c", "d", "e"), strict=True):
        for _ in range(3):
            put_back(stage, one, REPLICAS, name=name)
    stage.observe(stage.later(due, "Deployment", "due", fields_hash="theirs"))
    tell_drift(stage, due, REPLICAS, name="due")
    age(stage, 3)
    stage.root.execute("UPDATE put_backs SET next_at = next_at - interval '1 hour' WHERE deployment_id <> %s", (due,))
    assert tend(stage, 2) == 1
    assert stage.slot(due)["msg_id"], "asked for at once, though the others were to be tried long before"
    age(stage, 11)
    for _ in range(1000):
        if {fight["deployment"] for fight in contested(stage)} == {"due"}:
            break
        tend(stage, 2)
    assert {fight["deployment"] for fight in contested(stage)} == {"due"}, "each of the others was quiet"
