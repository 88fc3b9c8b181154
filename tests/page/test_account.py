"""One's own account: tokens, sessions, the password."""

import re

import httpx
import psycopg
import pytest

from tests.app.conftest import Api
from tests.conftest import Database
from tests.page.conftest import Person, text
from tests.people import session_of

TOKEN = r'<pre class="whole" id="token">(so_[0-9]+_[0-9a-f]+)</pre>'


async def make(person: Person, **fields: str) -> httpx.Response:
    wanted = {"name": "backup", "role": "viewer", "namespaces": "", "expires_in": "30", **fields}
    return await person.send("/account/tokens", "/account", **wanted)


async def test_a_token_is_shown_once_and_works(api: Api, person: Person) -> None:
    answer = await make(person)
    assert answer.status_code == 200
    (token,) = re.findall(TOKEN, answer.text)
    page = await person.look("/account")
    assert token not in page
    assert "backup" in text(page)
    assert "in 29 days" in text(page)
    told = await api.stranger.get("/api/whoami", headers={"Authorization": f"Bearer {token}"})
    assert told.status_code in (200, 404)
    allowed = await api.stranger.get("/api/deployments", headers={"Authorization": f"Bearer {token}"})
    assert allowed.status_code == 200


async def test_a_revoked_token_is_gone_and_opens_nothing(api: Api, person: Person) -> None:
    (token,) = re.findall(TOKEN, (await make(person, name="once", expires_in="")).text)
    number = token.split("_")[1]
    assert "revoked" in await person.told(await person.send(f"/account/tokens/{number}/revoke", "/account"))
    assert f'id="token-{number}"' not in await person.look("/account")
    refused = await api.stranger.get("/api/deployments", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"expires_in": "0"}, "expires_in"),
        ({"role": "emperor"}, "role"),
        ({"namespaces": "Not_A_Namespace"}, "namespaces"),
    ],
)
async def test_what_is_wrong_with_a_token_is_said_beside_its_field(
    person: Person, fields: dict[str, str], field: str
) -> None:
    answer = await make(person, **fields)
    assert answer.status_code == 422, text(answer.text)
    assert re.search(rf'id="field-{field}"[^>]*aria-invalid="true"', answer.text)
    assert f'id="error-{field}"' in answer.text
    assert not re.search(TOKEN, answer.text)


async def test_nobody_makes_a_token_beyond_themselves(database: Database, api: Api, person: Person) -> None:
    api.client.cookies.set("session", session_of(database.dsn, "operator", ["games"]))
    answer = await make(person, role="admin")
    assert answer.status_code == 403
    assert re.search(r'id="field-role"[^>]*aria-invalid="true"', answer.text)
    assert (await make(person, role="viewer", namespaces="games, lobby")).status_code == 403


async def test_another_browser_can_be_signed_out(database: Database, person: Person) -> None:
    other = session_of(database.dsn)
    number = other.split("_")[0]
    assert f'id="session-{number}"' in await person.look("/account")
    assert "signed out" in await person.told(await person.send(f"/account/sessions/{number}/end", "/account"))
    assert f'id="session-{number}"' not in await person.look("/account")


async def test_a_wrong_current_password_changes_nothing(person: Person) -> None:
    fields = {"current": "wrong", "password": "a brand new one", "again": "a brand new one"}
    answer = await person.send("/account/password", "/account", **fields)
    assert answer.status_code == 422
    assert re.search(r'id="field-current"[^>]*aria-invalid="true"', answer.text)
    answer = await person.send("/account/password", "/account", **{**fields, "again": "another"})
    assert re.search(r'id="field-again"[^>]*aria-invalid="true"', answer.text)


async def test_a_changed_password_is_the_one_to_sign_in_with(database: Database, api: Api, person: Person) -> None:
    answer = await person.send("/people", "/people", name="ada", role="viewer", namespaces="")
    (path,) = re.findall(r"http://[^/]+(/welcome/[^<]+)</pre>", answer.text)
    ada = Person(api.stranger)
    await ada.send(path, path, password="the first one", again="the first one")
    fields = {"current": "the first one", "password": "the second one", "again": "the second one"}
    assert "Your password is changed" in await ada.told(await ada.send("/account/password", "/account", **fields))
    await ada.send("/sign-out")
    assert (await ada.send("/sign-in", "/sign-in", name="ada", password="the first one")).status_code == 401
    assert (await ada.send("/sign-in", "/sign-in", name="ada", password="the second one")).status_code == 303


async def test_a_browser_that_keeps_passwords_is_told_whose_each_is(
    api: Api, person: Person, database: Database
) -> None:
    """It looks for a text field: one of type hidden tells it nothing."""
    with psycopg.connect(database.dsn) as superuser:
        (link,) = superuser.execute("SELECT orchestrator.make_password_link('admin')").fetchone() or ("",)
    asked = [("/account", "admin"), (f"/welcome/{link}", "admin"), ("/sign-in", "")]
    for path, name in asked:
        page = (await api.client.get(path)).text
        forms = [form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'type="password"' in form]
        assert forms, path
        for form in forms:
            (field,) = re.findall(r'<input[^>]*autocomplete="username"[^>]*>', form)
            assert 'type="hidden"' not in field, path
            assert f'value="{name}"' in field, path
