"""Gives worker and watcher each their own way into a cluster that was given: the accounts of `deploy/rbac.yaml`.

In the local cluster they have static tokens (`deploy.identity`). Here tokens are asked for in the name of whoever gave
the cluster, written beside a kubeconfig each, and asked for anew long before they end: a process reads its token file
again by itself. Until the cluster has answered once there is no kubeconfig, which both processes wait for. Where it has
no such accounts, both get what was given, and that is said.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from deploy.children import Tell
from deploy.errors import KubeconfigError
from deploy.identity import NAMESPACE
from deploy.kubeconfig import copy_for_context, write_for_token, write_privately
from kube.cluster import Cluster
from kube.credentials import load
from kube.errors import Denied, KubeError, NotFound

ACCOUNTS = ("worker", "watcher")
# Asked for; a server may give less, but not less than ten minutes.
TOKEN_SECONDS = 24 * 3600
RENEW_SECONDS = 300.0
RETRY_SECONDS = 3.0


@contextlib.asynccontextmanager
async def accounts_kept(
    originals: Sequence[Path], context: str | None, folder: Path, tell: Tell
) -> AsyncGenerator[None]:
    """For the block, `worker.kubeconfig` and `watcher.kubeconfig` in the folder lead into the cluster given."""
    if not originals:
        yield
        return
    empty(folder)
    task = asyncio.create_task(hand_out_forever(originals, context, folder, tell))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def empty(folder: Path) -> None:
    """Drop what an earlier start has left: it may be of another cluster."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


async def hand_out_forever(originals: Sequence[Path], context: str | None, folder: Path, tell: Tell) -> None:
    """Until cancelled. Says what becomes of it whenever that is news."""
    told, given = "", folder / "given.kubeconfig"
    has_accounts = True
    while True:
        wait_seconds = RENEW_SECONDS
        try:
            copy_for_context(originals, context, given)
            said = await hand_out_tokens(given, folder) if has_accounts else hand_out_given(given, folder, told)
        except (NotFound, Denied) as error:
            has_accounts = False
            said = hand_out_given(
                given,
                folder,
                f"worker and watcher use the credentials given, with all their rights: {error}."
                " `kubectl apply -f deploy/rbac.yaml` makes an account for each, which the next start uses",
            )
        except (KubeError, KubeconfigError, OSError) as error:
            said, wait_seconds = f"no tokens for worker and watcher yet: {error}", RETRY_SECONDS
        if said != told:
            told = said
            tell(said)
        await asyncio.sleep(wait_seconds)


async def hand_out_tokens(given: Path, folder: Path) -> str:
    """Ask for both tokens and write both files; answers what to say. Raises KubeError, OSError."""
    credentials = await asyncio.to_thread(load, given, None, in_cluster=False)
    async with Cluster(credentials) as cluster:
        tokens = {one: await cluster.request_token(NAMESPACE, one, TOKEN_SECONDS) for one in ACCOUNTS}
    for account, token in tokens.items():
        file = folder / f"{account}.token"
        write_privately(file, token.encode())
        write_for_token(given, folder / f"{account}.kubeconfig", account, file)
    return f"worker and watcher use the service accounts in namespace {NAMESPACE}, by tokens renewed while this runs"


def hand_out_given(given: Path, folder: Path, said: str) -> str:
    """Write what was given, as it is now, into both files; answers what to say. Raises OSError."""
    for account in ACCOUNTS:
        write_privately(folder / f"{account}.kubeconfig", given.read_bytes())
    return said
