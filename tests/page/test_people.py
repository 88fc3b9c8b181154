"""People, as an admin sees and changes them, and as nobody else can."""

import re

import psycopg
import pytest

from tests.app.conftest import Api
from tests.conftest import Database
from tests.page.conftest import Person, text
from tests.people import session_of


async def add(person: Person, name: str = "ada", role: str = "operator", namespaces: str = "") -> str:
    """The page that shows the new one's link."""
    answer = await person.send("/people", "/people", name=name, role=role, namespaces=namespaces)
    assert answer.status_code == 200, text(answer.text)
    return answer.text


async def test_somebody_new_comes_with_a_link_that_is_shown_once(person: Person) -> None:
    page = await add(person, namespaces="games, lobby")
    (link,) = re.findall(r'<pre class="whole" id="link">http://127\.0\.0\.1:\d+(/welcome/[^<]+)</pre>', page)
    again = await person.look("/people")
    assert link not in again
    for said in ("ada", "operator", "games, lobby", "No password yet"):
        assert said in text(again)


async def test_role_and_namespaces_change_at_once(person: Person) -> None:
    await add(person)
    answer = await person.send("/people/ada", "/people/ada", role="viewer", namespaces="games")
    assert "Saved" in await person.told(answer)
    page = await person.look("/people/ada")
    assert '<option value="viewer" selected>' in page
    assert 'value="games"' in page


async def test_what_another_admin_changed_meanwhile_is_not_undone(person: Person) -> None:
    await add(person)
    page = await person.look("/people/ada")
    (seen,) = re.findall(r'name="seen" value="([^"]+)"', page)
    assert (await person.send("/people/ada", "/people/ada", role="viewer", namespaces="")).status_code == 303
    answer = await person.send("/people/ada", "/people/ada", role="operator", namespaces="games", seen=seen)
    assert answer.status_code == 409
    assert "viewer in every namespace" in text(answer.text)
    assert '<option value="viewer" selected>' in await person.look("/people/ada")
    (now,) = re.findall(r'name="seen" value="([^"]+)"', answer.text)
    again = await person.send("/people/ada", "/people/ada", role="operator", namespaces="games", seen=now)
    assert "Saved" in await person.told(again), "who has read it may save all the same"


async def test_disabling_somebody_signs_them_out_and_enabling_lets_them_in(
    database: Database, api: Api, person: Person
) -> None:
    await add(person)
    api.stranger.cookies.set("session", session_of(database.dsn, "operator", user="ada"))
    ada = Person(api.stranger)
    await ada.look("/")
    assert "disabled" in await person.told(await person.send("/people/ada/disable", "/people/ada"))
    assert (await ada.client.get("/")).status_code == 303
    assert "Disabled" in text(await person.look("/people"))
    assert "may come in again" in await person.told(await person.send("/people/ada/enable", "/people/ada"))


async def test_a_new_link_can_be_made(person: Person) -> None:
    await add(person)
    answer = await person.send("/people/ada/link", "/people/ada")
    assert re.search(r'<pre class="whole" id="link">http://[^<]+/welcome/[^<]+</pre>', answer.text)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Not A Name!"}, "name"),
        ({"name": ""}, "name"),
        ({"role": "emperor"}, "role"),
        ({"namespaces": "Not_A_Namespace"}, "namespaces"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_the_rest_stays(
    person: Person, fields: dict[str, str], field: str
) -> None:
    sent = {"name": "ada", "role": "viewer", "namespaces": "games", **fields}
    answer = await person.send("/people", "/people", **sent)
    assert answer.status_code == 422, text(answer.text)
    assert re.search(rf'id="field-{field}"[^>]*aria-invalid="true"', answer.text)
    if field != "namespaces":
        assert 'value="games"' in answer.text


async def test_a_name_that_is_taken_is_said(person: Person) -> None:
    await add(person)
    answer = await person.send("/people", "/people", name="ada", role="viewer", namespaces="")
    assert answer.status_code == 409
    assert re.search(r'id="field-name"[^>]*aria-invalid="true"', answer.text)


async def test_the_last_admin_cannot_be_taken_away(person: Person) -> None:
    answer = await person.send("/people/admin", "/people/admin", role="viewer", namespaces="")
    assert answer.status_code in (409, 422)
    assert 'role="alert"' in answer.text or 'aria-invalid="true"' in answer.text
    assert (await person.send("/people/admin/disable", "/people/admin")).status_code in (409, 422)


async def test_nobody_but_an_admin_changes_people(database: Database, api: Api, person: Person) -> None:
    await add(person)
    for role in ("viewer", "operator"):
        api.client.cookies.set("session", session_of(database.dsn, role))
        assert "Add somebody" not in text(await person.look("/people"))
        assert (await person.send("/people", name="eve", role="admin", namespaces="")).status_code == 403
        for path in ("/people/ada", "/people/ada/disable", "/people/ada/link"):
            assert (await person.send(path, role="admin", namespaces="")).status_code in (403, 404)


async def test_nobody_is_found_by_a_name_that_nobody_has(person: Person) -> None:
    await person.look("/people/nobody", 404)
    assert (await person.send("/people/nobody/disable")).status_code == 404


async def test_an_admin_of_some_namespaces_is_offered_nothing_that_is_refused(
    database: Database, person: Person
) -> None:
    person.client.cookies.set("session", session_of(database.dsn, "admin", ["games"]))
    assert 'href="/people"' not in await person.look("/")
    assert "Add somebody" not in text(await person.look("/people"))


async def test_however_many_there_are_each_is_found(database: Database, person: Person) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute(
            "SELECT orchestrator.create_user('u' || n, 'viewer', NULL) FROM generate_series(10000, 11099) n"
        )
    assert "u11099" in text(await person.look("/people/u11099"))
    page = await person.look("/people")
    seen: list[str] = []
    for _ in range(10):
        seen += re.findall(r'id="person-([^"]+)"', page)
        more = re.findall(r'href="(/people\?after=[^"]+)">More', page)
        if not more:
            break
        page = await person.look(more[0])
    assert seen[-1] == "u11099"
    assert len(seen) == len(set(seen)) == 1101
