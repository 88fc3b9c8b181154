"""What the server, its controllers and a resync make of an object is no drift: no event, no request, no write."""

import re
import uuid
from collections.abc import Iterator

import pytest

from kube.kinds import APPLIED
from kube.naming import MANAGED_SELECTOR
from tests.conftest import ControlPlane, Database
from tests.drift.conftest import deploy_all, is_settled
from tests.flow.conftest import Stage, stage_on

RESYNCS = 100
WATCHER_STARTS = 3
# Server-side applies are counted as APPLY. Controllers use other verbs, as does who removes earlier namespaces.
OUR_VERBS = frozenset(("APPLY", "PATCH"))
OUR_EVENTS = (
    "ResourceModifiedExternally",
    "ResourceRecreated",
    "ReconcileStarted",
    "ResourceApplied",
    "ReconcileFailed",
)


@pytest.fixture(scope="module")
def stage(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With a resync twenty times a second."""
    folder = tmp_path_factory.mktemp("stage")
    with stage_on(postgres, control_plane, folder, ORCHESTRATOR_RESYNC_SECONDS="0.05") as opened:
        yield opened


@pytest.fixture(scope="module")
def deployed(stage: Stage) -> dict[str, str]:
    return deploy_all(stage)


def requests(stage: Stage, verbs: frozenset[str]) -> dict[str, int]:
    """By resource, how many requests of these verbs the API server has counted, status and scale left out."""
    text = stage.control_plane.kubectl("get", "--raw", "/metrics")
    found = dict.fromkeys((kind.plural for kind in APPLIED), 0)
    for labels, count in re.findall(r"^apiserver_request_total\{([^}]*)\} (\S+)", text, re.MULTILINE):
        told = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if told["verb"] in verbs and told["resource"] in found and not told["subresource"]:
            found[told["resource"]] += int(float(count))
    return found


def versions(stage: Stage) -> dict[str, str]:
    """Of every object of ours: a write that changed anything would show."""
    kinds = ",".join(kind.plural for kind in APPLIED)
    items = stage.control_plane.get("--namespace", stage.namespace, kinds, f"--selector={MANAGED_SELECTOR}")["items"]
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in items}


def told_since(stage: Stage, marks: dict[str, int], *, any_event: bool = False) -> list[str]:
    """What was told of drift and of work after these marks, or what was told at all."""
    types = () if any_event else OUR_EVENTS
    events = [event for one, mark in marks.items() for event in stage.since(one, mark, *types)]
    return [f"{event['type']} {event['data_json']}" for event in events]


def resync(stage: Stage, times: int) -> None:
    """Wait until every kind was listed so often again."""
    before = requests(stage, frozenset(("LIST",)))

    def all_were_listed() -> bool:
        now = requests(stage, frozenset(("LIST",)))
        return all(now[resource] >= before[resource] + times for resource in before)

    stage.until(all_were_listed, 120, f"{times} resyncs of every kind")


def test_every_object_was_applied_once_and_nothing_was_ever_taken_for_drift(
    stage: Stage, deployed: dict[str, str]
) -> None:
    events = [event for one in deployed.values() for event in stage.intent.events(one, *OUR_EVENTS)]
    applied = [(event["deployment_id"], event["data_json"]["kind"], event["data_json"]["name"])
               for event in events if event["type"] == "ResourceApplied"]  # fmt: skip
    managed = [row for one in deployed.values() for row in stage.intent.inventory(one).values() if row["managed"]]
    assert len(applied) == len(set(applied)) == len(managed)
    assert {event["type"] for event in events} == {"ReconcileStarted", "ResourceApplied"}
    assert {row["kind"] for row in managed} == {kind.name for kind in APPLIED}, "the corpus has one of every kind"


def test_a_hundred_resyncs_of_the_corpus_add_no_event_and_no_write(stage: Stage, deployed: dict[str, str]) -> None:
    stage.until(lambda: is_quiet(stage), 90, "the cluster's controllers at rest")
    marks = {one: stage.mark(one) for one in deployed.values()}
    objects, written = versions(stage), requests(stage, OUR_VERBS)
    resync(stage, RESYNCS)
    assert told_since(stage, marks, any_event=True) == []
    assert requests(stage, OUR_VERBS) == written
    assert versions(stage) == objects
    assert stage.intent.rows("SELECT * FROM orchestrator.drift") == []


def is_quiet(stage: Stage) -> bool:
    """Whether nothing has been written anywhere for a good number of resyncs."""
    before = versions(stage)
    resync(stage, 10)
    return versions(stage) == before


def test_controllers_that_write_all_the_while_are_no_drift(stage: Stage, deployed: dict[str, str]) -> None:
    """Pods die and come back, so that every workload's status changes over and over, and autoscalers look again."""
    written = requests(stage, OUR_VERBS)
    before = versions(stage)
    marks = {one: stage.mark(one) for one in deployed.values()}
    for _ in range(5):
        stage.kubectl("delete", "pods", "--all", "--wait=false")
        resync(stage, 5)
    stage.until(lambda: all(is_settled(stage, one) for one in deployed.values()), what="settled again")
    after = versions(stage)
    assert len([key for key in before if after[key] != before[key]]) > 10, "controllers wrote to few objects only"
    assert told_since(stage, marks) == []
    assert requests(stage, OUR_VERBS) == written


def test_a_watcher_that_starts_anew_judges_everything_anew_and_finds_nothing(
    stage: Stage, deployed: dict[str, str]
) -> None:
    marks = {one: stage.mark(one) for one in deployed.values()}
    for _ in range(WATCHER_STARTS):
        # Seen again is only written once it is worth a write, so make it long ago.
        stage.intent.superuser.execute(
            "UPDATE orchestrator.deployment_resources SET last_seen_at = now() - interval '1 h'"
        )
        stage.watcher.kill()
        stage.watcher.restart()
        stage.until(lambda: not stage.intent.value(
            "SELECT count(*) FROM orchestrator.deployment_resources WHERE last_seen_at < now() - interval '1 min'"
        ), what="every object seen again")  # fmt: skip
    assert told_since(stage, marks) == []
    assert stage.intent.rows("SELECT * FROM orchestrator.drift") == []


def test_writes_that_change_nothing_of_ours_are_no_drift(stage: Stage, deployed: dict[str, str]) -> None:
    """Others put the very same value, add beside it, and touch: each write is seen, none is reported."""
    marks = {one: stage.mark(one) for one in deployed.values()}
    note = uuid.uuid4().hex
    rows = [row for one in deployed.values() for row in stage.intent.inventory(one).values() if row["managed"]]
    for row in rows:
        live = stage.get(row["kind"], row["name"])
        del live["metadata"]["managedFields"]
        live["metadata"].setdefault("annotations", {})["example.com/touched"] = note
        live["metadata"]["labels"]["example.com/theirs"] = "yes"
        stage.outsider.put(live)
    stage.until(lambda: all(is_settled(stage, one) for one in deployed.values()), what="settled again")
    assert told_since(stage, marks) == []
    assert {stage.get(row["kind"], row["name"])["metadata"]["annotations"]["example.com/touched"] for row in rows} == {
        note
    }
