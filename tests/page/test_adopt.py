"""Adopting on the page: what it sets is shown first, and only what was shown is adopted."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Database
from tests.db.stage import Stage, load_shipped
from tests.db.test_adopt import GREETING, REPLICAS, change, drifted, paused
from tests.page.conftest import Person, text


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    load_shipped(database)
    stage = Stage(database)
    stage.reachable()
    yield stage
    stage.close()


def sent(page: str, name: str) -> list[str]:
    """What a form would send under a name, boxes as they are ticked."""
    found = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
    kept = [one for one in found if "checkbox" not in one or " checked" in one]
    return [html.unescape(re.search(r'value="([^"]*)"', one)[1]) for one in kept]  # type: ignore[index]


async def adopt(person: Person, page: str, here: str, *paths: str) -> Any:
    """Press the button of a page as it was shown."""
    fields = {
        "path": list(paths) or sent(page, "path"),
        "seen": sent(page, "seen"),
        "generation": sent(page, "generation"),
    }
    return await person.send(here, "/", **fields)


async def test_the_page_of_a_server_leads_to_what_can_be_adopted_and_says_why_the_rest_cannot(
    person: Person, stage: Stage
) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    drifted(stage, own, "Service", "lobby", change("spec.selector", {}, {"app": "theirs"}))
    for place in (f"/servers/{own}", "/drift"):
        page = await person.look(place)
        assert f'href="/servers/{own}/adopt"' in page
        assert f'href="/servers/{own}/adopt?path=Deployment%2Flobby%3Aspec.replicas"' in page
        assert "Would set replicas to 3 : adopt…" in text(page)
        assert "Cannot be adopted: no parameter fills this place." in text(page)


async def test_what_it_sets_and_changes_is_shown_before_it_is_adopted(person: Person, stage: Stage) -> None:
    own = paused(stage, "paper")
    here = f"/servers/{own}/adopt"
    drifted(
        stage,
        own,
        "ConfigMap",
        "lobby-env",
        change("data.MOTD", "A Minecraft server", "Hi <b>"),
        change("data.TYPE", "PAPER", "FORGE"),
    )
    page = await person.look(here)
    told = text(page)
    assert "Message of the day was A Minecraft server default → becomes Hi <b>" in told
    assert "data.MOTD ConfigMap lobby-env, changed by kubectl-edit" in told
    assert "data.TYPE is FORGE → becomes PAPER held by request (Paused)" in told, "the rest is put back some day"
    assert "data.TYPE ConfigMap lobby-env No parameter fills this place." in told
    assert stage.deployment("lobby")["parameters"] == {}, "so far it is only a question"
    done = await adopt(person, page, here)
    assert "1 difference is what is wanted now." in await person.told(done)
    assert stage.deployment("lobby")["parameters"] == {"motd": "Hi <b>"}
    assert "Adopted by admin (adopt:kubectl-edit)" in text(await person.look(f"/servers/{own}"))
    revisions = text(await person.look(f"/servers/{own}/revisions"))
    assert "Adopted from the cluster: ConfigMap/lobby-env:data.MOTD, changed by kubectl-edit." in revisions


async def test_some_of_several_are_chosen(person: Person, stage: Stage) -> None:
    own = paused(stage)
    here = f"/servers/{own}/adopt"
    drifted(stage, own, "Deployment", "lobby", REPLICAS, change(GREETING, "hello", "hi"))
    page = await person.look(here)
    assert len(sent(page, "path")) == 2, "all, where none is named"
    page = await person.look(f"{here}?path=Deployment%2Flobby%3Aspec.replicas")
    assert sent(page, "path") == ["Deployment/lobby:spec.replicas"]
    await person.told(await adopt(person, page, here))
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3}
    nothing = await adopt(person, page, here, "")
    assert nothing.status_code == 409


async def test_what_changed_since_it_was_shown_is_asked_about_anew(person: Person, stage: Stage) -> None:
    own = paused(stage)
    here = f"/servers/{own}/adopt"
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    page = await person.look(here)
    drifted(stage, own, "Deployment", "lobby", change("spec.replicas", 1, 5))
    answer = await adopt(person, page, here)
    assert answer.status_code == 409
    assert "It changed meanwhile: what differs of lobby is not what was looked at." in text(answer.text)
    assert "Replicas was 1 default → becomes 5" in text(answer.text)
    assert stage.deployment("lobby")["parameters"] == {}
    await person.told(await adopt(person, answer.text, here))
    assert stage.deployment("lobby")["parameters"] == {"replicas": 5}
    assert "Nothing differs any more." in text(await person.look(here))


async def test_two_that_ask_for_different_values_are_refused_where_they_are_shown(person: Person, stage: Stage) -> None:
    own = paused(stage)
    place = "spec.template.spec.containers[name=web].resources"
    drifted(
        stage,
        own,
        "Deployment",
        "lobby",
        change(f"{place}.limits.memory", "64Mi", "1Gi"),
        change(f"{place}.requests.memory", "64Mi", "2Gi"),
    )
    page = await person.look(f"/servers/{own}/adopt")
    assert "Two places ask for different values of memory" in text(page)
    assert (await adopt(person, page, f"/servers/{own}/adopt")).status_code == 422
    assert stage.deployment("lobby")["parameters"] == {}


async def test_nothing_that_differs_can_be_adopted(person: Person, stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Service", "lobby", change("spec.selector", {}, {"app": "theirs"}))
    page = await person.look(f"/servers/{own}")
    assert f'href="/servers/{own}/adopt"' not in page
    assert "None of it can be adopted." in text(await person.look(f"/servers/{own}/adopt"))
