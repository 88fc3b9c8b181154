"""Somebody else at the API server, for tests: reads, writes and deletes objects under a manager's name of his own.

Speaks raw HTTP, because a kubectl costs a tenth of a second of a shared core; journeys use the real kubectl.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import urllib3
import yaml

from kube.kinds import kind_named

MERGE = "application/merge-patch+json"


class Outsider:
    """All answers are decoded; a refusal is an AssertionError with the server's words."""

    def __init__(self, server: str, token: str | None, ca_file: str | None, *, name: str = "outsider") -> None:
        self.name = name
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(ca_certs=ca_file, retries=False, maxsize=4)

    def called(self, name: str) -> Outsider:
        """The same rights under another manager's name."""
        other = copy.copy(self)
        other.name = name
        return other

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """One request, whatever it answers."""
        sent = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": content_type}
        answer = self._pool.request(method, self._server + path, body=sent, headers=headers)
        return answer.status, json.loads(answer.data or b"{}")

    def stream(self, path: str) -> urllib3.BaseHTTPResponse:
        """An answer that goes on until its `shutdown()`."""
        answer = self._pool.request("GET", self._server + path, headers=self._headers, preload_content=False)
        assert answer.status == 200
        return answer

    def find(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, or None."""
        status, found = self.call("GET", kind_named(kind).path(namespace, name))
        assert status in (200, 404), found
        return found if status == 200 else None

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """The object, which must be there."""
        found = self.find(kind, namespace, name)
        assert found is not None, f"there is no {kind} {namespace}/{name}"
        return found

    def list(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        status, found = self.call("GET", kind_named(kind).path(namespace))
        assert status == 200, found
        return found["items"]

    def create(self, manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
        path = kind_named(manifest["kind"]).path(namespace)
        status, made = self.call("POST", f"{path}?fieldManager={self.name}", manifest)
        assert status == 201, made
        return made

    def merge(self, kind: str, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Change fields (None removes one)."""
        path = kind_named(kind).path(namespace, name)
        status, changed = self.call("PATCH", f"{path}?fieldManager={self.name}", patch, MERGE)
        assert status == 200, changed
        return changed

    def strategic(self, kind: str, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Change fields, items of lists by their keys, as kubectl does."""
        path = f"{kind_named(kind).path(namespace, name)}?fieldManager={self.name}"
        status, changed = self.call("PATCH", path, patch, "application/strategic-merge-patch+json")
        assert status == 200, changed
        return changed

    def apply(self, kind: str, namespace: str, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply, by force."""
        which = kind_named(kind)
        metadata = {**fields.get("metadata", {}), "name": name, "namespace": namespace}
        body = {**fields, "apiVersion": which.api_version, "kind": kind, "metadata": metadata}
        path = f"{which.path(namespace, name)}?fieldManager={self.name}&force=true"
        status, changed = self.call("PATCH", path, body, "application/apply-patch+yaml")
        assert status == 200, changed
        return changed

    def put(self, live: dict[str, Any]) -> dict[str, Any]:
        """Write a whole object back, as an editor does; a conflict with what changed meanwhile is a refusal."""
        metadata = live["metadata"]
        path = kind_named(live["kind"]).path(metadata["namespace"], metadata["name"])
        status, changed = self.call("PUT", f"{path}?fieldManager={self.name}", live)
        assert status == 200, changed
        return changed

    def delete(self, kind: str, namespace: str, name: str) -> None:
        status, gone = self.call("DELETE", kind_named(kind).path(namespace, name))
        assert status in (200, 202), gone


def outsider_of(kubeconfig: Path, folder: Path) -> Outsider:
    """An admin that is not us, by the kubeconfig of the test's cluster."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = cluster.get("certificate-authority")
    if "certificate-authority-data" in cluster:
        import base64

        authority = str(folder / "ca.pem")
        Path(authority).write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    elif authority:
        authority = str(kubeconfig.parent / authority)
    return Outsider(cluster["server"], user.get("token"), authority)
