"""What a real worker and a real watcher tell of themselves over one deployment and one drift: figures and log lines."""

import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.placing import free_port
from kube.kinds import OBSERVED
from tests.conftest import ControlPlane, Database
from tests.intent import Intent, intent_on
from tests.proxy import Proxy, proxy_to
from tests.rooms import Room
from tests.waiting import eventually

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
# A put-back of one ConfigMap that only the watcher may not write down.
REFUSE = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON orchestrator.deployment_resources FOR EACH ROW
    WHEN (session_user = 'test_watcher' AND NEW.name = 'lobby-env') EXECUTE FUNCTION public.refuse();
"""


class Journey(msgspec.Struct, frozen=True):
    """A deployment that was made, changed by somebody else and put back; and who saw to it."""

    intent: Intent
    control_plane: ControlPlane
    lobby: str
    worker: Room
    watcher: Room
    # The watcher's wire to the API server.
    proxy: Proxy
    ports: tuple[int, int]

    def kubectl(self, *arguments: str) -> None:
        self.control_plane.kubectl("--namespace", self.intent.namespace, *arguments)

    def put_backs(self) -> int:
        """How often an object was applied because others had changed or deleted it."""
        events = self.intent.events(self.lobby, "ResourceApplied")
        return sum(event["data_json"]["reason"] in ("drifted", "missing", "recreated") for event in events)

    async def until_put_back(self, times: int) -> None:
        await eventually(
            lambda: self.put_backs() >= times and self.intent.is_applied(self.lobby),
            30,
            lambda: f"{self.intent.story()}\n{self.worker.tail}\n{self.watcher.tail}",
        )


@pytest.fixture
async def journey(
    database: Database, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[Journey]:
    ports = free_port(), free_port()
    with ExitStack() as stack:
        intent = stack.enter_context(intent_on(database, namespace))
        async with proxy_to(control_plane.kubeconfig, tmp_path) as proxy:
            of_worker, of_watcher = ({"ORCHESTRATOR_METRICS_PORT": str(port)} for port in ports)
            worker = stack.enter_context(Room("worker", database, control_plane.kubeconfig, **of_worker))
            watcher = stack.enter_context(Room("watcher", database, proxy.kubeconfig(), **of_watcher))
            lobby = intent.deploy("lobby")
            await eventually(lambda: intent.status(lobby) == "Healthy", 40, intent.story)
            begun = Journey(intent, control_plane, lobby, worker, watcher, proxy, ports)
            begun.kubectl("patch", "configmap", "lobby-env", "--patch", '{"data": {"GREETING": "theirs"}}')
            await begun.until_put_back(1)
            yield begun


def scrape(port: int) -> Samples:
    """Every sample by name and labels, as Prometheus reads it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"orchestrator_{name}", frozenset(labels.items())), 0.0)


async def test_a_worker_and_a_watcher_show_how_their_work_goes_and_how_the_api_server_answers(journey: Journey) -> None:
    worker, watcher = (scrape(port) for port in journey.ports)
    runs = value(worker, "reconcile_seconds_count", outcome="succeeded")
    assert runs == len(journey.intent.events(journey.lobby, "ReconcileSucceeded")) >= 2
    assert 0 < value(worker, "reconcile_seconds_sum", outcome="succeeded") < 60 * runs
    applies = {"method": "PATCH", "kind": "ConfigMap", "answer": "2xx"}
    # The root and the settings, and these once more.
    assert value(worker, "kubernetes_request_seconds_count", **applies) >= 3
    assert value(worker, "kubernetes_request_seconds_sum", **applies) > 0
    assert value(worker, "cluster_unreachable") == 0
    assert value(watcher, "watcher_active") == 1
    assert value(watcher, "drifts_total", kind="ConfigMap") == 1
    assert value(watcher, "observations_written_total") >= 3
    assert value(watcher, "kubernetes_request_seconds_count", method="WATCH", kind="Service", answer="2xx") >= 1
    for kind in OBSERVED:
        labels = frozenset({("kind", kind.name)})
        assert watcher["orchestrator_watch_restarts_total", labels] == 0, kind.name
        assert 0 <= watcher["orchestrator_watch_staleness_seconds", labels] < 120, kind.name
    journey.proxy.cut()
    await eventually(
        lambda: value(scrape(journey.ports[1]), "watch_restarts_total", kind="Service") >= 1, 30, journey.watcher.tail
    )


def lines(room: Room) -> list[dict[str, Any]]:
    """Its log so far; what is not JSON is no line of ours."""
    return [json.loads(line) for line in room.output.splitlines() if line.startswith("{")]


async def test_every_line_about_a_deployment_names_it_and_its_generation(journey: Journey) -> None:
    intent, lobby = journey.intent, journey.lobby
    intent.operator.execute("SELECT orchestrator.request_dry_run(%s)", (lobby,))
    await eventually(lambda: intent.value("SELECT state = 'done' FROM orchestrator.dry_runs"), 30, journey.worker.tail)
    journey.proxy.answer("GET", "/services/lobby", status=500)
    journey.kubectl("delete", "service", "lobby")
    await journey.until_put_back(2)
    intent.superuser.execute(REFUSE)
    journey.kubectl("annotate", "configmap", "lobby-env", "example.com/seen=no")
    about = {"reconciled", "dry run", "drift found", "lookup failed", "observation refused"}

    def told() -> list[dict[str, Any]]:
        return [*lines(journey.worker), *lines(journey.watcher)]

    await eventually(lambda: about <= {line["event"] for line in told()}, 30, journey.watcher.tail)
    for line in told():
        if line["event"] in about or lobby in json.dumps(line):
            assert (line.get("deployment_id"), line.get("generation")) == (lobby, 1), line
