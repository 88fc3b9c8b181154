"""How tests wait: for a state, with a deadline, and saying what they saw instead. Tests themselves never sleep."""

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

POLL_SECONDS = 0.05
T = TypeVar("T")


class NeverHappenedError(AssertionError):
    """The awaited state did not come before the deadline."""


async def eventually(
    check: Callable[[], T | Awaitable[T]],
    timeout_seconds: float = 20,
    describe: str | Callable[[], Any] = "",
) -> T:
    """Poll `check` until it returns something truthy, and return that.

    `check` may be sync or async; an AssertionError in it means "not yet". On timeout the message holds `describe` (a
    text, or called for one), and the last value or assertion seen.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        seen: Any
        try:
            seen = check()
            if inspect.isawaitable(seen):
                async with asyncio.timeout(max(1.0, deadline - time.monotonic())):
                    seen = await seen
            if seen:
                return seen
        except (AssertionError, TimeoutError) as not_yet:
            seen = not_yet
        if time.monotonic() > deadline:
            raise NeverHappenedError(report(timeout_seconds, describe, seen))
        await asyncio.sleep(POLL_SECONDS)


def eventually_blocking(
    check: Callable[[], T], timeout_seconds: float = 20, describe: str | Callable[[], Any] = ""
) -> T:
    """The same for tests that run no event loop."""
    deadline = time.monotonic() + timeout_seconds
    never = threading.Event()
    while True:
        seen: Any
        try:
            seen = check()
            if seen:
                return seen
        except AssertionError as not_yet:
            seen = not_yet
        if time.monotonic() > deadline:
            raise NeverHappenedError(report(timeout_seconds, describe, seen))
        never.wait(POLL_SECONDS)


def report(timeout_seconds: float, describe: str | Callable[[], Any], seen: object) -> str:
    """What was awaited, for how long, and what was there at the end."""
    told = describe() if callable(describe) else describe
    return f"not within {timeout_seconds:g} s: {told or 'the awaited state'}; last seen: {seen!r}"
