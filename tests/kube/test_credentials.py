"""Every way into a cluster, against the real API server; and that a secret is never shown."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube import credentials
from kube.cluster import Cluster
from kube.credentials import Authorization, load, load_in_cluster
from kube.errors import CredentialsError, Unavailable
from kube.settings import ClusterSettings
from tests.conftest import ControlPlane


@pytest.fixture
def config(control_plane: ControlPlane) -> dict[str, Any]:
    """The cluster's own kubeconfig, to be bent."""
    return yaml.safe_load(control_plane.kubeconfig.read_text())


def written(config: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


async def works(found: credentials.Credentials) -> bool:
    async with Cluster(found) as cluster:
        return await cluster.get("Namespace", None, "default") is not None


async def test_a_token_in_the_file(control_plane: ControlPlane) -> None:
    assert await works(load(control_plane.kubeconfig, None, in_cluster=False))


async def test_a_token_in_a_file_of_its_own_is_followed_when_it_is_rotated(
    control_plane: ControlPlane, config: dict[str, Any], tmp_path: Path
) -> None:
    assert control_plane.token is not None
    (tmp_path / "token").write_text("not yet")
    config["users"][0]["user"] = {"tokenFile": "token"}
    async with Cluster(load(written(config, tmp_path), None, in_cluster=False)) as cluster:
        assert not await reached(cluster)
        (tmp_path / "token").write_text(control_plane.token + "\n")
        assert await reached(cluster)


async def reached(cluster: Cluster) -> bool:
    return await cluster.ready()


async def test_an_authority_given_inline_and_one_given_by_name(
    control_plane: ControlPlane, config: dict[str, Any], tmp_path: Path
) -> None:
    authority = load(control_plane.kubeconfig, None, in_cluster=False).ca
    assert authority is not None
    section = config["clusters"][0]["cluster"]
    section.pop("certificate-authority", None)
    section["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    assert await works(load(written(config, tmp_path), None, in_cluster=False))
    section.pop("certificate-authority-data")
    (tmp_path / "ca.pem").write_text(authority)
    section["certificate-authority"] = "ca.pem"
    assert await works(load(written(config, tmp_path), None, in_cluster=False))


async def test_an_unknown_authority_is_refused_unless_told_otherwise(config: dict[str, Any], tmp_path: Path) -> None:
    section = config["clusters"][0]["cluster"]
    section.pop("certificate-authority", None)
    section.pop("certificate-authority-data", None)
    async with Cluster(load(written(config, tmp_path), None, in_cluster=False)) as cluster:
        with pytest.raises(Unavailable) as refused:
            await cluster.version()
    assert refused.value.reason == "tls"
    section["insecure-skip-tls-verify"] = True
    assert await works(load(written(config, tmp_path), None, in_cluster=False))


async def test_a_plugin_logs_in_in_a_child_process(
    control_plane: ControlPlane, config: dict[str, Any], tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        f"#!{sys.executable}\nimport json\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        f" 'status': {{'token': '{control_plane.token}', 'expirationTimestamp': '2099-01-01T00:00:00Z'}}}}))\n"
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    config["users"][0]["user"] = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    }
    found = load(written(config, tmp_path), None, in_cluster=False)
    assert await works(found)
    assert found.expires_at is not None
    assert not Authorization(found).expiring()
    assert credentials.reload(found) == found


def test_a_plugin_that_fails_says_why(config: dict[str, Any], tmp_path: Path) -> None:
    config["users"][0]["user"] = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    }
    with pytest.raises(CredentialsError, match="login of context"):
        load(written(config, tmp_path), None, in_cluster=False)


async def test_a_service_account_is_read_from_the_pod_and_its_token_when_rotated(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control_plane.kubectl("create", "serviceaccount", "agent", "-n", namespace)
    grant = ("create", "clusterrolebinding", f"agent-{namespace}", "--clusterrole=view")
    control_plane.kubectl(*grant, f"--serviceaccount={namespace}:agent")
    authority = load(control_plane.kubeconfig, None, in_cluster=False).ca
    assert authority is not None
    (tmp_path / "ca.crt").write_text(authority)
    (tmp_path / "token").write_text("expired")
    host, port = control_plane.server.removeprefix("https://").split(":")
    found = load_in_cluster(tmp_path, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})
    try:
        async with Cluster(found) as cluster:
            assert not await cluster.ready()
            (tmp_path / "token").write_text(control_plane.kubectl("create", "token", "agent", "-n", namespace))
            assert (await cluster.list("ConfigMap", namespace=namespace)).resource_version > 0
    finally:
        control_plane.kubectl("delete", "clusterrolebinding", f"agent-{namespace}")


def test_nobodys_current_context_is_used_by_accident(
    control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    with pytest.raises(CredentialsError, match="no cluster was named"):
        load(None, None, in_cluster=False)
    name = yaml.safe_load(control_plane.kubeconfig.read_text())["current-context"]
    assert load(None, name, in_cluster=False).server == control_plane.server


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda config: config.pop("current-context"), "no current context"),
        (lambda config: config.update(clusters=[]), "no cluster named"),
        (lambda config: config["clusters"][0]["cluster"].pop("server"), "has no server"),
        (lambda config: config["clusters"][0]["cluster"].update({"certificate-authority": "gone.pem"}), "gone.pem"),
    ],
)
def test_a_broken_kubeconfig_says_what_is_missing(
    config: dict[str, Any], tmp_path: Path, spoil: Any, told: str
) -> None:
    config["clusters"][0]["cluster"].pop("certificate-authority-data", None)
    spoil(config)
    with pytest.raises(CredentialsError, match=told):
        load(written(config, tmp_path), None, in_cluster=False)


def test_outside_a_cluster_the_service_account_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="not inside a cluster"):
        load_in_cluster(tmp_path, {})


def test_credentials_never_show_what_they_hold(control_plane: ControlPlane) -> None:
    found = load(control_plane.kubeconfig, None, in_cluster=False)
    assert str(control_plane.token) not in f"{found!r} {found} {[found]}"


def test_settings_come_from_the_environment(control_plane: ControlPlane) -> None:
    settings = ClusterSettings.from_environment(
        {
            "ORCHESTRATOR_CLUSTER": "eu",
            "ORCHESTRATOR_KUBECONFIG": str(control_plane.kubeconfig),
            "ORCHESTRATOR_CONTEXT": "",
        }
    )
    assert (settings.name, settings.context, settings.in_cluster) == ("eu", None, False)
    assert settings.credentials().server == control_plane.server


def test_the_official_client_stays_out_of_a_process_that_needs_no_login(control_plane: ControlPlane) -> None:
    code = (
        "import sys; from pathlib import Path; import kube.cluster, kube.watch, kube.credentials as c;"
        f"c.load(Path({str(control_plane.kubeconfig)!r}), None, False); sys.exit('kubernetes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
