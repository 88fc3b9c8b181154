"""Runs the local cluster: the real upstream control plane, with kwok in the place of machines.

One process (`orchestrator cluster run`) builds the programs if needed, runs them in a state folder, and writes there
`kubeconfig` and `status.json`, which says how far it is. The kubeconfig is there before anything answers at its
address (only a first start has to build before it): whoever needs the cluster waits as on any cluster that is down.
`worker.kubeconfig` and `watcher.kubeconfig`, which may do what `deploy/rbac.yaml` grants and no more, come last.

etcd speaks over a unix socket in the state folder, so no other user of the machine can read the cluster's secrets
from it; socket paths are relative to that folder because the kernel limits their length.
"""

import asyncio
import os
import ssl
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path
from typing import Literal

import msgspec

from deploy.build import is_built, programs_folder, spoken
from deploy.children import Program, Tell, kept_running, own_command, run_once
from deploy.control_plane import control_plane
from deploy.errors import ClusterError
from deploy.go_toolchain import LOCAL
from deploy.identity import (
    ADMIN,
    RBAC,
    WATCHER,
    WORKER,
    Identity,
    User,
    hand_out,
    load_identity,
    write_credentials,
)
from deploy.kubeconfig import write_privately
from deploy.leash import leashed

READY_SECONDS = 120
GRANT_SECONDS = 30
FURNITURE = LOCAL / "furniture.yaml"

Phase = Literal["building", "starting", "ready", "failed"]


class Status(msgspec.Struct, frozen=True):
    """What `status.json` says. `process` is the pid that wrote it: a status of a dead process means nothing."""

    phase: Phase
    message: str
    process: int
    server: str
    since: float


# ---------------------------------------------------------------- state folder


def write_status(state: Path, identity: Identity, phase: Phase, message: str) -> None:
    """Say in the state folder how far the cluster is."""
    status = Status(phase=phase, message=message, process=os.getpid(), server=identity.server, since=time.time())
    write_privately(state / "status.json", msgspec.json.encode(status))


def read_status(state: Path) -> Status | None:
    """How far the cluster is, None before its first start."""
    try:
        return msgspec.json.decode((state / "status.json").read_bytes(), type=Status)
    except FileNotFoundError:
        return None


# ---------------------------------------------------------------- running it


async def run(state: Path, tell: Tell) -> None:
    """Build if needed, run until cancelled, and keep `status.json` true. `state` is absolute. Raises ClusterError."""
    identity = load_identity(state)
    write_status(state, identity, "building", "building the control plane")
    await build_beside(state, identity, tell)
    programs = programs_folder()
    write_credentials(state, identity, programs)
    write_status(state, identity, "starting", "starting the control plane")
    tell("starting the local cluster: about 5 s")
    started = time.monotonic()
    async with kept_running(control_plane(state, identity, programs), tell):
        await wait_until_answering(identity, state, READY_SECONDS)
        await furnish(state, programs)
        await wait_until_usable(state, programs)
        hand_out(state, identity, WORKER, WATCHER)
        message = f"the cluster answers at {identity.server} after {spoken(time.monotonic() - started)}"
        write_status(state, identity, "ready", message)
        tell(message)
        await asyncio.Event().wait()  # until cancelled


async def build_beside(state: Path, identity: Identity, tell: Tell) -> None:
    """Build what is missing, as a process of its own: a build in a thread could not be stopped."""
    if is_built():
        return
    told: deque[str] = deque(maxlen=40)

    def hear(line: str) -> None:
        told.append(line)
        tell(line)

    build = Program("build", [*own_command(), "cluster", "build"], state / "build.log", heard=True)
    if await run_once(build, hear) != 0:
        write_status(state, identity, "failed", "\n".join(told))
        raise ClusterError("the cluster could not be built; the reason is above. The rest of the stack goes on")


async def wait_until_answering(identity: Identity, state: Path, timeout_seconds: float) -> None:
    """Return when the API server says that it is ready."""
    trust = await asyncio.to_thread(ssl.create_default_context, cafile=str(state / "cert.pem"))
    headers = {"Authorization": f"Bearer {identity.tokens[ADMIN.name]}"}
    request = urllib.request.Request(f"{identity.server}/readyz", headers=headers)  # noqa: S310

    def answers() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=2, context=trust) as response:  # noqa: S310
                return response.status == 200  # noqa: PLR2004
        except (urllib.error.URLError, OSError):
            return False

    deadline = time.monotonic() + timeout_seconds
    while not await asyncio.to_thread(answers):
        if time.monotonic() > deadline:
            raise ClusterError(f"the API server did not answer within {timeout_seconds:.0f} s; see {state}/*.log")
        await asyncio.sleep(0.1)


async def furnish(state: Path, programs: Path) -> None:
    """Bring the node, the default storage class, and the rights of worker and watcher."""
    files = ("-f", str(FURNITURE), "-f", str(RBAC))
    await kubectl(state, programs, "apply", "--server-side", "--force-conflicts", *files)


async def wait_until_usable(state: Path, programs: Path) -> None:
    """Return when pods can be made and run, by the accounts that shall: the API server takes up rights a bit later."""
    wait = "--timeout=60s"
    await kubectl(state, programs, "wait", "--for=condition=Ready", "node/local", wait)
    await kubectl(state, programs, "wait", "--for=create", "serviceaccount/default", "-n", "default", wait)
    await wait_until_granted(state, programs, WORKER, "patch", "statefulsets.apps")
    await wait_until_granted(state, programs, WATCHER, "watch", "statefulsets.apps")


async def wait_until_granted(state: Path, programs: Path, user: User, verb: str, resource: str) -> None:
    """Return when the API server knows this right, which stands for all of its user: a role is taken up whole."""
    question = ("auth", "can-i", verb, resource, "--all-namespaces", "--quiet", f"--as={user.name}")
    deadline = time.monotonic() + GRANT_SECONDS
    while True:
        try:
            return await kubectl(state, programs, *question)
        except ClusterError as no:
            if time.monotonic() > deadline:
                raise ClusterError(f"{RBAC} does not let {user.name} {verb} {resource}") from no
        await asyncio.sleep(0.1)


async def kubectl(state: Path, programs: Path, *arguments: str) -> None:
    """One kubectl command as admin; raises ClusterError with its words."""
    process = await asyncio.create_subprocess_exec(
        *leashed([str(programs / "kubectl"), f"--kubeconfig={state / 'kubeconfig'}", *arguments]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise ClusterError(f"kubectl {' '.join(arguments)}: {output.decode(errors='replace').strip()}")
