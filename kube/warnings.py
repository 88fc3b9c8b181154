"""Kubernetes' own Events of type Warning: why a pod has no node, an image does not come, a quota forbids.

They are noisy, repeat, and expire after an hour; so they are read for their reason, and never as a record.
"""

import msgspec

from kube.live import Live

FIELD_SELECTOR = "type=Warning"


class ClusterWarning(msgspec.Struct, frozen=True):
    """One warning about one object, and how often it was given. `last_at` is RFC 3339."""

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
    reason: str = ""
    message: str = ""
    count: int | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None


_decode = msgspec.json.Decoder(_Event).decode


def read_warning(live: Live) -> ClusterWarning:
    """Read an Event object, of the old form (count, lastTimestamp) or the new (series, eventTime)."""
    event = _decode(live.raw)
    series = event.series or _Series()
    about = event.involved_object
    return ClusterWarning(
        kind=about.kind,
        namespace=about.namespace,
        name=about.name,
        uid=about.uid,
        reason=event.reason,
        message=event.message,
        count=series.count or event.count or 1,
        last_at=series.last_observed_time or event.last_timestamp or event.event_time or live.creation_timestamp or "",
    )
