"""Labels and owners: what is put where, and what must never be."""

from kube.naming import dress, rendered_hash, root_manifest
from tests.kube.conftest import Manifest, claim, config_map, workload


def dressed(manifest: Manifest, generation: int = 3) -> Manifest:
    return dress(
        manifest, deployment_id="d-1", generation=generation, template_version=2, root_uid="u-1", root_name="lobby-root"
    )


def test_an_object_tells_whose_it_is_and_keeps_its_own_labels() -> None:
    manifest = config_map("games")
    manifest["metadata"]["labels"] = {"app": "lobby"}
    assert dressed(manifest)["metadata"]["labels"] == {
        "app": "lobby",
        "app.kubernetes.io/managed-by": "server-orchestrator",
        "server-orchestrator.io/deployment-id": "d-1",
        "server-orchestrator.io/generation": "3",
        "server-orchestrator.io/template-version": "2",
    }
    assert manifest["metadata"]["labels"] == {"app": "lobby"}


def test_a_pod_template_tells_whose_it_is_but_nothing_that_changes_with_each_intent() -> None:
    labels = dressed(workload("games"))["spec"]["template"]["metadata"]["labels"]
    assert labels == {
        "app": "game",
        "app.kubernetes.io/managed-by": "server-orchestrator",
        "server-orchestrator.io/deployment-id": "d-1",
    }
    assert dressed(workload("games"), 4)["spec"] == dressed(workload("games"), 5)["spec"]


def test_the_pods_of_a_cron_job_are_waited_for_and_not_watched() -> None:
    pods = {"metadata": {"labels": {"app": "backup"}}, "spec": {"containers": []}}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "backup", "namespace": "games"},
        "spec": {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": pods, "backoffLimit": 0}}},
    }
    found = dressed(manifest)["spec"]["jobTemplate"]["spec"]
    assert found["template"]["metadata"]["labels"] == {"app": "backup", "server-orchestrator.io/deployment-id": "d-1"}
    assert found["backoffLimit"] == 0
    assert pods["metadata"] == {"labels": {"app": "backup"}}


def test_everything_but_a_claim_is_owned_by_the_root() -> None:
    (owner,) = dressed(workload("games"))["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "ConfigMap", "name": "lobby-root", "uid": "u-1"}
    assert "ownerReferences" not in dressed(claim("games"))["metadata"]


def test_the_root_names_its_deployment() -> None:
    root = root_manifest("d-1", "lobby", "games")
    assert root["metadata"] == {"name": "lobby-root", "namespace": "games"}
    assert root["data"] == {"deployment-id": "d-1", "name": "lobby"}


def test_the_rendered_hash_sees_every_change_but_the_generation() -> None:
    plain = rendered_hash(dressed(workload("games"), 1))
    assert rendered_hash(dressed(workload("games"), 2)) == plain
    changed = workload("games")
    changed["spec"]["replicas"] = 0
    assert rendered_hash(dressed(changed, 1)) != plain
