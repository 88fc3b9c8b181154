"""`login`, `whoami` and `tokens`: a token that was tried, kept for its owner only, and never shown."""

import stat
import tomllib

from tests.app.conftest import Api
from tests.client.conftest import Command, token_in


def profiles(command: Command) -> dict[str, dict[str, str]]:
    file = command.home / ".config" / "server-orchestrator" / "profiles.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return tomllib.loads(file.read_text())["profiles"]


async def test_signing_in_keeps_what_was_tried(api: Api, command: Command) -> None:
    url, token = str(api.client.base_url), token_in(api)
    nobody = Command(command.home, {})
    done = (await nobody("login", url, stdin=f"{token}\n")).fine()
    assert token not in done.out
    assert profiles(command) == {"default": {"url": url, "token": token}}
    (await nobody("get")).fine()
    (await command.given(ORCHESTRATOR_URL="")("login", url, "--profile", "other")).fine()
    assert set(profiles(command)) == {"default", "other"}
    assert (await nobody("whoami", "-o", "json")).fine().json["role"] == "admin"
    assert "admin" in (await nobody("whoami")).fine().out
    (await nobody("login", stdin=token)).fine()


async def test_what_the_api_does_not_take_is_not_kept(api: Api, command: Command) -> None:
    url = str(api.client.base_url)
    nobody = Command(command.home, {})
    assert "so_1_x" not in (await nobody("login", url, stdin="so_1_x\n")).failed(7, "hint: ").err
    (await nobody("login", url, stdin="")).failed(2, "no token", "hint: ")
    (await nobody("login", url, stdin="two words")).failed(2, "no token")
    (await nobody("login", stdin="so_1_x")).failed(2, "where is the API?")
    (await nobody("login", "nowhere", stdin="so_1_x")).failed(2, "https://host:port")
    (await nobody("login", url, "--profile", "a b", stdin=token_in(api))).failed(2, "cannot name a profile")
    assert not (command.home / ".config").exists()


async def test_tokens_are_made_listed_and_revoked(api: Api, command: Command) -> None:
    made = (await command("tokens", "make", "ci", "--role", "viewer", "-n", "games", "--days", "3")).fine().out.strip()
    ci = command.given(ORCHESTRATOR_TOKEN=made)
    assert (await ci("whoami", "-o", "json")).fine().json["namespaces"] == ["games"]
    (await ci("deploy", "lobby", "-t", "web", "-n", "games")).failed(7, "hint: ")
    (await ci("tokens", "make", "more", "--role", "admin")).failed(7, "hint: ")
    (await command("tokens", "make", "kept", "--save-as", "kept")).fine()
    (await Command(command.home, {})("get", "--profile", "kept")).fine()
    listed = await command("tokens")
    lines = {line.split()[2]: line for line in listed.fine().out.splitlines()}
    assert {"viewer", "games"} <= set(lines["ci"].split())
    assert made not in listed.out
    (await command("tokens", "revoke", lines["ci"].split()[0])).fine()
    (await ci("whoami")).failed(7)
    assert "revoked" in next(line for line in (await command("tokens")).out.splitlines() if " ci " in line)
    (await command("tokens", "revoke", "99999")).failed(3, "hint: ")
    found = (await command("tokens", "--all", "-o", "json")).fine().json["items"]
    assert {"ci", "kept"} <= {one["name"] for one in found}
