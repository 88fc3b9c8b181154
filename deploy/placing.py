"""Decides as whom an embedded Postgres runs, and where its files, its socket and its port may be.

Postgres refuses root, so for root it must be another account, which then has to reach what we give it.
"""

import contextlib
import hashlib
import os
import pwd
import socket
import subprocess
import tempfile
from pathlib import Path

import msgspec

from deploy.errors import PostgresError

SOCKET_PATH_BYTES = 100  # the kernel allows 107; Postgres appends a lock file's suffix
ROOT_HOME = Path("/var/lib/server-orchestrator")


class Account(msgspec.Struct, frozen=True):
    """An operating system user that the server runs as."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Whom to run the server as: ourselves (None), or for root the caller of sudo, else `nobody`.

    Postgres refuses root. A password guards every connection, so sharing `nobody` with other programs exposes nothing
    to the network; the data directory is readable by that user alone.
    """
    if os.geteuid() != 0:
        return None
    for name in (os.environ.get("SUDO_USER"), "nobody"):
        if name and name != "root":
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PostgresError("Postgres refuses to run as root, and there is no user `nobody` here. Start as another user.")


def as_ids(account: Account | None) -> tuple[int, int] | None:
    """(uid, gid) of an account, None for ourselves."""
    return None if account is None else (account.uid, account.gid)


def place(wanted: Path, account: Account | None) -> Path:
    """The folder for the server's files: `wanted`, unless its account cannot get there.

    A root user's checkout often lies in a folder closed to others. Its permissions are not ours to widen, so the data
    then goes to /var/lib under a name made from the wanted path, and so is found again by the next start.
    """
    wanted = wanted.resolve()
    if account is None:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        return wanted
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if reachable(wanted.parent, account):
        home = wanted
    else:
        home = ROOT_HOME / hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    os.chown(home, account.uid, account.gid)
    return home


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may pass through every folder down to `path`; asked of the kernel, as that user."""
    asked = subprocess.run(  # noqa: S603
        ["test", "-x", str(path)],  # noqa: S607
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return asked.returncode == 0


def free_port(preferred: int | None = None) -> int:
    """A free port on 127.0.0.1: the preferred one if nobody has it."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PostgresError("no free port on 127.0.0.1")


def socket_directory(home: Path, account: Account | None) -> Path:
    """A folder for the unix socket whose path the kernel accepts, owned by the server's account."""
    folder = home / "socket"
    if len(os.fsencode(folder / ".s.PGSQL.65535.lock")) > SOCKET_PATH_BYTES:
        folder = Path(tempfile.gettempdir()) / f"so-pg-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True, mode=0o700)
    owner = account.uid if account else os.geteuid()
    if folder.is_symlink() or folder.stat().st_uid not in (owner, os.geteuid()):
        raise PostgresError(f"{folder} belongs to someone else; remove it")
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder
