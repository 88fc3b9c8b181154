"""A restart that waits for its window, or for nobody to play, as a journey: what is planned comes when it may."""

import uuid
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from deploy.postgres import running
from tests.conftest import ControlPlane, Database
from tests.flow.conftest import Stage
from tests.flow.test_server_restart import pod_of, pod_uid
from tests.intent import Intent, intent_on, workload
from tests.outsider import outsider_of
from tests.rooms import Room
from tests.waiting import eventually_blocking
from tests.workers.test_outages import kill_postgres, own_postgres

__all__ = ["own_postgres"]

SHUT = "date_trunc('minute', now() AT TIME ZONE 'UTC' + interval '2 hours')::time"
OPEN = "date_trunc('minute', now() AT TIME ZONE 'UTC')::time"


@pytest.fixture
def server(stage: Stage) -> str:
    """A server whose pod is replaced only on request, running with older settings; and a window, shut for two hours."""
    by_hand = workload("StatefulSet", replicas=1)
    by_hand["spec"]["updateStrategy"] = {"type": "OnDelete"}
    stage.intent.put_template("by-hand", [by_hand])
    made = stage.deploy(f"lobby-{uuid.uuid4().hex[:6]}", "by-hand")
    stage.intent.change(made, greeting="newer")
    stage.until(lambda: stage.intent.deployment(made)["restart_required"], what="the need for a restart seen")
    stage.until(lambda: stage.is_at_rest(made), what="the change applied")
    return made


def window(stage: Stage, name: str) -> None:
    make_window(stage.intent, name)


def make_window(intent: Intent, name: str) -> None:
    intent.superuser.execute(
        "INSERT INTO orchestrator.maintenance_windows (name, days, starts, lasts, zone)"
        f" VALUES (%s, '{{Mon,Tue,Wed,Thu,Fri,Sat,Sun}}', {SHUT}, '1 hour', 'UTC')",
        (name,),
    )


def open_window(stage: Stage, name: str) -> None:
    """As an admin would: it starts now."""
    set_open(stage.intent, name)


def set_open(intent: Intent, name: str) -> None:
    intent.superuser.execute(
        f"UPDATE orchestrator.maintenance_windows SET starts = {OPEN} WHERE name = %s",
        (name,),
    )


def state_of_plan(stage: Stage, deployment: str) -> str:
    latest = "SELECT state FROM orchestrator.planned_restarts WHERE deployment_id = %s ORDER BY id DESC LIMIT 1"
    return stage.intent.value(latest, deployment)


def test_a_restart_waits_until_its_window_opens_and_brings_the_change(stage: Stage, server: str) -> None:
    window(stage, "nights")
    before = pod_uid(stage, server)
    stage.intent.operator.execute("SELECT orchestrator.plan_restart(%s, in_window => 'nights')", (server,))
    # Whatever else happens to it meanwhile is no restart.
    stage.intent.operator.execute("SELECT orchestrator.reconcile_now(%s)", (server,))
    stage.until(lambda: stage.is_at_rest(server), what="looked at")
    assert (pod_uid(stage, server), state_of_plan(stage, server)) == (before, "planned")
    open_window(stage, "nights")
    stage.until(lambda: pod_uid(stage, server) not in (None, before), what="another pod")
    stage.until(lambda: stage.is_at_rest(server), what="all well again")
    assert stage.get("Pod", pod_of(stage, server))["spec"]["containers"][0]["env"][0]["value"] == "newer"
    assert state_of_plan(stage, server) == "done"
    assert not stage.intent.deployment(server)["restart_required"]
    [restarted] = [
        event for event in stage.intent.events(server, "DeploymentChanged") if "restarted_at" in event["data_json"]
    ]
    assert restarted["actor"].endswith(" in the window nights")


def test_a_restart_waits_until_nobody_plays(stage: Stage, server: str) -> None:
    before = pod_uid(stage, server)
    stage.intent.operator.execute("SELECT orchestrator.record_players(%s, 2)", (server,))
    stage.intent.operator.execute("SELECT orchestrator.plan_restart(%s, when_empty => true)", (server,))
    stage.intent.operator.execute("SELECT orchestrator.reconcile_now(%s)", (server,))
    stage.until(lambda: stage.is_at_rest(server), what="looked at")
    assert pod_uid(stage, server) == before
    stage.intent.operator.execute("SELECT orchestrator.record_players(%s, 0)", (server,))
    stage.until(lambda: pod_uid(stage, server) not in (None, before), what="another pod")
    assert state_of_plan(stage, server) == "done"


def test_a_window_that_opened_while_no_worker_was_there_is_used_as_long_as_it_is_open(
    stage: Stage, server: str
) -> None:
    window(stage, "evenings")
    before = pod_uid(stage, server)
    stage.intent.operator.execute("SELECT orchestrator.plan_restart(%s, in_window => 'evenings')", (server,))
    with stage.nobody_at_work():
        open_window(stage, "evenings")
        assert state_of_plan(stage, server) == "planned"
    stage.until(lambda: pod_uid(stage, server) not in (None, before), what="another pod")
    assert stage.intent.events(server, "RestartMissed") == []


def replicas(stage: Stage, deployment: str) -> int:
    return stage.get("StatefulSet", stage.intent.deployment(deployment)["name"])["spec"]["replicas"]


def test_what_a_rule_binds_to_a_window_is_put_back_when_it_opens_and_not_before(stage: Stage, server: str) -> None:
    window(stage, "weekends")
    rule = [{"kind": "StatefulSet", "path": "spec.replicas", "policy": "Enforce", "window": "weekends"}]
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (Jsonb(rule), server)
    )
    stage.until(lambda: stage.is_at_rest(server), what="the rule taken up")
    stage.kubectl("scale", "statefulset", stage.intent.deployment(server)["name"], "--replicas=2")
    stage.until(lambda: stage.drift(server), what="the change seen")
    [found] = stage.drift(server)
    assert (found["path"], found["outlook"]) == ("spec.replicas", "shut")
    # Other changes go on meanwhile, and leave it.
    stage.intent.change(server, greeting="newest")
    stage.until(lambda: stage.intent.is_applied(server), what="another change applied")
    assert replicas(stage, server) == 2
    open_window(stage, "weekends")
    stage.until(lambda: replicas(stage, server) == 1, 60, what="put back")
    stage.until(lambda: not stage.drift(server), what="nothing differs any more")


def test_a_window_that_opens_after_the_worker_was_killed_is_not_lost(stage: Stage, server: str) -> None:
    window(stage, "mondays")
    rule = [{"path": "spec.replicas", "policy": "Enforce", "window": "mondays"}]
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (Jsonb(rule), server)
    )
    stage.until(lambda: stage.is_at_rest(server), what="the rule taken up")
    stage.kubectl("scale", "statefulset", stage.intent.deployment(server)["name"], "--replicas=2")
    stage.until(lambda: stage.drift(server), what="the change seen")
    stage.worker.kill()
    open_window(stage, "mondays")
    stage.until(lambda: {row["outlook"] for row in stage.drift(server)} == {"resting"}, what="open, and nobody there")
    assert replicas(stage, server) == 2
    stage.worker.restart()
    stage.until(lambda: replicas(stage, server) == 1, 60, what="put back")


def test_what_opens_or_falls_due_while_postgres_is_away_is_put_back_when_it_answers(
    own_postgres: tuple[Database, ExitStack], control_plane: ControlPlane, namespace: str, scratch: Path
) -> None:
    database, stack = own_postgres
    outsider = outsider_of(control_plane.kubeconfig, scratch)

    def scaled(name: str) -> int:
        return outsider.get("Deployment", namespace, name)["spec"]["replicas"]

    def scale(name: str) -> None:
        control_plane.kubectl("--namespace", namespace, "scale", "deployment", name, "--replicas=3")

    environment = {"ORCHESTRATOR_STANDBY_SECONDS": "0.5"}
    with (
        Room("worker", database, control_plane.kubeconfig, **environment) as worker,
        Room("watcher", database, control_plane.kubeconfig, **environment) as watcher,
    ):
        with intent_on(database, namespace) as intent:

            def outlook(deployment: str) -> list[str]:
                rows = intent.rows("SELECT outlook FROM orchestrator.drift WHERE deployment_id = %s", deployment)
                return [row["outlook"] for row in rows]

            def seen(check: object, what: str) -> None:
                eventually_blocking(check, 30, lambda: f"{what}\n{intent.story()}\n{worker.tail}\n{watcher.tail}")

            intent.superuser.execute("UPDATE orchestrator.clusters SET contested_after = 2")
            make_window(intent, "nights")
            bound, fought = intent.deploy("bound", "web"), intent.deploy("fought", "web")
            rule = [{"path": "spec.replicas", "policy": "Enforce", "window": "nights"}]
            intent.operator.execute(
                "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (Jsonb(rule), bound)
            )
            for deployment in (bound, fought):
                seen(lambda made=deployment: intent.status(made) == "Healthy" and intent.is_applied(made), "at rest")
            scale("bound")
            seen(lambda: outlook(bound) == ["shut"], "left until the window opens")
            told = "SELECT count(*) FROM orchestrator.put_backs WHERE deployment_id = %s AND put_backs = %s"
            for count in (1, 2):
                scale("fought")
                seen(lambda count=count: intent.value(told, fought, count) == 1, f"put back {count} times")
                seen(lambda: outlook(fought) == [] and intent.is_applied(fought), "all well again")
            scale("fought")
            seen(lambda: outlook(fought) == ["contested"], "contested, and left until its time has come")
            worker.freeze()
            set_open(intent, "nights")
            intent.superuser.execute("UPDATE orchestrator.put_backs SET next_at = now()")
        kill_postgres(database, stack)
        worker.thaw()
        worker.says("postgres does not answer")
        assert (scaled("bound"), scaled("fought")) == (3, 3)
        stack.enter_context(running(database.server, Path(database.server.home) / "log"))
        with intent_on(database, namespace) as intent:
            eventually_blocking(
                lambda: (scaled("bound"), scaled("fought")) == (1, 1),
                60,
                lambda: f"put back\n{intent.story()}\n{worker.tail}\n{watcher.tail}",
            )


def test_a_person_need_not_wait_for_a_window(stage: Stage, server: str) -> None:
    window(stage, "holidays")
    rule = [{"path": "spec.replicas", "policy": "Enforce", "window": "holidays"}]
    stage.intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (Jsonb(rule), server)
    )
    stage.until(lambda: stage.is_at_rest(server), what="the rule taken up")
    stage.kubectl("scale", "statefulset", stage.intent.deployment(server)["name"], "--replicas=2")
    stage.until(lambda: stage.drift(server), what="the change seen")
    stage.intent.operator.execute("SELECT orchestrator.put_back(%s)", (server,))
    stage.until(lambda: replicas(stage, server) == 1, what="put back at once")
