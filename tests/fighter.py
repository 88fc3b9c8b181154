"""A controller that keeps fighting: watches one object and, whenever it is not as it wants it, sets it back at once."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from kube.kinds import kind_named
from tests.outsider import MERGE, Outsider


class Fighter:
    """Watches by a stream of its own. `blows` counts what it did."""

    def __init__(self, outsider: Outsider, kind: str, namespace: str, name: str, act: Callable[[Any], bool]) -> None:
        """`act` is given each state of the object and answers whether it did anything about it."""
        self.blows = 0
        self.fault: BaseException | None = None
        self._outsider = outsider
        self._path = kind_named(kind).path(namespace)
        self._name = name
        self._act = act
        self._stop = threading.Event()
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Leave it alone from here on."""
        self._stop.set()
        if self._answer is not None:
            self._answer.shutdown()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self.fault is None, self.fault

    def _run(self) -> None:
        try:
            self._watch()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # A stream that stop() cuts off may end anywhere, within a character too.
            if not self._stop.is_set():
                self.fault = error
        except BaseException as error:
            self.fault = error

    def _watch(self) -> None:
        self._answer = self._outsider.stream(f"{self._path}?watch=1&fieldSelector=metadata.name={self._name}")
        rest = b""
        for piece in self._answer.stream():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if not self._stop.is_set() and event["type"] in ("ADDED", "MODIFIED") and self._act(event["object"]):
                    self.blows += 1


@contextmanager
def fighting(*fighters: Fighter) -> Iterator[None]:
    """Let them fight for the block."""
    for one in fighters:
        one.start()
    try:
        yield
    finally:
        for one in fighters:
            one.stop()


def setting(outsider: Outsider, kind: str, namespace: str, name: str, patch: dict[str, Any]) -> Fighter:
    """One that sets these fields back every time."""

    def act(live: Any) -> bool:
        if agrees(live, patch):
            return False
        path = f"{kind_named(kind).path(namespace, name)}?fieldManager={outsider.name}"
        status, answer = outsider.call("PATCH", path, patch, MERGE)
        assert status in (200, 404), answer
        return status == 200

    return Fighter(outsider, kind, namespace, name, act)


def unsettled(outsider: Outsider, kind: str, namespace: str, name: str, make_patch: Callable[[int], Any]) -> Fighter:
    """One that is never content: it sets something new each time it sees the object, its own change included."""

    def act(live: Any) -> bool:
        path = f"{kind_named(kind).path(namespace, name)}?fieldManager={outsider.name}"
        status, answer = outsider.call("PATCH", path, make_patch(int(live["metadata"]["resourceVersion"])), MERGE)
        assert status == 200, answer
        return True

    return Fighter(outsider, kind, namespace, name, act)


def deleting(outsider: Outsider, kind: str, namespace: str, name: str) -> Fighter:
    """One that deletes it every time."""

    def act(live: Any) -> bool:
        if "deletionTimestamp" in live["metadata"]:
            return False
        status, answer = outsider.call("DELETE", kind_named(kind).path(namespace, name))
        assert status in (200, 202, 404), answer
        return status != 404

    return Fighter(outsider, kind, namespace, name, act)


def agrees(live: Any, patch: Any) -> bool:
    """Whether an object already has what a merge patch would set."""
    if not isinstance(patch, dict):
        return bool(live == patch)
    return isinstance(live, dict) and all(agrees(live.get(key), value) for key, value in patch.items())
