"""Following a kind through everything that goes wrong with a watch. The faults are on the wire; the server is real."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from kube.cluster import Cluster
from kube.errors import Expired, Silent, Unauthorized, Unavailable, VersionTooLarge
from kube.watch import Change, Connected, Gone, Lost, Synced, Upsert, listing, stream
from tests.kube.conftest import config_map, secret
from tests.proxy import LIST, WATCH, Proxy
from tests.waiting import eventually

T = TypeVar("T", bound=Change)
LABEL = "example.com/watched"


def watched(namespace: str, name: str, **data: str) -> dict[str, object]:
    manifest = config_map(namespace, name, **data)
    manifest["metadata"]["labels"] = {LABEL: "yes"}
    return manifest


class Seen:
    """What a stream has told so far."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def of(self, kind: type[T]) -> list[T]:
        return [change for change in self.changes if isinstance(change, kind)]

    def names(self, kind: type[Upsert] | type[Gone] = Upsert) -> set[str]:
        return {change.live.name for change in self.of(kind)}

    async def until(self, check: Callable[["Seen"], object]) -> None:
        await eventually(lambda: check(self), 10, lambda: self.changes[-5:])


@asynccontextmanager
async def following(
    cluster: Cluster, namespace: str, kind: str = "ConfigMap", idle_seconds: float = 60.0
) -> AsyncIterator[Seen]:
    """A stream at work for the block."""
    seen = Seen()

    async def follow() -> None:
        selector = LABEL if kind == "ConfigMap" else ""
        async for change in stream(cluster, kind, selector=selector, namespace=namespace, idle_seconds=idle_seconds):
            seen.changes.append(change)

    task = asyncio.create_task(follow())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def test_a_stream_tells_what_exists_then_that_it_was_all_then_every_change(
    cluster: Cluster, namespace: str
) -> None:
    before = await cluster.apply(watched(namespace, "before"), force=False)
    async with following(cluster, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        (synced,) = seen.of(Synced)
        assert synced.present == [(namespace, "before", before.live.uid)]
        assert synced.resource_version >= before.live.resource_version
        assert isinstance(seen.changes[0], Connected)

        await cluster.apply(watched(namespace, "after"), force=False)
        await cluster.apply(watched(namespace, "before", difficulty="easy"), force=True)
        await cluster.delete("ConfigMap", namespace, "before", uid=before.live.uid)
        await seen.until(lambda s: s.of(Gone))
        assert seen.names() == {"before", "after"}
        (gone,) = seen.of(Gone)
        assert gone.live.uid == before.live.uid
        assert not seen.of(Lost)


async def test_an_object_that_loses_its_label_leaves_the_stream(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(watched(namespace, "relabelled"), force=False)
    async with following(cluster, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        await cluster.apply(config_map(namespace, "relabelled"), force=True)
        await seen.until(lambda s: s.names(Gone) == {"relabelled"})


async def test_secrets_are_followed_without_their_values(cluster: Cluster, namespace: str) -> None:
    manifest = {key: value for key, value in secret(namespace).items() if key != "stringData"}
    await cluster.apply(manifest | {"data": {"password": "aHVudGVyMg=="}}, force=False)
    async with following(cluster, namespace, "Secret") as seen:
        await seen.until(lambda s: s.of(Synced))
        (found,) = seen.of(Upsert)
        assert found.live.kind == "Secret"
        assert found.live.partial
        assert b"aHVudGVyMg" not in found.live.raw


async def test_an_older_server_that_knows_no_initial_events_is_listed_first(
    faulty: Cluster, proxy: Proxy, namespace: str
) -> None:
    # What a 1.33 server answers while the feature is off.
    message = 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden'
    proxy.answer("sendInitialEvents=", status=422, reason="Invalid", message=message, times=math.inf)
    await faulty.apply(watched(namespace, "before"), force=False)
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        await faulty.apply(watched(namespace, "after"), force=False)
        await seen.until(lambda s: s.names() == {"before", "after"})
        assert not seen.of(Lost), "an older server is no failure"
        assert len([passed for passed in proxy.seen if passed.is_about("sendInitialEvents=")]) == 1


async def test_history_that_is_gone_is_listed_anew(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        proxy.answer(*WATCH, status=410, reason="Expired", message="too old resource version")
        proxy.cut()
        await seen.until(lambda s: len(s.of(Synced)) == 2)
        assert any(isinstance(lost.error, Expired) for lost in seen.of(Lost))
        await faulty.apply(watched(namespace, "after"), force=False)
        await seen.until(lambda s: s.names() == {"after"})


async def test_history_that_is_gone_in_the_middle_of_a_stream_is_listed_anew(
    faulty: Cluster, proxy: Proxy, namespace: str
) -> None:
    """A real server: asked to resume from version 1, it accepts and sends an ERROR event of 410, or answers 410."""
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        proxy.rewrite(*WATCH, "resourceVersion=", resourceVersion="1")
        proxy.cut()
        await seen.until(lambda s: len(s.of(Lost)) >= 1)
        await faulty.apply(watched(namespace, "after"), force=False)
        await seen.until(lambda s: "after" in s.names())


async def test_a_replica_that_lags_behind_is_listed_anew(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        proxy.answer(
            *WATCH,
            status=504,
            reason="Timeout",
            message="Too large resource version",
            details={"causes": [{"reason": "ResourceVersionTooLarge"}], "retryAfterSeconds": 1},
        )
        proxy.cut()
        await seen.until(lambda s: len(s.of(Synced)) == 2)
        lost = next(lost for lost in seen.of(Lost) if isinstance(lost.error, VersionTooLarge))
        assert lost.pause_seconds >= 1


async def test_a_half_open_stream_is_given_up_and_what_it_missed_is_told(
    faulty: Cluster, proxy: Proxy, namespace: str
) -> None:
    async with following(faulty, namespace, idle_seconds=0.5) as seen:
        await seen.until(lambda s: s.of(Synced))
        proxy.freeze()
        await faulty.apply(watched(namespace, "in-silence"), force=False)
        await seen.until(lambda s: any(isinstance(lost.error, Silent) for lost in s.of(Lost)))
        proxy.thaw()
        await seen.until(lambda s: "in-silence" in s.names())


async def test_a_kind_without_bookmarks_may_be_silent(cluster: Cluster, namespace: str) -> None:
    async with (
        following(cluster, namespace, idle_seconds=0.5) as bookmarked,
        following(cluster, namespace, "Event", idle_seconds=0.5) as quiet,
    ):
        await quiet.until(lambda s: s.of(Synced))
        await bookmarked.until(lambda s: len(s.of(Lost)) >= 2)
        assert quiet.of(Lost) == []


async def test_a_version_from_the_future_is_silence_and_ends(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    """A real server takes a watch from a version it has not reached and says nothing at all."""
    async with following(faulty, namespace, idle_seconds=0.5) as seen:
        await seen.until(lambda s: s.of(Synced))
        proxy.rewrite(*WATCH, "resourceVersion=", resourceVersion="9000000000")
        proxy.cut()
        await seen.until(lambda s: len(s.of(Synced)) >= 2)
        assert seen.of(Lost)


async def test_a_broken_connection_resumes_without_telling_everything_again(
    faulty: Cluster, proxy: Proxy, namespace: str
) -> None:
    await faulty.apply(watched(namespace, "before"), force=False)
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        await faulty.apply(watched(namespace, "meanwhile"), force=False)
        await seen.until(lambda s: "meanwhile" in s.names())
        proxy.cut()
        await faulty.apply(watched(namespace, "after"), force=False)
        await seen.until(lambda s: "after" in s.names())
        assert len(seen.of(Synced)) == 1
        assert len(seen.of(Upsert)) == 3


async def test_an_outage_is_waited_out_with_growing_pauses(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        await proxy.close()
        await seen.until(lambda s: len(s.of(Lost)) >= 3)
        refused = [lost for lost in seen.of(Lost) if lost.error.reason == "unreachable"]
        assert all(isinstance(lost.error, Unavailable) for lost in refused)
        await proxy.open()
        await faulty.apply(watched(namespace, "after"), force=False)
        await seen.until(lambda s: "after" in s.names())


async def test_throttling_is_obeyed(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    proxy.answer(*WATCH, status=429, reason="TooManyRequests", headers={"Retry-After": "1"})
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        (lost,) = seen.of(Lost)
        assert lost.pause_seconds >= 1


async def test_a_refused_token_is_tried_again(faulty: Cluster, proxy: Proxy, namespace: str) -> None:
    proxy.answer(*WATCH, status=401, reason="Unauthorized")
    async with following(faulty, namespace) as seen:
        await seen.until(lambda s: s.of(Synced))
        (lost,) = seen.of(Lost)
        assert isinstance(lost.error, Unauthorized)


async def test_a_listing_ends_with_what_exists(cluster: Cluster, namespace: str) -> None:
    applied = await cluster.apply(watched(namespace, "only"), force=False)
    told = [change async for change in listing(cluster, "ConfigMap", selector=LABEL, namespace=namespace)]
    assert isinstance(told[0], Upsert)
    assert told[0].live.uid == applied.live.uid
    assert isinstance(told[1], Synced)
    assert told[1].present == [(namespace, "only", applied.live.uid)]


async def test_a_listing_whose_pages_expired_is_an_error_to_the_caller(
    faulty: Cluster, proxy: Proxy, namespace: str
) -> None:
    proxy.answer(*LIST, status=410, reason="Expired")
    with pytest.raises(Expired):
        _ = [change async for change in listing(faulty, "ConfigMap", namespace=namespace)]
