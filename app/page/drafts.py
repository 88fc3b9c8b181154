"""What a form for a new or a changed server was filled in with, and what Postgres says to it before it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from itertools import groupby
from typing import Any

import msgspec
import yaml

from app.page.forms import Field, Schema, changes, read_fields, read_form, read_schema
from db.catalogue import TemplateDetail
from db.connection import Session, translated
from db.errors import Refused
from db.plans import Action, PlannedChange
from db.preview import Preview, PreviewedObject

# Stands in the names of objects for a server that has none yet.
UNNAMED = "…"
# What a form of ours sends beside parameters; a refusal about one of these is told beside it.
OWN_FIELDS = ("name", "namespace", "cluster", "template_version", "desired_state", "drift_policy", "drift_rules")
# The one in C takes a tenth of the time, where PyYAML has it.
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it stands: the template it asks for, what was filled in, and how that differs from `given`."""

    template: TemplateDetail
    schema: Schema
    given: dict[str, Any]
    filled: dict[str, Any]

    @classmethod
    def fresh(cls, template: TemplateDetail, given: Mapping[str, Any]) -> Draft:
        """Nothing is filled in yet: all is as it is given, or as the template has it."""
        return cls(
            template=template,
            schema=read_schema(template.allowed_mutations_json),
            given=dict(given),
            filled=dict(given),
        )

    def filled_in(self, form: Mapping[str, Any]) -> Draft:
        """The same with what a form sent."""
        return msgspec.structs.replace(self, filled=read_form(self.schema, form))

    def with_changes(self, changed: Mapping[str, Any]) -> Draft:
        """All as it is given, but for these parameters; None for the template's default."""
        kept = {name: value for name, value in self.given.items() if name not in changed}
        return msgspec.structs.replace(self, filled=kept | {n: v for n, v in changed.items() if v is not None})

    @property
    def fields(self) -> list[Field]:
        """As the form shows them."""
        return read_fields(self.schema, self.filled)

    @property
    def field_names(self) -> list[str]:
        """Of everything in the form that a refusal can be told beside."""
        return [*OWN_FIELDS, *(field.name for field in self.fields)]

    @property
    def parameters(self) -> dict[str, Any]:
        """What to merge into those that are given."""
        return changes(self.schema, self.given, self.filled)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a plan: what it is for, what becomes of it, and each path that changes. `shown` is its manifest."""

    kind: str
    name: str
    purpose: str
    action: Action
    restart: str | None
    reason: str
    shown: PreviewedObject | None
    changes: list[PlannedChange]


class Tried(msgspec.Struct, frozen=True):
    """What Postgres says: what would come of it, or why not."""

    preview: Preview | None
    refusal: Refused | None

    @property
    def steps(self) -> list[Step]:
        """The objects of a change in order; what stays is left out where people have no use for it."""
        if self.preview is None:
            return []
        objects = {(one.kind, one.name): one for one in self.preview.objects}
        found = (
            as_step(list(rows), objects.get((kind, name)))
            for (_, kind, name), rows in groupby(self.preview.plan, key=lambda row: (row.step, row.kind, row.name))
        )
        return [step for step in found if step.action != "none" or step.shown is not None]


def as_step(rows: list[PlannedChange], shown: PreviewedObject | None) -> Step:
    """The rows of one object together."""
    first = next((row for row in rows if row.action != "none"), rows[0])
    return Step(
        kind=first.kind,
        name=first.name,
        purpose=shown.purpose if shown is not None else "",
        action=first.action,
        restart=next((row.restart for row in rows if row.restart is not None), None),
        reason=first.reason,
        shown=shown,
        changes=[row for row in rows if row.path],
    )


async def try_out(session: Session, preview: Callable[[], Awaitable[Preview]]) -> Tried:
    """Ask, and leave the transaction as usable as it was."""
    try:
        with translated():
            async with session.transaction():
                return Tried(await preview(), None)
    except Refused as refusal:
        if refusal.status >= 500:  # noqa: PLR2004 - a fault is none of the form's
            raise
        return Tried(None, refusal)


def stand_in() -> str:
    """A name that nobody has, to see what a server without one would be made of."""
    return f"x{secrets.token_hex(12)}"


def unnamed(preview: Preview, name: str) -> Preview:
    """The same with the ellipsis in place of a stand-in."""
    text = msgspec.json.encode(preview).decode().replace(name, UNNAMED)
    return msgspec.json.decode(text, type=Preview)


def as_yaml(shown: PreviewedObject) -> str:
    """The manifest as people of Kubernetes read it."""
    return yaml.dump(shown.manifest, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=100)
