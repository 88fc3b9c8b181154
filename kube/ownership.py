"""Who owns which fields: what `managedFields` tells about drift, and about who did it.

The API server keeps, per manager, the set of fields it last set. Ours shrinks exactly when somebody else changes or
removes a field we applied, and for nothing else: defaults, status, normalised quantities and foreign additions leave
it as it was (300 of 300 no-op writes; 8 mutations gave the 5 that touched our fields). So a hash of it is compared
after every event, and only where it differs are the lost paths worked out and shown.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

import msgspec

from kube.kinds import SECRET
from kube.live import Live, ManagedEntry
from kube.naming import DEPLOYMENT_LABEL, FIELD_MANAGER, MANAGED_BY_LABEL, OUR_LABELS, Manifest
from kube.quantities import quantity

Fields = dict[str, Any]
Step = str
Reason = Literal["changed", "removed", "ownership lost", "overwritten", "rewritten"]

_HASH_BYTES = 8
# A value longer than this is shown by its beginning: a drift is for reading, not for restoring from.
QUOTED_CHARACTERS = 500
_ABSENT = object()
# What stands in a drift for a value that must not be seen, or cannot.
HIDDEN = "(hidden)"
_OURS = "(set by server-orchestrator)"
_BEFORE_FIRST_APPLY = "before-first-apply"

_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Owned(msgspec.Struct, frozen=True):
    """The fields we own (the API's FieldsV1 tree) and a hash; both None where we own none.

    The hash is 16 hexadecimal characters of which fields they are, and 16 of their values.
    """

    fields: Fields | None
    hash: str | None


class Drift(msgspec.Struct, frozen=True):
    """One path of ours that somebody else took. `live` is None where `absent`; values of Secrets are never told."""

    path: str
    wanted: Any
    live: Any
    absent: bool
    reason: Reason
    manager: str | None
    operation: str | None
    since: str | None


def owned(live: Live, content: dict[str, Any] | None = None) -> Owned:
    """What we own of an object, by our server-side applies. `content` is `live.object` where it is decoded already."""
    entry = _our_entry(live)
    if entry is None:
        return Owned(None, None)
    fields = _decode_fields(entry.fields)
    values: list[Any] = []
    _gather(fields, live.object if content is None else content, values)
    # Sorted anew, so that a server that writes the set in another order raises no false alarm.
    return Owned(fields, _hash(fields) + _hash(values))


def owned_hash(live: Live, content: dict[str, Any]) -> str | None:
    """Only the hash: what each event is asked for."""
    return owned(live, content).hash


def lost(applied_fields: Fields, live: Live, wanted: Manifest, *, deployment_id: str | None = None) -> list[Drift]:
    """The paths we applied, still want, and own no longer; with who has them now. Empty if there is no drift.

    `applied_fields` is the fieldset of our last apply, `wanted` what is rendered now (labels and owner references of
    our own need not be in it). A path the intent has dropped since is no drift: the next apply was going to drop it.
    """
    entry = _our_entry(live)
    if entry is None:
        return [_ownership_lost(live)]
    search = _Search(live, wanted, deployment_id)
    found = search.walk(applied_fields, _decode_fields(entry.fields), ())
    return [search.drift(steps) for steps in found if not search.is_untouched(steps)]


def rows(found: Iterable[Drift]) -> list[dict[str, Any]]:
    """The same as Postgres keeps it."""
    return [_row(drift) for drift in found]


def rewritten(live: Live, wanted: Manifest, *, at_once: bool, content: dict[str, Any] | None = None) -> list[Drift]:
    """The paths that are ours and read otherwise than `wanted`, the manifest as it was applied; `at_once`: just now.

    An admission webhook that changes a field leaves it with whoever wrote, so ownership tells nothing of it. Here
    values are compared, and only here: what a server makes of them (defaults, normal forms, zeroes that it drops) must
    not be taken for another. `content` is `live.object` where it is decoded already.
    """
    # Nearly always all of it stands as it was sent, which is quicker to see than what became of each path.
    if _is_kept({"metadata": wanted["metadata"]} if live.partial else wanted, content or live.object):
        return []
    entry = _our_entry(live)
    search = _Search(live, wanted, None)
    ours = () if entry is None else _otherwise(_decode_fields(entry.fields), wanted, search.object, ())
    # What is so in the very answer to our apply would be so again: putting it back is of no use.
    reason: Reason = "rewritten" if at_once else "overwritten"
    return [
        msgspec.structs.replace(search.drift(steps), reason=reason, manager=None, operation=None, since=None)
        for steps in ours
        if not _is_dressing(steps) and not search.unseen(steps)
    ]


def making_room(live: Live, applied_fields: Fields, wanted: Manifest) -> list[dict[str, Any]]:
    """A JSON patch that takes away what others have put in the way of paths we lost; empty if nothing is in the way.

    Some fields exclude each other (`value` and `valueFrom` of an environment variable): putting ours back beside theirs
    is refused as invalid, so theirs have to go first. So do items of a list that bear one name: a port whose number was
    changed is another item to the server. Ours is put in its place, for the list may not be empty either.
    """
    entry = _our_entry(live)
    search = _Search(live, wanted, None)
    kept = _decode_fields(entry.fields) if entry is not None else {}
    found: dict[str, dict[str, Any]] = {}
    for steps in search.walk(applied_fields, kept, ()):
        for _, fields in search.others:
            for step in _fields_at(fields, steps[:-1]):
                pointer = _point(search.object, (*steps[:-1], step)) if search.excludes(steps, step) else None
                if pointer is not None and step[:2] == "k:":
                    found[pointer] = {"op": "replace", "path": pointer, "value": search.wanted_at(steps)}
                elif pointer is not None:
                    found[pointer] = {"op": "remove", "path": pointer}
    if not found:
        return []
    # The deepest first, so that none is gone with what is above it.
    return [_unmoved(live), *(found[at] for at in sorted(found, key=lambda at: at.count("/"), reverse=True))]


def tidying(live: Live) -> list[dict[str, Any]]:
    """A JSON patch that drops what we own by patches of our own; empty if that is nothing.

    Beside it a field that a later apply leaves out would stay.
    """
    ours = [n for n, entry in enumerate(live.managed_fields) if entry.manager == FIELD_MANAGER and not _is_ours(entry)]
    removals = [{"op": "remove", "path": f"/metadata/managedFields/{n}"} for n in reversed(ours)]
    return [_unmoved(live), *removals] if removals else []


def newest_other(live: Live) -> str | None:
    """Who wrote an object last that is not ours, if anybody told a name."""
    who = _newest(live)
    return who.manager if who is not None else None


def was_wiped(live: Live) -> bool:
    """Whether the record of who owns what was erased: then a field we drop is not removed by our next apply."""
    return not live.managed_fields or any(entry.manager == _BEFORE_FIRST_APPLY for entry in live.managed_fields)


def restore_patch(live: Live, applied_fields: Fields) -> list[dict[str, Any]]:
    """A JSON patch that gives us back what we had applied, so that our next apply removes what it drops.

    Guarded by a test of the resource version: if the object moved on, the patch is refused as Invalid (422).
    """
    entry = {
        "manager": FIELD_MANAGER,
        "operation": "Apply",
        "apiVersion": live.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": applied_fields,
    }
    return [_unmoved(live), {"op": "add", "path": "/metadata/managedFields", "value": [entry]}]


class _Search:
    """One comparison: holds what every step of the walk needs, decoded once."""

    def __init__(self, live: Live, wanted: Manifest, deployment_id: str | None) -> None:
        self.live = live
        self.object = live.object
        self.wanted = wanted
        self.deployment_id = deployment_id
        ours = _our_entry(live)
        self.applied_at = (ours.time if ours else None) or ""
        self.others = [
            (entry, _decode_fields(entry.fields))
            for entry in live.managed_fields
            if not _is_ours(entry) and entry.subresource != "status"
        ]

    def walk(self, applied: Fields, kept: Fields, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
        """Go down both trees at once; yield the paths that `kept` lacks."""
        for step, below in applied.items():
            if step == ".":
                # Membership alone: if the item itself is gone, its other fields are lost as well and tell it.
                continue
            here = (*steps, step)
            if step not in kept:
                if not self.is_added_to(here):
                    yield from self.take(below, here)
            elif kept[step]:
                # An empty branch is a leaf: then all below it is ours.
                yield from self.walk(below, kept[step], here)

    def take(self, below: Fields, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
        """A whole branch is no longer ours: one path where it is gone, else one for each leaf of it."""
        wanted, found = self.wanted_at(steps), _value_at(self.object, steps)
        # What was taken away and came back as a default is as we want it, and nobody's.
        if wanted is _ABSENT or (wanted == found and not any(_has_path(fields, steps) for _, fields in self.others)):
            return
        gone = found is _ABSENT and not self.unseen(steps)
        if gone or all(step == "." for step in below):
            yield steps
        else:
            yield from self.walk(below, {}, steps)

    def is_added_to(self, steps: tuple[Step, ...]) -> bool:
        """Whether we said `{}` there and others put something in: no more of a change than what stands beside a field.

        It is one where the whole map is theirs, and not only what is in it: such a map is one value (a selector).
        """
        if self.wanted_at(steps) != {} or not isinstance(_value_at(self.object, steps), dict):
            return False
        return all(_fields_at(fields, steps) for _, fields in self.others if _has_path(fields, steps))

    def excludes(self, steps: tuple[Step, ...], step: Step) -> bool:
        """Whether what others have at this step may not stand beside what we lost at the end of `steps`."""
        here = (*steps[:-1], step)
        if step == "." or _value_at(self.wanted, here) is not _ABSENT:
            return False
        if steps[-1][:2] != "k:":
            return step[:2] == "f:"
        return _value_at(self.object, (*here, "f:name")) == _value_at(self.wanted, (*steps, "f:name"))

    def is_untouched(self, steps: tuple[Step, ...]) -> bool:
        """Whether nobody else has it, and it stands as it is wanted: we gave it up, or made room for it, ourselves."""
        others = (fields for entry, fields in self.others if entry.manager != FIELD_MANAGER)
        return _value_at(self.object, steps) == self.wanted_at(steps) and not any(
            _has_path(fields, steps) for fields in others
        )

    def drift(self, steps: tuple[Step, ...]) -> Drift:
        """Word one lost path."""
        wanted, found = self.wanted_at(steps), _value_at(self.object, steps)
        absent = found is _ABSENT and not self.unseen(steps)
        who = self.owner_of(steps)
        hidden = self.live.kind == SECRET.name and steps[0] in ("f:data", "f:stringData")
        return Drift(
            path=_spell(steps),
            wanted=HIDDEN if hidden else wanted,
            live=None if absent else HIDDEN if hidden or found is _ABSENT else found,
            absent=absent,
            reason="removed" if absent else "changed",
            manager=who.manager if who else None,
            operation=who.operation if who else None,
            since=who.time if who else None,
        )

    def unseen(self, steps: tuple[Step, ...]) -> bool:
        """Whether we hold only metadata, and the path is elsewhere."""
        return self.live.partial and steps[0] != "f:metadata"

    def wanted_at(self, steps: tuple[Step, ...]) -> Any:
        """The value the intent has at a path, our own labels and owner references included."""
        found = _value_at(self.wanted, steps)
        if found is _ABSENT and steps[0] == "f:data" and self.live.kind == SECRET.name:
            return _value_at(self.wanted, ("f:stringData", *steps[1:]))
        if found is not _ABSENT or "f:metadata" not in steps:
            return found
        return self.dressing_at(steps[steps.index("f:metadata") + 1 :])

    def dressing_at(self, steps: tuple[Step, ...]) -> Any:
        """What `kube.naming.dress` puts at a path below metadata."""
        match steps:
            case ():
                return {}
            case ("f:ownerReferences", *_):
                return _OURS
            case ("f:labels",):
                return {MANAGED_BY_LABEL: FIELD_MANAGER}
            case ("f:labels", label) if label[2:] in OUR_LABELS:
                known = {MANAGED_BY_LABEL: FIELD_MANAGER, DEPLOYMENT_LABEL: self.deployment_id}
                return known.get(label[2:]) or _OURS
            case _:
                return _ABSENT

    def owner_of(self, steps: tuple[Step, ...]) -> ManagedEntry | None:
        """Whoever owns the path now; for a path that is gone, whoever changed the object last since our apply.

        Who only removes a field leaves no trace of his own, so None is an honest answer.
        """
        owners = [entry for entry, fields in self.others if _has_path(fields, steps)]
        later = [entry for entry, _ in self.others if (entry.time or "") >= self.applied_at]
        return max(owners or later, key=lambda entry: entry.time or "", default=None)


def _our_entry(live: Live) -> ManagedEntry | None:
    return next((entry for entry in live.managed_fields if _is_ours(entry)), None)


def _is_ours(entry: ManagedEntry) -> bool:
    return entry.manager == FIELD_MANAGER and entry.operation == "Apply" and not entry.subresource


def _newest(live: Live) -> ManagedEntry | None:
    others = [
        entry
        for entry in live.managed_fields
        if entry.manager != _BEFORE_FIRST_APPLY and not _is_ours(entry) and not entry.subresource
    ]
    return max(others, key=lambda entry: entry.time or "", default=None)


def _ownership_lost(live: Live) -> Drift:
    who = _newest(live)
    return Drift(
        path="metadata.managedFields",
        wanted=_OURS,
        live=None,
        absent=True,
        reason="ownership lost",
        manager=who.manager if who else None,
        operation=who.operation if who else None,
        since=who.time if who else None,
    )


def _otherwise(fields: Fields, wanted: Any, found: Any, above: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """The paths of a tree with nothing below them whose values are others than wanted, whatever their form."""
    for step, below in fields.items():
        value, live = _value_below(wanted, step), _value_below(found, step)
        # Of a branch that stands as it was sent nothing needs to be looked at.
        if value is _ABSENT or _is_kept(value, live):
            continue
        if any(key != "." for key in below):
            yield from _otherwise(below, value, live, (*above, step))
        else:
            yield (*above, step)


def _hash(content: Any) -> str:
    return hashlib.blake2b(_encode_sorted(content), digest_size=_HASH_BYTES).hexdigest()


def _gather(fields: Fields, value: Any, values: list[Any]) -> None:
    """Collect what stands at the paths of a tree, in the order of their names; None where nothing does."""
    for step in sorted(fields):
        # The labels that tell the generation change with each; nobody else's fields change with them.
        if step == "." or step[2:] in OUR_LABELS:
            continue
        found = _value_below(value, step)
        below = fields[step]
        if below and found is not _ABSENT:
            _gather(below, found, values)
        else:
            values.append(None if found is _ABSENT else found)


def _is_dressing(steps: tuple[Step, ...]) -> bool:
    """Whether a path is one that we put there beside what was asked for."""
    return steps[:2] == ("f:metadata", "f:ownerReferences") or steps[-1][2:] in OUR_LABELS


def _is_kept(wanted: Any, found: Any) -> bool:
    """Whether a server that was sent `wanted` and shows `found` has changed nothing but its form."""
    if wanted == found:
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        theirs = cast("Fields", found)
        return all(_is_kept(value, theirs.get(key, _ABSENT)) for key, value in cast("Fields", wanted).items())
    if isinstance(wanted, list) and isinstance(found, list):
        pairs = zip(cast("list[Any]", wanted), cast("list[Any]", found), strict=False)
        return len(wanted) == len(found) and all(_is_kept(*pair) for pair in pairs)  # pyright: ignore[reportUnknownArgumentType]
    if found is _ABSENT:
        return not wanted
    return (amount := quantity(wanted)) is not None and amount == quantity(found)


def _unmoved(live: Live) -> dict[str, Any]:
    """An operation that fails if the object is no longer as we saw it."""
    return {"op": "test", "path": "/metadata/resourceVersion", "value": str(live.resource_version)}


def _row(drift: Drift) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(drift)
    live = _readable(drift.live)
    # Nobody may take for the value what is only its beginning.
    cut = {} if live == drift.live else {"cut": True}
    return row | {"wanted": _readable(drift.wanted), "live": live} | cut


def _readable(value: Any) -> Any:
    """A value that Postgres can keep and a person can read: no NUL, which jsonb refuses, and no pages of text."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\x00" not in text and "\\u0000" not in text and len(text) <= QUOTED_CHARACTERS:
        return value
    clean = text.replace("\x00", "�").replace("\\u0000", "�")
    return clean if len(clean) <= QUOTED_CHARACTERS else clean[:QUOTED_CHARACTERS] + "…"


def _fields_at(fields: Fields, steps: tuple[Step, ...]) -> Fields:
    for step in steps:
        fields = fields.get(step, {})
    return fields


def _point(value: Any, steps: tuple[Step, ...]) -> str | None:
    """The JSON pointer of a path in an object, None where it is not there."""
    pointer = ""
    for step in steps:
        below = _value_at(value, (step,))
        if below is _ABSENT:
            return None
        # A list item's place is its index; everything else is a key.
        key = value.index(below) if isinstance(value, list) else step[2:].replace("~", "~0").replace("/", "~1")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        pointer += f"/{key}"
        value = below
    return pointer


def _has_path(fields: Fields, steps: tuple[Step, ...]) -> bool:
    for step in steps:
        if step not in fields:
            return False
        fields = fields[step]
    return True


def _value_at(value: Any, steps: tuple[Step, ...]) -> Any:
    """Follow FieldsV1 steps into an object."""
    for step in steps:
        value = _value_below(value, step)
        if value is _ABSENT:
            return _ABSENT
    return value


def _value_below(value: Any, step: Step) -> Any:
    """One step down: `f:` a field, `k:` a list item by its keys, `v:` a set's member."""
    kind = step[:2]
    if kind == "f:":
        return cast("Fields", value).get(step[2:], _ABSENT) if isinstance(value, dict) else _ABSENT
    if not isinstance(value, list):
        return _ABSENT
    if kind == "k:":
        return _item_with(cast("list[Any]", value), _decode_keys(step[2:]))
    member = msgspec.json.decode(step[2:]) if kind == "v:" else _ABSENT
    return member if member in value else _ABSENT


@functools.lru_cache(4096)
def _decode_keys(text: str) -> dict[str, Any]:
    return msgspec.json.decode(text)


def _item_with(items: list[Any], keys: dict[str, Any]) -> Any:
    """The list item that has these keys; else one that leaves some of them to their defaults."""
    found = [cast("Fields", item) for item in items if isinstance(item, dict) and item]
    # Nearly always there is one that has them all: the first of them is compared alone, for a long list is gone
    # through once for each of its items.
    first, one = next(iter(keys.items()))
    for item in found:
        if item.get(first) == one and keys.items() <= item.items():
            return item
    # Of two ports of one number, the one without a protocol is not the one that says UDP.
    alike = [item for item in found if all(item.get(key, value) == value for key, value in keys.items())]
    return max(alike, key=lambda item: sum(key in item for key in keys), default=_ABSENT)


def _spell(steps: tuple[Step, ...]) -> str:
    """A path as a person writes it: spec.template.spec.containers[name=minecraft].image."""
    spelt = ""
    for step in steps:
        match step[:2]:
            case "f:":
                name = step[2:]
                plain = "." not in name and "/" not in name
                spelt += (f".{name}" if spelt else name) if plain else f"[{name}]"
            case "k:":
                keys: dict[str, Any] = msgspec.json.decode(step[2:])
                spelt += "[" + ",".join(f"{key}={value}" for key, value in keys.items()) + "]"
            case _:
                spelt += f"[{step[2:]}]"
    return spelt


def spell(steps: tuple[Step, ...]) -> str:
    """A path of a fieldset as the view drift spells it."""
    return _spell(steps)


def value_at(value: Any, steps: tuple[Step, ...]) -> Any:
    """What stands at a path of a fieldset; None where there is nothing."""
    found = _value_at(value, steps)
    return None if found is _ABSENT else found
