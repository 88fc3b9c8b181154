"""How a command speaks and how it ends: words with the time they took, and a clean end by signal."""

import contextlib
import importlib.util
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

STARTED = time.monotonic()


def until_stopped(work: Coroutine[Any, Any, None], *, hurried: bool = False) -> int:
    """Run a coroutine until it ends, or until SIGTERM, SIGHUP or Ctrl-C cancels it: a clean end, exit code 0.

    `hurried` takes uvloop where it is installed: it does the same with less of the processor, and starts no processes.
    """
    import asyncio  # noqa: PLC0415 - commands that only tell shall not wait for it

    async def supervised() -> None:
        task = asyncio.create_task(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    faster = importlib.util.find_spec("uvloop") if hurried else None
    new_loop = None if faster is None else importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(supervised())
    return 0


def tell(message: str) -> None:
    """Words for people: standard error, so that `env` and `psql` keep standard output for themselves."""
    print(message, file=sys.stderr, flush=True)


def tell_with_time(message: str) -> None:
    """The same, with how long we have been at it."""
    tell(f"{time.monotonic() - STARTED:6.1f} s  {message}")


def tell_upwards(message: str) -> None:
    """Words for the process that started us."""
    print(message, flush=True)
