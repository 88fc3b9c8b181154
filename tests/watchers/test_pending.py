"""What waits for the writer: only the newest of each object, never an older one again, and bounded."""

import json

from kube.live import Live, decode_live
from watchers import observe
from watchers.pending import ROOM, WHOLE_OBJECTS, Pending, Relist


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
