"""Starts a program so that it cannot outlive the process that asked for it, even one killed with -9.

Run as a script (`python -I -S leash.py …`), never imported for its effect: the settings below belong to a process
between fork and exec, and doing them here instead of in `preexec_fn` keeps them away from the threads of the parent.
On Linux the kernel itself sends the signal (PR_SET_PDEATHSIG) and this script is replaced by the program. Elsewhere it
stays as a thin parent that looks twice a second whether its own parent is still there.

The kernel watches the parent's *thread*: start leashed programs from a thread that lives as long as the program should.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PARENT_CHECK_SECONDS = 0.5
GRACE_SECONDS = 10


def leashed(
    command: list[str],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    user: tuple[int, int] | None = None,
    niceness: int = 0,
    stay: bool = False,
) -> list[str]:
    """The command line that runs `command` on a leash held by the calling process.

    `user` is (uid, gid) to become first: this must come before the leash, because the kernel drops it when
    credentials change. `death_signal` is what the program gets when the caller dies. `stay` watches over the program as
    where the kernel does not.
    """
    flags = ["--parent", str(os.getpid()), "--signal", str(int(death_signal)), "--nice", str(niceness)]
    if stay:
        flags.append("--stay")
    if user is not None:
        flags += ["--user", f"{user[0]}:{user[1]}"]
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *flags, "--", *command]


def main() -> None:
    """Become the wanted user, put on the leash, then become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--user")
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args()
    if wanted.nice:
        os.nice(wanted.nice)
    if wanted.user:
        become(wanted.user)
    if sys.platform == "linux" and not wanted.stay:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, wanted.signal, 0, 0, 0) != 0:
            sys.exit(f"cannot tie {wanted.command[0]} to its parent: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != wanted.parent:  # it died before the leash was on
            sys.exit(1)
        os.execvp(wanted.command[0], wanted.command)  # noqa: S606
    sys.exit(stay_and_watch(wanted.parent, wanted.signal, wanted.command))


def become(user: str) -> None:
    """Drop to `uid:gid` with no supplementary groups."""
    uid, gid = (int(part) for part in user.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def stay_and_watch(parent: int, death_signal: int, command: list[str]) -> int:
    """Where the kernel offers no leash: hold it ourselves. Returns the program's exit code."""
    program = subprocess.Popen(command)  # noqa: S603
    for passed_on in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(passed_on, lambda number, _frame: program.send_signal(number))
    while True:
        try:
            return program.wait(PARENT_CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                return end_orphan(program, death_signal)


def end_orphan(program: "subprocess.Popen[bytes]", death_signal: int) -> int:
    """Ask once, then insist."""
    program.send_signal(death_signal)
    try:
        return program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        return program.wait()


if __name__ == "__main__":
    main()
