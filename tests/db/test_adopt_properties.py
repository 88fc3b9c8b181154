"""Adopting undoes rendering, over random templates, parameters and edits: invert(render(p)) = p."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import itertools
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kube.ownership import _spell
from tests.conftest import Database
from tests.db.conftest import copied
from tests.db.stage import Stage, refused

EXAMPLES = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
FIXED = {"name", "namespace", "id"}
numbers = itertools.count()


@pytest.fixture(scope="module")
def stage(postgres: Database) -> Iterator[Stage]:
    """One database for all examples: each has a template and a deployment of its own."""
    for database in copied(postgres):
        stage = Stage(database)
        yield stage
        stage.close()


# ---------------------------------------------------------------- what is drawn

words = st.text(st.characters(codec="utf-8", exclude_characters="$\x00", exclude_categories=("Cs",)), max_size=12)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": words,
    "integer": st.integers(-(10**9), 10**9),
    "boolean": st.booleans(),
}
parameter_names = [f"p{number}" for number in range(5)]
# Names as Kubernetes has them, such that ask for care: dots, slashes, one that begins as another.
keys = st.sampled_from(
    ["A", "AB", "motd", "server.properties", "a.b/c", "a.b/c.d", "app.kubernetes.io/part-of", "x-y_z"]
)


class Place(msgspec.Struct, frozen=True):
    """One value of a manifest: its fieldset steps, and what stands there, as parts of literal text and parameter names."""

    manifest: int
    steps: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]

    @property
    def parameters(self) -> list[str]:
        return [name for kind, name in self.parts if kind != "literal"]

    @property
    def bound(self) -> bool:
        """Whether exactly one parameter fills it, so that it can be read back."""
        return len(self.parameters) == 1 and not set(self.parameters) & FIXED

    def written(self) -> Any:
        """As a template has it."""
        if self.parts[0][0] == "value":
            return {"$param": self.parts[0][1]}
        return "".join(text if kind == "literal" else f"${{{text}}}" for kind, text in self.parts)

    def rendered(self, values: dict[str, Any]) -> Any:
        """With these values: a second opinion on what Postgres makes of it."""
        if self.parts[0][0] == "value":
            return values[self.parts[0][1]]
        return "".join(text if kind == "literal" else as_text(values[text]) for kind, text in self.parts)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


parameter_part = st.sampled_from(parameter_names)
text_parts = st.one_of(
    st.tuples(st.tuples(st.just("literal"), words), st.tuples(st.just("text"), parameter_part), st.tuples(st.just("literal"), words)),
    st.tuples(st.tuples(st.just("literal"), words)),
    st.tuples(st.tuples(st.just("text"), parameter_part), st.tuples(st.just("literal"), words), st.tuples(st.just("text"), parameter_part)),
    st.tuples(st.tuples(st.just("text"), st.just("name")), st.tuples(st.just("literal"), words)),
)  # fmt: skip
any_parts = st.one_of(st.tuples(st.tuples(st.just("value"), parameter_part)), text_parts)


@st.composite
def templates(draw: st.DrawFn) -> tuple[dict[str, Any], list[Place]]:
    """The types of its parameters, and every place of it that is not fixed by its kind."""
    types = {name: draw(st.sampled_from(sorted(VALUES))) for name in parameter_names}
    places: list[Place] = []
    for number in range(draw(st.integers(1, 3))):
        data = draw(st.lists(keys, unique=True, min_size=1, max_size=4))
        places += [Place(number, ("f:data", f"f:{key}"), draw(text_parts)) for key in data]
        notes = draw(st.lists(keys, unique=True, max_size=2))
        places += [Place(number, ("f:metadata", "f:annotations", f"f:{key}"), draw(any_parts)) for key in notes]
        # A list with keys, which Kubernetes would keep no ConfigMap with: here only the path counts.
        items = draw(st.lists(st.sampled_from(["a", "b", "a.b"]), unique=True, max_size=3))
        places += [Place(number, ("f:items", f'k:{{"name":"{item}"}}', "f:value"), draw(any_parts)) for item in items]
    return types, places


def manifests(places: list[Place]) -> list[dict[str, Any]]:
    """The template."""
    made: dict[int, dict[str, Any]] = {}
    for place in places:
        name = f"${{name}}-{place.manifest}"
        manifest = made.setdefault(
            place.manifest, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        )
        node = manifest
        for step in place.steps[:-1]:
            if step[:2] == "k:":
                item = json.loads(step[2:])
                node.append(item)  # type: ignore[attr-defined]
                node = item
            else:
                node = node.setdefault(step[2:], [] if step == "f:items" else {})
        node[place.steps[-1][2:]] = place.written()
    return list(made.values())


class Case(msgspec.Struct, frozen=True):
    """A deployment of a drawn template."""

    own: Any
    name: str
    types: dict[str, str]
    places: list[Place]
    given: dict[str, Any]
    defaults: dict[str, Any]

    def values(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {**self.defaults, **parameters, "name": self.name}

    def path(self, place: Place) -> str:
        return f"ConfigMap/{self.name}-{place.manifest}:{_spell(place.steps)}"

    def drift(self, stage: Stage, edits: dict[Place, Any]) -> None:
        """Have it stand so at the cluster."""
        for number in {place.manifest for place in edits}:
            rows = [
                {"path": _spell(place.steps), "wanted": place.rendered(self.values(self.given)), "live": live, "manager": "kubectl-edit"}
                for place, live in edits.items() if place.manifest == number
            ]  # fmt: skip
            stage.root.execute(
                "INSERT INTO deployment_resources (deployment_id, cluster_id, api_version, kind, name, namespace, managed, drift, drifted_at)"
                " VALUES (%s, 1, 'v1', 'ConfigMap', %s, 'default', true, %s, now())",
                (self.own, f"{self.name}-{number}", json.dumps(rows)),
            )

    def adopt(self, stage: Stage, paths: list[str] | None) -> None:
        stage.operator.execute("SELECT orchestrator.adopt(%s, %s)", (self.own, paths))

    def stands(self, stage: Stage) -> dict[str, Any]:
        return stage.deployment(self.name)


def deployed(stage: Stage, data: st.DataObject) -> Case:
    """Draw a template and parameters, and make them."""
    types, places = data.draw(templates())
    defaults = {name: data.draw(VALUES[kind]) for name, kind in types.items()}
    chosen = data.draw(st.lists(st.sampled_from(parameter_names), unique=True))
    given = {name: data.draw(VALUES[types[name]]) for name in chosen}
    name = f"t{next(numbers)}"
    schema = {"properties": {key: {"type": kind, "default": defaults[key]} for key, kind in types.items()}}
    stage.admin.execute("SELECT put_template(%s, %s, %s)", (name, json.dumps(manifests(places)), json.dumps(schema)))
    return Case(stage.deploy(name, name, given), name, types, places, given, defaults)


def values_at(spec: list[dict[str, Any]], place: Place) -> Any:
    node: Any = spec[place.manifest]
    for step in place.steps:
        if step[:2] == "k:":
            wanted = json.loads(step[2:])
            node = next(item for item in node if wanted.items() <= item.items())
        else:
            node = node[step[2:]]
    return node


# ---------------------------------------------------------------- what holds


@EXAMPLES
@given(data=st.data())
def test_what_rendering_would_have_written_is_read_back_as_what_it_was_written_from(
    stage: Stage, data: st.DataObject
) -> None:
    case = deployed(stage, data)
    assert all(
        values_at(case.stands(stage)["desired_spec_json"], place) == place.rendered(case.values(case.given))
        for place in case.places
    )
    bound = [place for place in case.places if place.bound]
    assume(bound)
    touched = data.draw(st.lists(st.sampled_from(bound), min_size=1, unique=True))
    before = case.values(case.given)
    new = {
        name: data.draw(
            VALUES[case.types[name]].filter(lambda value, name=name: as_text(value) != as_text(before[name]))
        )
        for name in sorted({name for place in touched for name in place.parameters})
    }
    edits = {place: place.rendered(case.values({**case.given, **new})) for place in touched}
    case.drift(stage, edits)
    every = data.draw(st.booleans())
    case.adopt(stage, None if every else [case.path(place) for place in edits])
    expected = {**case.given, **{name: new[name] for place in edits for name in place.parameters}}
    row = case.stands(stage)
    assert row["parameters"] == expected, "these parameters and no others"
    assert all(values_at(row["desired_spec_json"], place) == live for place, live in edits.items()), "wanted is live"
    assert all(
        values_at(row["desired_spec_json"], place) == place.rendered(case.values(expected)) for place in case.places
    )
    assert stage.rows("SELECT FROM drift WHERE deployment_id = %s", case.own) == []


@EXAMPLES
@given(data=st.data())
def test_with_a_place_among_them_that_no_one_parameter_fills_nothing_is_adopted(
    stage: Stage, data: st.DataObject
) -> None:
    case = deployed(stage, data)
    unbound = [place for place in case.places if not place.bound]
    assume(unbound)
    before = case.stands(stage)
    now = case.values(case.given)
    edits = {
        place: f"{as_text(place.rendered(now))}!"
        for place in data.draw(st.lists(st.sampled_from(unbound), min_size=1, max_size=2, unique=True))
    }
    for place in case.places:
        if place.bound and data.draw(st.booleans()):
            [name] = place.parameters
            edits[place] = place.rendered({**now, name: data.draw(VALUES[case.types[name]])})
    case.drift(stage, edits)
    with refused("SO422"):
        case.adopt(stage, None)
    assert case.stands(stage) == before
    assert len(stage.rows("SELECT FROM drift WHERE deployment_id = %s", case.own)) == len(edits)


@EXAMPLES
@given(data=st.data())
def test_whatever_stands_there_is_adopted_as_it_is_or_not_at_all(stage: Stage, data: st.DataObject) -> None:
    """Any value at any place, also none that rendering could have written."""
    case = deployed(stage, data)
    place = data.draw(st.sampled_from([place for place in case.places if place.bound] or case.places))
    text = data.draw(st.one_of(words, st.sampled_from(["1", "-0", "1.50", "007", "true", "null"])))
    # As the template has it, with any text where the parameter is: sometimes a value of it, sometimes none.
    near = "".join(part if kind == "literal" else text for kind, part in place.parts)
    live = data.draw(
        st.one_of(
            st.just(near),
            st.just(near),
            words,
            st.integers(),
            st.booleans(),
            st.lists(words, max_size=2),
            st.dictionaries(words, words, max_size=2),
        )
    )
    case.drift(stage, {place: live})
    [row] = stage.rows("SELECT adoptable, not_adoptable, adopts FROM drift WHERE deployment_id = %s", case.own)
    if row["adoptable"]:
        case.adopt(stage, None)
        stands = case.stands(stage)
        assert values_at(stands["desired_spec_json"], place) == live
        assert stands["parameters"] == {**case.given, **{name: change["to"] for name, change in row["adopts"].items()}}
        assert row["adopts"].keys() == set(place.parameters)
        assert place.bound
    else:
        assert row["not_adoptable"]
        with refused("SO422"):
            case.adopt(stage, None)


# ---------------------------------------------------------------- paths

names = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=8)
scalars = st.one_of(words, st.integers(), st.booleans())
trees = st.recursive(
    scalars,
    lambda below: st.one_of(
        st.dictionaries(st.one_of(keys, st.sampled_from(["spec", "name", "a"])), below, max_size=3),
        st.lists(names, unique=True, min_size=1, max_size=3).flatmap(
            lambda found: st.tuples(
                *[st.fixed_dictionaries({"name": st.just(name), "value": below}) for name in found]
            ).map(list)
        ),
    ),
    max_leaves=12,
)


def leaves(node: Any, steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value below, by the steps that managedFields would have to it."""
    if isinstance(node, dict):
        for key, below in node.items():
            yield from leaves(below, (*steps, f"f:{key}"))
    elif isinstance(node, list):
        for item in node:
            yield from leaves(item, (*steps, f"k:{json.dumps({'name': item['name']})}"))
    else:
        yield steps, node


@EXAMPLES
@given(manifest=st.dictionaries(keys, trees, min_size=1, max_size=3))
def test_a_path_as_drift_spells_it_leads_back_to_its_value(stage: Stage, manifest: dict[str, Any]) -> None:
    for steps, value in leaves(manifest):
        query = "SELECT p AS path, %s::jsonb #> p AS found FROM locate(%s::jsonb, %s) p"
        text = json.dumps(manifest)
        [row] = stage.rows(query, text, text, _spell(steps))
        # A name with the very signs of a path may not be found; none is taken for another.
        odd = any(step[:2] == "k:" and set(json.loads(step[2:])["name"]) & set("[],=") for step in steps)
        assert row["path"] is not None or odd, _spell(steps)
        assert row["path"] is None or row["found"] == value, _spell(steps)
