"""What admission changed on the way: only fields of ours, neither defaults nor another spelling of the same amount."""

from typing import Any

import msgspec
import pytest

from kube.admission import altered
from kube.live import decode_live
from kube.transport import warning_text

OWNED = {
    "f:metadata": {"f:labels": {"f:a": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:rules": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:resources": {"f:requests": {"f:cpu": {}}},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                    }
                }
            }
        },
    },
}


def manifest(**changes: Any) -> dict[str, Any]:
    values = {"replicas": 2, "image": "web:1", "cpu": "1000m", "label": "x", "rules": [{"host": "h"}]} | changes
    container = {
        "name": "web",
        "image": values["image"],
        "resources": {"requests": {"cpu": values["cpu"]}},
        "ports": [{"containerPort": 80}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "lobby", "namespace": "games", "labels": {"a": values["label"]}},
        "spec": {
            "replicas": values["replicas"],
            "rules": values["rules"],
            "template": {"spec": {"containers": [container]}},
        },
    }


def found(**changes: Any) -> list[tuple[str, Any, Any]]:
    answer = manifest(**changes)
    entry = {
        "manager": "server-orchestrator",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": OWNED,
    }
    answer["metadata"] |= {"uid": "u", "resourceVersion": "7", "managedFields": [entry]}
    answer["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar", "image": "proxy:1"})
    answer["spec"]["progressDeadlineSeconds"] = 600
    live = decode_live(msgspec.json.encode(answer), "apps/v1", "Deployment")
    return [(one.path, one.sent, one.becomes) for one in altered(manifest(), live)]


@pytest.mark.parametrize("cpu", ["1000m", "1", "1.0", "1000000u"])
def test_what_is_only_written_otherwise_or_added_is_no_change(cpu: str) -> None:
    assert found(cpu=cpu, rules=[{"host": "h", "pathType": "Prefix"}]) == []


def test_what_is_changed_is_told_by_its_path() -> None:
    assert found(replicas=1, image="mirror/web:1", cpu="2", label="y") == [
        ("metadata.labels.a", "x", "y"),
        ("spec.replicas", 2, 1),
        ("spec.template.spec.containers[name=web].image", "web:1", "mirror/web:1"),
        ("spec.template.spec.containers[name=web].resources.requests.cpu", "1000m", "2"),
    ]


def test_a_list_that_is_one_value_is_told_as_one() -> None:
    assert found(rules=[{"host": "other"}]) == [("spec.rules", [{"host": "h"}], [{"host": "other"}])]
    assert found(rules=[{"host": "h"}, {"host": "more"}]) != []


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ('299 - "mind the step"', "mind the step"),
        ('299 - "say \\"please\\"" "Tue, 24 Nov 2026 04:00:00 GMT"', 'say "please"'),
        ("no header at all", "no header at all"),
    ],
)
def test_a_warning_is_read_as_it_is_meant(header: str, text: str) -> None:
    assert warning_text(header) == text
