"""Contested: other controllers that keep fighting us over real objects, and how that goes on and ends."""

from typing import Any

from tests.fighter import deleting, fighting, setting, unsettled
from tests.flow.conftest import Stage

REPLICAS = {"spec": {"replicas": 3}}
# What one more put-back may write: drift, queued, taken up, applied, succeeded, and a status there and back.
EVENTS_EACH = 8


def fights(stage: Stage, deployment: str) -> list[tuple[str, str, str | None]]:
    rows = stage.intent.rows(
        "SELECT * FROM orchestrator.contested WHERE deployment_id = %s ORDER BY kind, path", deployment
    )
    return [(row["kind"], row["path"], row["manager"]) for row in rows]


def put_backs(stage: Stage, deployment: str) -> int:
    return stage.intent.value(
        "SELECT coalesce(max(put_backs), 0) FROM orchestrator.contested WHERE deployment_id = %s", deployment
    )


def pass_time(stage: Stage, deployment: str, minutes: int) -> None:
    """All that was put back of it was so much longer ago; then see to what is contested, as workers do now and then."""
    stage.intent.superuser.execute(
        "UPDATE orchestrator.put_backs SET last_at = last_at - make_interval(mins => %(m)s),"
        " next_at = next_at - make_interval(mins => %(m)s) WHERE deployment_id = %(id)s",
        {"m": minutes, "id": deployment},
    )
    tend(stage)


def tend(stage: Stage) -> bool:
    """What workers do now and then. It passes over what somebody holds this moment, so ask again for what must come."""
    stage.intent.superuser.execute("SELECT orchestrator.tend_contests('default')")
    return True


def is_resting(stage: Stage, deployment: str) -> bool:
    """Nobody works on it, and the watcher has told what stands there."""
    slot = stage.intent.slot(deployment)
    return slot["msg_id"] is None and slot["due_at"] is None and bool(stage.drift(deployment))


def waits(stage: Stage, deployment: str) -> Any:
    """Contested, undone again, and left alone."""
    return (
        bool(fights(stage, deployment))
        and is_resting(stage, deployment)
        and {row["outlook"] for row in stage.drift(deployment)} == {"contested"}
    )


def test_a_controller_that_keeps_setting_a_value_is_named_let_be_for_a_while_and_tried_again(stage: Stage) -> None:
    lobby = stage.deploy("fought", "web")
    hpa = setting(stage.outsider.called("hpa"), "Deployment", stage.namespace, "fought", REPLICAS)
    with fighting(hpa):
        stage.until(lambda: waits(stage, lobby), what="contested, and waiting")
        assert fights(stage, lobby) == [("Deployment", "spec.replicas", "hpa")]
        [event] = stage.intent.events(lobby, "Contested")
        assert (event["actor"], event["data_json"]["put_back"]) == ("hpa", 3)
        assert stage.intent.status(lobby) == "Degraded"
        told = "Deployment fought spec.replicas is contested by hpa: put back 3 times since "
        assert stage.intent.message(lobby).startswith(told)
        assert stage.get("Deployment", "fought")["spec"]["replicas"] == 3
        for count in (4, 5, 6):
            mark = stage.mark(lobby)
            pass_time(stage, lobby, 60)
            stage.until(lambda count=count: put_backs(stage, lobby) == count, what="tried again")
            stage.until(lambda: waits(stage, lobby), what="waiting again")
            assert len(stage.since(lobby, mark)) <= EVENTS_EACH, stage.story()
        stage.intent.reconcile_now(lobby)
        stage.until(lambda: put_backs(stage, lobby) == 7, what="tried at once, since a person asked")
        stage.until(lambda: waits(stage, lobby), what="waiting again")
        mark = stage.mark(lobby)
        stage.intent.operator.execute("SELECT orchestrator.put_back(%s, '{spec.replicas}')", (lobby,))
        stage.until(lambda: put_backs(stage, lobby) == 8, what="put back once, since a person decided so")
        stage.until(lambda: waits(stage, lobby), what="waiting again")
        assert put_backs(stage, lobby) == 8
        assert len(stage.since(lobby, mark)) <= EVENTS_EACH, stage.story()
    pass_time(stage, lobby, 240)
    stage.until(lambda: stage.is_at_rest(lobby), what="put back for good")
    assert fights(stage, lobby), "not quiet for long enough"
    mark = stage.mark(lobby)
    pass_time(stage, lobby, 11)
    stage.until(lambda: tend(stage) and fights(stage, lobby) == [], what="quiet")
    [ended] = stage.since(lobby, mark)
    assert (ended["type"], ended["data_json"]["why"]) == ("ContestEnded", "quiet")
    assert stage.intent.events(lobby, "Contested") == [event], "told once"


def test_one_that_is_never_content_floods_nothing_while_it_is_let_be(stage: Stage) -> None:
    lobby = stage.deploy("flooded", "small")
    ticker = unsettled(
        stage.outsider.called("ticker"),
        "ConfigMap",
        stage.namespace,
        "flooded-env",
        lambda number: {"data": {"GREETING": f"theirs {number}"}},
    )
    with fighting(ticker):
        stage.until(lambda: waits(stage, lobby), 60, what="contested, and waiting")
        mark, blows = stage.mark(lobby), ticker.blows
        stage.until(lambda: ticker.blows > blows + 100, 60, what="it goes on")
        # Another deployment goes all the way through both processes meanwhile.
        stage.deploy("meanwhile-flooded", "small")
        assert len(stage.since(lobby, mark)) <= EVENTS_EACH, stage.story()
        assert fights(stage, lobby) == [("ConfigMap", "data.GREETING", "ticker")]


def test_what_else_is_changed_of_the_same_object_is_put_back_at_once_and_the_fight_is_not_carried_on(
    stage: Stage,
) -> None:
    lobby = stage.deploy("beside", "web")
    with fighting(setting(stage.outsider.called("hpa"), "Deployment", stage.namespace, "beside", REPLICAS)):
        stage.until(lambda: waits(stage, lobby), what="contested, and waiting")
        before = put_backs(stage, lobby)
        stage.kubectl("set", "image", "deployment/beside", "web=theirs/web:9", "--field-manager=a-person")

        def is_back() -> bool:
            [container] = stage.get("Deployment", "beside")["spec"]["template"]["spec"]["containers"]
            return container["image"] == "example/web:1" and waits(stage, lobby)

        stage.until(is_back, what="the image put back")
        assert stage.get("Deployment", "beside")["spec"]["replicas"] == 3, "left to who contests it"
        assert put_backs(stage, lobby) == before
        stage.intent.change(lobby, greeting="from a person")
        stage.until(lambda: put_backs(stage, lobby) == before + 1, what="a person's change carries it too")


def test_deletions_labels_and_two_paths_of_two_managers_are_fights_like_any_other(stage: Stage) -> None:
    gone, labelled, two = stage.deploy("gone", "small"), stage.deploy("labelled", "small"), stage.deploy("two", "web")
    label = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "theirs"}}}
    note = {"metadata": {"annotations": {"example.com/note": "theirs"}}}
    with fighting(
        deleting(stage.outsider.called("remover"), "Service", stage.namespace, "gone"),
        setting(stage.outsider.called("labeller"), "ConfigMap", stage.namespace, "labelled-env", label),
        setting(stage.outsider.called("hpa"), "Deployment", stage.namespace, "two", REPLICAS),
        setting(stage.outsider.called("noter"), "Deployment", stage.namespace, "two", note),
    ):
        stage.until(lambda: waits(stage, gone), 60, what="deleted, and let be")
        stage.until(lambda: waits(stage, labelled), 60, what="labelled, and let be")
        stage.until(lambda: waits(stage, two) and len(fights(stage, two)) == 2, 60, what="both, and let be")
        assert fights(stage, gone) == [("Service", "", None)]
        assert stage.find("Service", "gone") is None
        assert fights(stage, labelled) == [("ConfigMap", "metadata.labels[app.kubernetes.io/managed-by]", "labeller")]
        assert fights(stage, two) == [
            ("Deployment", "metadata.annotations[example.com/note]", "noter"),
            ("Deployment", "spec.replicas", "hpa"),
        ]
        rule = '[{"kind": "Deployment", "path": "spec.replicas", "policy": "Ignore"}]'
        stage.intent.operator.execute("UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s", (rule, two))
        stage.until(lambda: stage.intent.is_applied(two), what="applied with the rule")
        left = ["metadata.annotations[example.com/note]"]
        stage.until(lambda: tend(stage) and [path for _, path, _ in fights(stage, two)] == left, what="one fight over")
        assert stage.get("Deployment", "two")["spec"]["replicas"] == 3, "its owner's from now on"
        why = [event["data_json"]["why"] for event in stage.intent.events(two, "ContestEnded")]
        assert why == ["ignored"]
