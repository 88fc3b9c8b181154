"""Idle: events tell transitions, so a deployment that rests adds none, however often everything is listed anew."""

import re
from collections.abc import Iterator

import pytest

from kube.kinds import APPLIED
from tests.conftest import ControlPlane, Database
from tests.flow.conftest import Stage, stage_on

RESYNCS = 100


@pytest.fixture(scope="module")
def stage(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With a resync twenty times a second."""
    with stage_on(
        postgres, control_plane, tmp_path_factory.mktemp("stage"), ORCHESTRATOR_RESYNC_SECONDS="0.05"
    ) as opened:
        yield opened


def lists_served(stage: Stage) -> int:
    """How often Ingresses were listed, by the API server's own count: nobody else asks for them that often."""
    text = stage.control_plane.kubectl("get", "--raw", "/metrics")
    counts = re.findall(
        r'^apiserver_request_total\{[^}]*resource="ingresses"[^}]*verb="LIST"[^}]*\} (\S+)', text, re.MULTILINE
    )
    return int(sum(float(count) for count in counts))


def versions(stage: Stage) -> dict[str, str]:
    """Of every object of ours: a write that changed anything would show."""
    kinds = ",".join(kind.plural for kind in APPLIED)
    items = stage.control_plane.get("--namespace", stage.namespace, kinds)["items"]
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in items}


def test_a_hundred_resyncs_of_resting_deployments_add_no_event_and_no_write(stage: Stage) -> None:
    resting = [stage.deploy("kinds", "every-kind"), stage.deploy("game", "game", cpu="1000m")]
    stopped = stage.deploy("off", "web")
    stage.intent.set(stopped, "Stopped")
    paused = stage.deploy("held", "small")
    stage.intent.set(paused, "Paused")
    stage.until(lambda: stage.intent.status(stopped) == "Stopped", what="stopped")
    stage.kubectl("delete", "service", "held")
    stage.until(lambda: stage.drift(paused), what="recorded behind the pause")
    stage.until(lambda: all(stage.is_at_rest(one) for one in [*resting, stopped]), what="all at rest")
    events = stage.intent.value("SELECT max(id) FROM orchestrator.deployment_events")
    rows = "SELECT jsonb_agg(to_jsonb(d) ORDER BY d.id) FROM orchestrator.deployments d"
    deployments, objects, served = stage.intent.value(rows), versions(stage), lists_served(stage)
    stage.until(lambda: lists_served(stage) >= served + RESYNCS, 60, "a hundred resyncs")
    assert stage.intent.rows("SELECT type, data_json FROM orchestrator.deployment_events WHERE id > %s", events) == []
    assert versions(stage) == objects
    assert stage.intent.value(rows) == deployments
