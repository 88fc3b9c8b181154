"""A real `orchestrator up` for the tests of this folder: its output, its processes, and its end."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from deploy.leash import leashed
from tests.waiting import eventually_blocking

ORCHESTRATOR = Path(sys.executable).parent / "orchestrator"
UP_SECONDS = 40
END_SECONDS = 45


class Up:
    """One `orchestrator up` on a state folder."""

    def __init__(self, state: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.state = state
        self.output_file = state.with_name(f"{state.name}.out")
        known = {**os.environ, **(environment or {})}
        with self.output_file.open("wb") as output:
            self.process = subprocess.Popen(
                leashed([str(ORCHESTRATOR), "up", "--state", str(state), *arguments]),
                stdout=output,
                stderr=output,
                env={name: value for name, value in known.items() if name != "DATABASE_URL"},
                process_group=0,
            )

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    def says(self, words: str, timeout_seconds: float = UP_SECONDS) -> str:
        """Wait until it has said something; the line."""
        return eventually_blocking(lambda: self.said(words), timeout_seconds, lambda: f"{words!r} in:\n{self.output}")

    def said(self, words: str) -> str | None:
        for line in self.output.splitlines():
            if words in line:
                return line
        assert self.process.poll() is None, f"up has ended:\n{self.output}"
        return None

    def family(self) -> list[psutil.Process]:
        """The process itself and all below it."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def child(self, command: str) -> psutil.Process:
        """The one running process below it whose command line ends so."""
        found = [process for process in self.family() if " ".join(command_line(process)).endswith(command)]
        assert len(found) == 1, f"{command}: {found}"
        return found[0]

    def environment(self) -> dict[str, str]:
        """What a shell knows after `eval "$(orchestrator env)"`."""
        script = f'eval "$({shlex.quote(str(ORCHESTRATOR))} env --state {shlex.quote(str(self.state))})" && env -0'
        told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
        return dict(entry.split("=", 1) for entry in told.split("\0") if "=" in entry)

    def shell(self, command: str) -> str:
        """Run a command as a user does after `eval "$(./just env)"`."""
        done = subprocess.run(
            ["sh", "-c", command], env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def interrupt(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(END_SECONDS)

    def kill(self) -> None:
        """kill -9 of the supervisor alone."""
        self.process.kill()
        self.process.wait(5)

    def discard(self) -> None:
        """End it however it is, and remove what it kept."""
        if self.process.poll() is None:
            self.interrupt()
        subprocess.run([str(ORCHESTRATOR), "reset", "--yes", "--state", str(self.state)], check=True)


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def first_word(process: psutil.Process) -> str:
    """The name of a process' program."""
    return Path(next(iter(command_line(process)), "")).name


def connections(process: psutil.Process) -> list[Any]:
    """The sockets of a process; none of one that has ended since it was listed."""
    try:
        return process.net_connections("inet")
    except psutil.NoSuchProcess:
        return []


def still_running(family: list[psutil.Process]) -> list[str]:
    """Those of a family that live on. A zombie has ended: whether someone reaps it is up to the machine's init."""
    return [f"{process.pid} {' '.join(command_line(process))}" for process in family if lives(process)]


def lives(process: psutil.Process) -> bool:
    """Whether a process runs; it may end while it is asked."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
