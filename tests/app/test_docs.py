"""docs/http.md: every command in it does what it says, one after another, as somebody would follow the page."""

import asyncio
import os
import re

from app.problems import KINDS
from db.templates import SHIPPED, load_templates
from tests.app.conftest import Api
from tests.conftest import REPOSITORY, Database

PAGE = (REPOSITORY / "docs/http.md").read_text()
END = "\x1e"


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the page with what its output holds, line by line."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    found = [step.strip().split("\n") for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, lines) for command, *lines in found]


async def test_every_command_of_the_page_does_what_it_says(api: Api, database: Database) -> None:
    load_templates(database.dsn_as("admin"), SHIPPED)
    script = "\n".join(f"{command}\nprintf '{END}%s{END}' $?" for command, _ in steps())
    environment = {**os.environ, "ORCHESTRATOR_URL": str(api.client.base_url), "ORCHESTRATOR_TOKEN": api.token}
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(shell.communicate(), 100)
    said = output.decode().split(END)
    assert len(said) == 2 * len(steps()) + 1, said[-1]
    assert len(steps()) > 40
    for (command, lines), answer, code in zip(steps(), said[::2], said[1::2], strict=False):
        assert code == "0", f"{command}\n{answer}"
        for line in lines:
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(pattern, answer), f"{command}\nsaid\n{answer}\nwhere the page says\n{line}"


async def test_every_kind_of_error_is_on_the_page() -> None:
    for name, kind in KINDS.items():
        assert f"| `/problems/{name}` | {kind.status} | {kind.text} |" in PAGE


async def test_every_route_is_on_the_page(api: Api) -> None:
    """By its last words, as the curl of it ends."""
    described = (await api.stranger.get("/api/openapi.json")).json()
    commands = [re.sub(r"\$id\b", "{id}", command) for command, _ in steps()]
    for path in described["paths"]:
        if path.startswith("/api/"):
            pattern = re.escape(path.removeprefix("/api/"))
            for value in re.findall(r"\\{[a-z_]+\\}", pattern):
                pattern = pattern.replace(value, r"[^/ ]+")
            assert any(re.search(rf"\$api/{pattern}(?=$|[ ?\"])", command) for command in commands), path
