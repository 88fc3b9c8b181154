"""One conversation with the API: requests that are repeated where that is safe, and answers or errors with exit codes.

Built on http.client alone: a command that scripts call in a loop shall spend its time at the API, not on imports.
"""

import http.client
import json
import os
import time
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import SplitResult, urlencode, urlsplit

from deploy.client.errors import BY_STATUS, ClientError, Conflicting, Misused, Unreachable
from deploy.client.profile import Target

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
ATTEMPTS = 5
RETRY_SECONDS = 8.0  # no attempt begins after it
LARGEST_PAGE = 500
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
LOOPBACK = ("localhost", "127.", "::1")
# Where trying again may help: too many requests, no database, a proxy without us behind it.
BUSY = frozenset({429, 502, 503, 504})
_PROBLEM = "application/problem+json"

Json = dict[str, Any]
Query = Mapping[str, str | int | list[str] | None]


class Answer(NamedTuple):
    """What came back: the decoded body, and the generation that its ETag tells, if any."""

    body: Any
    generation: int | None


class Api:
    """The API at one place, with one token. Not for threads.

    `attempts` bounds how often a request is sent, `deadline` (of time.monotonic) until when anything is waited for.
    """

    def __init__(self, target: Target, *, attempts: int = ATTEMPTS) -> None:
        self.url = target.url
        self._address = parsed(target.url)
        self._token = target.token
        self.attempts = attempts
        self.deadline: float | None = None
        self._connection: http.client.HTTPConnection | None = None

    @property
    def is_exposed(self) -> bool:
        """Whether the token goes unencrypted to another host."""
        host = self._address.hostname or ""
        return self._address.scheme == "http" and not host.startswith(LOOPBACK)

    # ------------------------------------------------------------ what is asked

    def get(self, path: str, query: Query | None = None) -> Any:
        """The body of a GET below /api. Raises ClientError."""
        return self.call("GET", path, query=query).body

    def pages(self, path: str, query: Query) -> Generator[Json]:
        """The pages of a list, as they are taken. Raises ClientError."""
        after: str | None = None
        while True:
            page = self.get(path, {"limit": LARGEST_PAGE, **query, "after": after})
            yield page
            after = page.get("next")
            if after is None or page.get("more") is False:
                return

    def items(self, path: str, query: Query) -> Generator[Json]:
        """The items of a list, page by page as they are taken. Raises ClientError."""
        for page in self.pages(path, query):
            yield from page["items"]

    def once(self, path: str, body: Json) -> Any:
        """The body of a POST that the API carries out once, however often it has to be sent. Raises ClientError."""
        return self.call("POST", path, body=body, headers={"Idempotency-Key": os.urandom(16).hex()}).body

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, sent again after a lost connection or a busy answer. Raises ClientError.

        Every request that this client makes may be repeated: reads, changes to a named state, and what carries an
        Idempotency-Key. A repeated change can meet itself: then `Conflicting.unsure` is set.
        """
        sent = None if body is None else json.dumps(body).encode()
        asked = self.headers({"Accept": "application/json", **(headers or {})})
        if sent is not None:
            asked["Content-Type"] = "application/json"
        place = self.place(path, query)
        lost, started = False, time.monotonic()
        for attempt in range(1, self.attempts + 1):
            last = attempt == self.attempts or time.monotonic() - started > self.left(RETRY_SECONDS)
            try:
                connection = self._connected()
                connection.sock.settimeout(self.left(ANSWER_SECONDS))
                connection.request(method, place, sent, asked)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                lost = lost or self._connection is not None  # it may have been sent, and carried out
                self.close()
                if last or not may_pass(error):
                    raise self.unreachable(error, wrote=lost and method != "GET") from None
                time.sleep(self.left(pause(attempt)))
                continue
            if answer.status in BUSY and not last:
                lost = lost or answer.status != http.HTTPStatus.TOO_MANY_REQUESTS
                time.sleep(self.left(pause(attempt, answer.headers.get("Retry-After"))))
                continue
            return self.understood(answer, text, unsure=lost)
        raise AssertionError  # the last attempt returns or raises

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ------------------------------------------------------------ how

    def place(self, path: str, query: Query | None) -> str:
        """Path and query as they go on the wire; what is None is left out."""
        told = urlencode({name: value for name, value in (query or {}).items() if value is not None}, doseq=True)
        return f"{self._address.path.rstrip('/')}/api/{path}{'?' if told else ''}{told}"

    def headers(self, more: Mapping[str, str]) -> dict[str, str]:
        """Headers with the token."""
        return {"Authorization": f"Bearer {self._token}", **more}

    def left(self, seconds: float) -> float:
        """So long, or what is left until the deadline if that is less; never quite nothing."""
        return seconds if self.deadline is None else max(0.001, min(seconds, self.deadline - time.monotonic()))

    def open(self) -> http.client.HTTPConnection:
        """A new connection. Raises OSError."""
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            import ssl  # noqa: PLC0415 - a handful of milliseconds

            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=self.left(CONNECT_SECONDS), context=ssl.create_default_context()
            )
        else:
            made = http.client.HTTPConnection(host, port, timeout=self.left(CONNECT_SECONDS))
        made.connect()
        made.sock.settimeout(self.left(ANSWER_SECONDS))
        return made

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:  # the server closed it after its last answer
            self._connection = self.open()
        return self._connection

    def understood(self, answer: http.client.HTTPResponse, text: bytes, *, unsure: bool) -> Answer:
        """The answer decoded; raises the ClientError that a refusal stands for."""
        status, kind = answer.status, answer.headers.get_content_type()
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = None
        if http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES and (body is not None or not text):
            tag = (answer.headers.get("ETag") or "").strip('"')
            return Answer(body, int(tag) if tag.isdecimal() else None)
        if kind != _PROBLEM or not isinstance(body, dict):
            error = BY_STATUS.get(status, ClientError) if status in BUSY else ClientError
            hint = "Is this the address of the orchestrator's API?"
            raise error(f"{self.told} answered {status} {answer.reason}, and not as the API does", hint=hint)
        raised = refusal(status, cast(Json, body))
        if isinstance(raised, Conflicting):
            raised.unsure = unsure
        raise raised

    @property
    def told(self) -> str:
        """The address for messages: without what a URL may hold of names and passwords."""
        port = f":{self._address.port}" if self._address.port else ""
        return f"{self._address.scheme}://{self._address.hostname}{port}"

    def unreachable(self, error: Exception, *, wrote: bool = False) -> Unreachable:
        """The error of a connection, in words."""
        hint = "Is it running? ORCHESTRATOR_URL or the profile says where it is."
        if is_distrust(error):
            hint = "Its certificate is not trusted; SSL_CERT_FILE names a file of authorities to trust."
        elif wrote:
            hint = "Before you repeat the change, look whether it was made."
        return Unreachable(f"the API at {self.told} does not answer: {reason(error)}", hint=hint)


def parsed(url: str) -> SplitResult:
    """The parts of a URL. Raises Misused."""
    try:
        address = urlsplit(url)
        fits = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        fits, address = False, urlsplit("")
    if not fits or not url.isascii() or address.query or address.fragment or address.username:
        raise Misused(
            "the URL of the API must look like https://host:port", hint="See ORCHESTRATOR_URL or the profile."
        )
    return address


def refusal(status: int, problem: Json) -> ClientError:
    """The error that a problem+json stands for."""
    kind = BY_STATUS.get(status, ClientError)
    detail, path, hint = (str(problem.get(key) or "") for key in ("detail", "path", "hint"))
    return kind(detail or f"the API answered {status}", path=path, hint=hint)


def pause(attempt: int, asked: str | None = None) -> float:
    """Seconds before the next attempt: what the server asks for, within bounds, else doubling, with jitter."""
    if asked is not None and asked.isdecimal():
        return min(float(asked), LONGEST_PAUSE_SECONDS)
    import random  # noqa: PLC0415 - seldom needed

    return FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311 - no secret


def may_pass(error: Exception) -> bool:
    """Whether a fault of the connection may be over at the next attempt."""
    import socket  # noqa: PLC0415 - loaded by http.client already

    return not is_distrust(error) and not isinstance(error, socket.gaierror | http.client.InvalidURL)


def is_distrust(error: Exception) -> bool:
    """Whether the server's certificate was refused. By name: ssl is loaded only where it is used."""
    return type(error).__name__ == "SSLCertVerificationError"


def reason(error: Exception) -> str:
    """What a person can read of an error of a connection."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.HTTPException):
        return "it hung up" if isinstance(error, http.client.RemoteDisconnected) else "it does not speak HTTP"
    return getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
