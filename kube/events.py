"""Kubernetes' own Events: where a pod went, why an image does not come, a quota forbids.

They are noisy, repeat, and expire after an hour; so they are read for their reason, and never as a record. Of pods all
are told, of everything else only warnings.
"""

import msgspec

from kube.live import Live

WARNING = "Warning"


class ClusterEvent(msgspec.Struct, frozen=True):
    """What was told about one object, and how often. `type` is Normal or Warning, `last_at` RFC 3339."""

    type: str
    kind: str
    namespace: str
    name: str
    uid: str
    reason: str
    message: str
    count: int
    last_at: str


class _Involved(msgspec.Struct, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class _Series(msgspec.Struct, frozen=True, rename="camel"):
    count: int = 0
    last_observed_time: str | None = None


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    involved_object: _Involved = _Involved()
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None


_decode = msgspec.json.Decoder(_Event).decode


def read_event(live: Live) -> ClusterEvent:
    """Read an Event object, of the old form (count, lastTimestamp) or the new (series, eventTime)."""
    event = _decode(live.raw)
    series = event.series or _Series()
    about = event.involved_object
    return ClusterEvent(
        type=event.type,
        kind=about.kind,
        namespace=about.namespace,
        name=about.name,
        uid=about.uid,
        reason=event.reason,
        message=event.message,
        count=series.count or event.count or 1,
        last_at=series.last_observed_time or event.last_timestamp or event.event_time or live.creation_timestamp or "",
    )
