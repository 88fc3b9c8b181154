"""What /proc tells of running processes: CPU seconds, resident memory, children; and how to hold some of them still."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Who works on its own account in the local cluster; without them only we, the API server, etcd and Postgres work.
CONTROLLERS = frozenset({"kube-controller-manager", "kube-scheduler", "kwok"})


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(_stat(folder)[1]), []).append(int(folder.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its living descendants and those it has reaped."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            total += sum(int(ticks) for ticks in _stat(Path(f"/proc/{member}"))[11:15])
    return total / TICKS


def resident_megabytes(pid: int) -> float:
    """Resident memory of one process, shared pages included: what `ps` calls RSS."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def named(pid: int, names: frozenset[str]) -> list[int]:
    """Descendants whose program has one of these names."""
    found = []
    for member in family(pid):
        with contextlib.suppress(OSError):
            program = Path(f"/proc/{member}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            if Path(program).name in names:
                found.append(member)
    return found


@contextlib.contextmanager
def held_still(pids: list[int]) -> Iterator[None]:
    """Stop processes for the block, and let them go on after it."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _stat(folder: Path) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state, parent, …"""
    return (folder / "stat").read_text().rpartition(")")[2].split()
