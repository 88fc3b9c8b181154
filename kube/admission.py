"""What admission would make of an object: where the answer to a dry run holds other values than were sent.

Compared by the fields that the answer gives us, so that defaults and what others own are left out; within a list that
is one value to the server, what it adds to an item is no change of ours either.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec

from kube.kinds import SECRET
from kube.live import Live
from kube.naming import Manifest
from kube.ownership import HIDDEN, Fields, owned, spell, value_at

_ABSENT = None
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([numkMGTPE]|[KMGTPE]i)?")
_FACTORS = {
    None: Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


class Altered(msgspec.Struct, frozen=True):
    """One path, what was sent, and what would be stored; None where there is nothing. Of a Secret neither is told."""

    path: str
    sent: Any
    becomes: Any


def altered(sent: Manifest, live: Live) -> list[Altered]:
    """Where `live`, the answer to an apply of `sent`, holds something else; by path."""
    found: list[Altered] = []
    for steps in _leaves(owned(live).fields or {}, ()):
        if live.partial and steps[0] != "f:metadata":
            continue
        was, is_now = value_at(sent, steps), value_at(live.object, steps)
        if not _holds(was, is_now):
            hidden = live.kind == SECRET.name and steps[0] == "f:data"
            found.append(Altered(spell(steps), HIDDEN if hidden else was, HIDDEN if hidden else is_now))
    return sorted(found, key=lambda one: one.path)


def _leaves(fields: Fields, steps: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for step, below in fields.items():
        if step == ".":
            continue
        deeper = {key: value for key, value in below.items() if key != "."}
        if deeper:
            yield from _leaves(deeper, (*steps, step))
        else:
            yield (*steps, step)


def _holds(sent: Any, found: Any) -> bool:
    """Whether `found` is what was sent, with defaults added at most."""
    if isinstance(sent, dict) and isinstance(found, dict):
        there = cast("Fields", found)
        return all(_holds(value, there.get(key, _ABSENT)) for key, value in cast("Fields", sent).items())
    if isinstance(sent, list) and isinstance(found, list):
        one, other = cast("list[Any]", sent), cast("list[Any]", found)
        return len(one) == len(other) and all(map(_holds, one, other))
    return sent == found or (isinstance(sent, str | int) and isinstance(found, str) and _amount(sent) == _amount(found))


def _amount(value: str | int) -> Decimal | str:
    """A quantity as a number, since the server writes 1000m as 1; anything else as it is."""
    quantity = _QUANTITY.fullmatch(str(value))
    return Decimal(quantity[1]) * _FACTORS[quantity[2]] if quantity else str(value)
