"""Where the API is and who is asking: from the environment, else from a profile in a file that only its owner reads.

Tokens come from the environment, the file, a terminal or standard input; never from arguments, which `ps` shows.
"""

import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from deploy.client.errors import ClientError, Misused, NotAllowed

PRIVATE = 0o600
_SIGN_IN = "`orchestrator login URL` writes a profile; or set ORCHESTRATOR_URL and ORCHESTRATOR_TOKEN."
_MEND = "Mend it, or remove it and sign in again."


class Target(NamedTuple):
    """Where requests go, and with which token."""

    url: str
    token: str


class Profiles(NamedTuple):
    """The file: profiles by name, each with `url` and `token`, and which one is meant if none is named."""

    default: str
    named: dict[str, dict[str, str]]


def place(environment: Mapping[str, str]) -> Path:
    """The file, whether or not it is there."""
    home = environment.get("XDG_CONFIG_HOME", "")
    folder = Path(home) if home.startswith("/") else Path.home() / ".config"
    return folder / "server-orchestrator" / "profiles.toml"


def find_target(asked: str | None, environment: Mapping[str, str]) -> Target:
    """What the environment says, completed by the profile that is asked for. Raises NotAllowed, Misused."""
    url, token = environment.get("ORCHESTRATOR_URL", ""), environment.get("ORCHESTRATOR_TOKEN", "")
    if url and token:
        if asked:
            print(f"warning: ORCHESTRATOR_URL and ORCHESTRATOR_TOKEN win over profile {asked}", file=sys.stderr)
        return Target(url, token)
    name, profile = chosen_profile(asked, environment)
    if url and url.rstrip("/") != profile.get("url", "").rstrip("/"):
        # A token is for the place it was made at; sent elsewhere it would be given away.
        raise NotAllowed("ORCHESTRATOR_URL is set, but no token for it", hint="Set ORCHESTRATOR_TOKEN as well.")
    found = Target(url or profile.get("url", ""), token or profile.get("token", ""))
    if not found.url or not found.token:
        missing = "url" if not found.url else "token"
        told = f"profile {name} has no {missing}" if profile else "not signed in: there is no URL and no token"
        raise NotAllowed(told, hint=_SIGN_IN)
    return found


def chosen_profile(asked: str | None, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The profile asked for, by option or ORCHESTRATOR_PROFILE, else the default; empty where there is none."""
    profiles = read(place(environment))
    wanted = asked or environment.get("ORCHESTRATOR_PROFILE", "")
    if wanted and wanted not in profiles.named:
        there = ", ".join(sorted(profiles.named)) or "none"
        raise NotAllowed(
            f"there is no profile {wanted} in {place(environment)}", hint=f"There are: {there}. {_SIGN_IN}"
        )
    name = wanted or profiles.default
    return name, profiles.named.get(name, {})


# ---------------------------------------------------------------- the file


def read(file: Path) -> Profiles:
    """The profiles, none if there is no file. Raises ClientError if it cannot be read."""
    import tomllib  # noqa: PLC0415 - costs milliseconds that are not needed where the environment says it all

    try:
        with file.open("rb") as content:
            if stat.S_IMODE(os.fstat(content.fileno()).st_mode) & 0o077:
                print(f"warning: others can read the tokens in {file}; chmod 600 {file}", file=sys.stderr)
            found: dict[str, Any] = tomllib.load(content)
    except FileNotFoundError:
        return Profiles("", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClientError(f"cannot read {file}: {error}", hint=_MEND) from None
    try:
        tables: dict[str, dict[str, object]] = found.get("profiles", {})
        named = {name: {key: str(value) for key, value in profile.items()} for name, profile in tables.items()}
    except AttributeError:
        raise ClientError(f"{file} holds no tables [profiles.NAME]", hint=_MEND) from None
    return Profiles(str(found.get("default", "")), named)


def write(file: Path, name: str, target: Target) -> None:
    """Put one profile into the file and make it the default if it is the first. Others stay. Raises ClientError."""
    if not name or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name):
        raise Misused(f"{name!r} cannot name a profile", hint="Letters, digits, - and _.")
    profiles = read(file)
    profiles.named[name] = {**profiles.named.get(name, {}), "url": target.url, "token": target.token}
    lines = [f"default = {json.dumps(profiles.default or name)}"]
    for each, values in profiles.named.items():
        lines += ["", f"[profiles.{json.dumps(each)}]"]
        lines += [f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = file.with_name(f"{file.name}.{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as content:
            content.write("\n".join(lines) + "\n")
        beside.replace(file)
    except OSError as error:
        raise ClientError(f"cannot write {file}: {error.strerror}") from None
