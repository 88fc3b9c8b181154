"""Where the API is and who asks: environment before profile, a file for its owner only, tokens for their place only."""

from pathlib import Path

from tests.app.conftest import Api
from tests.client.conftest import Command, token_in


def written(home: Path, text: str, mode: int = 0o600) -> Path:
    file = home / ".config" / "server-orchestrator" / "profiles.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    file.chmod(mode)
    return file


def profile(name: str, api: Api, token: str | None = None) -> str:
    return f'[profiles.{name}]\nurl = "{api.client.base_url}"\ntoken = "{token or token_in(api)}"\n'


async def test_who_is_not_signed_in_is_told_how(home: Path) -> None:
    (await Command(home, {})("get")).failed(7, "not signed in", "orchestrator login")


async def test_the_default_profile_serves_unless_another_is_named(api: Api, home: Path) -> None:
    written(home, 'default = "good"\n' + profile("good", api) + profile("bad", api, "wrong"))
    here = Command(home, {})
    (await here("get")).fine()
    (await here("get", "--profile", "bad")).failed(7)
    (await here.given(ORCHESTRATOR_PROFILE="bad")("get")).failed(7)
    (await here.given(ORCHESTRATOR_PROFILE="bad")("get", "--profile", "good")).fine()
    (await here("get", "--profile", "none")).failed(7, "no profile none", "bad, good")


async def test_the_file_is_where_xdg_says(api: Api, home: Path, tmp_path: Path) -> None:
    file = written(home, 'default = "good"\n' + profile("good", api))
    (tmp_path / "xdg").mkdir()
    file.parent.rename(tmp_path / "xdg" / "server-orchestrator")
    (await Command(home, {})("get")).failed(7)
    (await Command(home, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")})("get")).fine()


async def test_the_environment_wins_over_the_profile(api: Api, command: Command, home: Path) -> None:
    written(home, 'default = "bad"\n' + profile("bad", api, "wrong"))
    (await command("get")).fine()
    told = await command("get", "--profile", "bad")
    assert told.code == 0
    assert "win over profile bad" in told.err


async def test_a_token_of_one_place_is_not_sent_to_another(api: Api, home: Path) -> None:
    written(home, 'default = "good"\n' + profile("good", api))
    here = Command(home, {})
    (await here.given(ORCHESTRATOR_URL="http://127.0.0.1:1")("get")).failed(7, "no token for it")
    (await here.given(ORCHESTRATOR_URL=str(api.client.base_url))("get")).fine()


async def test_a_file_that_others_read_is_warned_about(api: Api, home: Path) -> None:
    file = written(home, 'default = "good"\n' + profile("good", api), mode=0o644)
    done = await Command(home, {})("get")
    assert done.code == 0
    assert f"chmod 600 {file}" in done.err
    assert token_in(api) not in done.err


async def test_a_file_that_makes_no_sense_is_named(home: Path) -> None:
    file = written(home, "default = \n")
    (await Command(home, {})("get")).failed(1, str(file), "hint: ")
    file.write_text("profiles = 3\n")
    (await Command(home, {})("get")).failed(1, str(file), "hint: ")
    file.write_text('default = "half"\n[profiles.half]\nurl = "http://127.0.0.1:1"\n')
    (await Command(home, {})("get")).failed(7, "profile half has no token")
