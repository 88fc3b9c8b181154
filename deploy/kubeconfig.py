"""Reads and writes kubeconfig files: one for the local cluster, and a copy of a given one that points where we mean.

The user's own file is never changed and its current context never relied on.
"""

import base64
import json
import os
from collections.abc import Sequence
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


def copy_for_context(originals: Sequence[Path], context: str | None, copy: Path) -> None:
    """A copy whose current context is the wanted one, so that a plain kubectl cannot stray to another cluster.

    Several files count as one, as kubectl takes them: the first that names a thing decides, and those that are not
    there are passed over. Without a context the only one is meant. Raises KubeconfigError.
    """
    there = [original for original in originals if original.is_file()]
    shown = os.pathsep.join(str(original) for original in originals)
    if not there:
        raise KubeconfigError(f"there is no kubeconfig at {shown}")
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "contexts": [], "clusters": [], "users": []}
    for original in there:
        add_entries(merged, read_kubeconfig(original))
    merged["current-context"] = chosen_context([str(entry["name"]) for entry in merged["contexts"]], context, shown)
    write_privately(copy, yaml.safe_dump(merged).encode())


def chosen_context(names: Sequence[str], context: str | None, shown: str) -> str:
    """The context that is meant, of those there are. Raises KubeconfigError."""
    if context is None and len(names) > 1:
        raise KubeconfigError(
            f"{shown} has several contexts: say which is meant with --context, one of {', '.join(names)}."
            " The current one is never used unasked."
        )
    if context is None and names:
        return names[0]
    if context is None or context not in names:
        raise KubeconfigError(f"{shown} has no context {context!r}; it has {', '.join(names) or 'none'}")
    return context


def add_entries(merged: dict[str, Any], content: dict[str, Any]) -> None:
    """Take over what is not named yet."""
    for section in ("contexts", "clusters", "users"):
        known = {entry["name"] for entry in merged[section]}
        found: list[dict[str, Any]] = content.get(section) or []
        merged[section] += [entry for entry in found if entry["name"] not in known]


def read_kubeconfig(original: Path) -> dict[str, Any]:
    """A file's content, its paths made absolute. Raises KubeconfigError."""
    try:
        content: dict[str, Any] = yaml.safe_load(original.read_text()) or {}
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{original} is no YAML: {error}") from error
    for (section, inner), keys in PATH_KEYS.items():
        found: list[dict[str, Any]] = content.get(section) or []
        for entry in found:
            for key in keys:
                if key in (entry.get(inner) or {}):
                    entry[inner][key] = str(original.parent / entry[inner][key])
    return content


def write_for_token(given: Path, file: Path, user: str, token: Path) -> None:
    """A kubeconfig for the cluster of a copied one's current context, with a token that is read from a file."""
    content = read_kubeconfig(given)
    name = content["current-context"]
    context = next(entry["context"] for entry in content["contexts"] if entry["name"] == name)
    changed = {
        **content,
        "contexts": [{"name": name, "context": {"cluster": context["cluster"], "user": user}}],
        "clusters": [entry for entry in content["clusters"] if entry["name"] == context["cluster"]],
        "users": [{"name": user, "user": {"tokenFile": str(token)}}],
    }
    write_privately(file, yaml.safe_dump(changed).encode())
