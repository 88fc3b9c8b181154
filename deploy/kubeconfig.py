"""Reads and writes kubeconfig files: one for the local cluster, and a copy of a given one that points where we mean.

The user's own file is never changed and its current context never relied on.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import yaml

from deploy.errors import KubeconfigError

LOCAL_CONTEXT = "server-orchestrator-local"
# Paths in a kubeconfig are relative to it.
PATH_KEYS = {
    ("clusters", "cluster"): ("certificate-authority",),
    ("users", "user"): ("client-certificate", "client-key", "tokenFile"),
}


def write_privately(file: Path, content: bytes) -> None:
    """Replace a file in one step, readable by us alone."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    partial.replace(file)


def write_local(file: Path, server: str, certificate: Path, user: str, token: str) -> None:
    """A kubeconfig (JSON is YAML) for one user of the local cluster, whole in one file."""
    authority = base64.b64encode(certificate.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": LOCAL_CONTEXT, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": LOCAL_CONTEXT, "context": {"cluster": LOCAL_CONTEXT, "user": user}}],
        "current-context": LOCAL_CONTEXT,
    }
    write_privately(file, json.dumps(content, indent=2).encode())


def copy_for_context(original: Path, context: str | None, copy: Path) -> None:
    """A copy whose current context is the wanted one, so that a plain kubectl cannot stray to another cluster."""
    if not original.is_file():
        raise KubeconfigError(f"there is no kubeconfig at {original}")
    content: dict[str, Any] = yaml.safe_load(original.read_text())
    entries: list[dict[str, Any]] = content.get("contexts") or []
    names = [str(entry["name"]) for entry in entries]
    chosen = context or content.get("current-context")
    if chosen not in names:
        raise KubeconfigError(f"{original} has no context {chosen!r}; it has {', '.join(names) or 'none'}")
    content["current-context"] = chosen
    for (section, inner), keys in PATH_KEYS.items():
        found: list[dict[str, Any]] = content.get(section) or []
        for entry in found:
            for key in keys:
                if key in entry[inner]:
                    entry[inner][key] = str(original.parent / entry[inner][key])
    write_privately(copy, yaml.safe_dump(content).encode())
