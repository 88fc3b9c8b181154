"""Restarts that wait: for a window, for an empty server, for a time. Time passes by being handed in."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from typing import Any

import pytest

from tests.db.stage import Row, Stage, refused
from tests.db.test_windows import make


@pytest.fixture
def lobby(stage: Stage) -> Any:
    """A server whose last change waits for a restart, and the window 'nights', which opens in two hours."""
    own = stage.run_healthy("lobby")
    stage.root.execute("UPDATE deployments SET restart_required = true WHERE id = %s", (own,))
    make(stage, zone="UTC", days=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    shut(stage)
    return own


def shut(stage: Stage) -> None:
    """The window opens in two hours, for an hour."""
    stage.admin.execute(
        "UPDATE maintenance_windows SET starts = date_trunc('minute', (now() AT TIME ZONE 'UTC') + interval '2 hours')::time, lasts = '1 hour'"
    )


def plan(stage: Stage, own: Any, **how: Any) -> Row:
    call = ", ".join(f"{name} => %({name})s" for name in how)
    row = stage.operator.execute(f"SELECT * FROM plan_restart(%(own)s, {call})", how | {"own": own}).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row


def look(stage: Stage, after: str) -> float | None:
    """A worker looks, so much later than now; answers in how many seconds it should again."""
    return stage.one("SELECT carry_out_restarts(1, now() + %s::interval)", after)


def planned(stage: Stage, own: Any) -> Row:
    return stage.rows(
        "SELECT *, due - now() AS wait FROM planned_restarts WHERE deployment_id = %s ORDER BY id DESC LIMIT 1", own
    )[0]


def test_a_restart_waits_for_its_window_and_is_made_in_the_name_of_who_planned_it(stage: Stage, lobby: Any) -> None:
    made = plan(stage, lobby, in_window="nights")
    assert (made["state"], made["in_window"], made["asked_by"]) == ("planned", "nights", "test_operator")
    assert stage.one("SELECT window_opens(w) = %s FROM maintenance_windows w", made["due"])
    generation = stage.deployment("lobby")["generation"]
    wait = look(stage, "1 hour")
    assert wait is not None
    assert 0 < wait < 3600
    assert stage.deployment("lobby")["restarted_at"] is None
    assert look(stage, "2 hours 5 minutes") is None
    after = stage.deployment("lobby")
    assert (after["generation"], after["restarted_at"] is not None) == (generation + 1, True)
    ended = planned(stage, lobby)
    assert (ended["state"], ended["generation"], ended["why"]) == ("done", generation + 1, "")
    assert stage.last_event(lobby, "DeploymentChanged")["actor"] == "test_operator in the window nights"
    (revision,) = stage.rows(
        "SELECT actor FROM deployment_revisions WHERE deployment_id = %s AND generation = %s", lobby, generation + 1
    )
    assert revision["actor"] == "test_operator in the window nights"
    assert stage.messages(deployment_id=lobby)
    assert look(stage, "30 hours") is None
    assert stage.deployment("lobby")["generation"] == generation + 1, "once"


def test_a_worker_that_promotes_carries_it_out_and_is_told_when_to_wake(stage: Stage, lobby: Any) -> None:
    promote = "SELECT promote('default') AS seconds"
    assert stage.worker.execute(promote).fetchone() == {"seconds": None}
    plan(stage, lobby, in_window="nights")
    row = stage.worker.execute(promote).fetchone()
    assert row is not None
    assert 3600 < row["seconds"] <= 7200
    stage.admin.execute("UPDATE maintenance_windows SET starts = date_trunc('minute', now() AT TIME ZONE 'UTC')::time")
    assert stage.worker.execute(promote).fetchone() == {"seconds": None}
    assert planned(stage, lobby)["state"] == "done"
    assert stage.claim_one()["generation"] == 2


def test_a_window_that_is_open_is_not_waited_for(stage: Stage, lobby: Any) -> None:
    stage.admin.execute("UPDATE maintenance_windows SET starts = date_trunc('minute', now() AT TIME ZONE 'UTC')::time")
    plan(stage, lobby, in_window="nights")
    look(stage, "1 second")
    assert stage.deployment("lobby")["restarted_at"] is not None


def test_who_comes_late_restarts_it_while_the_window_is_open(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    look(stage, "2 hours 58 minutes")
    assert planned(stage, lobby)["state"] == "done"
    assert stage.events(lobby, "RestartMissed") == []


def test_who_comes_too_late_waits_for_the_next_opening_and_says_so(stage: Stage, lobby: Any) -> None:
    first = plan(stage, lobby, in_window="nights")
    wait = look(stage, "5 hours")
    assert wait is not None
    assert 20 * 3600 < wait < 22 * 3600
    now = planned(stage, lobby)
    assert (now["state"], now["due"] - first["due"]) == ("planned", stage.one("SELECT interval '1 day'"))
    missed = stage.last_event(lobby, "RestartMissed")
    assert missed["data_json"]["window"] == "nights"
    assert "no worker" in missed["data_json"]["why"]
    assert stage.deployment("lobby")["restarted_at"] is None
    look(stage, "26 hours 30 minutes")
    assert planned(stage, lobby)["state"] == "done"
    assert stage.events(lobby, "RestartMissed") == ["RestartMissed"], "once an opening"


def test_who_missed_one_opening_and_finds_the_next_restarts_at_once(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    look(stage, "26 hours 30 minutes")
    assert planned(stage, lobby)["state"] == "done"
    assert stage.events(lobby, "RestartMissed") == ["RestartMissed"]


def test_a_restart_that_nothing_requires_any_more_is_not_made(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    stage.root.execute("UPDATE deployments SET restart_required = false")
    look(stage, "2 hours 5 minutes")
    assert stage.deployment("lobby")["restarted_at"] is None
    assert (planned(stage, lobby)["state"], planned(stage, lobby)["why"]) == (
        "done",
        "nothing required a restart any more",
    )
    assert stage.last_event(lobby, "RestartNotNeeded")["data_json"]["window"] == "nights"
    plan(stage, lobby, in_window="nights", only_if_required=False)
    look(stage, "2 hours 5 minutes")
    assert stage.deployment("lobby")["restarted_at"] is not None


def test_what_is_being_applied_may_yet_require_one(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    stage.change(lobby, parameters={"replicas": 2})
    assert look(stage, "2 hours 5 minutes") == 30
    assert planned(stage, lobby)["state"] == "planned"
    assert look(stage, "4 hours") is not None
    assert "applied" in stage.last_event(lobby, "RestartMissed")["data_json"]["why"]


def test_a_paused_server_is_restarted_when_it_goes_on_and_told_missed_if_it_does_not(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights", only_if_required=False)
    stage.change(lobby, desired_state="Paused")
    assert look(stage, "2 hours 5 minutes") == 30
    stage.change(lobby, desired_state="Active")
    look(stage, "2 hours 6 minutes")
    assert planned(stage, lobby)["state"] == "done"
    plan(stage, lobby, in_window="nights", only_if_required=False)
    stage.change(lobby, desired_state="Paused")
    look(stage, "2 hours 5 minutes")
    look(stage, "4 hours")
    assert "Paused" in stage.last_event(lobby, "RestartMissed")["data_json"]["why"]
    assert planned(stage, lobby)["state"] == "planned"


@pytest.mark.parametrize("state", ["Stopped", "Deleted"])
def test_what_does_not_run_by_then_is_left_alone(stage: Stage, lobby: Any, state: str) -> None:
    plan(stage, lobby, in_window="nights")
    stage.change(lobby, desired_state=state)
    look(stage, "2 hours 5 minutes")
    assert planned(stage, lobby)["state"] == "done"
    assert state in stage.last_event(lobby, "RestartNotNeeded")["data_json"]["why"]


def test_a_newer_wish_takes_the_place_of_an_older_one(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    plan(stage, lobby, when_empty=True)
    states = [row["state"] for row in stage.rows("SELECT state FROM planned_restarts ORDER BY id")]
    assert states == ["cancelled", "planned"]
    stage.operator.execute("SELECT restart(%s)", (lobby,))
    assert (planned(stage, lobby)["state"], planned(stage, lobby)["why"]) == ("cancelled", "it is restarted now")
    assert stage.events(lobby, "RestartPlanned", "RestartCancelled") == ["RestartPlanned", "RestartCancelled"] * 2


def test_a_plan_is_taken_back(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    stage.operator.execute("SELECT cancel_restart(%s)", (lobby,))
    assert look(stage, "2 hours 5 minutes") is None
    assert stage.deployment("lobby")["restarted_at"] is None
    assert stage.last_event(lobby, "RestartCancelled")["actor"] == "test_operator"
    with refused("SO404", "id"):
        stage.operator.execute("SELECT cancel_restart(%s)", (lobby,))


def test_when_nobody_plays(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, when_empty=True)
    assert look(stage, "10 days") is None
    stage.operator.execute("SELECT record_players(%s, 3)", (lobby,))
    assert look(stage, "1 second") is None
    assert stage.deployment("lobby")["restarted_at"] is None
    stage.operator.execute("SELECT record_players(%s, 0)", (lobby,))
    look(stage, "1 second")
    assert planned(stage, lobby)["state"] == "done"
    assert stage.last_event(lobby, "DeploymentChanged")["actor"] == "test_operator when empty"


def test_who_comes_back_in_time_plays_on(stage: Stage, lobby: Any) -> None:
    stage.operator.execute("SELECT record_players(%s, 0)", (lobby,))
    assert plan(stage, lobby, when_empty=True)["due"] is not None
    stage.operator.execute("SELECT record_players(%s, 1)", (lobby,))
    assert look(stage, "1 second") is None
    assert planned(stage, lobby)["state"] == "planned"


def test_what_was_told_long_ago_is_not_believed(stage: Stage, lobby: Any) -> None:
    stage.operator.execute("SELECT record_players(%s, 0)", (lobby,))
    assert stage.one("SELECT players_online(%s)", lobby) == 0
    assert stage.one("SELECT players_online(%s, now() + '301 seconds')", lobby) is None
    plan(stage, lobby, when_empty=True)
    assert look(stage, "301 seconds") is None
    assert planned(stage, lobby)["state"] == "planned"
    stage.admin.execute("UPDATE clusters SET players_fresh_seconds = 600")
    stage.operator.execute("SELECT record_players(%s, 0)", (lobby,))
    look(stage, "301 seconds")
    assert planned(stage, lobby)["state"] == "done"


def test_when_empty_and_at_the_latest_in_a_window(stage: Stage, lobby: Any) -> None:
    opens = plan(stage, lobby, when_empty=True, in_window="nights")["opens"]
    assert planned(stage, lobby)["due"] == opens
    stage.operator.execute("SELECT record_players(%s, 2)", (lobby,))
    look(stage, "2 hours 5 minutes")
    assert planned(stage, lobby)["state"] == "done"
    stage.root.execute("UPDATE deployments SET restart_required = true, last_applied_generation = generation")
    plan(stage, lobby, when_empty=True, in_window="nights")
    stage.operator.execute("SELECT record_players(%s, 0)", (lobby,))
    look(stage, "1 second")
    assert (planned(stage, lobby)["state"], planned(stage, lobby)["why"]) == ("done", "nobody played")


def test_at_a_time_and_given_up_long_after_it(stage: Stage, lobby: Any) -> None:
    in_ten_minutes = stage.one("SELECT now() + interval '10 minutes'")
    assert plan(stage, lobby, at=in_ten_minutes)["due"] == in_ten_minutes
    look(stage, "9 minutes")
    assert planned(stage, lobby)["state"] == "planned"
    look(stage, "2 hours")
    assert planned(stage, lobby)["state"] == "missed"
    assert stage.events(lobby, "RestartMissed") == ["RestartMissed"]
    plan(stage, lobby, at=in_ten_minutes)
    look(stage, "50 minutes")
    assert planned(stage, lobby)["state"] == "done"
    assert stage.last_event(lobby, "DeploymentChanged")["actor"] == "test_operator at its time"


def test_a_window_that_is_changed_moves_what_waits_for_it(stage: Stage, lobby: Any) -> None:
    before = plan(stage, lobby, in_window="nights")["due"]
    stage.admin.execute("UPDATE maintenance_windows SET name = 'evenings', starts = starts + interval '1 hour'")
    now = planned(stage, lobby)
    assert now["in_window"] == "evenings"
    assert now["due"] != before
    assert now["opens"] == now["due"] == stage.one("SELECT window_opens(w) FROM maintenance_windows w")


def test_a_window_that_a_plan_waits_for_stays(stage: Stage, lobby: Any) -> None:
    plan(stage, lobby, in_window="nights")
    with refused("SO409", "name", "lobby"):
        stage.admin.execute("DELETE FROM maintenance_windows")
    stage.operator.execute("SELECT cancel_restart(%s)", (lobby,))
    assert stage.admin.execute("DELETE FROM maintenance_windows").rowcount == 1
    assert planned(stage, lobby)["in_window"] == "nights"


def test_somebody_who_holds_the_server_delays_no_other(stage: Stage, lobby: Any) -> None:
    other = stage.run_healthy("hub")
    for own in (lobby, other):
        plan(stage, own, in_window="nights", only_if_required=False)
    holder = stage.session("operator")
    with holder.transaction():
        holder.execute("SELECT FROM deployments WHERE id = %s FOR NO KEY UPDATE", (lobby,))
        assert look(stage, "2 hours 5 minutes") == 1, "again in a second, not at once"
        assert (planned(stage, other)["state"], planned(stage, lobby)["state"]) == ("done", "planned")
    look(stage, "2 hours 5 minutes")
    assert planned(stage, lobby)["state"] == "done"


@pytest.mark.parametrize(
    ("how", "code", "path", "hint"),
    [
        ({"only_if_required": True}, "SO422", "in_window", "restart(id)"),
        ({"in_window": "days"}, "SO404", "in_window", "nights"),
        ({"in_window": "nights", "at": "tomorrow"}, "SO422", "at", "Leave one"),
        ({"at": "yesterday"}, "SO422", "at", "year"),
        ({"at": "2099-01-01"}, "SO422", "at", "year"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    stage: Stage, lobby: Any, how: dict[str, Any], code: str, path: str, hint: str
) -> None:
    with refused(code, path, hint):
        plan(stage, lobby, **how)


def test_what_does_not_run_is_not_planned_for(stage: Stage, lobby: Any) -> None:
    stage.change(lobby, desired_state="Stopped")
    with refused("SO409", "restarted_at", "Active"):
        plan(stage, lobby, in_window="nights")
    with refused("SO422", "online", "0 or more"):
        stage.operator.execute("SELECT record_players(%s, -1)", (lobby,))


def test_nobody_borrows_the_name_of_who_planned_a_restart(stage: Stage, lobby: Any) -> None:
    made = plan(stage, lobby, in_window="nights")
    look(stage, "2 hours 5 minutes")
    with stage.operator.transaction():
        stage.operator.execute("SELECT set_config('orchestrator.planned_restart', %s, true)", (str(made["id"]),))
        stage.operator.execute("SELECT restart(%s)", (lobby,))
    assert stage.last_event(lobby, "DeploymentChanged")["actor"] == "test_operator"


def test_the_next_that_is_due_is_found_by_its_index(stage: Stage, lobby: Any) -> None:
    stage.root.execute("SET enable_seqscan = off")
    plan_text = str(
        stage.rows(
            "EXPLAIN SELECT due FROM planned_restarts p WHERE p.cluster_id = 1 AND p.state = 'planned' AND p.due IS NOT NULL ORDER BY p.due LIMIT 1"
        )
    )
    assert "planned_restarts_due" in plan_text
    assert "Sort" not in plan_text
