"""The child process that logs in: runs the official client's exec, OIDC and cloud plugins, prints the outcome.

Run as `python -m kube.login KUBECONFIG CONTEXT`; its parent is `kube.credentials`, the answer goes to its pipe.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import msgspec

from kube.credentials import Credentials, Source


async def log_in(kubeconfig: str, context: str) -> Credentials:
    """Log in by whatever the context asks for. Raises what the official client raises."""
    from kubernetes.aio import config  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    outcome: Any = Configuration()
    untyped: Any = config
    loader = await untyped.load_kube_config(kubeconfig, context=context, client_configuration=outcome)
    authorization = outcome.api_key.get("BearerToken")
    if authorization is None and outcome.cert_file is None:
        raise RuntimeError("the login gave neither a token nor a certificate")
    expiry = getattr(loader, "exec_plugin_expiry", None)
    return Credentials(
        server=outcome.host,
        source=Source("login", kubeconfig, context),
        ca=_text(outcome.ssl_ca_cert),
        client_certificate=_text(outcome.cert_file),
        client_key=_text(outcome.key_file),
        insecure=not outcome.verify_ssl,
        server_name=getattr(outcome, "tls_server_name", None),
        proxy=outcome.proxy,
        authorization=authorization,
        expires_at=expiry.timestamp() if expiry is not None else None,
    )


def _text(path: str | None) -> str | None:
    return Path(path).read_text("utf-8") if path else None


def main() -> None:
    """Print the credentials as JSON, or say on stderr why there are none."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(message)s")
    _, kubeconfig, context = sys.argv
    try:
        found = asyncio.run(log_in(kubeconfig, context))
    except Exception as error:  # the whole process is one attempt; its parent reads the reason
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
