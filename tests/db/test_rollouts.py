"""Rollouts: many deployments moved in batches, with what fails, waits, is refused, changed by others, or turned back."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.stage import Row, Session, Stage, denied, manifests, refused
from tests.db.test_upgrade import next_web, put_version

NAMES = ("a1", "a2", "a3", "a4", "a5")


class Fleet:
    """Deployments of `web` that run, and a second version to move them to."""

    def __init__(self, stage: Stage, *names: str) -> None:
        self.stage = stage
        self.ids = {name: stage.run_healthy(name) for name in names}
        next_web(stage)

    def start(self, session: Session | None = None, **options: Any) -> int:
        given = {"template": "web", **options}
        call = ", ".join(f"{name} => %({name})s" for name in given)
        row = (session or self.stage.operator).execute(f"SELECT start_rollout({call}) AS id", given).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row["id"]

    def advance(self, session: Session | None = None) -> None:
        (session or self.stage.worker).execute("SELECT advance_rollouts()")

    def tell(self, door: str, rollout: int, session: Session | None = None, **more: Any) -> None:
        call = ", ".join(["%(id)s", *(f"{name} => %({name})s" for name in more)])
        (session or self.stage.operator).execute(f"SELECT {door}({call})", {"id": rollout, **more})  # type: ignore[arg-type]

    def rollout(self, rollout: int) -> Row:
        (row,) = self.stage.rows("SELECT * FROM rollouts WHERE id = %s", rollout)
        return row

    def members(self, rollout: int) -> dict[str, Row]:
        rows = self.stage.rows(
            "SELECT d.name, m.* FROM rollout_members m JOIN deployments d ON d.id = m.deployment_id WHERE m.rollout_id = %s ORDER BY m.position",
            rollout,
        )
        return {row["name"]: row for row in rows}

    def states(self, rollout: int) -> dict[str, str]:
        return {name: row["state"] for name, row in self.members(rollout).items()}

    def versions(self) -> dict[str, int]:
        return {
            row["name"]: row["template_version"]
            for row in self.stage.rows("SELECT name, template_version FROM deployments ORDER BY name")
        }

    def get_well(self) -> None:
        """What is queued is applied, and well: as before it was observed."""
        self.stage.run_all()

    def fall_ill(self, name: str) -> None:
        """Its workload is seen Degraded."""
        own = self.ids[name]
        self.stage.observe(self.stage.later(own, "Deployment", name, health="Degraded", message="broken"))
        assert self.stage.deployment(name)["status_summary"] == "Degraded"

    def recover(self, name: str) -> None:
        self.stage.observe(self.stage.later(self.ids[name], "Deployment", name))

    def lapse(self, rollout: int, seconds: int = 4) -> None:
        """Time goes by between two looks."""
        self.stage.root.execute(
            "UPDATE rollouts SET looked_at = looked_at - make_interval(secs => %s) WHERE id = %s", (seconds, rollout)
        )
        self.stage.root.execute(
            "UPDATE rollout_members SET started_at = started_at - make_interval(secs => %s) WHERE rollout_id = %s",
            (seconds, rollout),
        )

    def finish(self, rollout: int) -> int:
        """Advance and converge until nothing moves; answers the most that were not well at once."""
        most = 0
        while self.rollout(rollout)["under_way"]:
            before = self.members(rollout)
            self.advance()
            most = max(most, self.stage.one("SELECT count(*) FROM deployments WHERE status_summary <> 'Healthy'"))
            self.get_well()
            assert self.members(rollout) != before or not self.rollout(rollout)["under_way"], "it stands still"
        return most


@pytest.fixture
def fleet(stage: Stage) -> Fleet:
    return Fleet(stage, *NAMES)


# ---------------------------------------------------------------- the way forward


@pytest.mark.parametrize("most", [1, 2, 3])
def test_it_moves_batch_by_batch_and_never_more_than_may_be_unavailable(fleet: Fleet, most: int) -> None:
    own = fleet.start(batch_size=3, max_unavailable=most)
    assert [(row["batch"], row["state"]) for row in fleet.members(own).values()] == [(1, "waiting")] * 3 + [
        (2, "waiting")
    ] * 2
    assert fleet.versions() == dict.fromkeys(NAMES, 1), "starting one changes nothing by itself"
    fleet.advance()
    started = [name for name, state in fleet.states(own).items() if state == "started"]
    assert started == list(NAMES[:most])
    fleet.advance()
    assert [n for n, s in fleet.states(own).items() if s == "started"] == started, "none goes on before one is well"
    assert fleet.finish(own) == most
    assert fleet.versions() == dict.fromkeys(NAMES, 2)
    assert fleet.states(own) == dict.fromkeys(NAMES, "done")
    ended = fleet.rollout(own)
    assert (ended["state"], ended["under_way"], ended["finished_at"] is not None) == ("done", False, True)
    assert ended["message"] == "Ended: 5 done."
    assert fleet.stage.rows("SELECT FROM deployments WHERE rollout_id IS NOT NULL") == []


def test_the_next_batch_waits_for_all_of_the_one_before(fleet: Fleet) -> None:
    own = fleet.start(batch_size=2, max_unavailable=5)
    fleet.advance()
    assert [row["batch"] for row in fleet.members(own).values() if row["state"] == "started"] == [1, 1]
    one = next(c for c in fleet.stage.claim() if c["name"] == "a1")
    fleet.stage.converge(one)
    fleet.advance()
    assert list(fleet.states(own).values()) == ["done", "started", "waiting", "waiting", "waiting"]


def test_history_says_in_whose_name_each_was_changed(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]])
    fleet.finish(own)
    history = fleet.stage.events(fleet.ids["a1"], "RolloutStarted", "DeploymentChanged", "RolloutFinished")
    assert history == ["RolloutStarted", "DeploymentChanged", "RolloutFinished"]
    assert fleet.stage.last_event(fleet.ids["a1"], "DeploymentChanged")["actor"] == f"rollout:{own} by test_operator"
    assert (
        fleet.stage.one(
            "SELECT actor FROM deployment_revisions WHERE deployment_id = %s AND generation = 2", fleet.ids["a1"]
        )
        == f"rollout:{own} by test_operator"
    )
    told = fleet.stage.rows("SELECT type, actor FROM rollout_events WHERE rollout_id = %s ORDER BY id", own)
    assert [tuple(row.values()) for row in told] == [
        ("RolloutStarted", "test_operator"),
        ("RolloutFinished", "orchestrator"),
    ]
    assert fleet.stage.events(fleet.ids["a2"], "RolloutStarted") == []
    with refused("SO403"):
        fleet.stage.root.execute("DELETE FROM rollout_events")


def test_nobody_borrows_the_name_of_a_rollout(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]])
    fleet.advance()
    with fleet.stage.operator.transaction():
        fleet.stage.operator.execute("SELECT set_config('orchestrator.rollout', %s, true)", (str(own),))
        fleet.stage.change(fleet.ids["a2"], parameters={"replicas": 2})
    assert fleet.stage.last_event(fleet.ids["a2"], "DeploymentChanged")["actor"] == "test_operator"


def test_parameters_go_along(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]], parameters='{"replicas": 3}')
    fleet.finish(own)
    assert fleet.stage.deployment("a1")["parameters"] == {"replicas": 3}


def test_what_is_stopped_or_paused_moves_too_and_counts_for_nothing(fleet: Fleet) -> None:
    fleet.stage.change(fleet.ids["a1"], desired_state="Stopped")
    fleet.stage.change(fleet.ids["a2"], desired_state="Paused")
    fleet.get_well()
    own = fleet.start(batch_size=5, max_unavailable=1)
    fleet.advance()
    assert sorted(n for n, s in fleet.states(own).items() if s == "started") == ["a1", "a2", "a3"]
    fleet.finish(own)
    assert set(fleet.states(own).values()) == {"done"}
    assert "held" in fleet.members(own)["a2"]["message"]
    assert (fleet.stage.deployment("a1")["desired_state"], fleet.stage.deployment("a2")["desired_state"]) == (
        "Stopped",
        "Paused",
    )


def test_what_restarts_only_when_told_is_restarted_in_the_same_generation_or_left(stage: Stage) -> None:
    ids = {name: stage.run_healthy(name, "paper") for name in ("a1", "a2")}
    fleet = Fleet(stage)
    fleet.ids = ids
    put_version(stage, "paper", ("{properties,motd,default}", "another"))
    first = fleet.start(template="paper", ids=[ids["a1"]])
    second = fleet.start(template="paper", ids=[ids["a2"]], restart=False)
    fleet.advance()
    assert [stage.deployment(n)["restarted_at"] is not None for n in ids] == [True, False]
    assert [stage.deployment(n)["generation"] for n in ids] == [2, 2]
    fleet.get_well()
    stage.root.execute("UPDATE deployments SET restart_required = true")
    fleet.advance()
    assert (fleet.states(first), fleet.states(second)) == ({"a1": "started"}, {"a2": "done"}), (
        "the version is not in effect yet"
    )
    stage.root.execute("UPDATE deployments SET restart_required = false")
    fleet.advance()
    assert fleet.states(first) == {"a1": "done"}


def test_what_was_not_well_before_counts_and_is_moved_first(fleet: Fleet) -> None:
    fleet.fall_ill("a4")
    own = fleet.start(max_unavailable=1)
    assert next(iter(fleet.members(own))) == "a4"
    fleet.advance()
    assert [n for n, s in fleet.states(own).items() if s == "started"] == ["a4"], "and no healthy one beside it"
    fleet.stage.claim()
    fleet.recover("a4")


def test_one_that_falls_ill_on_its_own_holds_the_others_up(fleet: Fleet) -> None:
    own = fleet.start(batch_size=1)
    fleet.fall_ill("a5")
    fleet.advance()
    assert set(fleet.states(own).values()) == {"waiting"}
    fleet.recover("a5")
    fleet.advance()
    assert fleet.states(own)["a1"] == "started"


def test_what_is_there_already_is_done_at_once(fleet: Fleet) -> None:
    fleet.stage.operator.execute("SELECT upgrade(%s)", (fleet.ids["a1"],))
    fleet.get_well()
    every = fleet.start()
    assert "a1" not in fleet.states(every)
    fleet.tell("abort_rollout", every)
    fleet.advance()
    own = fleet.start(ids=[fleet.ids["a1"]])
    fleet.advance()
    fleet.advance()
    assert (fleet.states(own), fleet.rollout(own)["state"]) == ({"a1": "done"}, "done")
    assert fleet.stage.deployment("a1")["generation"] == 2


# ---------------------------------------------------------------- refusals


def test_what_a_set_would_be_refused_is_told_before_and_nothing_written(fleet: Fleet) -> None:
    fleet.stage.change(fleet.ids["a2"], parameters={"greeting": "hello there", "replicas": 40})
    put_version(fleet.stage, "web", ("{properties,greeting,maxLength}", 8), ("{properties,replicas,maximum}", 30))
    before = fleet.stage.rows("SELECT * FROM deployments ORDER BY id")
    rows = fleet.stage.operator.execute("SELECT * FROM upgrade_refusals('web')").fetchall()
    assert [(row["name"], row["code"], row["path"], row["template_version"]) for row in rows] == [
        ("a2", "SO422", "parameters.greeting", 1),
        ("a2", "SO422", "parameters.replicas", 1),
    ]
    assert all(row["message"] and row["hint"] for row in rows)
    narrowed = "SELECT * FROM upgrade_refusals('web', parameters => '{\"greeting\": null, \"replicas\": 2}')"
    assert fleet.stage.operator.execute(narrowed).fetchall() == []  # type: ignore[arg-type]
    assert fleet.stage.rows("SELECT * FROM deployments ORDER BY id") == before


def test_refused_members_are_listed_and_never_touched(fleet: Fleet) -> None:
    fleet.stage.change(fleet.ids["a2"], parameters={"greeting": "hello there"})
    fleet.get_well()
    put_version(fleet.stage, "web", ("{properties,greeting,maxLength}", 8))
    own = fleet.start(batch_size=2, max_unavailable=5)
    member = fleet.members(own)["a2"]
    assert (member["state"], member["batch"], "at most 8 characters" in member["message"]) == ("refused", None, True)
    assert [row["batch"] for row in fleet.members(own).values() if row["batch"]] == [1, 1, 2, 2]
    fleet.finish(own)
    assert fleet.versions() == {**dict.fromkeys(NAMES, 3), "a2": 1}
    assert fleet.stage.deployment("a2")["generation"] == 2


def test_wrong_arguments_say_what_to_do(fleet: Fleet) -> None:
    for name, value in (("batch_size", 0), ("max_unavailable", None), ("patience_seconds", 90000)):
        with refused("SO422", name):
            fleet.start(**{name: value})
    with refused("SO422", "parameters"):
        fleet.start(parameters="[]")
    with refused("SO404", "template", hint="Known: "):
        fleet.start(template="nope")
    with refused("SO404", "version", hint="There are: 1, 2."):
        fleet.start(version=9)
    with refused("SO422", "ids"):
        fleet.start(version=1)
    game = fleet.stage.deploy("game", "paper")
    with refused("SO422", f"ids.{game}"):
        fleet.start(ids=[game])
    with refused("SO404", "ids."):
        fleet.start(ids=["00000000-0000-4000-8000-000000000009"])
    with denied():
        fleet.start(fleet.stage.viewer)
    for door in ("pause_rollout", "resume_rollout", "abort_rollout", "roll_back_rollout"):
        with refused("SO404", "id"):
            fleet.tell(door, 9)


def test_two_rollouts_over_one_deployment_are_refused_with_the_id_of_the_other(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]])
    with refused("SO409", f"ids.{fleet.ids['a1']}", hint=f"rollout {own}") as caught:
        fleet.start()
    assert f"rollout {own}" in (caught.value.diag.message_primary or "")
    fleet.tell("abort_rollout", own)
    fleet.advance()
    fleet.start()


# ---------------------------------------------------------------- failures


def test_a_member_that_stays_ill_fails_and_pauses_it(fleet: Fleet) -> None:
    own = fleet.start(batch_size=2, max_unavailable=1, patience_seconds=10)
    fleet.advance()
    fleet.get_well()
    fleet.fall_ill("a1")
    for _ in range(2):
        fleet.lapse(own)
        fleet.advance()
        assert fleet.states(own)["a1"] == "started", "it has its time"
    fleet.lapse(own)
    fleet.advance()
    member = fleet.members(own)["a1"]
    assert (member["state"], "broken" in member["message"]) == ("failed", True)
    held = fleet.rollout(own)
    assert (held["state"], held["under_way"]) == ("paused", False)
    assert fleet.stage.events(fleet.ids["a2"], "RolloutPaused") == ["RolloutPaused"]
    assert "a1" not in held["message"], "who sees another member learns no names"
    fleet.advance()
    assert fleet.versions() == {**dict.fromkeys(NAMES, 1), "a1": 2}


def test_what_the_cluster_refuses_for_good_fails_at_once(fleet: Fleet) -> None:
    own = fleet.start()
    fleet.advance()
    fleet.stage.settle(fleet.stage.claim_one(), "failed", error="422: no", permanent=True)
    fleet.advance()
    assert fleet.members(own)["a1"]["message"] == "422: no"
    assert (fleet.states(own)["a1"], fleet.rollout(own)["state"]) == ("failed", "paused")


def test_a_quarantined_member_fails(fleet: Fleet) -> None:
    own = fleet.start()
    fleet.advance()
    for _ in range(6):
        fleet.stage.claim(lease_seconds=0)
    assert fleet.stage.slot(fleet.ids["a1"])["quarantined_at"] is not None
    fleet.advance()
    assert fleet.states(own)["a1"] == "failed"


def test_it_goes_on_past_failures_only_as_far_as_may_be_unavailable(fleet: Fleet) -> None:
    own = fleet.start(pause_on_failure=False, max_unavailable=2, patience_seconds=1)
    fleet.advance()
    for claimed in fleet.stage.claim():
        fleet.stage.settle(claimed, "failed", error="no", permanent=True)
    fleet.advance()
    assert list(fleet.states(own).values()) == ["failed", "failed", "waiting", "waiting", "waiting"]
    assert fleet.rollout(own)["state"] == "running", "it waits for one of them to recover"
    fleet.stage.operator.execute("SELECT reconcile_now(%s)", (fleet.ids["a1"],))
    fleet.get_well()
    fleet.advance()
    assert fleet.states(own)["a3"] == "started"


def test_an_outage_is_no_failure(fleet: Fleet) -> None:
    own = fleet.start(patience_seconds=5)
    fleet.advance()
    fleet.stage.worker.execute("SELECT report_cluster('default', false, 'gone')")
    for _ in range(4):
        fleet.lapse(own)
        fleet.advance()
    fleet.stage.reachable()
    fleet.lapse(own, 3600)
    fleet.advance()
    assert fleet.states(own)["a1"] == "started", "neither while the cluster is away nor while no worker looked"
    fleet.get_well()
    fleet.stage.worker.execute("SELECT report_cluster('default', false, 'gone')")
    fleet.advance()
    assert (fleet.states(own)["a1"], fleet.states(own)["a2"]) == ("started", "waiting"), "what is known of it is old"
    fleet.stage.reachable()
    assert fleet.finish(own) == 1
    assert fleet.rollout(own)["state"] == "done"


# ---------------------------------------------------------------- others meanwhile


def test_what_somebody_changes_meanwhile_is_left_alone(fleet: Fleet) -> None:
    own = fleet.start(batch_size=5, max_unavailable=2)
    fleet.advance()
    fleet.stage.change(fleet.ids["a1"], parameters={"replicas": 7})
    fleet.stage.change(fleet.ids["a4"], parameters={"replicas": 8})
    fleet.stage.change(fleet.ids["a5"], desired_state="Deleted")
    fleet.finish(own)
    assert fleet.states(own) == {"a1": "skipped", "a2": "done", "a3": "done", "a4": "skipped", "a5": "skipped"}
    assert fleet.members(own)["a4"]["message"] == "Changed by test_operator meanwhile (generation 2), which holds."
    assert fleet.members(own)["a5"]["message"].startswith("Deleted by test_operator")
    assert fleet.versions() == {"a1": 2, "a2": 2, "a3": 2, "a4": 1, "a5": 1}
    assert fleet.rollout(own)["state"] == "done", "and is no failure"


def test_one_that_somebody_holds_is_passed_over_and_stalls_nobody(fleet: Fleet) -> None:
    own = fleet.start(batch_size=5, max_unavailable=5)
    holder = fleet.stage.session()
    with holder.transaction():
        holder.execute("SELECT FROM deployments WHERE name = 'a2' FOR NO KEY UPDATE")
        fleet.advance()
        assert list(fleet.states(own).values()) == ["started", "waiting", "started", "started", "started"]
    fleet.advance()
    assert fleet.states(own)["a2"] == "started"


@pytest.mark.parametrize(
    "change",
    [
        "SELECT disable_user('test_operator')",
        "SELECT change_user('test_operator', 'viewer', NULL)",
        "SELECT change_user('test_operator', 'operator', '{games}')",
    ],
)
def test_it_pauses_when_who_runs_it_may_no_longer_and_goes_on_as_who_resumes(fleet: Fleet, change: str) -> None:
    fleet.stage.admin.execute("SELECT create_user('test_operator', 'operator')")
    own = fleet.start()
    fleet.stage.admin.execute(change)  # type: ignore[arg-type]
    fleet.advance()
    held = fleet.rollout(own)
    assert (held["state"], held["message"].startswith("test_operator, in whose name")) == ("paused", True)
    assert fleet.versions() == dict.fromkeys(NAMES, 1)
    fleet.tell("resume_rollout", own, fleet.stage.admin)
    fleet.finish(own)
    assert fleet.stage.last_event(fleet.ids["a1"], "DeploymentChanged")["actor"] == f"rollout:{own} by test_admin"
    assert fleet.rollout(own)["created_by"] == "test_operator"


# ---------------------------------------------------------------- pause, resume, abort


def test_paused_it_starts_none_but_watches_those_it_started(fleet: Fleet) -> None:
    own = fleet.start(max_unavailable=2)
    fleet.advance()
    fleet.tell("pause_rollout", own)
    fleet.get_well()
    fleet.advance()
    assert list(fleet.states(own).values()) == ["done", "done", "waiting", "waiting", "waiting"]
    assert fleet.rollout(own)["under_way"] is False
    with refused("SO409", "state"):
        fleet.tell("pause_rollout", own)
    fleet.tell("resume_rollout", own)
    assert fleet.rollout(own)["state"] == "running"
    with refused("SO409", "state"):
        fleet.tell("resume_rollout", own)
    fleet.finish(own)
    assert fleet.versions() == dict.fromkeys(NAMES, 2)


def test_aborted_it_leaves_everything_as_it_stands(fleet: Fleet) -> None:
    own = fleet.start()
    fleet.advance()
    fleet.tell("abort_rollout", own)
    assert fleet.rollout(own)["under_way"] is True, "the one that was started is watched to its end"
    fleet.finish(own)
    assert list(fleet.states(own).values()) == ["done", *["skipped"] * 4]
    assert fleet.versions() == {**dict.fromkeys(NAMES, 1), "a1": 2}
    assert (fleet.rollout(own)["state"], fleet.rollout(own)["message"]) == ("aborted", "Aborted by test_operator.")
    with refused("SO409", "state"):
        fleet.tell("abort_rollout", own)


# ---------------------------------------------------------------- the way back


@pytest.mark.parametrize("begin", ["running", "paused", "aborted", "done"])
def test_turned_back_all_is_as_before(fleet: Fleet, begin: str) -> None:
    before = {
        n: (r["template_version"], r["parameters"], r["desired_spec_json"])
        for n in NAMES
        for r in [fleet.stage.deployment(n)]
    }
    own = fleet.start(batch_size=2, max_unavailable=2, parameters='{"replicas": 4}')
    fleet.advance()
    if begin == "done":
        fleet.finish(own)
    elif begin != "running":
        fleet.get_well()
        fleet.tell({"paused": "pause_rollout", "aborted": "abort_rollout"}[begin], own)
        fleet.advance()
    assert fleet.rollout(own)["state"] == begin
    fleet.tell("roll_back_rollout", own)
    assert fleet.rollout(own)["state"] == "rolling_back"
    assert fleet.finish(own) == 2, "by the same rules"
    assert {
        n: (r["template_version"], r["parameters"], r["desired_spec_json"])
        for n in NAMES
        for r in [fleet.stage.deployment(n)]
    } == before
    assert fleet.rollout(own)["state"] == "rolled_back"
    moved = set(NAMES if begin == "done" else NAMES[:2])
    assert {n for n, s in fleet.states(own).items() if s == "rolled_back"} == moved
    assert fleet.stage.events(fleet.ids["a1"], "RolledBack") == ["RolledBack"]
    assert (
        fleet.stage.one(
            "SELECT rolled_back_to FROM deployment_revisions WHERE deployment_id = %s AND generation = 3",
            fleet.ids["a1"],
        )
        == 1
    )
    with refused("SO409", "state"):
        fleet.tell("roll_back_rollout", own)


def test_a_failed_batch_is_put_back_after_the_pause(fleet: Fleet) -> None:
    own = fleet.start(batch_size=2, max_unavailable=2)
    fleet.advance()
    for claimed in fleet.stage.claim():
        fleet.stage.settle(claimed, "failed", error="no such image", permanent=True)
    fleet.advance()
    assert fleet.rollout(own)["state"] == "paused"
    fleet.tell("roll_back_rollout", own)
    fleet.advance()
    assert list(fleet.states(own).values()) == ["started", "started", "skipped", "skipped", "skipped"], (
        "what is ill anyway may all go at once"
    )
    fleet.finish(own)
    assert fleet.versions() == dict.fromkeys(NAMES, 1)


def test_paused_on_its_way_back_it_resumes_on_its_way_back(fleet: Fleet) -> None:
    own = fleet.start(max_unavailable=5)
    fleet.finish(own)
    fleet.tell("roll_back_rollout", own)
    fleet.tell("pause_rollout", own)
    fleet.advance()
    assert fleet.versions() == dict.fromkeys(NAMES, 2)
    fleet.tell("resume_rollout", own)
    assert fleet.rollout(own)["state"] == "rolling_back"
    fleet.finish(own)
    assert fleet.versions() == dict.fromkeys(NAMES, 1)


def test_newer_intent_is_not_turned_back(fleet: Fleet) -> None:
    own = fleet.start(max_unavailable=5)
    fleet.finish(own)
    fleet.stage.change(fleet.ids["a2"], parameters={"replicas": 9})
    fleet.get_well()
    fleet.tell("roll_back_rollout", own)
    fleet.finish(own)
    assert fleet.versions() == {**dict.fromkeys(NAMES, 1), "a2": 2}
    assert (fleet.states(own)["a2"], fleet.stage.deployment("a2")["parameters"]) == ("skipped", {"replicas": 9})


def test_worlds_do_not_go_back_unless_forced(stage: Stage) -> None:
    fleet = Fleet(stage)
    fleet.ids = {
        "a1": stage.run_healthy("a1", "paper", {"version": "1.20"}),
        "a2": stage.run_healthy("a2", "paper", {"version": "1.21"}),
    }
    put_version(stage, "paper", ("{properties,motd,default}", "another"))
    own = fleet.start(template="paper", parameters='{"version": "1.21"}', max_unavailable=2)
    fleet.finish(own)
    fleet.tell("roll_back_rollout", own)
    member = fleet.members(own)["a1"]
    assert (member["state"], member["message"]) == ("refused", "version would go back from 1.21 to 1.20")
    fleet.finish(own)
    assert fleet.versions() == {"a1": 2, "a2": 1}


def test_forced_worlds_go_back(stage: Stage) -> None:
    fleet = Fleet(stage)
    fleet.ids = {"a1": stage.run_healthy("a1", "paper", {"version": "1.20"})}
    put_version(stage, "paper", ("{properties,motd,default}", "another"))
    own = fleet.start(template="paper", parameters='{"version": "1.21"}')
    fleet.finish(own)
    fleet.tell("roll_back_rollout", own, p_force=True)
    fleet.finish(own)
    assert stage.deployment("a1")["parameters"] == {"version": "1.20"}


def test_one_that_another_rollout_holds_is_not_turned_back(fleet: Fleet) -> None:
    own = fleet.start(max_unavailable=5)
    fleet.finish(own)
    put_version(fleet.stage, "web", ("{properties,greeting,default}", "third"))
    other = fleet.start(ids=[fleet.ids["a1"]])
    fleet.tell("roll_back_rollout", own)
    assert fleet.members(own)["a1"]["message"] == f"It is a member of rollout {other} by now."


# ---------------------------------------------------------------- workers


def test_two_workers_at_once_do_not_do_the_same_twice(fleet: Fleet) -> None:
    own = fleet.start(batch_size=5, max_unavailable=2)
    sessions = [fleet.stage.session("worker") for _ in range(4)]
    together(*(lambda s=s: fleet.advance(s) for s in sessions))
    assert sum(state == "started" for state in fleet.states(own).values()) == 2
    assert {fleet.stage.deployment(n)["generation"] for n in NAMES} == {1, 2}


def test_one_is_looked_at_by_one_while_others_pass_on(fleet: Fleet) -> None:
    own = fleet.start()
    slow = fleet.stage.session("worker")
    with slow.transaction(force_rollback=True):
        fleet.advance(slow)
        fleet.advance()
        assert fleet.versions() == dict.fromkeys(NAMES, 1)
    assert fleet.states(own)["a1"] == "waiting", "and what died half-way is undone whole"
    fleet.finish(own)


def test_a_worker_that_dies_half_way_leaves_nothing_half_done(fleet: Fleet) -> None:
    own = fleet.start(max_unavailable=3)
    doomed = fleet.stage.session("worker")
    doomed.execute("BEGIN")
    fleet.advance(doomed)
    fleet.stage.root.execute("SELECT pg_terminate_backend(%s)", (doomed.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        doomed.execute("COMMIT")
    assert set(fleet.states(own).values()) == {"waiting"}
    assert fleet.stage.rows("SELECT FROM deployment_revisions WHERE generation > 1") == []
    assert fleet.finish(own) == 3
    assert fleet.versions() == dict.fromkeys(NAMES, 2)


def test_two_that_start_over_the_same_at_once_leave_one(fleet: Fleet) -> None:
    sessions = [fleet.stage.session("operator") for _ in range(3)]
    ends: list[str] = []

    def start(session: Session) -> None:
        try:
            fleet.start(session)
            ends.append("started")
        except psycopg.Error as error:
            ends.append(str(error.sqlstate))

    together(*(lambda s=s: start(s) for s in sessions))
    assert sorted(ends) == ["SO409", "SO409", "started"]
    assert fleet.stage.one("SELECT count(*) FROM rollouts") == 1


def test_a_change_of_a_member_wakes_workers_and_one_of_others_does_not(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]])
    fleet.advance()
    claimed = fleet.stage.claim_one()
    listener = fleet.stage.session()
    listener.execute("LISTEN orchestrator_c1")
    fleet.fall_ill("a2")
    assert list(listener.notifies(timeout=0.2, stop_after=1)) == []
    fleet.stage.converge(claimed)
    assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1
    assert fleet.stage.worker.execute("SELECT has_rollouts() AS found").fetchone() == {"found": True}
    fleet.advance()
    assert fleet.rollout(own)["state"] == "done"
    assert fleet.stage.worker.execute("SELECT has_rollouts() AS found").fetchone() == {"found": False}


def test_one_that_is_held_at_the_end_is_let_go_by_a_later_look(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]])
    fleet.advance()
    fleet.get_well()
    holder = fleet.stage.session()
    with holder.transaction():
        holder.execute("SELECT FROM deployments WHERE name = 'a1' FOR NO KEY UPDATE")
        fleet.advance()
        assert fleet.rollout(own)["under_way"] is True
    fleet.advance()
    assert (fleet.rollout(own)["under_way"], fleet.stage.deployment("a1")["rollout_id"]) == (False, None)
    assert fleet.stage.one("SELECT count(*) FROM rollout_events WHERE type = 'RolloutFinished'") == 1


def together(*calls: Callable[[], None]) -> None:
    """All at once, each in a thread of its own; what one raises is raised."""
    faults: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


# ---------------------------------------------------------------- who sees and decides


def test_who_is_limited_moves_and_sees_their_own_and_decides_only_about_their_own(stage: Stage) -> None:
    ids = {n: stage.deploy(f"s-{n}", namespace=n) for n in ("games", "vault")}
    next_web(stage)
    fleet = Fleet(stage)
    stage.admin.execute("SELECT create_user('test_operator', 'operator', '{games}')")
    with refused("SO404", f"ids.{ids['vault']}"):
        fleet.start(ids=list(ids.values()))
    own = fleet.start()
    assert fleet.states(own) == {"s-games": "waiting"}
    fleet.tell("abort_rollout", own)
    fleet.advance()
    both = fleet.start(stage.admin)
    assert len(fleet.members(both)) == 2
    assert [row["id"] for row in stage.operator.execute("SELECT id FROM rollouts ORDER BY id").fetchall()] == [
        own,
        both,
    ]
    assert len(stage.operator.execute("SELECT FROM rollout_members WHERE rollout_id = %s", (both,)).fetchall()) == 1
    for door in ("pause_rollout", "abort_rollout", "roll_back_rollout"):
        with refused("SO403", "id"):
            fleet.tell(door, both)
    stage.admin.execute("SELECT change_user('test_operator', 'operator', '{elsewhere}')")
    for table in ("rollouts", "rollout_members", "rollout_events"):
        assert stage.operator.execute(f"SELECT FROM {table}").fetchall() == [], table  # type: ignore[arg-type]
    with refused("SO404", "id"):
        fleet.tell("abort_rollout", both)


def test_manifests_are_those_of_the_version(fleet: Fleet) -> None:
    own = fleet.start(ids=[fleet.ids["a1"]])
    fleet.advance()
    assert "good day" in str(manifests(fleet.stage.claim_one()))
    assert fleet.states(own) == {"a1": "started"}
