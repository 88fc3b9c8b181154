"""Signing in over a provider: a certified one, run as a process of its own, with a browser played by hand."""

import contextlib
import html
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx
import msgspec
import psycopg
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.oidc import Attempt, Elsewhere, Provider, Told
from app.settings import OidcSettings
from db.database import Database as Way
from db.errors import Refused
from deploy.assets import wheel_programs
from deploy.leash import leashed
from tests.app.conftest import Api, nothing_listens, serving
from tests.app.test_process import ended
from tests.conftest import REPOSITORY, Database
from tests.people import make_user

FOLDER = REPOSITORY / "tests" / "provider"
INSTALL_SECONDS = 100
CLIENT = ("orchestrator", "a-secret-of-the-client-with-32-characters")
NPM = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")


@pytest.fixture(scope="session")
def node(scratch: Path) -> list[str]:
    """Starts a program of Node.js, with the provider installed beside it as its lock file says."""
    wheel = wheel_programs()
    program = Path(wheel[0], "node") if wheel else Path(shutil.which("node") or "node")
    folder = scratch / "provider"
    folder.mkdir()
    for file in FOLDER.glob("*.*"):
        if file.is_file():
            shutil.copy(file, folder)
    npm = [str(program), str(program.parent.parent / NPM)] if wheel else ["npm"]
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    return [str(program), str(folder / "provider.mjs")]


@contextlib.contextmanager
def provided(node: list[str], port: int, back: str) -> Iterator[None]:
    """The provider runs, and knows where to send people back to."""
    process = subprocess.Popen(
        leashed([*node, str(port), back], death_signal=signal.SIGKILL),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        process.wait(10)


class Browser:
    """Follows where it is led, fills in the provider's forms, and keeps cookies by host."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient(timeout=30)
        self.cookies: dict[str, dict[str, str]] = {}

    async def get(self, url: str, data: dict[str, str] | None = None) -> httpx.Response:
        place = urlsplit(url).netloc
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.setdefault(place, {}).items())
        headers = {"Cookie": kept} if kept else {}
        method = "GET" if data is None else "POST"
        response = await self.http.request(method, url, headers=headers, data=data)
        for given in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(given).items():
                self.cookies[place][name] = morsel.value
        return response

    async def agree(self, url: str, name: str, back: str) -> str:
        """Sign in at the provider, and agree to what it asks; where it leads back to."""
        for _ in range(12):
            response = await self.get(url)
            while response.status_code in {302, 303}:
                url = str(httpx.URL(url).join(response.headers["location"]))
                if url.startswith(back):
                    return url
                response = await self.get(url)
            assert response.status_code == 200, response.text
            action = re.search(r'<form[^>]*action="([^"]+)"', response.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', response.text)
            assert action, response.text
            assert prompt
            form = {"prompt": prompt[1], "login": name, "password": "any"}
            target = str(httpx.URL(url).join(html.unescape(action[1])))
            response = await self.get(target, form)
            url = str(httpx.URL(target).join(response.headers["location"]))
            if url.startswith(back):
                return url
        raise AssertionError("the provider asks for ever")


class Scene(msgspec.Struct, frozen=True):
    """The API with a provider to sign in with."""

    api: Api
    base: str
    superuser: psycopg.Connection

    @property
    def back(self) -> str:
        return f"{self.base}/sign-in/oidc/back"


def provider_settings(port: int, claim: str = "email") -> OidcSettings:
    return OidcSettings(f"http://127.0.0.1:{port}", *CLIENT, claim)


@contextlib.asynccontextmanager
async def scene_of(database: Database, node: list[str], claim: str = "email") -> AsyncIterator[Scene]:
    port = nothing_listens()
    with psycopg.connect(database.dsn, autocommit=True) as superuser:
        for name in ("ann@example.com", "unverified-bob@example.com", "ann"):
            make_user(superuser, name, "operator", ["games"])
        async with serving(database.dsn_as("api"), oidc=provider_settings(port, claim)) as api:
            base = str(api.stranger.base_url).rstrip("/")
            with provided(node, port, f"{base}/sign-in/oidc/back"):
                yield Scene(api, base, superuser)


@pytest.fixture
async def scene(database: Database, node: list[str]) -> AsyncIterator[Scene]:
    async with scene_of(database, node) as made:
        yield made


async def come(scene: Scene, browser: Browser, name: str) -> httpx.Response:
    """The whole way, to the answer that the browser gets when it comes back."""
    begun = await browser.get(f"{scene.base}/sign-in/oidc?next=/clusters")
    assert begun.status_code == 303, begun.text
    return await browser.get(await browser.agree(begun.headers["location"], name, scene.back))


def sessions(scene: Scene) -> list[Any]:
    return scene.superuser.execute(
        "SELECT u.name FROM orchestrator.sessions s JOIN orchestrator.users u ON u.id = s.user_id"
    ).fetchall()


async def test_who_is_known_here_comes_in_and_goes_on(scene: Scene) -> None:
    browser = Browser()
    page = await browser.get(f"{scene.base}/sign-in?next=/clusters")
    assert 'href="/sign-in/oidc?next=/clusters"' in page.text
    answer = await come(scene, browser, "ann")
    assert (answer.status_code, answer.headers["location"]) == (303, "/clusters")
    assert sessions(scene) == [("ann@example.com",)]
    assert "ann@example.com" in (await browser.get(f"{scene.base}/account")).text


async def test_the_claim_that_names_people_is_the_one_chosen(database: Database, node: list[str]) -> None:
    async with scene_of(database, node, "preferred_username") as scene:
        assert (await come(scene, Browser(), "Ann")).status_code == 303
        assert sessions(scene) == [("ann",)]


@pytest.mark.parametrize(("name", "words"), [("nobody", "nobody here is called"), ("unverified-bob", "not verified")])
async def test_who_is_not_known_or_not_verified_stays_out(scene: Scene, name: str, words: str) -> None:
    answer = await come(scene, Browser(), name)
    assert answer.status_code == 403
    assert words in html.unescape(answer.text).lower()
    assert sessions(scene) == []


async def test_who_is_disabled_stays_out(scene: Scene) -> None:
    make_user(scene.superuser, "root", "admin", None)
    scene.superuser.execute("SELECT orchestrator.disable_user('ann@example.com')")
    assert (await come(scene, Browser(), "ann")).status_code == 403
    assert sessions(scene) == []


async def test_what_another_browser_began_or_what_was_used_brings_nobody_in(scene: Scene) -> None:
    browser, other = Browser(), Browser()
    begun = await browser.get(f"{scene.base}/sign-in/oidc")
    url = await browser.agree(begun.headers["location"], "ann", scene.back)
    assert (await other.get(url)).status_code == 403  # began nothing
    await other.get(f"{scene.base}/sign-in/oidc")
    assert (await other.get(url)).status_code == 403  # began something else
    kept = dict(browser.cookies[urlsplit(scene.base).netloc])
    assert (await browser.get(url)).status_code == 303
    assert (await browser.get(url)).status_code == 403  # the attempt is over
    browser.cookies[urlsplit(scene.base).netloc] = kept
    assert (await browser.get(url)).status_code == 403  # the code is used up
    # Which is an alarm to the provider, but the session that was opened is ours.
    assert len(sessions(scene)) == 1


@pytest.mark.parametrize("field", ["state", "nonce", "verifier"])
async def test_each_part_of_an_attempt_is_checked(scene: Scene, field: str) -> None:
    browser = Browser()
    begun = await browser.get(f"{scene.base}/sign-in/oidc")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    url = await browser.agree(begun.headers["location"], "ann", scene.back)
    kept = browser.cookies[urlsplit(scene.base).netloc]
    attempt = Attempt.unpacked(kept["attempt"])
    kept["attempt"] = msgspec.structs.replace(attempt, **{field: "x" * 64}).packed()
    assert (await browser.get(url)).status_code == 403
    assert sessions(scene) == []


async def test_an_answer_of_another_provider_is_not_ours(scene: Scene) -> None:
    browser = Browser()
    begun = await browser.get(f"{scene.base}/sign-in/oidc")
    url = await browser.agree(begun.headers["location"], "ann", scene.back)
    assert "iss=" in url
    assert (await browser.get(re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Felsewhere.example", url))).status_code == 403


async def test_the_provider_says_no(scene: Scene) -> None:
    browser = Browser()
    await browser.get(f"{scene.base}/sign-in/oidc")
    attempt = Attempt.unpacked(browser.cookies[urlsplit(scene.base).netloc]["attempt"])
    answer = await browser.get(f"{scene.back}?error=access_denied&state={attempt.state}")
    assert answer.status_code == 403
    assert "let nobody in" in answer.text


@pytest.mark.parametrize("cookie", ["", "x", "bm8=", "WzEsMiwzLDRd"])
async def test_a_cookie_that_is_none_of_ours_is_refused_plainly(scene: Scene, cookie: str) -> None:
    answer = await scene.api.stranger.get("/sign-in/oidc/back?code=x&state=", headers={"Cookie": f"attempt={cookie}"})
    assert answer.status_code == 403


async def test_while_the_provider_is_away_the_page_says_so_and_passwords_still_work(database: Database) -> None:
    async with serving(database.dsn_as("api"), oidc=provider_settings(nothing_listens())) as api:
        answer = await api.stranger.get("/sign-in/oidc")
        assert answer.status_code == 503
        assert "cannot be asked" in answer.text
        assert 'name="password"' in answer.text


async def test_what_the_provider_said_of_itself_is_asked_for_once_in_a_while(
    database: Database, node: list[str]
) -> None:
    port = nothing_listens()
    async with serving(database.dsn_as("api"), oidc=provider_settings(port)) as api:
        base = str(api.stranger.base_url).rstrip("/")
        with provided(node, port, f"{base}/sign-in/oidc/back"):
            assert (await api.stranger.get("/sign-in/oidc")).status_code == 303
        assert (await api.stranger.get("/sign-in/oidc")).status_code == 303, "the provider is away, and known still"


async def test_keys_are_read_again_when_a_token_names_one_that_is_not_known() -> None:
    """Of a provider that changes its keys, and counts how often it is asked for them."""
    asked: list[str] = []

    async def answer(_request: web.Request) -> web.Response:
        asked.append(f"k{len(asked)}")
        return web.json_response({"keys": [{"kid": asked[-1], "kty": "RSA"}]})

    place = web.Application()
    place.router.add_get("/keys", answer)
    runner = web.AppRunner(place)
    await runner.setup()
    port = nothing_listens()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    provider = Provider(f"http://127.0.0.1:{port}", "", "", f"http://127.0.0.1:{port}/keys")
    elsewhere = Elsewhere(OidcSettings(provider.issuer, "client", "secret"), Way(None))  # type: ignore[arg-type]
    elsewhere._told = Told(provider, time.monotonic() + 60)

    def naming(key_id: str) -> str:
        return jwt.encode({"alg": "RS256", "kid": key_id}, {}, KEY)

    try:
        async with aiohttp.ClientSession() as http:
            for key_id, held in (("k0", "k0"), ("k0", "k0"), ("k1", "k1"), ("k1", "k1"), ("never", "k2")):
                keys = await elsewhere._keys(http, provider, naming(key_id))
                assert keys["keys"][0]["kid"] == held
            assert await elsewhere._keys(http, provider, "no token")
        assert len(asked) == 4
    finally:
        await runner.cleanup()


async def test_without_a_provider_there_is_no_such_way(api: Api) -> None:
    assert "/sign-in/oidc" not in (await api.stranger.get("/sign-in")).text
    assert (await api.stranger.get("/sign-in/oidc")).status_code == 404


# ---------------------------------------------------------------- ID tokens that a good provider does not make

KEY, OTHER_KEY = RSAKey.generate_key(2048, {"kid": "k"}), RSAKey.generate_key(2048, {"kid": "k"})
ATTEMPT = Attempt("s", "n", "v", "/")
ISSUER = Provider("https://provider.example", "", "", "")
GOOD = {"iss": ISSUER.issuer, "aud": "client", "sub": "1", "nonce": "n"}


def judged(changes: dict[str, Any], key: Any = KEY, algorithm: str = "RS256") -> dict[str, Any]:
    elsewhere = Elsewhere(OidcSettings(ISSUER.issuer, "client", "secret"), Way(None))  # type: ignore[arg-type]
    now = int(time.time())
    claims = {**GOOD, "iat": now, "exp": now + 60, **changes}
    told = {name: value for name, value in claims.items() if value is not None}
    text = jwt.encode({"alg": algorithm, "kid": "k"}, told, key, algorithms=[algorithm])
    return elsewhere._judged(text, {"keys": [KEY.as_dict(private=False)]}, ISSUER, ATTEMPT)


def test_a_good_id_token_holds() -> None:
    assert judged({})["sub"] == "1"
    assert judged({"aud": ["client", "other"], "azp": "client"})["sub"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": ["client", "other"], "azp": "other"},
        {"nonce": "m"},
        {"nonce": None},
        {"sub": None},
        {"exp": None},
        {"exp": 1},
        {"iat": None},
        {"iat": 2**40},
    ],
)
def test_an_id_token_that_is_not_for_this_attempt_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        judged(changes)
    assert caught.value.status == 403


def test_an_id_token_of_another_key_or_a_weak_kind_is_refused() -> None:
    for key, algorithm in ((OTHER_KEY, "RS256"), (OctKey.import_key("secret" * 8), "HS256")):
        with pytest.raises(Refused):
            judged({}, key, algorithm)


# ---------------------------------------------------------------- settings


def test_settings_that_cannot_be_say_what_is_wrong() -> None:
    url = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "ORCHESTRATOR_OIDC_ISSUER": "https://provider.example"}
    both = {"ORCHESTRATOR_OIDC_CLIENT_ID": "a", "ORCHESTRATOR_OIDC_CLIENT_SECRET": "b"}
    for settings, words in (
        ({**url}, "ORCHESTRATOR_OIDC_CLIENT_ID"),
        ({**url, "ORCHESTRATOR_OIDC_CLIENT_ID": "a"}, "ORCHESTRATOR_OIDC_CLIENT_SECRET"),
        ({**url, **both, "ORCHESTRATOR_OIDC_ISSUER": "http://provider.example"}, "https"),
        ({**url, **both, "ORCHESTRATOR_OIDC_ISSUER": "http://localhost.example"}, "https"),
        ({**url, **both, "ORCHESTRATOR_OIDC_CLAIM": "sub"}, "preferred_username"),
    ):
        done = ended(**settings)
        assert done.returncode != 0
        assert words in done.stderr
        assert "Traceback" not in done.stderr
