"""A template's JSON Schema as form fields, and what was filled in as parameters. Pure.

Nothing is judged here: what a field allows is told as help, and Postgres refuses by the path that is also the field's
name ("parameters.memory"). What cannot be read as its type goes on as the text it is, so that the refusal names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from db.errors import Refused

Kind = Literal["text", "long", "integer", "number", "boolean", "choice", "consent"]
PREFIX = "parameters."
CONSENT = "eula"
# Longer texts than this get several lines.
LINE_CHARACTERS = 200
_UNUSABLE = 422
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?", re.ASCII)
_LINK = re.compile(r"https://[^\s\"<>]*[^\s\"<>.,;:)]")
_WORD_BREAK = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])")


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """What the schema says of one parameter."""

    type: str = "string"
    title: str = ""
    description: str = ""
    unit: str = ""
    default: Any = msgspec.UNSET
    enum: list[Any] = []
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None

    @property
    def default_or_none(self) -> Any:
        """The default, None where there is none: no parameter can be null."""
        return None if self.default is msgspec.UNSET else self.default


class Schema(msgspec.Struct, frozen=True):
    """A template's `allowed_mutations_json`, which Postgres has checked when it was written."""

    properties: dict[str, Rule] = {}
    order: list[str] = []
    required: list[str] = []


class Choice(msgspec.Struct, frozen=True):
    """One of a field's values: `key` is what the form sends for it."""

    key: str
    label: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter as a form asks for it. `shown` is the text in the field, or whether its box is ticked.

    `name` is the field's name and the path that a refusal is about. `consent`: a box that must be ticked to go on.
    """

    name: str
    parameter: str
    label: str
    help: str
    limits: str
    unit: str
    kind: Kind
    required: bool
    attributes: dict[str, str]
    choices: list[Choice]
    shown: Any
    link: str | None = None
    default: str | None = None


def read_schema(content: Mapping[str, Any]) -> Schema:
    """What forms need to know of a template."""
    return msgspec.convert(content, Schema)


def read_fields(schema: Schema, values: Mapping[str, Any]) -> list[Field]:
    """A field for each parameter in the author's order, showing `values`, and defaults where there is none."""
    rules = schema.properties
    order = [name for name in dict.fromkeys([*schema.order, *rules]) if name in rules]
    return [
        _field(name, rules[name], values.get(name, rules[name].default_or_none), required=name in schema.required)
        for name in order
    ]


def read_form(schema: Schema, form: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, by parameter and typed. A number left empty is no value: its default applies."""
    filled: dict[str, Any] = {}
    for name, rule in schema.properties.items():
        sent = form.get(PREFIX + name)
        kind = _kind(name, rule, None)
        if kind in ("boolean", "consent"):
            filled[name] = _ticked(rule, kind, ticked=sent is not None)
        elif sent is not None and (sent != "" or _can_be_empty(rule, kind)):
            filled[name] = _typed(rule, kind, str(sent).replace("\r\n", "\n"))
    return filled


def changes(schema: Schema, given: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """What to merge into the parameters `given` so that `filled` holds; None takes the template's default again.

    What holds already is left alone, so that nothing is written out that is the default. Parameters that the schema
    does not know (any more) are taken out: it would refuse them.
    """
    changed: dict[str, Any] = {name: None for name in given if name not in schema.properties}
    for name, rule in schema.properties.items():
        default = rule.default_or_none
        wanted = filled.get(name, default)
        if not _same(wanted, given.get(name, default)):
            changed[name] = None if _same(wanted, default) else wanted
    return changed


def require_consent(schema: Schema, filled: Mapping[str, Any]) -> None:
    """Refuse what nobody has agreed to: the EULA of a game is accepted by a person, never by a default."""
    for field in read_fields(schema, filled):
        if field.kind == "consent" and not field.shown:
            raise Refused(
                _UNUSABLE, f"{field.label} is not accepted", field.name, "Read it, and tick the box to go on."
            )


def _field(name: str, rule: Rule, value: Any, *, required: bool) -> Field:
    kind = _kind(name, rule, value)
    link = _LINK.search(rule.description)
    return Field(
        name=PREFIX + name,
        parameter=name,
        label=rule.title.strip() or _spoken(name),
        help=rule.description,
        limits=_limits(rule, kind),
        unit=rule.unit,
        kind=kind,
        required=required,
        attributes=_attributes(rule, kind),
        choices=[Choice(_json(value), _text(value)) for value in rule.enum] if kind == "choice" else [],
        shown=_shown(rule, kind, value),
        link=link.group() if link else None,
        default=None if rule.default is msgspec.UNSET else _text(rule.default),
    )


def _kind(name: str, rule: Rule, value: Any) -> Kind:
    if name == CONSENT and _agreed(rule) is not None:
        return "consent"
    if rule.enum:
        return "choice"
    match rule.type:
        case "boolean" | "integer" | "number":
            return rule.type
        case _:
            # A single line would lose the breaks of a text that has some.
            many = any("\n" in str(text) for text in (value, rule.default))
            return "long" if many or (rule.max_length or 0) > LINE_CHARACTERS else "text"


def _agreed(rule: Rule) -> Any:
    """The value that means yes, None where there is none: true, or the one of an enum that says so."""
    if rule.type == "boolean":
        return True
    return next((value for value in rule.enum if str(value).lower() == "true"), None)


def _ticked(rule: Rule, kind: Kind, *, ticked: bool) -> Any:
    if kind == "boolean" or rule.type == "boolean":
        return ticked
    yes = _agreed(rule)
    return yes if ticked else next((value for value in rule.enum if value != yes), None)


def _can_be_empty(rule: Rule, kind: Kind) -> bool:
    """Whether an empty field is an empty text. Without a default it is rather one that is still to be filled in."""
    return kind in ("text", "long") and rule.default is not msgspec.UNSET


def _typed(rule: Rule, kind: Kind, text: str) -> Any:
    if kind == "choice":
        return next((value for value in rule.enum if _json(value) == text), text)
    if kind == "integer" and _INTEGER.fullmatch(text.strip()):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text.strip()):
        return msgspec.json.decode(text.strip())
    return text


def _shown(rule: Rule, kind: Kind, value: Any) -> Any:
    match kind:
        case "boolean":
            return value is True
        case "consent":
            return value is not None and _same(value, _agreed(rule))
        case "choice":
            return _json(value)
        case _:
            return "" if value is None else _text(value)


def _limits(rule: Rule, kind: Kind) -> str:
    """The bounds in words; of a pattern only the refusal tells, since few can read one."""
    least, most = rule.minimum, rule.maximum
    if kind in ("integer", "number"):
        if least is not None and most is not None:
            return f"{_text(least)} to {_text(most)}"
        return f"At least {_text(least)}" if least is not None else f"At most {_text(most)}" if most is not None else ""
    if kind in ("text", "long") and rule.max_length:
        return f"At most {rule.max_length} characters"
    return ""


def _attributes(rule: Rule, kind: Kind) -> dict[str, str]:
    """What a browser can use. It refuses nothing by itself: one place judges, and says what is allowed."""
    if kind not in ("integer", "number"):
        return {}
    bounds = {"min": rule.minimum, "max": rule.maximum}
    step = {"step": "1" if kind == "integer" else "any"}
    return step | {key: _text(value) for key, value in bounds.items() if value is not None}


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _spoken(name: str) -> str:
    """max_players and maxPlayers as "Max players"."""
    words = " ".join(_WORD_BREAK.sub(" ", name).lower().split())
    return words[:1].upper() + words[1:]


def _text(value: Any) -> str:
    """For people: a text as it is, a whole number without a fraction."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
