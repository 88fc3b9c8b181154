"""Keeps the processes of a stack running: starts each on a leash, restarts what dies with back-off, and says so.

Used by the stack (Postgres, cluster, API, worker, watcher) and by the cluster (etcd, API server, …) alike.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec

from deploy.leash import leashed

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
LAST_LINES = 3
LINE_BYTES = 1024 * 1024
LOG_BYTES = 20 * 1024 * 1024
GIVE_UP_CODE = 78  # sysexits.h EX_CONFIG: starting again would change nothing

Tell = Callable[[str], None]


class Program(msgspec.Struct, frozen=True):
    """One process to keep running.

    `death_signal` is what the kernel sends it if we are killed; `stop_signal` is how we ask it to end, waiting
    `grace_seconds` before insisting. A `command` that is on a leash already (`leashed_already`) is run as it is.
    """

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str] = {}
    directory: str = "/"
    death_signal: int = signal.SIGTERM
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 20
    leashed_already: bool = False
    heard: bool = False  # its output is for the user's eyes: pass it on line by line, beside logging it


async def keep_running(program: Program, tell: Tell) -> None:
    """Run a program until cancelled. Each end that we did not ask for is told, with the program's last words."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        started = time.monotonic()
        code = await run_once(program, tell)
        if code == GIVE_UP_CODE:
            tell(f"{program.name} {ending(code)} and is not started again; the rest goes on ({program.log})")
            return
        lasted = time.monotonic() - started
        if lasted > STEADY_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        tell(f"{program.name} {ending(code)} after {lasted:.0f} s; starting it again in {pause:g} s ({program.log})")
        for line in last_lines(program.log):
            tell(f"{program.name} | {line}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def kept_running(programs: list[Program], tell: Tell) -> AsyncGenerator[None]:
    """Keep programs running for the block, and end them, all at once, when it is left."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep_running(program, tell)) for program in programs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def run_once(program: Program, tell: Tell) -> int:
    """Start a program and wait for its end; when cancelled, end it in good order first."""
    command = program.command
    if not program.leashed_already:
        command = leashed(command, death_signal=signal.Signals(program.death_signal))
    put_long_log_aside(program.log)
    with program.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if program.heard else log,
            stderr=asyncio.subprocess.STDOUT if program.heard else log,
            cwd=program.directory,
            env={**os.environ, **program.environment},
            limit=LINE_BYTES,
            process_group=0,  # Ctrl-C in the terminal is for us; we stop the others in order
        )
    try:
        if process.stdout is not None:
            await pass_on(process.stdout, program.log, tell)
        return await process.wait()
    finally:
        await asyncio.shield(end(process, program))


def put_long_log_aside(log: Path) -> None:
    """Keep a long log of earlier runs as one `.old` beside the new: logs are bounded by that."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.old"))


async def pass_on(output: asyncio.StreamReader, log: Path, tell: Tell) -> None:
    """Tell and log each line as it comes, until the program closes its output."""
    with log.open("ab", buffering=0) as kept:
        async for line in output:
            kept.write(line)
            tell(line.decode(errors="replace").rstrip())


async def end(process: asyncio.subprocess.Process, program: Program) -> None:
    """Ask a program to end, and insist when its grace is over. Nothing to do for one that has ended."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(program.stop_signal)
    try:
        async with asyncio.timeout(program.grace_seconds):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def last_lines(log: Path) -> list[str]:
    """The last few lines of a log, without reading all of it."""
    with log.open("rb") as opened:
        opened.seek(0, os.SEEK_END)
        opened.seek(max(0, opened.tell() - 4096))
        lines = opened.read().decode(errors="replace").splitlines()
    # A traceback of a group of errors ends in lines that only draw.
    return [line.strip(" |+-") for line in lines if line.strip(" |+-")][-LAST_LINES:]


def own_command() -> list[str]:
    """How to run ourselves, so that `ps` says `orchestrator`."""
    script = Path(sys.executable).parent / "orchestrator"
    return [str(script)] if script.exists() else [sys.executable, "-m", "deploy.command"]
