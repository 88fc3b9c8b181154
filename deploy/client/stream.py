"""Server-sent events, from wherever one stopped: a broken stream is opened anew after the last event that was seen.

The server tells a place with every message. What comes after that place is never lost, however long a client was away,
and what came before is not sent twice.
"""

import http.client
import json
import sys
import time
from collections.abc import Generator, Iterable
from socket import socket
from typing import Any, NamedTuple, cast

from deploy.client.errors import ClientError, Unreachable
from deploy.client.http import BUSY, Api, Json, pause, refusal

MEDIA_TYPE = "text/event-stream"
# The server's heartbeats come every ten seconds: silence beyond this is a dead connection.
SILENCE_SECONDS = 30.0
GIVE_UP_SECONDS = 300.0
MOST_DOUBLINGS = 6
READ_BYTES = 65536


class Message(NamedTuple):
    """One message; `event` is "" for a heartbeat and "place" where only the place is told."""

    event: str
    data: Any = None
    place: str | None = None


def follow(
    api: Api,
    path: str,
    *,
    after: str | None = None,
    deadline: float | None = None,
    give_up_seconds: float = GIVE_UP_SECONDS,
) -> Generator[Json | None]:
    """Events as they happen, and None whenever the stream opens, shows that it is alive, or was found broken.

    From the place `after`, else from now. Ends at `deadline` (of time.monotonic). Raises ClientError: what the server
    refuses, and, where there is no deadline, Unreachable when it has been away for so long.
    """
    place, failures, alive = after, 0, time.monotonic()
    while deadline is None or time.monotonic() < deadline:
        try:
            for message in messages(api, path, place, deadline):
                place, failures, alive = message.place or place, 0, time.monotonic()
                if message.event == "message":
                    yield message.data
                else:
                    heed(message)
                    yield None
        except Unreachable as error:
            if deadline is None and time.monotonic() - alive > give_up_seconds:
                raise
            if not failures:
                print(f"warning: {error.detail}; trying again", file=sys.stderr, flush=True)
            yield None
        failures = min(failures + 1, MOST_DOUBLINGS)
        left = SILENCE_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
        time.sleep(min(pause(failures), left))


def heed(message: Message) -> None:
    """What the server says of the stream itself. Raises ClientError if it ended for a reason that stays."""
    problem = cast(Json, message.data) if isinstance(message.data, dict) else {}
    if message.event == "end" and problem.get("status") not in BUSY:
        raise refusal(int(problem.get("status") or 0), problem)
    if message.event in ("end", "away"):
        print(f"warning: {problem.get('detail', 'the stream broke')}; trying again", file=sys.stderr, flush=True)


def messages(api: Api, path: str, place: str | None, deadline: float | None) -> Generator[Message]:
    """The messages of one connection, until the deadline or the server's last. Raises Unreachable and ClientError."""
    headers = {"Accept": MEDIA_TYPE, **({"Last-Event-ID": place} if place else {})}
    try:
        connection = api.open()
        try:
            wire = connection.sock
            connection.request("GET", api.place(path, None), None, api.headers(headers))
            answer = connection.getresponse()
            if answer.headers.get_content_type() != MEDIA_TYPE:
                api.understood(answer, answer.read(), unsure=False)
                raise ClientError("the API does not stream events", hint="It may be older than this command.")
            yield Message("open")
            yield from parsed(lines(answer, wire, deadline))
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        if deadline is None or time.monotonic() < deadline:
            raise api.unreachable(error) from None


def lines(answer: http.client.HTTPResponse, wire: socket, deadline: float | None) -> Generator[str]:
    """Lines as they come. Raises OSError, TimeoutError after too long a silence and at the deadline."""
    rest = b""
    while True:
        left = SILENCE_SECONDS if deadline is None else min(SILENCE_SECONDS, deadline - time.monotonic())
        wire.settimeout(max(0.001, left))
        chunk = answer.read1(READ_BYTES)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode().rstrip("\r")


def parsed(text: Iterable[str]) -> Generator[Message]:
    """Messages from their lines, as the HTML standard has it."""
    event, data, place = "", "", None
    for line in text:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line:  # a comment: a heartbeat
                yield Message("")
            case "":
                if data:
                    yield Message(event or "message", json.loads(data), place)
                elif place is not None:
                    yield Message("place", None, place)
                event, data, place = "", "", None
            case "event":
                event = value
            case "data":
                data += value
            case "id":
                place = value
            case _:  # retry: our own pauses are shorter at first and longer later
                pass
