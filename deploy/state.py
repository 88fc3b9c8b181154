"""What a local stack keeps in its folder, so that a second start finds everything and `env` can tell it.

stack.json   addresses, token and passwords (readable by us alone)
up.lock      held by the running `up`; its content is that process's pid
bin/         kubectl, psql and orchestrator, for PATH
logs/        one file a process
cluster/     the local control plane (see deploy.cluster)
accounts/    what worker and watcher get into a cluster that was given (see deploy.accounts)
postgres/    the embedded server, unless its account cannot get here (see deploy.postgres)
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO

import msgspec

from deploy.errors import StateError
from deploy.kubeconfig import write_privately
from deploy.placing import free_port

STOP_SECONDS = 60
LOCK_TRIES = 10


class Stack(msgspec.Struct, frozen=True):
    """All that must stay the same from one start to the next, and where things are now."""

    token: str  # of the API, once Postgres has made one
    api_port: int
    worker_metrics_port: int
    watcher_metrics_port: int
    passwords: dict[str, str]
    postgres_port: int | None = None
    postgres_home: str | None = None
    database_url: str | None = None  # an admin's
    kubeconfig: str | None = None

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def metrics_urls(self) -> dict[str, str]:
        """Where each process shows its metrics: the API to who shows a token, the others to anybody on this machine."""
        ports = {"worker": self.worker_metrics_port, "watcher": self.watcher_metrics_port}
        others = {kind: f"http://127.0.0.1:{port}/metrics" for kind, port in ports.items()}
        return {"api": f"{self.api_url}/metrics", **others}


def open_state(folder: Path) -> Stack:
    """The stack kept in a folder, or a new one. Ports are kept unless someone else has them now."""
    for made in (folder, folder / "logs", folder / "bin"):
        made.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # Postgres may run as another user below it; each file in it guards itself
    (folder / "logs").chmod(0o700)
    known = load(folder)
    if known is None:
        ports = [free_port(8480), free_port(), free_port()]
        return Stack("", *ports, passwords={})
    return msgspec.structs.replace(
        known,
        api_port=free_port(known.api_port),
        worker_metrics_port=free_port(known.worker_metrics_port),
        watcher_metrics_port=free_port(known.watcher_metrics_port),
    )


def load(folder: Path) -> Stack | None:
    """What is recorded, None where nothing is."""
    try:
        return msgspec.json.decode((folder / "stack.json").read_bytes(), type=Stack)
    except FileNotFoundError:
        return None


def save(folder: Path, stack: Stack) -> None:
    """Record it in one step."""
    write_privately(folder / "stack.json", msgspec.json.encode(stack))


def password_of(stack: Stack, login: str) -> tuple[Stack, str]:
    """The login's password, made at its first use; with the stack that remembers it."""
    password = stack.passwords.get(login) or secrets.token_urlsafe(24)
    return msgspec.structs.replace(stack, passwords=stack.passwords | {login: password}), password


def link(folder: Path, name: str, target: Path) -> None:
    """Put a program into the folder that `env` adds to PATH. It may not be there yet (a cluster being built)."""
    place = folder / "bin" / name
    place.unlink(missing_ok=True)
    place.symlink_to(target)


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the folder for one `up`. The kernel lets go of the lock however we end."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.lock").open("a+") as lock:
        if not taken(lock):
            lock.seek(0)
            raise StateError(
                f"A stack already runs on {folder} (process {lock.read().strip()}). Use it with `./just env`, stop it "
                "with `./just down`, or start another beside it with `./just up --state OTHER_FOLDER`."
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def taken(lock: IO[str]) -> bool:
    """Take the lock; tried for half a second, since `env` and `down` hold it for a moment when they look."""
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False


def running_process(folder: Path) -> int | None:
    """The pid of the `up` that holds the folder, None if none does."""
    try:
        with (folder / "up.lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
    except FileNotFoundError:
        return None
    return None


def stop_running(folder: Path) -> bool:
    """Ask the running `up` to stop and wait until it has; false if none ran. Raises StateError if it does not."""
    process = running_process(folder)
    if process is None:
        return False
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while running_process(folder) is not None:
        if time.monotonic() > deadline:
            raise StateError(
                f"process {process} has not stopped within {STOP_SECONDS} s; end it with kill -9 {process}"
            )
        time.sleep(0.1)
    return True


def remove(folder: Path) -> None:
    """Remove all that a stopped stack keeps, also where Postgres had to go elsewhere, and nothing else."""
    known = load(folder)
    if known is None:
        raise StateError(f"{folder} holds no stack")
    if known.postgres_home is not None:
        shutil.rmtree(known.postgres_home, ignore_errors=True)
    for kept in ("bin", "logs", "cluster", "accounts", "postgres"):
        shutil.rmtree(folder / kept, ignore_errors=True)
    for kept in ("kubeconfig", "up.lock", "stack.json"):
        (folder / kept).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something of the user's is in it: leave it
        folder.rmdir()
