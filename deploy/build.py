"""Builds the programs of the local control plane, once for each content of `deploy/local/go.mod`, and keeps them.

They are unmodified upstream programs; `go install tool` builds what the go.mod's tool block names. The result is kept
by content under the user's cache folder, so clones share it and a changed go.mod builds anew beside the old.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path

from deploy.children import Tell
from deploy.errors import BuildError
from deploy.go_toolchain import LOCAL, Toolchain, find_go, go_root, go_version_text, kubernetes_version
from deploy.leash import leashed

PROGRAMS = ("etcd", "generate-cert", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")
EXPECTATION = "about 6 to 12 minutes on two cores, this first time only"
PROGRESS_SECONDS = 10
LINKING_HUNDREDTHS = 99
FREE_BYTES_WANTED = 6 * 1024**3


def cache_folder() -> Path:
    """Where built programs are kept: `$XDG_CACHE_HOME/server-orchestrator`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "server-orchestrator"


def programs_folder() -> Path:
    """The folder that holds, or will hold, the programs for the present go.mod and go.sum."""
    content = (LOCAL / "go.mod").read_bytes() + (LOCAL / "go.sum").read_bytes()
    return cache_folder() / f"control-plane-{hashlib.sha256(content).hexdigest()[:16]}" / "bin"


def is_built() -> bool:
    """Whether nothing needs building."""
    return programs_folder().is_dir()


def ensure_built(tell: Tell) -> Path:
    """The folder of programs, building it first where needed. Two callers at once build once.

    Blocks for minutes the first time; `tell` hears each few seconds what is done, for how long, and what to expect.
    Raises BuildError.
    """
    folder = programs_folder()
    if folder.is_dir():
        return folder
    with one_at_a_time(folder.parent.with_suffix(".lock"), tell):
        if not folder.is_dir():
            build(folder, tell)
    return folder


@contextlib.contextmanager
def one_at_a_time(lock: Path, tell: Tell) -> Generator[None]:
    """Hold the lock file; say so while someone else does. The kernel lets go of it when its holder dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another start is building the control plane already; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def build(folder: Path, tell: Tell) -> None:
    """Build into a folder beside the wanted one and rename it there, so it is there whole or not at all."""
    work = folder.parent.with_suffix(".building")  # kept after a failure: the next try goes on where this one stopped
    work.mkdir(parents=True, exist_ok=True)
    refuse_small_disk(work)
    toolchain = find_go(work, tell)
    output = work / "bin"
    environment = build_environment(work, output, toolchain)
    tell(f"building the local control plane with {go_version_text(toolchain.go)}: {EXPECTATION}")
    started = time.monotonic()
    total = count_packages(toolchain, environment, tell)
    version = kubernetes_version()
    flags = ["-trimpath", f"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion={version}"]
    compile_with_progress([toolchain.go, "install", "-v", *flags, "tool"], environment, total, tell)
    certificates = Path(go_root(toolchain), "src/crypto/tls/generate_cert.go")  # the standard library's own little tool
    small = [toolchain.go, "build", "-trimpath", "-o", str(output / "generate-cert"), str(certificates)]
    compile_with_progress(small, environment, 0, tell)
    (output / "server").rename(output / "etcd")  # `go install` names a program after its folder
    missing = [name for name in PROGRAMS if not (output / name).exists()]
    if missing:
        raise BuildError(
            f"the build ended well but brought no {', '.join(missing)}; is the tool block in go.mod whole?"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    output.rename(folder)
    shutil.rmtree(work, ignore_errors=True)
    tell(f"built the local control plane in {spoken(time.monotonic() - started)}; kept in {folder}")


def refuse_small_disk(work: Path) -> None:
    """The build cache grows to several GB before it is removed: better refused now than failed in ten minutes."""
    free = shutil.disk_usage(work).free
    if free < FREE_BYTES_WANTED:
        raise BuildError(
            f"building the control plane needs {FREE_BYTES_WANTED >> 30} GB free for a while under {work}, and there "
            f"are {free >> 30}. Make room, or set XDG_CACHE_HOME to a folder with room, or give --kubeconfig."
        )


def build_environment(work: Path, output: Path, toolchain: Toolchain) -> dict[str, str]:
    """A build cache of its own, removed after success: it grows to several GB. Modules too where Go was borrowed."""
    environment = {**os.environ, "GOBIN": str(output), "GOCACHE": str(work / "cache"), "GOTOOLCHAIN": "local"}
    environment |= {"CGO_ENABLED": "0", "GOWORK": "off"}
    if toolchain.borrowed:
        environment |= {"GOMODCACHE": str(work / "modules"), "GOFLAGS": "-modcacherw"}
    return environment


def count_packages(toolchain: Toolchain, environment: dict[str, str], tell: Tell) -> int:
    """How many packages the build will name, so that progress has an end. This fetches the modules."""
    tell("fetching the modules of Kubernetes, etcd and kwok (about 300 MB, less where some are there already)")
    listed = subprocess.run(  # noqa: S603
        leashed([toolchain.go, "list", "-deps", "tool"]),
        cwd=LOCAL,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        raise BuildError(failure("fetching the Go modules", listed.stderr))
    return len(listed.stdout.splitlines())


def compile_with_progress(command: list[str], environment: dict[str, str], total: int, tell: Tell) -> None:
    """Run a Go command that names each package it compiles, and say how far it is.

    Niced: the API and its database share the machine and shall answer meanwhile.
    """
    started = time.monotonic()
    last_lines: deque[str] = deque(maxlen=30)
    compiled = 0
    with subprocess.Popen(  # noqa: S603
        leashed(command, niceness=10),
        cwd=LOCAL,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as go:
        done = threading.Event()

        def report() -> None:
            while not done.wait(PROGRESS_SECONDS):
                tell(f"building the control plane: {share(compiled, total)} after {spoken(time.monotonic() - started)}")

        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            for line in go.stderr or ():
                last_lines.append(line)
                compiled += 1
        finally:
            done.set()
            reporter.join()
    if go.returncode != 0:
        raise BuildError(failure("the Go build", "".join(last_lines)))


def share(compiled: int, total: int) -> str:
    """How far a build is. Of the last hundredth most is linking, for which Go gives no sign."""
    if not total:
        return "the last small program"
    hundredths = 100 * compiled // total
    return f"{hundredths} %" if hundredths < LINKING_HUNDREDTHS else "99 %, linking the programs,"


def failure(what: str, words: str) -> str:
    """One message for every failed Go command: its own words, then what to do."""
    return (
        f"{what} failed:\n{words.strip()[-2500:]}\n"
        "What is compiled so far is kept: start again to go on from there. If a module cannot be fetched, check the "
        "network and GOPROXY. Or use a cluster you have: --kubeconfig FILE --context NAME."
    )


def spoken(seconds: float) -> str:
    """`75.3` as `1 min 15 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
