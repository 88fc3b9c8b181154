"""What was seen and is not written yet: the one place where the cluster's pace and the database's meet.

Streams put in and never wait; the writer takes out. Only the newest state of each object is kept, so however slow the
database, this holds at most one entry an object, and only a bounded number of whole objects.
"""

import asyncio

import msgspec

from db.observations import Observation
from kube.errors import KubeError
from kube.events import WARNING, ClusterEvent
from kube.kinds import POD
from kube.live import Live
from kube.watch import Key
from watchers import observe

ObjectKey = tuple[str, str, str]  # kind, namespace, name
EventKey = tuple[str, str, str, str, str]  # of which object, its reason, its message

# Past so many entries only observations are kept, not whole objects (some 6 KB each).
WHOLE_OBJECTS = 500
# Listings, which can wait without harm, wait here.
ROOM = 1000
# More of Kubernetes' events than this at once tell nothing more; and so many are remembered, to tell none twice.
EVENTS = 1000
EVENTS_TOLD = 20_000
# From the first that waits to their write: what repeats is written once, and a pod is known by then from its own watch.
EVENTS_SECONDS = 0.5


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
    events: list[ClusterEvent]
    streams: dict[str, StreamState]
    relists: dict[str, Relist]


class Pending:
    """Everything that waits for the writer, and the versions it wrote last."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self.news = asyncio.Event()
        self._entries: dict[ObjectKey, Entry] = {}
        self._events: dict[EventKey, ClusterEvent] = {}
        # Of pods that may be ours: their own watch may be a moment later.
        self._strange: dict[EventKey, ClusterEvent] = {}
        self._told: dict[EventKey, ClusterEvent] = {}
        self._events_gather = False
        self._events_due = False
        self._pods_listed = False
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

    def told(self, event: ClusterEvent) -> None:
        """An event of Kubernetes. What repeats is kept once; what is neither a warning nor about a pod, not at all."""
        about_pod = event.kind == POD.name
        if not about_pod and event.type != WARNING:
            return
        key = (event.kind, event.namespace, event.name, event.reason, event.message)
        if self._told.get(key) == event:
            return
        waiting = self._strange if about_pod and not self._is_known_pod(event) else self._events
        known = waiting.get(key)
        if known is None and len(waiting) >= EVENTS:
            return
        if known is None or known.last_at <= event.last_at:
            waiting[key] = event
            if not self._events_gather:
                self._events_gather = True
                asyncio.get_running_loop().call_later(EVENTS_SECONDS, self._let_events_go)

    @property
    def gathers_events(self) -> bool:
        """Whether any wait for their time."""
        return self._events_gather

    def untold(self, events: list[ClusterEvent]) -> None:
        """These could not be written: they wait again."""
        for event in events:
            self._told.pop((event.kind, event.namespace, event.name, event.reason, event.message), None)
            self.told(event)

    def stream(self, kind: str, state: StreamState) -> None:
        """How the watch of a kind stands now."""
        self._streams[kind] = state
        self.news.set()

    def relisted(self, kind: str, relist: Relist) -> None:
        """A kind is known in full. Written after what was seen before it."""
        self._relists[kind] = relist
        self._pods_listed = self._pods_listed or kind == POD.name
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
        batch = Batch(entries, self._take_events(), self._streams, self._relists if drained else {})
        self._streams = {}
        if drained:
            self._relists = {}
            self.news.clear()
        if len(self._entries) < ROOM:
            self._room.set()
        return batch

    def _let_events_go(self) -> None:
        self._events_due = True
        self.news.set()

    def _take_events(self) -> list[ClusterEvent]:
        """Those that are due. Of others' pods nothing is kept, once ours were listed."""
        if not self._events_due:
            return []
        taken = self._events | {key: event for key, event in self._strange.items() if self._is_known_pod(event)}
        self._events = {}
        self._strange = {} if self._pods_listed else {key: self._strange[key] for key in self._strange.keys() - taken}
        self._events_due = self._events_gather = False
        if len(self._told) + len(taken) > EVENTS_TOLD:
            self._told.clear()
        self._told |= taken
        return list(taken.values())

    def _is_known_pod(self, event: ClusterEvent) -> bool:
        place = (event.namespace, event.name)
        return (POD.name, *place) in self._entries or place in self._written.get(POD.name, {})

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
