"""What holds for every page: its headers, its assets, and what stands in its place when something is wrong."""

import re
from pathlib import Path

import httpx
import pytest

from app.page.assets import Assets
from app.page.rendering import own_path
from deploy import assets
from deploy.errors import AssetsError
from tests.app.conftest import Api, nothing_listens, serving
from tests.conftest import Database
from tests.intent import Intent
from tests.page.conftest import Person


def check_headers(response: httpx.Response) -> None:
    policy = dict(part.partition(" ")[::2] for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"


async def test_every_answer_says_what_a_page_may_do(api: Api) -> None:
    for path in ("/", "/nowhere", "/assets/none.js", "/api/deployments", "/healthz"):
        check_headers(await api.client.get(path))
    check_headers(await api.stranger.get("/"))


async def test_where_https_is_spoken_nothing_else_is(database: Database) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    for proxies, said in ((["127.0.0.1"], "max-age=31536000"), ([], None)):
        async with serving(database.dsn_as("api"), trusted_proxies=proxies) as api:
            for path in ("/sign-in", "/api/whoami", "/healthz"):
                answer = await api.stranger.get(path, headers=told)
                assert answer.headers.get("strict-transport-security") == said
                assert "strict-transport-security" not in (await api.stranger.get(path)).headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"}, 303),
        ({"Origin": "http://{host}"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://{host}"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "http://{host}.elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_form_is_taken_from_our_own_pages_only(api: Api, headers: dict[str, str], status: int) -> None:
    """With its token and cookies all right: as from a neighbour that could write our cookies."""
    person = Person(api.client)
    host = api.client.base_url.netloc.decode()
    sent = {name: value.replace("{host}", host) for name, value in headers.items()}
    person.client.headers.update(sent)
    answer = await person.send("/sign-out", "/account")
    assert answer.status_code == status, answer.text
    if status != 303:
        assert "Nothing was changed" in answer.text
        await person.look("/account")
        # Programs show a token, which no browser sends by itself.
        assert (await api.client.post("/api/tokens", json={"name": "t"})).status_code == 201


async def test_pages_load_nothing_from_elsewhere_and_hold_no_inline_script_or_style(api: Api) -> None:
    html = (await api.client.get("/")).text
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", html)


async def test_assets_are_open_and_kept_for_good_under_a_name_that_changes_with_them(api: Api) -> None:
    html = (await api.client.get("/")).text
    paths = set(re.findall(r"/assets/[^\"]+", html))
    assert len(paths) == 3
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for path in paths:
        assert re.search(r"-[0-9A-Z]{8}\.", path)
        answer = await api.stranger.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith(kinds[Path(path).suffix])
    for path in ("/assets/manifest.json", "/assets/..%2fpage.py", "/assets/%2e%2e/page.py"):
        assert (await api.client.get(path)).status_code == 404


async def test_pages_are_kept_by_nobody(api: Api) -> None:
    for path in ("/", "/nowhere"):
        assert (await api.client.get(path)).headers["cache-control"] == "no-store"


async def test_errors_are_pages_for_people_and_problems_for_programs(api: Api) -> None:
    page = await api.client.get("/nowhere")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is no such page" in page.text
    problem = await api.client.get("/api/nowhere")
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"


async def test_names_and_messages_are_text_whatever_they_hold(api: Api, templates: Intent) -> None:
    hostile = "<script>alert(1)</script>\" onload='x' {{ 7 * 7 }}"
    deployment = templates.deploy("lobby", "web")
    templates.superuser.execute(
        "UPDATE orchestrator.deployments SET status_message = %s WHERE id = %s", (hostile, deployment)
    )
    html = (await api.client.get("/")).text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{ 7 * 7 }}" in html


async def test_while_postgres_is_away_the_page_says_so_and_looks_for_it() -> None:
    async with serving(f"postgresql://nobody@127.0.0.1:{nothing_listens()}/none") as api:
        answer = await api.client.get("/")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
    assert "data-recovers" in answer.text
    assert '<noscript><meta http-equiv="refresh"' in answer.text
    check_headers(answer)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "servers",
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "/\t/elsewhere.example",
        "/ok\r\nset-cookie: a=b",
        "javascript:alert(1)",
    ],
)
def test_nothing_sends_people_to_another_site(given: str | None) -> None:
    assert own_path(given) == "/"


def test_a_path_of_the_page_is_gone_on_to() -> None:
    assert own_path("/servers/1?tab=events") == "/servers/1?tab=events"


def test_assets_that_were_not_built_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="Run: orchestrator assets"):
        Assets(tmp_path)


def test_a_build_without_node_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(assets, "wheel_programs", list)
    with pytest.raises(AssetsError, match="install Node"):
        assets.run(["npm", "ci"])


def test_a_build_that_fails_tells_what_the_tool_said() -> None:
    with pytest.raises(AssetsError, match=r"(?s)`node -e` failed.*no such registry.*npm config get registry"):
        assets.run(["node", "-e", "throw new Error('no such registry')"])


def test_the_lock_file_names_no_host_and_pins_every_package() -> None:
    lock = (assets.WEB / "package-lock.json").read_text()
    assert "http" not in re.sub(r'"url": "https?://[^"]+"', "", lock)
    assert lock.count('"integrity"') == lock.count('"node_modules/')
