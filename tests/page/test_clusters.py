"""The page of clusters: who works and on what, what waits and since when, and what is watched."""

import re

import pytest

from tests.db.stage import Stage
from tests.page.conftest import Person, text
from tests.page.test_server import stage

__all__ = ["stage"]


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """A worker with one deployment in hand, one that stands by, and two deployments that wait."""
    for name in ("lobby", "hub", "arena"):
        stage.deploy(name)
    for worker in ("w", "idle"):
        stage.worker.execute("SELECT report_process('default', 'worker', %s, 90000, true)", (worker,))
    stage.watcher.execute("SELECT report_process('default', 'watcher', 'first', 90000, true)")
    stage.watcher.execute("SELECT report_process('default', 'watcher', 'second', 90000, false)")
    return stage


async def test_workers_tell_what_each_does_and_what_waits(person: Person, busy: Stage) -> None:
    (claimed,) = busy.claim(1) or busy.claim(1)
    told = text(await person.look("/clusters"))
    assert re.search(rf"w {claimed['name']} for \d+ s \d+ ", told), told
    assert "idle nothing now" in told
    assert re.search(r"Work that waits 3 changes, 1 being worked on, the oldest for \d+ s", told), told
    assert re.search(r"Answers for \d+ s", told), told
    for one in (claimed, *busy.claim(10)):
        busy.converge(one)
    assert "Work that waits none" in text(await person.look("/clusters"))


async def test_watches_tell_since_when_each_is_lost_and_why(person: Person, busy: Stage) -> None:
    busy.watcher.execute("SELECT record_stream('default', 'Pod', 'synced', 0, NULL)")
    busy.watcher.execute("SELECT record_stream('default', 'Pod', 'lost', 1, 'connection reset')")
    busy.root.execute(
        "UPDATE watch_streams SET synced_at = now() - interval '7 min', changed_at = now() - interval '5 min'"
    )
    told = text(await person.look("/clusters"))
    assert "Pod Lost for 5 min connection reset 7 min ago" in told
    assert re.search(r"first watches, runs for .*\. second stands by", told), told


async def test_nobody_at_work_is_said_with_what_to_do(person: Person, stage: Stage) -> None:
    told = text(await person.look("/clusters"))
    assert "Nobody works for this cluster, so changes wait. Start a worker: orchestrator worker" in told
    assert "No watcher runs, so what is shown may be old." in told
