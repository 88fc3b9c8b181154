"""The head of an answer leaves with its body, and alone where no body comes yet."""

import socket

from tests.app.conftest import Api
from tests.waiting import eventually


async def received(api: Api, path: str, headers: str = "") -> tuple[socket.socket, bytes]:
    """A connection that has asked for a path, and what its first read brings."""
    connection = socket.create_connection((str(api.client.base_url.host), int(api.client.base_url.port or 0)))
    connection.setblocking(False)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n{headers}\r\n"
    connection.sendall(request.encode())

    def read() -> bytes | None:
        try:
            return connection.recv(1 << 16)
        except BlockingIOError:
            return None

    found = await eventually(read, 10, "an answer")
    assert found is not None
    return connection, found


async def test_an_answer_comes_in_one_piece(api: Api) -> None:
    for _ in range(20):
        connection, answer = await received(api, "/api/whoami")
        with connection:
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b'"namespaces":null}')


async def test_the_head_of_a_stream_does_not_wait_for_its_first_event(api: Api) -> None:
    connection, answer = await received(api, "/api/events", "Accept: text/event-stream\r\n")
    with connection:
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"text/event-stream" in answer
