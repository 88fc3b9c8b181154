"""Maintenance windows on the page, and a server's restart that waits."""

import json
from typing import Any

import pytest

from tests.app.conftest import Api
from tests.conftest import Database
from tests.db.stage import Stage
from tests.intent import Intent
from tests.page.conftest import Person, text
from tests.page.test_server import lobby, stage
from tests.people import session_of

__all__ = ["lobby", "stage"]

NIGHTS: dict[str, Any] = {
    "name": "nights",
    "days": ["Sat", "Sun"],
    "starts": "04:00",
    "lasts_minutes": "90",
    "zone": "europe/berlin",
    "namespace": "",
}


async def add(person: Person, **changes: Any) -> int:
    answer = await person.send("/windows", "/windows", **NIGHTS | changes)
    assert "is there" in await person.told(answer)
    items = (await person.client.get("/windows")).text
    return int(items.split('href="/windows/')[1].split('"')[0])


async def test_a_window_is_made_shown_changed_and_deleted(person: Person) -> None:
    assert "There is none" in text(await person.look("/windows"))
    own = await add(person)
    page = text(await person.look("/windows"))
    assert "nights every namespace Sat and Sun at 04:00 for 1 h 30 min, Europe/Berlin Sat" in page.replace(
        "Sun 2", "Sat 2"
    )
    assert "04:00 to 05:30" in page
    answer = await person.send(f"/windows/{own}", f"/windows/{own}", **NIGHTS | {"days": ["Mon"], "starts": "23:30"})
    page = await person.told(answer)
    assert "Mon at 23:30" in page
    assert "23:30 to Tue 01:00" in page
    assert "deleted" in await person.told(await person.send(f"/windows/{own}/delete", f"/windows/{own}"))
    await person.look(f"/windows/{own}", 404)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Nights!"}, "name"),
        ({"starts": "25:00"}, "starts"),
        ({"lasts_minutes": "lots"}, "lasts_minutes"),
        ({"lasts_minutes": "0"}, "lasts_minutes"),
        ({"zone": "Europe/Berlinn"}, "zone"),
        ({"namespace": "Games"}, "namespace"),
        ({"days": []}, "days"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_the_rest_stays(
    person: Person, changes: dict[str, Any], field: str
) -> None:
    own = await add(person)
    for path in ("/windows", f"/windows/{own}"):
        answer = await person.send(path, path, **NIGHTS | {"name": "other"} | changes)
        assert answer.status_code == 422, text(answer.text)
        assert f'id="error-{field}"' in answer.text
        assert 'value="other"' in answer.text or field == "name"
        assert ('value="Sat" checked' in answer.text) == (field != "days")


async def test_who_is_no_admin_looks_only(database: Database, api: Api, person: Person) -> None:
    own = await add(person)
    api.stranger.cookies.set("session", session_of(database.dsn, "operator"))
    operator = Person(api.stranger)
    page = await operator.look("/windows")
    assert "nights" in page
    assert 'action="/windows"' not in page
    assert 'name="starts"' not in await operator.look(f"/windows/{own}")


async def test_a_restart_is_planned_shown_and_taken_back(person: Person, templates: Intent) -> None:
    own = templates.deploy("lobby", "web")
    here = f"/servers/{own}"
    window = await add(person)
    assert "in the window nights" in text(await person.look(here))
    answer = await person.send(f"{here}/plan-restart", here, in_window="nights", when_empty="on")
    page = await person.told(answer)
    assert "Restart planned in the window nights, S" in page
    assert "sooner if nobody plays, asked for by admin. Do not restart" in page
    assert "Restart planned by admin when nobody plays, at the latest in the window nights" in page
    answer = await person.send(f"/windows/{window}/delete", f"/windows/{window}")
    assert answer.status_code == 409
    assert "the planned restart of default/lobby" in text(answer.text)
    page = await person.told(await person.send(f"{here}/cancel-restart", here))
    assert "Planned restart taken back by admin" in page
    assert "Do not restart" not in page


async def test_a_restart_waits_for_nobody_to_play_and_says_when_nobody_counts(
    person: Person, templates: Intent
) -> None:
    own = templates.deploy("lobby", "web")
    here = f"/servers/{own}"
    answer = await person.send(f"{here}/plan-restart", here, in_window="", only_if_required="on")
    page = await person.told(answer)
    assert "Restart planned if nobody plays, asked for by admin. It is not made if nothing requires it by then." in page
    assert "Nobody has told lately how many play" in page
    templates.operator.execute("SELECT orchestrator.record_players(%s, 3)", (own,))
    page = text(await person.look(here))
    assert "3 players online" in page
    assert "Nobody has told" not in page
    assert "3 players" in text(await person.look("/"))
    templates.superuser.execute("UPDATE orchestrator.deployment_players SET as_of = as_of - interval '1 hour'")
    for path in (here, "/"):
        assert "3 players" not in text(await person.look(path))


async def test_what_waits_for_a_window_says_for_which_and_until_when(person: Person, stage: Stage, lobby: str) -> None:
    stage.admin.execute(
        "INSERT INTO maintenance_windows (name, days, starts, lasts, zone)"
        " VALUES ('nights', '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}',"
        " date_trunc('minute', now() AT TIME ZONE 'UTC' + interval '2 hours 30 minutes')::time, '1 hour', 'UTC')"
    )
    stage.change(lobby, drift_rules=[{"path": "spec.replicas", "policy": "Enforce", "window": "nights"}])
    stage.run_all()
    change = {"path": "spec.replicas", "wanted": 1, "live": 2, "manager": "kubectl"}
    found = {"deployment_id": lobby, "kind": "StatefulSet", "namespace": "default", "name": "lobby", "drift": [change]}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([found]),))
    for path in (f"/servers/{lobby}", "/drift"):
        assert "Left as it is until the window nights opens in 2 h" in text(await person.look(path))
