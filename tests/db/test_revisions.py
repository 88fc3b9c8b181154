"""Revisions: what was wanted when and by whom, and what differs between two of them."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from typing import Any

import pytest

from db.connection import connect, translated
from db.errors import Refused
from db.revisions import compare_revisions, list_revisions, read_revision
from tests.db.stage import Stage, refused


def compared(stage: Stage, own: Any, was: int | None, becomes: int) -> dict[str, tuple[Any, ...]]:
    rows = stage.viewer.execute("SELECT * FROM diff(%s, %s, %s)", (own, was, becomes)).fetchall()
    return {r["field"]: (r["was"], r["becomes"], r["was_default"], r["becomes_default"]) for r in rows}


def test_two_generations_are_compared_field_by_field(stage: Stage) -> None:
    own = stage.deploy("lobby", parameters={"greeting": "hi"})
    stage.change(own, parameters={"replicas": 3, "greeting": "hi"})
    stage.change(own, parameters={"replicas": 3}, desired_state="Stopped", keep_data=False)
    assert compared(stage, own, 1, 2) == {"parameters.replicas": (1, 3, True, False)}
    assert compared(stage, own, 2, 3) == {
        "desired_state": ("Active", "Stopped", False, False),
        "keep_data": (True, False, False, False),
        "parameters.greeting": ("hi", "hello", False, True),
    }
    assert list(compared(stage, own, 1, 3)) == [
        "desired_state",
        "keep_data",
        "parameters.greeting",
        "parameters.replicas",
    ]
    assert compared(stage, own, 3, 2)["parameters.greeting"] == ("hello", "hi", True, False), "backwards as well"
    assert compared(stage, own, None, 3) == compared(stage, own, 2, 3), "against the one before if none is named"
    assert compared(stage, own, 2, 2) == {}


def test_the_first_generation_is_compared_with_nothing(stage: Stage) -> None:
    own = stage.deploy("lobby", parameters={"replicas": 2})
    found = compared(stage, own, None, 1)
    assert found["parameters.replicas"] == (None, 2, False, False)
    assert found["parameters.greeting"] == (None, "hello", False, True)
    assert found["desired_state"] == (None, "Active", False, False)


def test_a_default_that_moved_with_the_template_is_a_difference(stage: Stage) -> None:
    own = stage.deploy("lobby", parameters={"replicas": 1})
    stage.admin.execute(
        "SELECT put_template(name, base_spec_json, jsonb_set(allowed_mutations_json, '{properties,greeting,default}', '\"good day\"'))"
        " FROM templates WHERE name = 'web'"
    )
    stage.change(own, template_version=2)
    assert compared(stage, own, 1, 2) == {
        "template_version": (1, 2, False, False),
        "parameters.greeting": ("hello", "good day", True, True),
    }


def test_a_default_that_was_written_out_is_told_as_such(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.change(own, parameters={"replicas": 1})
    assert compared(stage, own, 1, 2) == {"parameters.replicas": (1, 1, True, False)}


def test_fields_carry_the_title_that_people_know(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    stage.change(own, parameters={"max_players": 40}, desired_state="Stopped")
    rows = stage.viewer.execute("SELECT field, title FROM diff(%s, 1, 2)", (own,)).fetchall()
    assert {r["field"]: r["title"] for r in rows} == {
        "parameters.max_players": "Players at most",
        "desired_state": "desired_state",
    }


@pytest.mark.parametrize(("was", "becomes", "missing"), [(1, 7, 7), (7, 1, 7), (None, 0, 0)])
def test_a_generation_that_never_was_is_named(stage: Stage, was: int | None, becomes: int, missing: int) -> None:
    own = stage.deploy("lobby")
    with refused("SO404", "generation", hint="deployment_revisions") as caught:
        compared(stage, own, was, becomes)
    assert f"no generation {missing}" in str(caught.value.diag.message_primary)


async def test_revisions_come_newest_first_in_pages(stage: Stage) -> None:
    own = stage.deploy("lobby")
    for replicas in range(2, 7):
        stage.change(own, parameters={"replicas": replicas})
    async with await connect(stage.database.dsn_as("viewer"), name="test") as session:
        first = await list_revisions(session, own, None, 4)
        assert [r.generation for r in first] == [6, 5, 4, 3]
        assert [r.generation for r in await list_revisions(session, own, first[-1].generation, 4)] == [2, 1]
        assert await list_revisions(session, own, 1, 4) == []
        assert (first[0].parameters, first[0].actor) == ({"replicas": 6}, "test_operator")
        assert (await read_revision(session, own, 3)).parameters == {"replicas": 3}
        (difference,) = await compare_revisions(session, own, 3)
        assert (difference.field, difference.was, difference.becomes) == ("parameters.replicas", 2, 3)
        assert len(await compare_revisions(session, own, 6, 1)) == 1
    for door in (read_revision, compare_revisions):
        async with await connect(stage.database.dsn_as("viewer"), name="test") as session:
            with pytest.raises(Refused) as caught, translated():
                await door(session, own, 9)
            assert (caught.value.status, caught.value.path) == (404, "generation")


def test_only_the_api_is_believed_where_a_wish_comes_from(stage: Stage) -> None:
    stage.operator.execute("SELECT set_config('orchestrator.client', '203.0.113.9', false)")
    own = stage.deploy("lobby")
    told = stage.one("SELECT client FROM deployment_revisions WHERE deployment_id = %s", own)
    assert "203.0.113.9" not in told
    assert told.endswith("test operator")
