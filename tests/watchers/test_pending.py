"""What waits for the writer: only the newest of each object, never an older one again, and bounded."""

import asyncio
import json
from typing import Any

from kube.events import ClusterEvent
from kube.live import Live, decode_live
from watchers import observe
from watchers.pending import EVENTS, ROOM, WHOLE_OBJECTS, Pending, Relist


def live(name: str, version: int, uid: str = "u") -> Live:
    metadata = {"name": name, "namespace": "games", "uid": uid, "resourceVersion": str(version)}
    return decode_live(json.dumps({"metadata": metadata}).encode(), "v1", "ConfigMap")


def versions(pending: Pending) -> list[tuple[str, int]]:
    batch = pending.take(10_000)
    pending.written(batch.entries)
    return [(entry.observation.name, entry.observation.resource_version) for entry in batch.entries]


def test_only_the_newest_state_of_an_object_waits() -> None:
    pending = Pending()
    for version in (1, 3, 2):
        pending.seen(live("a", version))
    assert versions(pending) == [("a", 3)]


def test_what_was_written_is_no_news() -> None:
    pending = Pending()
    pending.seen(live("a", 5))
    assert versions(pending) == [("a", 5)]
    pending.seen(live("a", 5))
    pending.seen(live("a", 4))
    assert versions(pending) == []


def test_an_old_list_does_not_bring_back_what_is_gone() -> None:
    pending = Pending()
    pending.seen(live("a", 5))
    pending.gone(observe.gone(live("a", 9)))
    assert versions(pending) == [("a", 9)]
    pending.seen(live("a", 5))
    assert versions(pending) == []
    pending.forget("ConfigMap", Relist([], 8))
    pending.seen(live("a", 5))
    assert versions(pending) == []
    pending.seen(live("a", 12, uid="another"))
    assert versions(pending) == [("a", 12)]


def test_what_could_not_be_written_comes_again_unless_outdated() -> None:
    pending = Pending()
    pending.seen(live("a", 1))
    (entry,) = pending.take(1).entries
    pending.seen(live("a", 2))
    pending.again(entry)
    assert versions(pending) == [("a", 2)]


def test_a_relist_stands_behind_the_objects_it_was_made_of() -> None:
    pending = Pending()
    for number in range(3):
        pending.seen(live(f"a{number}", number + 1))
    pending.relisted("ConfigMap", Relist([], 10))
    first = pending.take(2)
    assert first.relists == {}
    assert pending.news.is_set()
    assert pending.take(2).relists.keys() == {"ConfigMap"}
    assert not pending.news.is_set()


async def test_whole_objects_are_kept_only_so_many_and_listings_wait() -> None:
    pending = Pending()
    for number in range(ROOM):
        pending.seen(live(f"a{number}", number + 1))
    assert not pending._room.is_set()
    kept = pending.take(ROOM).entries
    assert sum(entry.live is not None for entry in kept) == WHOLE_OBJECTS
    await pending.room()


def event(name: str, **changes: Any) -> ClusterEvent:
    given = {"type": "Normal", "kind": "Pod", "namespace": "games", "name": name, "reason": "Pulled", "count": 1}
    return ClusterEvent(**{"message": "m", "last_at": "2026-11-30T08:00:00Z", "uid": "u"} | given | changes)


def pod(name: str) -> Live:
    metadata = {"name": name, "namespace": "games", "uid": name, "resourceVersion": "1"}
    raw = json.dumps({"metadata": metadata, "spec": {}, "status": {}}).encode()
    return decode_live(raw, "v1", "Pod")


async def events(pending: Pending) -> list[ClusterEvent]:
    """Those that are let go together."""
    while pending.gathers_events:
        await asyncio.wait_for(pending.news.wait(), 10)
        batch = pending.take(10_000)
        pending.written(batch.entries)
        if batch.events:
            return batch.events
    return []


async def test_of_events_only_those_of_our_pods_and_warnings_wait() -> None:
    pending = Pending()
    pending.told(event("ours"))
    pending.told(event("theirs"))
    pending.told(event("lobby", kind="Service"))
    pending.told(event("lobby", kind="Service", type="Warning"))
    pending.seen(pod("ours"))
    pending.relisted("Pod", Relist([("games", "ours", "ours")], 1))
    assert {(one.kind, one.name, one.type) for one in await events(pending)} == {
        ("Pod", "ours", "Normal"),
        ("Service", "lobby", "Warning"),
    }


async def test_an_event_that_repeats_waits_once_and_one_that_was_told_not_again() -> None:
    pending = Pending()
    pending.seen(pod("ours"))
    for count in (1, 3, 2):
        pending.told(event("ours", count=count, last_at=f"2026-11-30T08:00:0{count}Z"))
    assert [one.count for one in await events(pending)] == [3]
    last = event("ours", count=3, last_at="2026-11-30T08:00:03Z")
    pending.told(last)
    assert not pending.gathers_events
    pending.untold([last])
    assert await events(pending) == [last]


async def test_a_flood_of_others_events_is_bounded_and_costs_ours_nothing() -> None:
    pending = Pending()
    pending.seen(pod("ours"))
    for n in range(2 * EVENTS):
        pending.told(event(f"theirs-{n}"))
    pending.told(event("ours"))
    assert [one.name for one in await events(pending)] == ["ours"]
