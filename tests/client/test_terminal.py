"""At a terminal: tables that fit, colours that only accompany words, and questions before something goes."""

import asyncio
import contextlib
import fcntl
import os
import re
import struct
import termios
from collections.abc import Iterator

import pytest

from tests.app.conftest import Api
from tests.client.conftest import ORCHESTRATOR, Command, token_in
from tests.db.stage import Stage
from tests.waiting import eventually

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A terminal of some width with one command in it."""

    def __init__(self, width: int = 80) -> None:
        self.ours, self.theirs = os.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        os.set_blocking(self.ours, False)
        self.shown = ""

    def close(self) -> None:
        os.close(self.ours)

    def look(self) -> str:
        """All that was shown so far."""
        with contextlib.suppress(BlockingIOError, OSError):  # nothing new; or the command has ended
            while text := os.read(self.ours, 65536):
                self.shown += text.decode().replace("\r\n", "\n")
        return self.shown

    async def run(self, command: Command, *arguments: str, answers: tuple[tuple[str, str], ...] = ()) -> int:
        """Run a command, answering what it asks; its exit code."""
        process = await asyncio.create_subprocess_exec(
            str(ORCHESTRATOR),
            *arguments,
            env={"TERM": "xterm", **command.environment()},
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
        )
        os.close(self.theirs)
        try:
            for asked, answer in answers:
                await eventually(lambda asked=asked: asked in self.look(), 20, lambda: self.shown)
                os.write(self.ours, answer.encode())
            await eventually(lambda: (self.look(), process.returncode is not None)[1], 30, lambda: self.shown)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        self.look()
        return await process.wait()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


async def test_a_table_fits_and_says_in_words_what_it_colours(
    command: Command, stage: Stage, terminal: Terminal
) -> None:
    stage.run_healthy("site")
    stage.deploy("a-name-that-is-as-long-as-names-may-be", "paper", {"eula": "TRUE"})
    assert await terminal.run(command, "get") == 0
    assert "\x1b[32mHealthy" in terminal.shown
    lines = COLOUR.sub("", terminal.shown).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines), lines
    assert any("…" in line for line in lines)
    assert "MESSAGE" not in lines[0], "it gave way"
    wider = Terminal(125)
    assert await wider.run(command.given(NO_COLOR="1"), "get") == 0
    wider.close()
    assert "a-name-that-is-as-long-as-names-may-be" in wider.shown
    assert all(len(line) <= 125 for line in wider.shown.splitlines())
    assert "MESSAGE" in wider.shown
    assert "…" in wider.shown
    full = (await command("get")).fine().out
    assert "…" not in full
    assert max(map(len, full.splitlines())) > 80


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_colours_can_be_done_without(
    command: Command, stage: Stage, terminal: Terminal, setting: dict[str, str]
) -> None:
    stage.run_healthy("site")
    assert await terminal.run(command.given(**setting), "get") == 0
    assert "Healthy" in terminal.shown
    assert "\x1b" not in terminal.shown


async def test_what_came_from_elsewhere_cannot_move_the_cursor(
    command: Command, stage: Stage, terminal: Terminal
) -> None:
    stage.deploy("lobby", "paper", {"eula": "TRUE", "motd": "\x1b[2Jgone\x9b1A\r"})
    assert await terminal.run(command.given(NO_COLOR="1"), "describe", "lobby") == 0
    assert "[2Jgone" in terminal.shown
    assert not set(terminal.shown) & {"\x1b", "\x9b", "\r"}


async def test_delete_asks_and_says_what_becomes_of_the_data(
    command: Command, stage: Stage, terminal: Terminal
) -> None:
    stage.deploy("lobby")
    assert await terminal.run(command, "delete", "lobby", answers=(("[y/N]", "n\n"),)) == 1
    assert "its data is kept" in terminal.shown
    assert "nothing was deleted" in terminal.shown
    assert stage.deployment("lobby")["desired_state"] == "Active"
    again = Terminal()
    assert await again.run(command, "delete", "lobby", "--delete-data", answers=(("[y/N]", "y\n"),)) == 0
    assert "ITS DATA IS DELETED, for good" in again.shown
    again.close()
    assert stage.deployment("lobby")["desired_state"] == "Deleted"


async def test_a_token_is_asked_for_and_not_echoed(api: Api, command: Command, terminal: Terminal) -> None:
    token = token_in(api)
    nobody = Command(command.home, {})
    url = str(api.client.base_url)
    assert await terminal.run(nobody, "login", url, answers=(("API token for", f"{token}\n"),)) == 0
    assert token not in terminal.shown
    (await nobody("get")).fine()
