"""The measuring process's own eyes: a watch that tells when an object was first seen in an awaited state."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from kube.cluster import Cluster

SEEN_SECONDS = 20


class Sight:
    """Awaited states by object name; a state is a piece of the object's JSON."""

    def __init__(self) -> None:
        """Nothing is awaited yet."""
        self._awaited: dict[str, tuple[bytes, asyncio.Future[float]]] = {}

    def await_state(self, name: str, piece: bytes) -> asyncio.Future[float]:
        """When an event about the object of that name holds that piece, by time.perf_counter()."""
        future = asyncio.get_running_loop().create_future()
        self._awaited[name] = (piece, future)
        return future

    def saw(self, raw: bytes) -> None:
        """An event has come."""
        now = time.perf_counter()
        for name, (piece, future) in list(self._awaited.items()):
            if f'"name":"{name}","namespace"'.encode() in raw and piece in raw:
                del self._awaited[name]
                if not future.done():
                    future.set_result(now)


@contextlib.asynccontextmanager
async def watching(cluster: Cluster, namespace: str) -> AsyncIterator[Sight]:
    """Watch the workloads of one namespace for the block."""
    sight = Sight()
    version = (await cluster.list("StatefulSet", namespace=namespace)).resource_version

    async def look() -> None:
        stream = cluster.watch("StatefulSet", namespace=namespace, resource_version=version, server_seconds=3600)
        async for events in stream:
            for event in events:
                sight.saw(bytes(event.object))

    task = asyncio.create_task(look())
    try:
        yield sight
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def within(future: asyncio.Future[float], what: str) -> float:
    """The moment, or an error that says what was not seen."""
    try:
        async with asyncio.timeout(SEEN_SECONDS):
            return await future
    except TimeoutError:
        raise RuntimeError(f"not seen within {SEEN_SECONDS} s: {what}") from None
