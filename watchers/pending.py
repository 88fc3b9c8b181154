"""What was seen and is not written yet: the one place where the cluster's pace and the database's meet.

Streams put in and never wait; the writer takes out. Only the newest state of each object is kept, so however slow the
database, this holds at most one entry an object, and only a bounded number of whole objects.
"""

import asyncio

import msgspec

from db.observations import Observation
from kube.errors import KubeError
from kube.live import Live
from kube.warnings import ClusterWarning
from kube.watch import Key
from watchers import observe

ObjectKey = tuple[str, str, str]  # kind, namespace, name

# Past so many entries only observations are kept, not whole objects (some 6 KB each).
WHOLE_OBJECTS = 500
# Listings, which can wait without harm, wait here.
ROOM = 1000
# More warnings than this at once tell nothing more.
WARNINGS = 1000


class Entry(msgspec.Struct, frozen=True):
    """One observation, and the object it was made from while there is room for it."""

    observation: Observation
    live: Live | None

    @property
    def key(self) -> ObjectKey:
        """Which object."""
        seen = self.observation
        return (seen.kind, seen.namespace, seen.name)


class StreamState(msgspec.Struct, frozen=True):
    """How the watch of a kind stands."""

    connected: bool
    restarts: int
    error: KubeError | None


class Relist(msgspec.Struct, frozen=True):
    """All of a kind that existed at one resource version."""

    present: list[Key]
    resource_version: int


class Batch(msgspec.Struct, frozen=True):
    """What the writer takes at a time."""

    entries: list[Entry]
    warnings: list[ClusterWarning]
    streams: dict[str, StreamState]
    relists: dict[str, Relist]


class Pending:
    """Everything that waits for the writer, and the versions it wrote last."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self.news = asyncio.Event()
        self._entries: dict[ObjectKey, Entry] = {}
        self._warnings: dict[ObjectKey, ClusterWarning] = {}
        self._streams: dict[str, StreamState] = {}
        self._relists: dict[str, Relist] = {}
        # Versions written, gone objects included until a relist outlives them: an old list must not revive them.
        self._written: dict[str, dict[tuple[str, str], int]] = {}
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        """How many objects wait."""
        return len(self._entries)

    def seen(self, live: Live, *, asked_for: bool = False) -> None:
        """An object as it is, unless that or something newer was written already; what is asked for comes anyway."""
        if asked_for:
            self._written.get(live.kind, {}).pop((live.namespace, live.name), None)
        if self._is_news(live.kind, live.namespace, live.name, live.resource_version):
            whole = len(self._entries) < WHOLE_OBJECTS
            self._put(Entry(observe.seen(live), live if whole else None))

    def gone(self, observation: Observation) -> None:
        """An object that is no more."""
        if self._is_news(observation.kind, observation.namespace, observation.name, observation.resource_version):
            self._put(Entry(observation, None))

    def again(self, entry: Entry) -> None:
        """Put back what could not be written, unless something newer came meanwhile."""
        if entry.key not in self._entries:
            self._put(entry)

    def warned(self, warning: ClusterWarning) -> None:
        """A warning of Kubernetes; the latest about each object is kept."""
        key = (warning.kind, warning.namespace, warning.name)
        known = self._warnings.get(key)
        if known is None and len(self._warnings) >= WARNINGS:
            return
        if known is None or known.last_at <= warning.last_at:
            self._warnings[key] = warning
            self.news.set()

    def stream(self, kind: str, state: StreamState) -> None:
        """How the watch of a kind stands now."""
        self._streams[kind] = state
        self.news.set()

    def relisted(self, kind: str, relist: Relist) -> None:
        """A kind is known in full. Written after what was seen before it."""
        self._relists[kind] = relist
        self.news.set()

    async def room(self) -> None:
        """Wait until the writer has caught up."""
        await self._room.wait()

    def take(self, most: int) -> Batch:
        """The oldest entries, and all else that waits."""
        keys = list(self._entries)[:most]
        entries = [self._entries.pop(key) for key in keys]
        drained = not self._entries
        # A relist stands behind the objects it was made of.
        batch = Batch(entries, list(self._warnings.values()), self._streams, self._relists if drained else {})
        self._warnings = {}
        self._streams = {}
        if drained:
            self._relists = {}
            self.news.clear()
        if len(self._entries) < ROOM:
            self._room.set()
        return batch

    def written(self, entries: list[Entry]) -> None:
        """These are in Postgres."""
        for entry in entries:
            seen = entry.observation
            self._written.setdefault(seen.kind, {})[seen.namespace, seen.name] = seen.resource_version

    def forget(self, kind: str, relist: Relist) -> None:
        """Drop versions of objects that a relist no longer has."""
        present = {(namespace, name) for namespace, name, _ in relist.present}
        self._written[kind] = {
            key: version
            for key, version in self._written.get(kind, {}).items()
            if key in present or version > relist.resource_version
        }

    def _is_news(self, kind: str, namespace: str, name: str, version: int) -> bool:
        waiting = self._entries.get((kind, namespace, name))
        if waiting is not None and waiting.observation.resource_version >= version:
            return False
        return version > self._written.get(kind, {}).get((namespace, name), -1)

    def _put(self, entry: Entry) -> None:
        self._entries[entry.key] = entry
        if len(self._entries) >= ROOM:
            self._room.clear()
        self.news.set()
