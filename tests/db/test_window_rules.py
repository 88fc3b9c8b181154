"""Rules that bind what is put back to a window: what they may say, what waits, and what a window that opens asks for."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any

import pytest

from tests.db.stage import Row, Stage, refused
from tests.db.test_windows import make

RULE = {"path": "spec.replicas", "policy": "Enforce", "window": "nights"}
CHANGE = {"path": "spec.replicas", "wanted": 1, "live": 3, "manager": "kubectl"}


def shut(stage: Stage) -> None:
    """The window opens in two hours, for an hour."""
    stage.admin.execute(
        "UPDATE maintenance_windows SET starts = date_trunc('minute', (now() AT TIME ZONE 'UTC') + interval '2 hours')::time, lasts = '1 hour'"
    )


def opened(stage: Stage) -> None:
    stage.admin.execute(
        "UPDATE maintenance_windows SET starts = date_trunc('minute', now() AT TIME ZONE 'UTC')::time, lasts = '1 hour'"
    )


@pytest.fixture
def site(stage: Stage) -> Any:
    """A server whose replicas are put back in the window 'nights' only, which is shut."""
    make(stage, zone="UTC")
    shut(stage)
    own = stage.run_healthy("site")
    stage.change(own, drift_rules=[RULE])
    stage.converge(stage.claim_one())
    return own


def drift(stage: Stage, own: Any, *changes: Row) -> list[Row]:
    """A watcher found these; what the view tells."""
    rows = [{"deployment_id": str(own), "kind": "Deployment", "namespace": "default", "name": "site", "drift": changes}]
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps(rows),))
    return stage.viewer.execute("SELECT * FROM drift WHERE deployment_id = %s ORDER BY path", (own,)).fetchall()


def test_what_a_rule_binds_to_a_window_waits_for_it_and_says_until_when(stage: Stage, site: Any) -> None:
    (found,) = drift(stage, site, CHANGE)
    assert (found["policy"], found["outlook"], found["rule"]["window"]) == ("Enforce", "shut", "nights")
    assert found["due_at"] == stage.one("SELECT window_opens(w) FROM maintenance_windows w")
    assert stage.events(site, "ResourceModifiedExternally") == ["ResourceModifiedExternally"]
    assert stage.messages(deployment_id=site) == [], "nothing is asked of a worker"


def test_a_worker_asks_for_it_once_the_window_is_open(stage: Stage, site: Any) -> None:
    tend = "SELECT tend_windows('default') AS count"
    drift(stage, site, CHANGE)
    assert stage.worker.execute(tend).fetchone() == {"count": 0}
    assert stage.messages(deployment_id=site) == []
    opened(stage)
    assert stage.worker.execute(tend).fetchone() == {"count": 1}
    assert stage.last_event(site, "DeploymentQueued")["data_json"] == {"reason": "window"}
    assert stage.worker.execute(tend).fetchone() == {"count": 0}, "it is queued"
    (found,) = stage.rows("SELECT outlook FROM drift WHERE deployment_id = %s", site)
    assert found["outlook"] == "now"


def test_what_is_found_while_the_window_is_open_is_put_back_at_once(stage: Stage, site: Any) -> None:
    opened(stage)
    (found,) = drift(stage, site, CHANGE)
    assert found["outlook"] == "now"
    assert stage.messages(deployment_id=site)


def test_a_paused_server_is_not_asked_for(stage: Stage, site: Any) -> None:
    drift(stage, site, CHANGE)
    stage.change(site, desired_state="Paused")
    stage.settle(stage.claim_one(), "held")
    opened(stage)
    stage.worker.execute("SELECT tend_windows('default')")
    assert stage.messages(deployment_id=site) == []


@pytest.mark.parametrize(
    ("rule", "path", "hint"),
    [
        ({**RULE, "window": "days"}, "drift_rules.0.window", "nights"),
        ({**RULE, "window": "games"}, "drift_rules.0.window", "nights"),
        ({**RULE, "window": 4}, "drift_rules.0.window", ""),
        ({**RULE, "policy": "Ignore"}, "drift_rules.0.window", "Enforce"),
        ({**RULE, "policy": "Adopt"}, "drift_rules.0.window", "Enforce"),
    ],
)
def test_a_rule_names_a_window_that_there_is(stage: Stage, site: Any, rule: Row, path: str, hint: str) -> None:
    make(stage, name="games", namespace="games")
    with refused("SO422", path, hint):
        stage.change(site, drift_rules=[rule])
    with refused("SO422", path, hint):
        stage.deploy("other", drift_rules=json.dumps([rule]))


def test_a_template_names_a_window_of_every_namespace(stage: Stage, site: Any) -> None:
    make(stage, name="games", namespace="games")
    call = "SELECT put_template('ruled', base_spec_json, allowed_mutations_json, %s) FROM templates WHERE name = 'web' LIMIT 1"
    for name in ("games", "days"):
        with refused("SO422", "drift_rules.0.window", "nights"):
            stage.admin.execute(call, (json.dumps([{**RULE, "window": name}]),))
    stage.admin.execute(call, (json.dumps([RULE]),))
    stage.change(site, drift_rules=[])
    with refused("SO409", "name", "version 1 of the template ruled"):
        stage.admin.execute("DELETE FROM maintenance_windows WHERE name = 'nights'")


def test_a_window_that_a_rule_names_is_neither_deleted_nor_renamed(stage: Stage, site: Any) -> None:
    for statement, path in (
        ("DELETE FROM maintenance_windows", "name"),
        ("UPDATE maintenance_windows SET name = 'evenings'", "name"),
        ("UPDATE maintenance_windows SET namespace = 'games'", "namespace"),
    ):
        with refused("SO409", path, "a drift rule of default/site"):
            stage.admin.execute(statement)
    stage.change(site, drift_rules=[])
    stage.admin.execute("UPDATE maintenance_windows SET name = 'evenings'")
    assert stage.admin.execute("DELETE FROM maintenance_windows").rowcount == 1


def test_a_window_that_is_moved_moves_what_is_due(stage: Stage, site: Any) -> None:
    (before,) = drift(stage, site, CHANGE)
    stage.admin.execute("UPDATE maintenance_windows SET starts = starts + interval '1 hour'")
    (after,) = stage.rows("SELECT due_at FROM drift WHERE deployment_id = %s", site)
    assert after["due_at"] != before["due_at"]
    assert after["due_at"] == stage.one("SELECT window_opens(w) FROM maintenance_windows w")


def test_a_status_says_what_it_waits_for_and_an_apply_leaves_it(stage: Stage, site: Any) -> None:
    drift(stage, site, CHANGE)
    row = stage.deployment("site")
    assert "is put back once the window nights opens" in row["status_message"]
    stage.operator.execute("SELECT reconcile_now(%s)", (site,))
    (of_workload,) = [one for one in stage.claim_one()["inventory"] if one["kind"] == "Deployment"]
    assert (of_workload["drifted"], of_workload["paths"]) == (False, ["spec.replicas"])


def test_a_person_puts_it_back_whatever_the_window(stage: Stage, site: Any) -> None:
    drift(stage, site, CHANGE)
    stage.operator.execute("SELECT put_back(%s)", (site,))
    (of_workload,) = [one for one in stage.claim_one()["inventory"] if one["kind"] == "Deployment"]
    assert (of_workload["drifted"], of_workload["paths"]) == (True, [])


def test_an_object_that_is_gone_waits_too_and_is_asked_for_when_the_window_opens(stage: Stage, site: Any) -> None:
    stage.change(site, drift_rules=[{"kind": "Service", "policy": "Enforce", "window": "nights"}])
    stage.converge(stage.claim_one())
    stage.observe(stage.gone(site, "Service", "site"))
    (found,) = stage.rows("SELECT path, outlook FROM drift WHERE deployment_id = %s", site)
    assert found == {"path": "", "outlook": "shut"}
    assert stage.messages(deployment_id=site) == []
    opened(stage)
    stage.worker.execute("SELECT tend_windows('default')")
    assert stage.messages(deployment_id=site)
