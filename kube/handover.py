"""What an apply leaves to others: taken out of the manifest, and out of what we own first, so that nothing is reset.

Server-side apply removes, or resets to its default, whatever we owned and no longer say. So before a field is left out
for the first time our claim on it is dropped, by a patch of `managedFields` alone: its value stays as it is, nobody has
to be given it, and whoever sets it next owns it. Values are not needed for that, which matters for Secrets.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from kube.kinds import SECRET
from kube.live import Live
from kube.naming import FIELD_MANAGER, Manifest
from kube.ownership import Fields

# A place in a manifest: a text is a key, an object the keys of a list item.
Place = Sequence[str | dict[str, Any]]

_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_GONE: Any = object()


def strip(manifest: Manifest, places: Sequence[Place]) -> Manifest:
    """The manifest without these places, nor what holds nothing else. The argument is left as it was."""
    if manifest["kind"] == SECRET.name:
        places = [*places, *(["stringData", *place[1:]] for place in places if place[0] == "data")]
    # What tells an item from others goes last, or the rest of it would not be found.
    for place in sorted(places, key=lambda place: (_is_key(place), -len(place))):
        manifest = _without(manifest, place)
    return manifest


def as_stands(manifest: Manifest, live: Live, places: Sequence[Place]) -> Manifest:
    """The manifest with what stands live at these places; without those where nothing does. The argument is kept.

    For a dry run, which cannot give up a claim first: what it left out would be dropped, and the rest judged without.
    """
    for place in places:
        value = _at(live.object, place)
        manifest = strip(manifest, [place]) if value is _GONE else _with(manifest, place, value)
    return manifest


def disown(live: Live, places: Sequence[Place]) -> list[dict[str, Any]] | None:
    """A JSON patch that drops our claim on these places and changes no value; None where we have none.

    Guarded by a test of the resource version: if the object moved on, the patch is refused.
    """
    for number, entry in enumerate(live.managed_fields):
        if entry.manager == FIELD_MANAGER and entry.operation == "Apply" and not entry.subresource:
            before = _decode_fields(entry.fields)
            after = without_places(before, places)
            if after == before:
                return None
            return [
                {"op": "test", "path": "/metadata/resourceVersion", "value": str(live.resource_version)},
                {"op": "replace", "path": f"/metadata/managedFields/{number}/fieldsV1", "value": after},
            ]
    return None


def without_places(fields: Fields, places: Sequence[Place]) -> Fields:
    """A fieldset without these places. The argument is left as it was."""
    left = copy.deepcopy(fields)
    for place in places:
        _drop(left, place)
    return left


def with_places(fields: Fields | None, places: Sequence[Place]) -> Fields:
    """A fieldset with these places as well: what we would own if we did not leave them to others."""
    found = copy.deepcopy(fields or {})
    for place in places:
        node = found
        for step in place:
            node = node.setdefault(_field(step, node), {})
    return found


def _at(value: Any, place: Place) -> Any:
    for step in place:
        if isinstance(step, str):
            value = cast("Manifest", value).get(step, _GONE) if isinstance(value, dict) else _GONE
        else:
            items = cast("list[Any]", value) if isinstance(value, list) else []
            value = next((item for item in items if _is_item(item, step)), _GONE)
    return value


def _with(value: Any, place: Place, wanted: Any) -> Any:
    """The same with another value at a place that it has."""
    if not place:
        return wanted
    step, rest = place[0], place[1:]
    if isinstance(step, str):
        holder = cast("Manifest", value if isinstance(value, dict) else {})
        return {**holder, step: _with(holder[step], rest, wanted)} if step in holder else cast("Any", value)
    if not isinstance(value, list):
        return value
    return [_with(item, rest, wanted) if _is_item(item, step) else item for item in cast("list[Any]", value)]


def _is_item(item: Any, keys: dict[str, Any]) -> bool:
    """Whether these keys name a list item; what it leaves to Kubernetes' default fits."""
    found = cast("Manifest", item if isinstance(item, dict) else {})
    return bool(found) and all(found.get(key, value) == value for key, value in keys.items())


def _is_key(place: Place) -> bool:
    return len(place) > 1 and isinstance(place[-2], dict) and place[-1] in place[-2]


def _without(value: Any, place: Place) -> Any:
    step, rest = place[0], place[1:]
    if isinstance(step, str):
        if not isinstance(value, dict) or step not in value:
            return cast("Any", value)
        holder = cast("Manifest", value)
        below = _without(holder[step], rest) if rest else _GONE
        left = {key: kept for key, kept in holder.items() if key != step} if below is _GONE else {**holder, step: below}
        return left or _GONE
    if not isinstance(value, list):
        return value
    items = [_without_item(item, step, rest) for item in cast("list[Any]", value)]
    return [item for item in items if item is not _GONE] or _GONE


def _without_item(item: Any, keys: dict[str, Any], rest: Place) -> Any:
    """A list item less a place in it; what it is known by stays while anything else of it does."""
    if not _is_item(item, keys):
        return item
    found = cast("Manifest", item)
    if not rest:
        return _GONE
    if len(rest) == 1 and rest[0] in keys:
        return _GONE if found.keys() <= keys.keys() else found
    return _without(found, rest)


def _drop(fields: Fields, place: Place) -> None:
    """Take a place out of a fieldset, and what is left of its holders if that is only their being there."""
    trail: list[tuple[Fields, str]] = []
    node = fields
    for step in place:
        field = _field(step, node)
        if field not in node:
            return
        trail.append((node, field))
        node = node[field]
    for holder, field in reversed(trail):
        del holder[field]
        if not holder.keys() <= {"."}:
            return


def _field(step: str | dict[str, Any], node: Fields) -> str:
    """How a fieldset spells a step, as it does in this node where it has it."""
    if isinstance(step, str):
        return f"f:{step}"
    for known in node:
        if known.startswith("k:") and step.items() <= _decode_fields(known[2:]).items():
            return known
    return f"k:{_encode_sorted(step).decode()}"
