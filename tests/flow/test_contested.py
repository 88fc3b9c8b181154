"""Contested: other controllers that keep fighting us over real objects, and how that ends."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fighter import Fighter, deleting, fighting, setting
from tests.flow.conftest import Stage
from tests.outsider import Outsider

REPLICAS = {"spec": {"replicas": 3}}


def named(stage: Stage, name: str) -> Outsider:
    """Somebody else, by this name in managedFields."""
    return stage.outsider.called(name)


def contested(stage: Stage, deployment: str) -> list[dict[str, Any]]:
    return stage.intent.rows(
        "SELECT * FROM orchestrator.contested WHERE deployment_id = %s ORDER BY kind, path", deployment
    )


def let_time_pass(stage: Stage, deployment: str) -> None:
    """What is contested may be tried again."""
    stage.intent.superuser.execute(
        "UPDATE orchestrator.put_backs SET next_at = now() WHERE deployment_id = %s", (deployment,)
    )
    stage.intent.superuser.execute("SELECT orchestrator.tend_contests('default')")


def test_a_controller_that_keeps_setting_a_value_is_named_and_let_be_for_a_while(stage: Stage) -> None:
    lobby = stage.deploy("fought", "web")
    hpa = setting(named(stage, "hpa"), "Deployment", stage.namespace, "fought", REPLICAS)
    with fighting(hpa):
        stage.until(lambda: contested(stage, lobby), what="contested")
        [fight] = contested(stage, lobby)
        assert (fight["kind"], fight["object"], fight["path"], fight["manager"]) == (
            "Deployment",
            "fought",
            "spec.replicas",
            "hpa",
        )
        [event] = stage.intent.events(lobby, "Contested")
        assert (event["actor"], event["data_json"]["put_back"]) == ("hpa", 3)
        told = "Deployment fought spec.replicas is contested by hpa: put back 3 times since "
        stage.until(lambda: stage.intent.message(lobby).startswith(told), what="it says so")
        assert stage.intent.status(lobby) == "Degraded"
