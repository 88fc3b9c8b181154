"""A real mutating webhook: the API server calls it over TLS at each write, and it rewrites a field of ours."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tests.conftest import ControlPlane

Patch = list[dict[str, Any]]


class Webhook(msgspec.Struct):
    """What it answers to each object, and how often it was asked; in threads of the test's process."""

    patch: Patch
    calls: int = 0


@contextmanager
def rewriting(plane: ControlPlane, namespace: str, kind: tuple[str, str, str], patch: Patch) -> Iterator[Webhook]:
    """Have each write of a kind (group, version, plural) in a namespace patched, by the cluster's own certificate."""
    webhook = Webhook(patch)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(webhook))
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(plane.state / "cert.pem", plane.state / "key.pem")
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = f"rewriter-{namespace}"
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(registration(plane, name, namespace, kind, server.server_port)))
    try:
        yield webhook
    finally:
        plane.kubectl("delete", "mutatingwebhookconfiguration", name)
        server.shutdown()
        server.server_close()


def registration(
    plane: ControlPlane, name: str, namespace: str, kind: tuple[str, str, str], port: int
) -> dict[str, Any]:
    group, version, plural = kind
    authority = base64.b64encode((plane.state / "cert.pem").read_bytes()).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "rewriter.example.com",
                "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": authority},
                "rules": [
                    {
                        "apiGroups": [group],
                        "apiVersions": [version],
                        "resources": [plural],
                        "operations": ["CREATE", "UPDATE"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def handler(webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            webhook.calls += 1
            patch = base64.b64encode(json.dumps(webhook.patch).encode()).decode()
            response = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
            body = json.dumps(
                {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing on the terminal."""

    return Handler
