"""A cluster that is given: which context of which file is meant, and what worker and watcher get into it."""

import asyncio
import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.accounts import accounts_kept
from deploy.errors import KubeconfigError
from deploy.kubeconfig import copy_for_context
from kube.cluster import Cluster
from kube.credentials import load
from tests.conftest import ControlPlane
from tests.deploy.stack_process import ORCHESTRATOR
from tests.proxy import proxy_to
from tests.waiting import eventually


def write(file: Path, *contexts: str, current: str = "", **cluster: Any) -> Path:
    """A kubeconfig with these contexts, each with a cluster and a user of its name."""
    content = {
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in contexts],
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{file.name}/{name}", **cluster}} for name in contexts
        ],
        "users": [{"name": name, "user": {"token": name}} for name in contexts],
        "current-context": current,
    }
    file.write_text(json.dumps(content))
    return file


def copied(folder: Path, *files: Path, context: str | None = None) -> dict[str, Any]:
    copy_for_context(files, context, folder / "copy")
    return yaml.safe_load((folder / "copy").read_text())


def test_the_current_context_of_several_is_never_taken_unasked(tmp_path: Path) -> None:
    file = write(tmp_path / "config", "test", "live", current="live")
    with pytest.raises(KubeconfigError, match=r"--context, one of test, live\."):
        copied(tmp_path, file)
    assert copied(tmp_path, file, context="test")["current-context"] == "test"
    told = subprocess.run(
        [ORCHESTRATOR, "up", "--state", tmp_path / "state", "--kubeconfig", file],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert told.returncode == 1
    assert "say which is meant with --context, one of test, live." in told.stderr
    assert "Traceback" not in told.stderr


def test_the_only_context_is_meant_also_where_it_is_not_the_current_one(tmp_path: Path) -> None:
    assert copied(tmp_path, write(tmp_path / "config", "only"))["current-context"] == "only"


def test_several_files_count_as_one_and_the_first_to_name_a_thing_decides(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    first = write(tmp_path / "one" / "config", "test", "both", **{"certificate-authority": "ca.crt"})
    second = write(tmp_path / "two", "live", "both", current="live")
    content = copied(tmp_path, tmp_path / "absent", first, second, context="live")
    servers = {entry["name"]: entry["cluster"]["server"] for entry in content["clusters"]}
    assert servers == {"test": "https://config/test", "both": "https://config/both", "live": "https://two/live"}
    assert content["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "one" / "ca.crt")
    with pytest.raises(KubeconfigError, match="there is no kubeconfig at"):
        copied(tmp_path, tmp_path / "absent")


def test_a_context_is_looked_for_in_all_files_of_ones_own_kubeconfig(tmp_path: Path) -> None:
    files = [write(tmp_path / "one", "test"), write(tmp_path / "two", "live")]
    told = subprocess.run(
        [ORCHESTRATOR, "up", "--state", tmp_path / "state", "--context", "gone"],
        env={**os.environ, "KUBECONFIG": os.pathsep.join(str(file) for file in files)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert told.returncode == 1
    assert "has no context 'gone'; it has test, live" in told.stderr


async def is_good(kubeconfig: Path) -> bool:
    """Whether it leads in, for what both accounts may do."""
    credentials = await asyncio.to_thread(load, kubeconfig, None, in_cluster=False)
    async with Cluster(credentials) as cluster:
        return await cluster.get("ConfigMap", "default", "kube-root-ca.crt") is not None


def account_of(token: Path) -> str:
    """Whose token it is, as it says itself."""
    payload = token.read_text().split(".")[1]
    subject = json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"]
    return subject.removeprefix("system:serviceaccount:server-orchestrator:")


async def test_tokens_of_the_accounts_are_asked_for_as_soon_as_the_cluster_answers(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    said: list[str] = []
    async with proxy_to(control_plane.kubeconfig, tmp_path) as proxy:
        given = proxy.kubeconfig()
        await proxy.close()
        folder = tmp_path / "accounts"
        folder.mkdir()
        (folder / "worker.kubeconfig").write_text("of an earlier start")
        async with accounts_kept([given], None, folder, said.append):
            await eventually(lambda: said, 20, "a word")
            assert said[0].startswith("no tokens for worker and watcher yet")
            assert not (folder / "worker.kubeconfig").exists(), "both wait for it"
            await proxy.open()
            await eventually(lambda: len(said) > 1, 20, "another word")
            assert said[1].startswith("worker and watcher use the service accounts")
            for account in ("worker", "watcher"):
                assert await is_good(folder / f"{account}.kubeconfig")
                assert account_of(folder / f"{account}.token") == account
                assert (folder / f"{account}.token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("status", [403, 404])
async def test_without_accounts_both_get_what_was_given_and_that_is_said(
    control_plane: ControlPlane, tmp_path: Path, status: int
) -> None:
    said: list[str] = []
    async with proxy_to(control_plane.kubeconfig, tmp_path) as proxy:
        proxy.answer("/serviceaccounts/", status=status, message='serviceaccounts "worker" not found')
        async with accounts_kept([proxy.kubeconfig()], None, tmp_path / "accounts", said.append):
            await eventually(lambda: said, 20, "a word")
    (words,) = said
    assert words.startswith("worker and watcher use the credentials given, with all their rights")
    assert "kubectl apply -f deploy/rbac.yaml" in words
    folder = tmp_path / "accounts"
    for account in ("worker", "watcher"):
        assert (folder / f"{account}.kubeconfig").read_bytes() == (folder / "given.kubeconfig").read_bytes()
