"""Forms from a template's JSON Schema: what is asked, and what comes of what was filled in."""

from typing import Any

import msgspec
import pytest

from app.page.forms import Field, Schema, changes, read_fields, read_form, read_schema, require_consent
from db.errors import Refused
from db.templates import SHIPPED, ordered, read_templates


def schema_of(**properties: dict[str, Any]) -> Schema:
    return read_schema({"type": "object", "properties": properties})


def only(rule: dict[str, Any], value: Any = None, name: str = "thing") -> Field:
    given = {} if value is None else {name: value}
    (field,) = read_fields(schema_of(**{name: rule}), given)
    return field


def typed(rule: dict[str, Any], sent: str | None, name: str = "thing") -> dict[str, Any]:
    form = {} if sent is None else {f"parameters.{name}": sent}
    return read_form(schema_of(**{name: rule}), form)


SHIPPED_SCHEMAS = {
    template.name: read_schema(ordered(template.allowed_mutations_json)) for template in read_templates(SHIPPED)
}


def test_a_shipped_template_becomes_a_form_that_people_understand() -> None:
    fields = {field.parameter: field for field in read_fields(SHIPPED_SCHEMAS["paper"], {})}
    assert list(fields)[:3] == ["eula", "version", "image"]
    players, difficulty, online = fields["max_players"], fields["difficulty"], fields["online_mode"]
    assert (players.label, players.kind, players.shown, players.limits) == (
        "Players at most",
        "integer",
        "20",
        "1 to 1000",
    )
    assert players.attributes == {"min": "1", "max": "1000", "step": "1"}
    assert [choice.label for choice in difficulty.choices] == ["peaceful", "easy", "normal", "hard"]
    assert difficulty.shown == '"easy"'
    assert (online.kind, online.shown) == ("boolean", True)
    assert fields["view_distance"].unit == "chunks"
    assert fields["motd"].limits == "At most 120 characters"
    assert fields["memory"].help == "Three quarters of it go to the Java heap."


def test_fields_come_in_the_order_their_author_chose_and_the_rest_after() -> None:
    text = {"type": "string"}
    schema = read_schema({"properties": {"a": text, "b": text, "c": text}, "order": ["c", "a", "c", "gone"]})
    assert [field.parameter for field in read_fields(schema, {})] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 200}, "text"),
        ({"type": "string", "maxLength": 201}, "long"),
        ({"type": "string", "default": "two\nlines"}, "long"),
        ({"type": "integer"}, "integer"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "string", "enum": ["a"]}, "choice"),
        ({"type": "boolean", "enum": [True]}, "choice"),
        ({"type": "string", "enum": []}, "text"),
    ],
)
def test_each_type_has_its_field(rule: dict[str, Any], kind: str) -> None:
    assert only(rule).kind == kind


def test_a_text_of_several_lines_is_never_put_into_one() -> None:
    assert only({"type": "string"}, "one\ntwo").kind == "long"


@pytest.mark.parametrize(
    ("name", "label"),
    [("max_players", "Max players"), ("maxPlayers", "Max players"), ("x", "X"), ("a__b", "A b"), ("rcon2", "Rcon2")],
)
def test_a_parameter_without_a_title_is_called_by_its_name(name: str, label: str) -> None:
    assert only({"type": "string"}, name=name).label == label
    assert only({"type": "string", "title": "   "}, name=name).label == label


@pytest.mark.parametrize(
    ("rule", "limits"),
    [
        ({"type": "integer", "minimum": 0}, "At least 0"),
        ({"type": "number", "maximum": 1.5}, "At most 1.5"),
        ({"type": "integer", "minimum": 0, "maximum": 0}, "0 to 0"),
        ({"type": "string", "minimum": 3}, ""),
        ({"type": "integer"}, ""),
    ],
)
def test_bounds_are_told_in_words(rule: dict[str, Any], limits: str) -> None:
    assert only(rule).limits == limits


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [
        ("integer", "5", 5),
        ("integer", " 5 ", 5),
        ("integer", "-7", -7),
        ("integer", "five", "five"),
        ("integer", "5.0", "5.0"),
        ("integer", "05", "05"),
        ("integer", "\u0665", "\u0665"),
        ("integer", "9" * 5000, "9" * 5000),
        ("number", "0.25", 0.25),
        ("number", "1e999", "1e999"),
        ("number", "NaN", "NaN"),
        ("string", "", ""),
        ("string", " kept as it is ", " kept as it is "),
        ("string", "5", "5"),
        ("string", "one\r\ntwo", "one\ntwo"),
        ("boolean", "on", True),
        ("boolean", None, False),
    ],
)
def test_what_is_typed_becomes_its_type_or_stays_for_postgres_to_refuse(kind: str, sent: str, value: Any) -> None:
    found = typed({"type": kind, "default": "x"}, sent)["thing"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("rule", [{"type": "integer", "default": 3}, {"type": "number"}, {"type": "string"}])
def test_an_empty_field_is_no_value_where_empty_could_not_be_one(rule: dict[str, Any]) -> None:
    assert typed(rule, "") == {}


def test_choices_keep_their_types_apart() -> None:
    rule: dict[str, Any] = {"type": "string", "enum": [1, "1", True, None, 1.5]}
    keys = [choice.key for choice in only(rule).choices]
    assert len(set(keys)) == 5
    for key, value in zip(keys, rule["enum"], strict=True):
        found = typed(rule, key)["thing"]
        assert (found, type(found)) == (value, type(value))
    assert typed(rule, "nonsense") == {"thing": "nonsense"}


def test_only_what_differs_is_written() -> None:
    schema = SHIPPED_SCHEMAS["paper"]
    form = {
        "parameters.eula": "on",
        "parameters.motd": "A Minecraft server",
        "parameters.max_players": "40",
        "parameters.online_mode": "on",
        "parameters.difficulty": '"hard"',
    }
    filled = read_form(schema, form)
    assert changes(schema, {}, filled) == {"eula": "TRUE", "max_players": 40, "difficulty": "hard"}


def test_a_change_back_to_the_default_unsets_and_what_was_written_out_stays() -> None:
    schema = read_schema(
        {"properties": {"a": {"type": "integer", "default": 1}, "b": {"type": "integer", "default": 2}}}
    )
    assert changes(schema, {"a": 5, "b": 2}, {"a": 1, "b": 2}) == {"a": None}
    assert changes(schema, {"a": 5}, {}) == {"a": None}
    assert changes(schema, {"a": 1}, {"a": 1}) == {}


def test_true_is_not_one() -> None:
    schema = read_schema({"properties": {"a": {"type": "boolean", "default": True}}})
    assert changes(schema, {}, {"a": 1}) == {"a": 1}


def test_parameters_that_the_template_does_not_know_any_more_are_taken_out() -> None:
    schema = read_schema({"properties": {"a": {"type": "integer", "default": 1}}})
    assert changes(schema, {"a": 1, "old": 3}, {"a": 1}) == {"old": None}


@pytest.mark.parametrize("name", ["paper", "vanilla"])
def test_the_eula_is_accepted_by_a_person_only(name: str) -> None:
    schema = SHIPPED_SCHEMAS[name]
    field = next(field for field in read_fields(schema, {}) if field.parameter == "eula")
    assert (field.kind, field.shown, field.link) == ("consent", False, "https://aka.ms/MinecraftEULA")
    refused = read_form(schema, {})
    assert refused["eula"] == "FALSE"
    with pytest.raises(Refused) as caught:
        require_consent(schema, refused)
    assert (caught.value.status, caught.value.path) == (422, "parameters.eula")
    require_consent(schema, read_form(schema, {"parameters.eula": "on"}))


@pytest.mark.parametrize("rule", [{"type": "boolean", "default": True}, {"type": "string", "enum": ["true"]}])
def test_consent_is_asked_for_whatever_the_schema_defaults_to(rule: dict[str, Any]) -> None:
    schema = read_schema({"properties": {"eula": rule}})
    assert read_fields(schema, read_form(schema, {"parameters.eula": "on"}))[0].shown is True
    filled = read_form(schema, {})
    with pytest.raises(Refused):
        require_consent(schema, filled)


def test_a_parameter_called_eula_that_is_no_question_is_an_ordinary_one() -> None:
    assert only({"type": "string", "default": "text"}, name="eula").kind == "text"


@pytest.mark.parametrize("content", [{}, {"type": "object"}, {"properties": {}, "order": [], "required": []}])
def test_a_template_without_parameters_has_an_empty_form(content: dict[str, Any]) -> None:
    schema = read_schema(content)
    assert read_fields(schema, {"stray": 1}) == []
    assert read_form(schema, {"parameters.stray": "1"}) == {}
    require_consent(schema, {})


def test_any_value_can_be_shown() -> None:
    """An operator at psql may have stored anything that the schema of that time allowed."""
    for value in ("x" * 5000, "<script>", 10**17, -0.5, True, "\x7f", "ünï"):
        for kind in ("string", "integer", "number", "boolean"):
            msgspec.json.encode(only({"type": kind}, value).shown)
