"""Pod Security "restricted", judged when a template is written and at every rendering that could break it."""

import copy
import json
from typing import Any

import pytest

from tests.db.stage import Stage, refused

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": "i",
            "ports": [{"containerPort": 80}],
            "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
    "volumes": [{"name": "data", "emptyDir": {}}],
}
AT = "0.spec.template.spec"
MAIN = f"{AT}.containers[name=main]"


def merged(before: Any, change: Any) -> Any:
    """Objects are merged, lists element by element, the rest replaced."""
    if isinstance(before, dict) and isinstance(change, dict):
        return {key: merged(before.get(key), change.get(key, before.get(key))) for key in before | change}
    if isinstance(before, list) and isinstance(change, list):
        return [merged(a, b) for a, b in zip(before, change, strict=False)] + change[len(before) :]
    return copy.deepcopy(change)


def main(**changes: Any) -> dict[str, Any]:
    return {"containers": [changes]}


def put(
    stage: Stage,
    pod: dict[str, Any],
    properties: dict[str, Any] | None = None,
    kind: str = "Deployment",
    **template: Any,
) -> None:
    workload = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "${name}"},
        "spec": {"template": {"spec": pod, **template}},
    }
    stage.admin.execute(
        "SELECT put_template('pod', %s, %s)", (json.dumps([workload]), json.dumps({"properties": properties or {}}))
    )


def test_a_restricted_pod_is_taken(stage: Stage) -> None:
    put(stage, GOOD)
    put(stage, GOOD, kind="StatefulSet")
    put(stage, merged(GOOD, main(securityContext={"capabilities": {"add": ["NET_BIND_SERVICE"]}})))
    put(stage, merged(GOOD, {"serviceAccountName": "default", "hostNetwork": False}))
    put(stage, merged(GOOD, {"serviceAccountName": ""}))
    assert stage.one("SELECT count(*) FROM templates WHERE name = 'pod'") == 5


VIOLATIONS: list[tuple[dict[str, Any], str]] = [
    ({"hostNetwork": True}, f"{AT}.hostNetwork"),
    ({"hostPID": True}, f"{AT}.hostPID"),
    ({"hostIPC": True}, f"{AT}.hostIPC"),
    ({"serviceAccountName": "admin"}, f"{AT}.serviceAccountName"),
    ({"serviceAccount": "admin"}, f"{AT}.serviceAccount"),
    ({"volumes": [{"emptyDir": None}, {"name": "h", "hostPath": {"path": "/"}}]}, f"{AT}.volumes"),
    ({"volumes": [{"emptyDir": None}, {"name": "n", "nfs": {"server": "s", "path": "/"}}]}, f"{AT}.volumes"),
    ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, f"{AT}.securityContext.sysctls"),
    ({"securityContext": {"runAsUser": 0}}, f"{AT}.securityContext.runAsUser"),
    ({"securityContext": {"runAsNonRoot": False}}, f"{MAIN}.securityContext.runAsNonRoot"),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, f"{AT}.securityContext.seccompProfile"),
    ({"securityContext": {"seccompProfile": None}}, f"{MAIN}.securityContext.seccompProfile"),
    ({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}, f"{AT}.securityContext.seLinuxOptions"),
    ({"securityContext": {"seLinuxOptions": {"user": "root"}}}, f"{AT}.securityContext.seLinuxOptions"),
    ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, f"{AT}.securityContext.appArmorProfile"),
    (
        {"securityContext": {"windowsOptions": {"hostProcess": True}}},
        f"{AT}.securityContext.windowsOptions.hostProcess",
    ),
    ({"securityContext": None}, f"{MAIN}.securityContext.runAsNonRoot"),
    (main(securityContext={"privileged": True}), f"{MAIN}.securityContext.privileged"),
    (main(securityContext={"allowPrivilegeEscalation": True}), f"{MAIN}.securityContext.allowPrivilegeEscalation"),
    (main(securityContext={"allowPrivilegeEscalation": None}), f"{MAIN}.securityContext.allowPrivilegeEscalation"),
    (main(securityContext={"runAsUser": 0}), f"{MAIN}.securityContext.runAs"),
    (main(securityContext={"runAsNonRoot": False}), f"{MAIN}.securityContext.runAsNonRoot"),
    (main(securityContext={"capabilities": None}), f"{MAIN}.securityContext.capabilities.drop"),
    (main(securityContext={"capabilities": {"drop": ["NET_RAW"]}}), f"{MAIN}.securityContext.capabilities.drop"),
    (main(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), f"{MAIN}.securityContext.capabilities.add"),
    (main(securityContext={"seccompProfile": {"type": "Unconfined"}}), f"{MAIN}.securityContext.seccompProfile"),
    (main(securityContext={"seLinuxOptions": {"role": "r"}}), f"{MAIN}.securityContext.seLinuxOptions"),
    (main(securityContext={"procMount": "Unmasked"}), f"{MAIN}.securityContext.procMount"),
    (main(securityContext=None), f"{MAIN}.securityContext.allowPrivilegeEscalation"),
    (main(ports=[{"hostPort": 25565}]), f"{MAIN}.ports"),
    (main(readinessProbe={"httpGet": {"host": "169.254.169.254"}}), f"{MAIN}.host"),
    (main(lifecycle={"preStop": {"tcpSocket": {"host": "db", "port": 1}}}), f"{MAIN}.host"),
    ({"initContainers": [{"name": "init", "image": "i"}]}, f"{AT}.initContainers[name=init]"),
    ({"ephemeralContainers": [{"name": "debug", "image": "i"}]}, f"{AT}.ephemeralContainers[name=debug]"),
]


@pytest.mark.parametrize(("change", "path"), VIOLATIONS, ids=[json.dumps(v[0])[:60] for v in VIOLATIONS])
def test_a_violation_in_a_template_is_refused(quiet_stage: Stage, change: dict[str, Any], path: str) -> None:
    with refused("SO422", path, "restricted"):
        put(quiet_stage, merged(GOOD, change))


@pytest.mark.parametrize(("change", "path"), VIOLATIONS, ids=[json.dumps(v[0])[:60] for v in VIOLATIONS])
def test_a_violation_in_a_pod_that_runs_by_the_clock_is_refused(
    quiet_stage: Stage, change: dict[str, Any], path: str
) -> None:
    job = {"template": {"spec": merged(GOOD, change)}}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "${name}"},
        "spec": {"schedule": "0 4 * * *", "jobTemplate": {"spec": job}},
    }
    with refused("SO422", path.replace(AT, "0.spec.jobTemplate.spec.template.spec"), "restricted"):
        quiet_stage.admin.execute("SELECT put_template('pod', %s, '{}')", (json.dumps([manifest]),))


def test_external_addresses_of_a_service_are_refused(quiet_stage: Stage) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "${name}"},
        "spec": {"externalIPs": ["1.2.3.4"]},
    }
    with refused("SO422", "0.spec.externalIPs"):
        quiet_stage.admin.execute("SELECT put_template('pod', %s, '{}')", (json.dumps([service]),))


def test_a_violation_behind_a_condition_is_refused_even_if_the_condition_is_off_by_default(quiet_stage: Stage) -> None:
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "$when": "extra",
        "metadata": {"name": "${name}"},
        "spec": {"template": {"spec": merged(GOOD, {"hostNetwork": True})}},
    }
    with refused("SO422", f"{AT}.hostNetwork"):
        quiet_stage.admin.execute(
            'SELECT put_template(\'pod\', %s, \'{"properties": {"extra": {"type": "boolean", "default": false}}}\')',
            (json.dumps([workload]),),
        )


GUARDED: list[tuple[dict[str, Any], dict[str, Any], Any, str]] = [
    ({"hostNetwork": {"$param": "p"}}, {"type": "boolean", "default": False}, True, f"{AT}.hostNetwork"),
    (
        {"serviceAccountName": {"$param": "p"}},
        {"type": "string", "default": "default"},
        "admin",
        f"{AT}.serviceAccountName",
    ),
    (
        {"securityContext": {"runAsUser": {"$param": "p"}}},
        {"type": "integer", "default": 1000},
        0,
        f"{AT}.securityContext.runAsUser",
    ),
    (
        main(securityContext={"privileged": {"$param": "p"}}),
        {"type": "boolean", "default": False},
        True,
        f"{MAIN}.securityContext.privileged",
    ),
    (
        main(securityContext={"capabilities": {"add": ["${p}"]}}),
        {"type": "string", "default": "NET_BIND_SERVICE"},
        "SYS_ADMIN",
        f"{MAIN}.securityContext.capabilities.add",
    ),
    (
        {"securityContext": {"seccompProfile": {"type": {"$param": "p"}}}},
        {"type": "string", "default": "RuntimeDefault"},
        "Unconfined",
        f"{AT}.securityContext.seccompProfile",
    ),
    (main(ports=[{"hostPort": {"$param": "p"}}]), {"type": "integer", "default": 0}, 25565, f"{MAIN}.ports"),
    (main(readinessProbe={"httpGet": {"host": "${p}"}}), {"type": "string", "default": ""}, "metadata", f"{MAIN}.host"),
]


@pytest.mark.parametrize(("change", "schema", "value", "path"), GUARDED, ids=[g[3] for g in GUARDED])
def test_a_violation_through_a_parameter_is_refused_at_deploy_change_and_edit(
    stage: Stage, change: dict[str, Any], schema: dict[str, Any], value: Any, path: str
) -> None:
    put(stage, merged(GOOD, change), {"p": schema})
    own = stage.deploy("lobby", "pod")
    with refused("SO422", path, "restricted"):
        stage.deploy("other", "pod", {"p": value})
    with refused("SO422", path, "restricted"):
        stage.change(own, parameters={"p": value})
    spec = json.dumps(stage.deployment("lobby")["desired_spec_json"])
    default, bad = json.dumps(schema["default"]), json.dumps(value)
    keys = [
        key
        for key in ("hostNetwork", "serviceAccountName", "runAsUser", "privileged", "type", "hostPort", "host")
        if f'"{key}": {default}' in spec
    ]
    edited = (
        spec.replace(f'"{keys[0]}": {default}', f'"{keys[0]}": {bad}')
        if keys
        else spec.replace(f"[{default}]", f"[{bad}]")
    )
    assert edited != spec
    with refused("SO422", path, "restricted"):
        stage.change(own, desired_spec_json=json.loads(edited))
    assert stage.deployment("lobby")["generation"] == 1
    assert stage.one("SELECT count(*) FROM deployments") == 1
