"""The head of an answer and its body in one write, where they come in one turn of the loop: each is a system call.

uvicorn hands the head to the transport first and the body a moment later. Held for longer than that turn it never is,
so a stream's head leaves before its first message.
"""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "


class Gathering(asyncio.Transport):
    """A connection's transport around the loop's own, which does everything else."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self._inner = inner
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """At once, but for the head of an answer, which waits for what follows in this turn."""
        if not self._head and bytes(data[:9]) == _HEAD:
            self._head = bytes(data)
            asyncio.get_running_loop().call_soon(self._let_go)
        elif data:
            head, self._head = self._head, b""
            self._inner.write(head + data if head else data)

    def _let_go(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._inner.write(head)

    def close(self) -> None:
        """After what was written."""
        self._let_go()
        self._inner.close()

    def abort(self) -> None:
        """At once."""
        self._head = b""
        self._inner.abort()

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        """Take nothing more from the client."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Take more again."""
        self._inner.resume_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whose connection it is."""
        return self._inner.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand it on."""
        self._inner.set_protocol(protocol)
