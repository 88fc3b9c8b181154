"""Follow one kind in a cluster for ever: what exists, what changes, what goes, and when the picture is complete.

    start ──▶ watch with initial events ("WatchList") ──▶ changes ──▶ end of stream: resume from the last version
      │            │ 400/422: an older server                │ 410, 504, silence: forget the version, start anew
      └────────────┴──▶ list page by page, then watch ───────┘ anything else: resume after a pause

Two things that a watch alone cannot be trusted with: a connection that is half open, or a version from the future,
looks alive and brings nothing (so silence is bounded here, and a bookmark is due each minute); and an event may never
come (so the caller lists everything anew now and then, by `listing`).
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from kube.cluster import Cluster, WatchEvent
from kube.errors import Expired, Invalid, KubeError, Silent, Unavailable, VersionTooLarge
from kube.kinds import kind_named
from kube.live import Live, decode_live

# A server sends a bookmark about every minute: one may be lost, two may not.
IDLE_SECONDS = 130.0
# How long the server is asked to keep a watch open, spread so that not all streams start anew at once.
SERVER_SECONDS = (240, 420)
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
# A watch that ends sooner than this did not serve, whatever its status said.
SHORTEST_SECONDS = 1.0

Key = tuple[str, str, str]


class Upsert(msgspec.Struct, frozen=True):
    """The object exists, in this state."""

    live: Live


class Gone(msgspec.Struct, frozen=True):
    """The object left the selection, in this last state: deleted, or no longer labelled. Only a read tells which."""

    live: Live


class Connected(msgspec.Struct, frozen=True):
    """The server accepted the watch."""


class Synced(msgspec.Struct, frozen=True):
    """Everything that exists has been told: (namespace, name, uid) of all of it, as of one resource version."""

    present: list[Key]
    resource_version: int


class Lost(msgspec.Struct, frozen=True):
    """The watch broke; it is taken up again after a pause."""

    error: KubeError
    pause_seconds: float


Change = Upsert | Gone | Connected | Synced | Lost


class _Bookmark(msgspec.Struct, frozen=True):
    class Metadata(msgspec.Struct, frozen=True, rename="camel"):
        resource_version: str = "0"
        annotations: dict[str, str] = {}

    metadata: Metadata


_decode_bookmark = msgspec.json.Decoder(_Bookmark).decode
_INITIAL_END = "k8s.io/initial-events-end"


async def stream(
    cluster: Cluster,
    kind: str,
    *,
    selector: str = "",
    field_selector: str = "",
    namespace: str | None = None,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncGenerator[Change]:
    """Everything that happens to a kind, without end. Never raises a KubeError: each becomes a `Lost`.

    Secrets come as metadata. The consumer should take each change at once: a slow one slows the socket.
    """
    follower = _Follower(cluster, kind, selector, field_selector, namespace, idle_seconds)
    failures = 0
    while True:
        started = time.monotonic()
        error: KubeError | None = None
        try:
            async with aclosing(follower.follow()) as changes:
                async for change in changes:
                    if not isinstance(change, Connected):
                        failures = 0
                    yield change
            if time.monotonic() - started < SHORTEST_SECONDS:
                error = Unavailable(f"the watch of {kind} ended as soon as it began")
        except KubeError as broken:
            error = broken
        if error is None or follower.learnt(error):
            continue
        # One that held for a while worked, even if there was nothing to tell.
        failures = 1 if time.monotonic() - started > LONGEST_PAUSE_SECONDS else failures + 1
        pause = _pause_seconds(error, failures)
        yield Lost(error, pause)
        await asyncio.sleep(pause)


async def listing(
    cluster: Cluster, kind: str, *, selector: str = "", field_selector: str = "", namespace: str | None = None
) -> AsyncGenerator[Upsert | Synced]:
    """Everything of a kind that exists now, then one Synced. Raises KubeError."""
    present: list[Key] = []
    version = 0
    pages = cluster.pages(kind, selector=selector, field_selector=field_selector, namespace=namespace)
    async for page in pages:
        version = page.resource_version
        for live in page.items:
            present.append((live.namespace, live.name, live.uid))
            yield Upsert(live)
    yield Synced(present, version)


class _Follower:
    """Where one stream stands: the version to resume from, and what its server can do."""

    def __init__(
        self, cluster: Cluster, kind: str, selector: str, field_selector: str, namespace: str | None, idle: float
    ) -> None:
        self.cluster = cluster
        self.kind = kind_named(kind)
        self.selector = selector
        self.field_selector = field_selector
        self.namespace = namespace
        # Without bookmarks silence tells something only past the end that the server was asked to make.
        self.idle_seconds = idle if self.kind.bookmarks else SERVER_SECONDS[1] + idle
        self.version: int | None = None
        self.initial_events = True

    def learnt(self, error: KubeError) -> bool:
        """Change what the next attempt does. True if the error is thereby dealt with and no loss."""
        match error:
            case Invalid() if self.version is None and self.initial_events:
                # Up to 1.33 the feature is off by default, and asking for it is an error.
                self.initial_events = False
                return True
            case Expired() | VersionTooLarge() | Silent():
                self.version = None
            case _:
                pass
        return False

    async def follow(self) -> AsyncGenerator[Change]:
        """One watch, from the start or from where the last one ended. Raises KubeError."""
        if self.version is None and not self.initial_events:
            everything = listing(
                self.cluster,
                self.kind.name,
                selector=self.selector,
                field_selector=self.field_selector,
                namespace=self.namespace,
            )
            async for change in everything:
                yield change
                if isinstance(change, Synced):
                    self.version = change.resource_version
        batches = self.cluster.watch(
            self.kind.name,
            selector=self.selector,
            field_selector=self.field_selector,
            namespace=self.namespace,
            resource_version=self.version,
            idle_seconds=self.idle_seconds,
            server_seconds=random.randint(*SERVER_SECONDS),  # noqa: S311 - a spread, not a secret
        )
        present: list[Key] | None = [] if self.version is None else None
        async with aclosing(batches):
            async for batch in batches:
                if not batch:
                    yield Connected()
                for event in batch:
                    change = self.read(event, present)
                    if isinstance(change, Synced):
                        present = None
                    if change is not None:
                        yield change
        if not self.kind.bookmarks:
            # In a quiet cluster the last version heard of is out of the server's history by now.
            self.version = None

    def read(self, event: WatchEvent, present: list[Key] | None) -> Change | None:
        """What one event means. `present` gathers the initial objects until the server says that was all."""
        if event.type == "BOOKMARK":
            metadata = _decode_bookmark(event.object).metadata
            version = int(metadata.resource_version or 0)
            ended = present is not None and metadata.annotations.get(_INITIAL_END) == "true"
            if present is None or ended:
                # Before the end of the initial events a version is no place to resume from.
                self.version = version
            return Synced(present, version) if ended and present is not None else None
        live = decode_live(bytes(event.object), self.kind.api_version, self.kind.name, partial=self.kind.metadata_only)
        if present is None:
            self.version = live.resource_version
        else:
            present.append((live.namespace, live.name, live.uid))
        return Gone(live) if event.type == "DELETED" else Upsert(live)


def _pause_seconds(error: KubeError, failures: int) -> float:
    """Twice as long each time, and never in step with others; at least what the server asked for."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 10))
    if isinstance(error, Expired | VersionTooLarge) and failures == 1:
        longest = FIRST_PAUSE_SECONDS
    return max(error.retry_after_seconds or 0.0, longest * random.uniform(0.5, 1.0))  # noqa: S311 - a spread
