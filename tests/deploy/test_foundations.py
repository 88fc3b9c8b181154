"""The fixtures themselves: that what every other test stands on is real."""

import psycopg
import pytest

from deploy.postgres import EmbeddedPostgres
from tests.conftest import ControlPlane
from tests.waiting import eventually_blocking

POD_THAT_FAILS = """
apiVersion: v1
kind: Pod
metadata: {{name: doomed, labels: {{server-orchestrator.io/simulate: {failure}}}}}
spec: {{containers: [{{name: game, image: example/game}}]}}
"""


def test_postgres_listens_on_loopback_only_and_wants_a_password(postgres_server: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres_server.dsn()) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('server_version_num')::int"
        )
        addresses, version = row.fetchone()
    assert addresses == "127.0.0.1"
    assert version >= 150000
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.dsn(password="wrong"))


def test_a_pod_becomes_ready_and_each_simulated_failure_shows_its_reason(
    control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl("run", "well", "--image=example/game", "-n", namespace)
    wanted = {
        "image-pull-failure": ("Pending", "ImagePullBackOff", None),
        "crash-loop": ("Running", "CrashLoopBackOff", "Error"),
        "out-of-memory": ("Running", "CrashLoopBackOff", "OOMKilled"),
        "never-ready": ("Running", None, None),
    }
    for failure in wanted:
        manifest = POD_THAT_FAILS.format(failure=failure).replace("doomed", failure)
        control_plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=manifest)

    def seen(name: str) -> tuple[str, bool, str | None, str | None]:
        status = control_plane.read(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]
        container = status.get("containerStatuses", [{}])[0]
        waiting = container.get("state", {}).get("waiting", {}).get("reason")
        last = container.get("lastState", {}).get("terminated", {}).get("reason")
        return status["phase"], container.get("ready", False), waiting, last

    eventually_blocking(lambda: seen("well") == ("Running", True, None, None), describe=lambda: seen("well"))
    for failure, (phase, waiting, last) in wanted.items():
        expected = (phase, False, waiting, last)
        eventually_blocking(lambda: seen(failure) == expected, describe=lambda: (failure, seen(failure)))  # noqa: B023


def test_a_claim_is_bound_to_a_volume(control_plane: ControlPlane, namespace: str) -> None:
    claim = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: world}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=claim)
    eventually_blocking(
        lambda: control_plane.get("pvc", "world", "-n", namespace)["status"].get("phase") == "Bound",
        describe="a bound claim",
    )
