"""Opaque cursors: where a reader of pages stopped, in a form that nobody is tempted to compute with."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from db.errors import Refused

Stop = TypeVar("Stop")
_BAD_REQUEST = 400


def pack(stop: Any) -> str:
    """The cursor that stands for `stop`, anything msgspec can encode."""
    return base64.urlsafe_b64encode(msgspec.json.encode(stop)).decode().rstrip("=")


def unpack(cursor: str, shape: type[Stop], *, path: str = "after") -> Stop:
    """What a cursor stands for. Raises Refused (400) for one that we did not make; `path` is where it was given."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=shape)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise foreign_cursor(path) from error


def foreign_cursor(path: str = "after") -> Refused:
    """The refusal of a cursor that this list did not give out."""
    return Refused(
        _BAD_REQUEST, "this is no cursor of this list", path, 'Pass "next" of the page before, or leave it out.'
    )
