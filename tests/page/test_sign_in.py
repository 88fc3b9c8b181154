"""Coming in, going out, choosing a password."""

import re

import httpx
import psycopg
import pytest

from tests.app.conftest import Api, serving
from tests.app.test_routes import csrf_of
from tests.conftest import Database
from tests.page.conftest import Person, text

PASSWORD = "correct horse battery"


@pytest.fixture
def link(database: Database) -> str:
    """A one-time link for the operator ada."""
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        superuser.execute("SELECT orchestrator.create_user('ada', 'operator')")
        row = superuser.execute("SELECT orchestrator.make_password_link('ada')").fetchone()
    assert row is not None
    return f"/welcome/{row[0]}"


@pytest.fixture
def stranger(api: Api) -> Person:
    """Somebody who is not signed in."""
    return Person(api.stranger)


async def choose(stranger: Person, link: str, password: str = PASSWORD, again: str = PASSWORD) -> httpx.Response:
    return await stranger.send(link, link, password=password, again=again)


async def sign_in(
    stranger: Person, name: str = "ada", password: str = PASSWORD, at: str = "/sign-in", **more: str
) -> httpx.Response:
    return await stranger.send("/sign-in", at, name=name, password=password, **more)


async def test_the_first_time_one_chooses_a_password_and_is_in(stranger: Person, link: str) -> None:
    page = await stranger.look(link)
    assert "Welcome, ada" in text(page)
    assert "Your password is set" in await stranger.told(await choose(stranger, link))
    assert "Sign out" in await stranger.look("/")


async def test_over_https_the_session_has_a_name_that_no_neighbour_can_set(database: Database, link: str) -> None:
    https = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    async with serving(database.dsn_as("api"), trusted_proxies=["127.0.0.1"]) as api:
        ada = Person(api.stranger)
        ada.client.headers.update(https)
        answer = await choose(ada, link)
        (given,) = [one.lower() for one in answer.headers.get_list("set-cookie") if "session=" in one]
        assert given.startswith("__host-session=")
        assert {"path=/", "secure", "httponly"} <= {part.strip() for part in given.split(";")}
        assert "domain" not in given
        assert "Sign out" in await ada.look("/")
        own = ada.client.cookies["__Host-session"]
        api.client.cookies.clear()
        planted = await api.client.get("/", headers={**https, "Cookie": f"session={own}"})
        assert planted.status_code == 303, "the other name counts for nothing there"
        await ada.send("/sign-out", "/account")
        assert (await ada.client.get("/")).status_code == 303


async def test_a_link_works_once_and_says_so_afterwards(stranger: Person, api: Api, link: str) -> None:
    await choose(stranger, link)
    assert "no longer good" in text(await stranger.look(link, 404))
    assert "no longer good" in text(await stranger.look("/welcome/never-was", 404))


@pytest.mark.parametrize(
    ("password", "again", "field"), [("short", "short", "password"), (PASSWORD, PASSWORD + "!", "again")]
)
async def test_an_unfit_password_is_told_beside_its_field(
    stranger: Person, link: str, password: str, again: str, field: str
) -> None:
    answer = await choose(stranger, link, password, again)
    assert answer.status_code == 422
    assert re.search(rf'id="field-{field}"[^>]*aria-invalid="true"', answer.text)
    assert password not in answer.text
    await stranger.look(link)


async def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(stranger: Person, link: str) -> None:
    await choose(stranger, link)
    await stranger.send("/sign-out")
    answer = await stranger.client.get("/?q=lobby&sort=status")
    assert answer.status_code == 303
    page = await stranger.look(answer.headers["location"])
    (wanted,) = re.findall(r'name="next" value="([^"]*)"', page)
    answer = await sign_in(stranger, at=answer.headers["location"], next=wanted.replace("&amp;", "&"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=lobby&sort=status")


async def test_a_sign_in_never_leads_to_another_site(stranger: Person, link: str) -> None:
    await choose(stranger, link)
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"):
        assert (await sign_in(stranger, next=elsewhere)).headers["location"] == "/"
        assert "elsewhere" not in await stranger.look(f"/sign-in?next={elsewhere}")


async def test_a_wrong_password_says_nothing_of_who_there_is(stranger: Person, link: str) -> None:
    await choose(stranger, link)
    await stranger.send("/sign-out")
    wrong = await sign_in(stranger, password="not this one")
    nobody = await sign_in(stranger, name="nobody", password="not this one")
    assert wrong.status_code == nobody.status_code == 401
    assert "Name or password is wrong" in text(wrong.text)
    assert text(wrong.text).replace("ada", "") == text(nobody.text).replace("nobody", "")
    assert 'value="ada"' in wrong.text
    assert "not this one" not in wrong.text


async def test_many_failures_are_answered_with_how_long_to_wait(stranger: Person, link: str) -> None:
    answers = [await sign_in(stranger, password="guess") for _ in range(7)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert re.search(r"Too many attempts to sign in\. Wait \d+ s", text(answers[-1].text))


async def test_signing_out_ends_the_session_itself(stranger: Person, link: str) -> None:
    await choose(stranger, link)
    kept = stranger.client.cookies["session"]
    assert "You are signed out" in await stranger.told(await stranger.send("/sign-out"))
    stranger.client.cookies.set("session", kept)
    assert (await stranger.client.get("/")).status_code == 303


async def test_nobody_signs_another_in_or_out_by_a_form_elsewhere(stranger: Person, link: str) -> None:
    await choose(stranger, link)
    for path in ("/sign-out", "/sign-in", link):
        assert (await stranger.client.post(path, data={"name": "ada", "password": PASSWORD})).status_code == 403
    await stranger.look("/")


async def test_a_form_that_one_process_showed_is_good_at_another_however_each_spells_its_database(
    api: Api, database: Database
) -> None:
    url = database.dsn_as("api")
    async with serving(f"{url}{'&' if '?' in url else '?'}connect_timeout=4") as other:
        csrf = await csrf_of(api.stranger)
        shown = {"Cookie": csrf[0], "X-CSRF-Token": csrf[1]}
        answer = await other.stranger.post("/sign-in", data={"name": "a", "password": "b"}, headers=shown)
    assert answer.status_code == 401, text(answer.text)
