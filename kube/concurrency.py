"""How many requests a cluster gets from this process at once: few enough not to hurt it, enough to keep it busy.

Additive increase, multiplicative decrease, as TCP does. The start of 16 is the measured knee of a small API server;
above it, latency grows and throughput does not.
"""

import asyncio
import time
from collections import deque

START = 16
LEAST = 2
MOST = 64
# An answer slower than this counts as a sign of overload, one faster than a fifth of it as a sign of room.
SLOW_SECONDS = 2.0
ROOMY_SECONDS = SLOW_SECONDS / 5
# One cut per interval: a burst of refusals is one piece of news.
CUT_INTERVAL_SECONDS = 1.0


class Gate:
    """Let at most `limit` requests through at a time; first come, first served. Use as `async with gate:`."""

    def __init__(self, start: int = START, *, least: int = LEAST, most: int = MOST) -> None:
        """Start at `start` requests at a time and stay between `least` and `most`."""
        self.limit = float(start)
        self.running = 0
        self._least = least
        self._most = max(most, start)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_cut = 0.0
        self._was_full = False

    async def __aenter__(self) -> None:
        """Wait for room."""
        if self.running < int(self.limit) and not self._waiting:
            self.running += 1
            return
        self._was_full = True
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # The turn may have been given in the same moment: hand it on.
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Make room for the next."""
        self._leave()

    def answered(self, seconds: float, *, throttled: bool = False) -> None:
        """Learn from one answer; `seconds` is infinite where none came in time."""
        if throttled or seconds > SLOW_SECONDS:
            now = time.monotonic()
            if now - self._last_cut >= CUT_INTERVAL_SECONDS:
                self._last_cut = now
                self.limit = max(self._least, self.limit * (0.5 if throttled else 0.75))
        elif self._was_full and seconds < ROOMY_SECONDS and self.limit < self._most:
            self.limit = min(self._most, self.limit + 0.1 / self.limit)
            self._was_full = bool(self._waiting)

    def _leave(self) -> None:
        self.running -= 1
        while self._waiting and self.running < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.running += 1
                turn.set_result(None)
