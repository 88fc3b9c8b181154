"""What a network and a busy server do to a command: it tries again where that may help, and says what it saw."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.conftest import Api, nothing_listens
from tests.client.conftest import Command, token_in
from tests.db.stage import Stage
from tests.proxy import Proxy


async def test_an_api_that_is_away_ends_with_6(command: Command) -> None:
    nowhere = command.given(ORCHESTRATOR_URL=f"http://127.0.0.1:{nothing_listens()}")
    (await nowhere("get")).failed(6, "does not answer", "Connection refused", "hint: ")


async def test_a_database_that_is_away_ends_with_6(home: Path) -> None:
    from tests.app.conftest import serving

    async with serving(f"postgresql://127.0.0.1:{nothing_listens()}/none") as api:
        command = Command(home, {"ORCHESTRATOR_URL": str(api.client.base_url), "ORCHESTRATOR_TOKEN": token_in(api)})
        (await command("get")).failed(6, "the database does not answer", "hint: ")


async def test_a_lost_answer_and_a_busy_server_are_tried_again(wired: Command, wire: Proxy, stage: Stage) -> None:
    stage.deploy("lobby")
    wire.lose("GET")
    wire.answer("GET", status=503, headers={"Retry-After": "0"})
    wire.answer("GET", status=429, headers={"Retry-After": "0"})
    assert (await wired("get", "-o", "name")).fine().out == "default/lobby\n"
    assert len(wire.seen) == 4


async def test_what_stays_busy_ends_with_6(wired: Command, wire: Proxy) -> None:
    wire.answer("GET", status=429, times=99, headers={"Retry-After": "0"})
    (await wired("get")).failed(6, "429")
    assert len(wire.seen) == 5


async def test_a_token_that_is_wrong_ends_with_7_and_is_not_printed(command: Command) -> None:
    wrong = command.given(ORCHESTRATOR_TOKEN="so_1_wrong")
    assert "wrong" not in (await wrong("get")).failed(7, "hint: ").err


@pytest.mark.parametrize(
    "url", ["localhost:80", "ftp://there", "http://", "http://h:99999", "http://a:b@h", "http://h?x"]
)
async def test_a_url_that_is_none_is_wrong_usage(command: Command, url: str) -> None:
    (await command.given(ORCHESTRATOR_URL=url)("get")).failed(2, "https://host:port")


async def test_another_server_is_told_from_ours(wired: Command, wire: Proxy) -> None:
    wire.answer("GET", status=404)
    (await wired("get")).failed(1, "404", "not as the API does")
    async with answering(b"SSH-2.0-OpenSSH_9.9\r\n") as port:
        (await wired.given(ORCHESTRATOR_URL=f"http://127.0.0.1:{port}")("get")).failed(6, "does not speak HTTP")


async def test_unencrypted_elsewhere_is_warned_about(api: Api, command: Command) -> None:
    port = api.client.base_url.port
    elsewhere = f"http://{socket.gethostname()}:{port}"
    done = await command.given(ORCHESTRATOR_URL=elsewhere)("get")
    assert f"the token goes unencrypted to {elsewhere}" in done.err
    (await command("get")).fine()


async def test_a_certificate_is_verified(api: Api, command: Command, tmp_path: Path, stage: Stage) -> None:
    stage.deploy("lobby")
    authority = self_signed(tmp_path)
    async with encrypting(api, authority) as port:
        there = command.given(ORCHESTRATOR_URL=f"https://localhost:{port}")
        (await there("get")).failed(6, "self-signed certificate", "SSL_CERT_FILE")
        trusting = there.given(SSL_CERT_FILE=str(authority))
        assert (await trusting("get", "-o", "name")).fine().out == "default/lobby\n"
        other = trusting.given(ORCHESTRATOR_URL=f"https://127.0.0.1:{port}")
        (await other("get")).failed(6, "127.0.0.1")


async def test_a_reader_that_hangs_up_is_no_error(command: Command, stage: Stage) -> None:
    stage.operator.execute("SELECT deploy('a-rather-long-name-' || n, 'web') FROM generate_series(1, 2000) n")
    process = await command.start("get")
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined] - the only way to close our end of the pipe
    assert await process.stderr.read() == b""
    assert await process.wait() == 141


async def test_ctrl_c_ends_quietly(wired: Command, wire: Proxy) -> None:
    held = wire.hold("GET")
    process = await wired.start("get")
    await held.arrived.wait()
    process.send_signal(2)
    _, err = await process.communicate()
    held.release()
    assert (process.returncode, err) == (130, b"")


# ---------------------------------------------------------------- servers that no stack has


@contextlib.asynccontextmanager
async def answering(text: bytes) -> AsyncIterator[int]:
    """A server that says one thing to everybody; its port."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def self_signed(folder: Path) -> Path:
    """A certificate of `localhost` with its key, signed by nobody else."""
    file = folder / "localhost.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [*command, *subject, "-keyout", str(file), "-out", str(folder / "c")], check=True, capture_output=True
    )
    file.write_text(file.read_text() + (folder / "c").read_text())
    return file


@contextlib.asynccontextmanager
async def encrypting(api: Api, certificate: Path) -> AsyncIterator[int]:
    """TLS in front of the API; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while text := await reader.read(65536):
                writer.write(text)
                await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", api.client.base_url.port)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    server = await asyncio.start_server(connect, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
