"""The programs of the local control plane and their flags: the real ones, with kwok in the place of machines."""

import signal
from pathlib import Path

from deploy.children import Program
from deploy.go_toolchain import LOCAL
from deploy.identity import Identity

STAGES = LOCAL / "stages"
ETCD = "unix://etcd.sock"
# A paused simulator (a benchmark) must not make the controllers think that the node is lost.
NODE_GRACE = "10m"


def control_plane(state: Path, identity: Identity, programs: Path) -> list[Program]:
    """The five programs. Killed hard when we die: the store is a scratch one, and nothing may be left running."""
    return [
        component(state, programs, "etcd", etcd_flags()),
        component(state, programs, "kube-apiserver", apiserver_flags(identity)),
        component(state, programs, "kube-controller-manager", controller_flags()),
        component(state, programs, "kube-scheduler", scheduler_flags()),
        component(state, programs, "kwok", kwok_flags()),
    ]


def component(state: Path, programs: Path, name: str, flags: list[str]) -> Program:
    """One of them, run in the state folder with a log of its own."""
    return Program(
        name=name,
        command=[str(programs / name), *flags],
        log=state / f"{name}.log",
        directory=str(state),
        death_signal=signal.SIGKILL,
        grace_seconds=1,
    )


def etcd_flags() -> list[str]:
    """One member, no fsync: a local cluster's state need not survive the machine."""
    peer = "unix://peer.sock"
    return [
        "--name=local",
        "--data-dir=etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=local={peer}",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=30m",
        "--log-level=warn",
    ]


def apiserver_flags(identity: Identity) -> list[str]:
    """RBAC, real service accounts and every default admission plug-in: what a real cluster would refuse, it refuses."""
    return [
        f"--etcd-servers={ETCD}",
        "--bind-address=127.0.0.1",
        f"--secure-port={identity.port}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--tls-cert-file=cert.pem",
        "--tls-private-key-file=key.pem",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/12",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-account-signing-key-file=key.pem",
        "--service-account-key-file=cert.pem",
        "--profiling=false",
    ]


def controller_flags() -> list[str]:
    """All controllers, each with its own service account. The request limit is raised: nobody else needs protecting."""
    return [
        "--kubeconfig=controllers.kubeconfig",
        "--controllers=*",
        "--use-service-account-credentials=true",
        "--service-account-private-key-file=key.pem",
        "--root-ca-file=cert.pem",
        "--enable-hostpath-provisioner=true",
        f"--node-monitor-grace-period={NODE_GRACE}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--profiling=false",
    ]


def scheduler_flags() -> list[str]:
    """One scheduler, so no election."""
    return ["--kubeconfig=scheduler.kubeconfig", "--leader-elect=false", "--secure-port=0", "--kube-api-qps=500"]


def kwok_flags() -> list[str]:
    """Every node is simulated, by our own stages."""
    stages = [f"--config={file}" for file in sorted(STAGES.glob("*.yaml"))]
    return [
        "--kubeconfig=kwok.kubeconfig",
        "--manage-all-nodes",
        "--node-lease-duration-seconds=40",
        "--cidr=10.128.0.0/10",
        *stages,
    ]
