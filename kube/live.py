"""An object as the API server holds it: metadata decoded, the rest kept as bytes until somebody asks.

Most of what flows past (watch events, answers to an apply) is only asked who it is, whose it is and who owns which
fields. Decoding the whole of it would be most of the cost, keeping it decoded ten times the memory.
"""

from typing import Any

import msgspec


class ManagedEntry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One entry of managedFields: what one manager owns through one operation."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    time: str | None = None
    subresource: str = ""
    fields: msgspec.Raw = msgspec.field(name="fieldsV1", default=msgspec.Raw(b"{}"))


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    uid: str = ""
    resource_version: str = "0"
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    managed_fields: tuple[ManagedEntry, ...] = ()


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    metadata: _Metadata
    api_version: str = ""
    kind: str = ""


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Live(msgspec.Struct, frozen=True):
    """One object in the cluster. `partial` tells that only its metadata was asked for."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: int
    labels: dict[str, str]
    annotations: dict[str, str]
    generation: int
    creation_timestamp: str | None
    deletion_timestamp: str | None
    managed_fields: tuple[ManagedEntry, ...]
    raw: bytes
    partial: bool = False

    @property
    def object(self) -> dict[str, Any]:
        """The whole object, decoded anew at each call: keep the answer if you look twice."""
        return _decode_object(self.raw)


def decode_live(raw: bytes, api_version: str, kind: str, *, partial: bool = False) -> Live:
    """Read one object. List items and partial metadata do not tell their kind, so the caller does.

    Raises msgspec.MsgspecError where the bytes are no object.
    """
    metadata = _decode_envelope(raw).metadata
    return Live(
        api_version=api_version,
        kind=kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=int(metadata.resource_version or 0),
        labels=metadata.labels,
        annotations=metadata.annotations,
        generation=metadata.generation,
        creation_timestamp=metadata.creation_timestamp,
        deletion_timestamp=metadata.deletion_timestamp,
        managed_fields=metadata.managed_fields,
        raw=raw,
        partial=partial,
    )
