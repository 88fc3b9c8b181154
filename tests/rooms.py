"""Processes of ours for tests: `orchestrator worker` and `watcher`, started, hurt and ended by their id."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.leash import leashed
from tests.conftest import REPOSITORY, Database
from tests.waiting import eventually_blocking


class Room:
    """One real process. Its log is kept for `output` and for the message of a failing test."""

    def __init__(
        self,
        kind: str,
        database: Database,
        kubeconfig: Path,
        *arguments: str,
        dsn: str | None = None,
        **environment: str,
    ) -> None:
        self.kind = kind
        self._log = Path(tempfile.mkstemp(prefix=f"so-test-{kind}-", suffix=".log")[1])
        self._arguments = arguments
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")},
            "KUBECONFIG": "/dev/null",
            "DATABASE_URL": dsn or database.dsn_as(kind),
            "ORCHESTRATOR_KUBECONFIG": str(kubeconfig),
            "ORCHESTRATOR_LOG": "json",
            **environment,
        }
        self.process = self._start()

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "deploy.command", self.kind, *self._arguments]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                leashed(command, death_signal=signal.SIGKILL),
                cwd=REPOSITORY,
                env=self._environment,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @property
    def output(self) -> str:
        """All it has said so far, over its restarts."""
        return self._log.read_text(errors="replace")

    @property
    def tail(self) -> str:
        return self.output[-3000:]

    def says(self, words: str, timeout_seconds: float = 20) -> None:
        """Wait until it has said something."""
        eventually_blocking(lambda: words in self.output, timeout_seconds, lambda: f"{words!r} in:\n{self.tail}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)

    def freeze(self) -> None:
        """SIGSTOP."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it anew, as a supervisor does."""
        self.process = self._start()

    def wait(self, timeout_seconds: float = 60) -> int:
        """Until it ends by itself; its exit code."""
        try:
            return self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the {self.kind} does not end:\n{self.tail}") from None

    def end(self) -> None:
        """However it is: over."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._log.unlink(missing_ok=True)
