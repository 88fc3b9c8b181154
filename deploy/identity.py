"""Who may speak to the local cluster, and as whom: its address and tokens, kept over restarts, and a kubeconfig each.

The worker and the watcher are the service accounts of `deploy/rbac.yaml` here as in any cluster, by a static token in
the place of one that Kubernetes would mount into a pod. So a right that is missing there is missed here first.
"""

import secrets
import subprocess
from pathlib import Path

import msgspec

from deploy.kubeconfig import write_local, write_privately
from deploy.placing import free_port

RBAC = Path(__file__).parent / "rbac.yaml"
NAMESPACE = "server-orchestrator"  # of the two accounts, in rbac.yaml
CERTIFICATE_HOURS = 87600


class User(msgspec.Struct, frozen=True):
    """Someone with a token: whom the API server takes them for, and the file that they find it in."""

    name: str
    kubeconfig: str
    groups: tuple[str, ...] = ()


def service_account(name: str) -> User:
    """One of the accounts of rbac.yaml, with the groups that every service account is in."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}")
    return User(f"system:serviceaccount:{NAMESPACE}:{name}", f"{name}.kubeconfig", groups)


ADMIN = User("admin", "kubeconfig", ("system:masters",))
COMPONENTS = (
    User("system:kube-controller-manager", "controllers.kubeconfig"),
    User("system:kube-scheduler", "scheduler.kubeconfig"),
    User("kwok", "kwok.kubeconfig", ("system:masters",)),
)
WORKER, WATCHER = service_account("worker"), service_account("watcher")
USERS = (ADMIN, *COMPONENTS, WORKER, WATCHER)


class Identity(msgspec.Struct, frozen=True):
    """What must stay the same over restarts, kept in `identity.json`: the address, and each user's token by name."""

    port: int
    tokens: dict[str, str] = {}

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.port}"


def load_identity(state: Path) -> Identity:
    """The recorded identity, or a new one. The port changes only if someone else took it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = state / "identity.json"
    known = msgspec.json.decode(file.read_bytes(), type=Identity) if file.exists() else Identity(port=0)
    tokens = {user.name: known.tokens.get(user.name) or secrets.token_urlsafe(24) for user in USERS}
    identity = Identity(free_port(known.port or None), tokens)
    write_privately(file, msgspec.json.encode(identity))
    return identity


def write_credentials(state: Path, identity: Identity, programs: Path) -> None:
    """The certificate (made once), the table of tokens, and a kubeconfig for all but worker and watcher.

    Those two get theirs by `hand_out`, once their rights stand: a refused write is taken for final, while a kubeconfig
    that is not there yet is waited for. What an earlier run gave them goes, for it may name another port.
    """
    certificate = state / "cert.pem"
    if not certificate.exists() or not (state / "key.pem").exists():
        made = [str(programs / "generate-cert"), "--ca", "--ecdsa-curve=P256", "--host=127.0.0.1,localhost"]
        made.append(f"--duration={CERTIFICATE_HOURS}h")
        subprocess.run(made, cwd=state, check=True, capture_output=True)  # noqa: S603
    rows = [f'{identity.tokens[user.name]},{user.name},{user.name},"{",".join(user.groups)}"' for user in USERS]
    write_privately(state / "tokens.csv", "\n".join(rows).encode())
    for user in (WORKER, WATCHER):
        (state / user.kubeconfig).unlink(missing_ok=True)
    hand_out(state, identity, ADMIN, *COMPONENTS)


def hand_out(state: Path, identity: Identity, *users: User) -> None:
    """Write the kubeconfig of each."""
    for user in users:
        write_local(state / user.kubeconfig, identity.server, state / "cert.pem", user.name, identity.tokens[user.name])
