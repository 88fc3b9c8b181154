"""Going back on the page: what differs is shown first, and a lower version of Minecraft is asked about plainly."""

from collections.abc import Iterator

import pytest

from app.gate import SESSION_COOKIE
from db.templates import SHIPPED, load_templates
from tests.conftest import Database
from tests.db.stage import Stage
from tests.page.conftest import Person, text
from tests.people import session_of


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    load_templates(database.dsn_as("admin"), SHIPPED)
    stage = Stage(database)
    stage.reachable()
    yield stage
    stage.close()


@pytest.fixture
def lobby(stage: Stage) -> str:
    """At 1.20 with forty players, then at 1.21 with twenty and another message."""
    own = str(stage.run_healthy("lobby", "paper", {"version": "1.20", "max_players": 40}))
    stage.change(own, parameters={"version": "1.21", "max_players": 40})
    stage.change(own, parameters={"version": "1.21", "motd": "Hello"})
    return own


async def test_revisions_lead_back_by_what_differs(person: Person, stage: Stage, lobby: str) -> None:
    page = await person.look(f"/servers/{lobby}/revisions")
    here = f"/servers/{lobby}/rollback"
    assert [f"{here}?to={g}" in page for g in (1, 2, 3)] == [True, True, False]
    assert f"{here}?to=2" in await person.look(f"/servers/{lobby}/compare?was=2&becomes=3")
    asked = await person.look(f"{here}?to=2")
    told = text(asked)
    assert "Players at most was 20 default → becomes 40" in told
    assert "Message of the day was Hello → becomes A Minecraft server default" in told
    assert "2 objects at the cluster. Takes effect at the next restart" in told
    assert "data.VERSION is 1.20 → becomes 1.21" in told, "against what was applied, not what was asked for since"
    assert 'name="force"' not in asked
    assert stage.deployment("lobby")["generation"] == 3, "so far it is only a question"
    done = await person.send(here, f"{here}?to=2", to=2, generation=3)
    assert "It goes back to what generation 2 wanted." in await person.told(done)
    assert stage.deployment("lobby")["parameters"] == {"version": "1.21", "max_players": 40}
    assert "Taken back to what generation 2 wanted." in text(await person.look(f"/servers/{lobby}/revisions"))
    assert "Taken back to generation 2 by admin" in text(await person.look(f"/servers/{lobby}"))


async def test_a_lower_version_is_asked_about_plainly(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/rollback"
    asked = await person.look(f"{here}?to=1")
    assert "Version would go back from 1.21 to 1.20. Worlds do not go back" in text(asked)
    assert 'name="force"' in asked
    answer = await person.send(here, f"{here}?to=1", to=1, generation=3)
    assert (answer.status_code, "its world may be lost" in text(answer.text)) == (409, True)
    assert stage.deployment("lobby")["generation"] == 3
    await person.told(await person.send(here, f"{here}?to=1", to=1, generation=3, force="yes"))
    assert stage.deployment("lobby")["parameters"]["version"] == "1.20"


async def test_what_force_would_not_help_is_no_question(person: Person, stage: Stage) -> None:
    own = stage.deploy("hub", "paper", {"storage": "10Gi"})
    stage.change(own, parameters={"storage": "20Gi"})
    asked = await person.look(f"/servers/{own}/rollback?to=1")
    assert "Storage cannot shrink" in text(asked)
    assert "Go back to generation 1" not in text(asked)
    assert 'name="force"' not in asked
    for never in (9, 0, 10**30, -(10**30)):
        await person.look(f"/servers/{own}/rollback?to={never}", 404)
    await person.look(f"/servers/{own}/rollback?to=x", 400)
    assert "Nothing differs." in text(await person.look(f"/servers/{own}/rollback?to=2"))


async def test_a_server_that_was_changed_meanwhile_is_shown_anew(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/rollback"
    stage.change(lobby, parameters={"version": "1.21", "motd": "Theirs"})
    answer = await person.send(here, f"{here}?to=2", to=2, generation=3)
    assert answer.status_code == 409
    assert "Somebody else changed this server meanwhile." in text(answer.text)
    assert "was Theirs" in text(answer.text)
    assert stage.deployment("lobby")["generation"] == 4


async def test_who_may_only_look_is_offered_no_way_back(person: Person, stage: Stage, lobby: str) -> None:
    person.client.cookies.set(SESSION_COOKIE, session_of(stage.database.dsn, "viewer"))
    assert "/rollback" not in await person.look(f"/servers/{lobby}/revisions")
    await person.look(f"/servers/{lobby}/rollback?to=1", 403)
