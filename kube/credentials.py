"""Who we are to a cluster: read a kubeconfig or the pod's service account, and read it again when it is refused.

Plain kubeconfigs (token, client certificate, basic) are read here. Those that need a login (exec plugins, OIDC, cloud
providers) go through the official client in a short-lived child process, because its import costs 2.4 s and 75 MB that
a worker would carry for ever. Nobody's current context is used unless its kubeconfig was named.
"""

import base64
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from kube.errors import CredentialsError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# A login by plugin may ask a cloud or open a browser; past this nobody is coming.
LOGIN_SECONDS = 60.0
# client-go reads a rotated token at most a minute late; tokens overlap for much longer than this.
TOKEN_CHECK_SECONDS = 10.0
# A plugin's credentials are renewed this long before they end.
RENEW_EARLY_SECONDS = 10.0


class Source(msgspec.Struct, frozen=True):
    """Where credentials came from, so that they can be read again."""

    kind: Literal["static", "in-cluster", "login"]
    kubeconfig: str | None = None
    context: str | None = None


class Credentials(msgspec.Struct, frozen=True):
    """All that is needed to reach one API server. Never log it: it holds secrets, and its repr hides them."""

    server: str
    source: Source
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = None
    # The whole Authorization header; a token file wins over it.
    authorization: str | None = None
    token_file: str | None = None
    expires_at: float | None = None

    def __repr__(self) -> str:
        """Where, not what."""
        return f"Credentials(server={self.server!r}, source={self.source.kind!r})"

    def ssl_context(self) -> ssl.SSLContext | None:
        """How to speak TLS with the server, or None for plain HTTP."""
        if not self.server.startswith("https:"):
            return None
        context = ssl.create_default_context(cadata=self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate and self.client_key:
            _load_client_certificate(context, self.client_certificate, self.client_key)
        return context


class Authorization:
    """The Authorization header of the moment: follows a rotated token file without being told."""

    def __init__(self, credentials: Credentials) -> None:
        """Read the token file, if there is one, at the first use."""
        self._fixed = credentials.authorization
        self._path = credentials.token_file
        self._expires_at = credentials.expires_at
        self._value: str | None = None
        self._checked = float("-inf")

    def header(self) -> str | None:
        """The header's value. Raises CredentialsError if a token file has become unreadable."""
        if self._path is None:
            return self._fixed
        now = time.monotonic()
        if now - self._checked > TOKEN_CHECK_SECONDS:
            try:
                self._value = "Bearer " + Path(self._path).read_text("utf-8").strip()
            except OSError as error:
                raise CredentialsError(f"cannot read the token file {self._path}: {error.strerror}") from error
            self._checked = now
        return self._value

    def expiring(self) -> bool:
        """Whether the credentials end so soon that they should be renewed now."""
        return self._expires_at is not None and time.time() > self._expires_at - RENEW_EARLY_SECONDS


def load(kubeconfig: Path | None, context: str | None, in_cluster: bool) -> Credentials:
    """Read the credentials of one cluster.

    With a kubeconfig its named or current context; with a context alone that context of the user's own kubeconfig;
    with `in_cluster` the pod's service account. With nothing: CredentialsError, never the user's current context.
    Blocks (up to LOGIN_SECONDS where a plugin must log in), so call it in a thread once a loop runs.
    """
    if in_cluster:
        return load_in_cluster(SERVICE_ACCOUNT, os.environ)
    if kubeconfig is None:
        if context is None:
            raise CredentialsError("no cluster was named: give a kubeconfig, a context, or in-cluster")
        kubeconfig = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config").expanduser()
    return _load_kubeconfig(kubeconfig, context)


def reload(credentials: Credentials) -> Credentials:
    """Read the same source again, e.g. after a 401. Blocks as `load` does."""
    source = credentials.source
    if source.kubeconfig is None:
        # A service account's token is read from its file anyway; what was given by hand has no other source.
        return credentials
    return load(Path(source.kubeconfig), source.context, in_cluster=False)


def load_in_cluster(directory: Path, environment: Mapping[str, str]) -> Credentials:
    """The service account that Kubernetes mounts into a pod at `directory`."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise CredentialsError("not inside a cluster: KUBERNETES_SERVICE_HOST and _PORT are not set")
    return Credentials(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        source=Source("in-cluster"),
        ca=_read(directory / "ca.crt", "the service account's authority"),
        token_file=str(directory / "token"),
    )


def _load_kubeconfig(path: Path, context: str | None) -> Credentials:
    """Raises CredentialsError naming the file and what is missing in it."""
    try:
        config: dict[str, Any] = yaml.safe_load(_read(path, "the kubeconfig")) or {}
    except yaml.YAMLError as error:
        raise CredentialsError(f"the kubeconfig {path} is not YAML: {error}") from error
    name = context or config.get("current-context")
    if not name:
        raise CredentialsError(f"the kubeconfig {path} has no current context: name one")
    chosen = _named(config, "contexts", "context", name, path)
    cluster = _named(config, "clusters", "cluster", chosen.get("cluster", ""), path)
    user = _named(config, "users", "user", chosen["user"], path) if chosen.get("user") else {}
    if "server" not in cluster:
        raise CredentialsError(f"the cluster of context {name!r} in {path} has no server")
    if "exec" in user or "auth-provider" in user:
        return _log_in(path, name)
    here = path.parent
    return Credentials(
        server=str(cluster["server"]).rstrip("/"),
        source=Source("static", str(path), name),
        ca=_text(cluster, "certificate-authority", here),
        client_certificate=_text(user, "client-certificate", here),
        client_key=_text(user, "client-key", here),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
        authorization=_authorization(user),
        token_file=str(here / user["tokenFile"]) if user.get("tokenFile") else None,
    )


def _log_in(path: Path, context: str) -> Credentials:
    """Let the official client log in, in a child process that hands over the outcome and is gone."""
    command = [sys.executable, "-m", "kube.login", str(path), context]
    try:
        # Not a shell, and our own module: only the plugin it runs comes from the user's kubeconfig.
        done = subprocess.run(command, capture_output=True, timeout=LOGIN_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise CredentialsError(f"the login of context {context!r} took over {LOGIN_SECONDS:.0f} s") from error
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[-3:]
        raise CredentialsError(f"the login of context {context!r} failed: {' '.join(why) or 'no reason was given'}")
    return msgspec.json.decode(done.stdout, type=Credentials)


def _named(config: dict[str, Any], section: str, key: str, name: str, path: Path) -> dict[str, Any]:
    entries: list[dict[str, Any]] = config.get(section) or []
    for entry in entries:
        if entry.get("name") == name:
            return entry.get(key) or {}
    raise CredentialsError(f"the kubeconfig {path} has no {key} named {name!r}")


def _authorization(user: dict[str, Any]) -> str | None:
    if user.get("token"):
        return f"Bearer {user['token']}"
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return None


def _text(section: dict[str, Any], key: str, here: Path) -> str | None:
    """A PEM given inline (base64) or as a file beside the kubeconfig."""
    inline = section.get(f"{key}-data")
    if inline:
        return base64.b64decode(inline).decode()
    return _read(here / section[key], key) if section.get(key) else None


def _read(path: Path, what: str) -> str:
    try:
        return path.expanduser().read_text("utf-8")
    except OSError as error:
        raise CredentialsError(f"cannot read {what} at {path}: {error.strerror}") from error


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """The ssl module only takes a path, so the pair passes through memory where the system lets it."""
    descriptor = os.memfd_create("client") if hasattr(os, "memfd_create") else None
    if descriptor is not None:
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{certificate}\n{key}".encode())
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        return
    import tempfile  # noqa: PLC0415 - only where there is no memfd

    with tempfile.NamedTemporaryFile() as file:
        file.write(f"{certificate}\n{key}".encode())
        file.flush()
        context.load_cert_chain(file.name)
