"""The words of a timeline: every type of event has some, and every duration a unit."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.page.history import outcome, step_seconds, tell, took
from db.overview import Run, Step

ROOT = Path(__file__).parents[2]


def step(kind: str, /, *, source: str = "reconciler", seconds: float | None = 0.5, **data: Any) -> Step:
    return Step(id=1, type=kind, source=source, actor="alice", at=datetime.now(UTC), seconds=seconds, data=data)


def run(how: Any, healthy: float | None = None) -> Run:
    began_at = datetime.now(UTC)
    return Run(
        run=1, generation=1, began_at=began_at, outcome=how, settled_seconds=1, healthy_seconds=healthy, steps=[]
    )


def test_every_type_of_event_that_is_written_anywhere_has_words() -> None:
    written = set(
        re.findall(r"'((?:Deployment|Reconcile|Resource|Restart|Status)[A-Z][A-Za-z]+)'", sources("db/routines", "sql"))
    )
    written |= set(re.findall(r'"((?:Reconcile|Resource|Pod)[A-Z][A-Za-z]+)"', sources("workers", "py")))
    assert {"DeploymentCreated", "ResourceApplied", "PodRestarted", "ReconcileQuarantined"} <= written
    for kind in written - {"ResourceQuota", "RestartRequired"}:
        assert tell(step(kind)).text != kind, kind


def sources(folder: str, ending: str) -> str:
    return "\n".join(path.read_text() for path in (ROOT / folder).rglob(f"*.{ending}"))


CHANGED = {"parameters.motd": {"from": None, "to": "x" * 99}, "keep_data": {"from": True, "to": False}}


def test_an_event_of_another_release_is_told_by_its_name() -> None:
    assert tell(step("SomethingNew")).text == "SomethingNew"


@pytest.mark.parametrize(
    ("given", "text", "detail"),
    [
        (step("ResourceApplied", kind="Service", name="lobby", reason="missing"), "Made again: Service lobby", ""),
        (step("ReconcileFailed", error="no", permanent=True), "Refused for good", "no"),
        (step("ReconcileFailed", error="no"), "Failed, tried again later", "no"),
        (step("DeploymentQueued", reason="reconcile_now"), "Queued", "as alice asked"),
        (step("DeploymentDeleted", kept=["PersistentVolumeClaim/a"]), "Deleted", "kept: PersistentVolumeClaim/a"),
        (
            step("DeploymentChanged", **CHANGED),
            "Changed by alice",
            f"motd default → {'x' * 59}…, keep_data true → false",
        ),
        (
            step("ResourceModifiedExternally", kind="Service", name="lobby", changes=[{"path": "p" * 300}]),
            "alice changed Service lobby",
            "p" * 199 + "…",
        ),
    ],
)
def test_steps_are_told_with_what_matters(given: Step, text: str, detail: str) -> None:
    told = tell(given)
    assert (told.text, told.detail) == (text, detail)


def test_of_many_changes_the_rest_is_counted() -> None:
    given = {f"parameters.p{number}": {"from": 1, "to": 2} for number in range(9)}
    assert tell(step("DeploymentChanged", **given)).detail.endswith("p5 1 → 2, and 3 more")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0 ms"), (0.0404, "40 ms"), (3.24, "3.2 s"), (45.4, "45 s"), (125, "2 min 5 s")],
)
def test_durations_have_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert took(seconds) == text


def test_an_object_takes_what_the_worker_measured_and_everything_else_the_time_since_the_step_before() -> None:
    assert step_seconds(step("ResourceApplied", milliseconds=17)) == 0.017
    assert step_seconds(step("ReconcileSucceeded", milliseconds=17)) == 0.5


@pytest.mark.parametrize("how", ["waiting", "working", "succeeded", "failed", "deferred", "unfinished"])
def test_every_outcome_has_words(how: str) -> None:
    assert outcome(run(how)).text
    assert outcome(run("succeeded", healthy=2)).text == "Done"
