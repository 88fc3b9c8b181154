"""Dry runs on a real API server: each refusal is shown before it happens, and nothing is written anywhere."""

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from db import dry_runs
from db.dry_runs import Answer
from kube.kinds import APPLIED
from kube.ownership import spell
from tests.intent import (
    REPLICAS,
    TEMPLATES,
    Intent,
    claim,
    config_map,
    cron_job,
    disruption_budget,
    ingress,
    network_policy,
    secret,
    service,
    workload,
)
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.waiting import eventually
from tests.workers.steps import Steps
from tests.workers.test_crashes import StartWorker, start_worker
from workers.dry_runs import answer

__all__ = ["start_worker"]


def ask(intent: Intent, deployment: str, **parameters: Any) -> int:
    """As an operator."""
    row = intent.operator.execute(
        "SELECT orchestrator.request_dry_run(%s, %s) AS id", (deployment, json.dumps(parameters))
    ).fetchone()
    return row["id"]


async def answered(intent: Intent, steps: Steps) -> dict[str, Answer]:
    """Take the one that is due, ask the cluster, and settle; the answers by object."""
    proposal = await dry_runs.claim_dry_run(steps.session, "default", "steps", 60)
    assert proposal is not None
    state, answers, message = await answer(proposal, steps.cluster)
    assert (state, message) == ("done", ""), (state, message)
    assert await dry_runs.settle_dry_run(steps.session, proposal, state, answers, message) == "settled"
    (row,) = intent.rows("SELECT * FROM orchestrator.dry_runs WHERE id = %s", proposal.dry_run_id)
    found = msgspec.convert(row["answers"], list[Answer])
    assert (row["state"], row["refused"]) == ("done", any(one.verdict == "refused" for one in found))
    return {f"{one.kind}/{one.name}": one for one in found}


def verdicts(answers: dict[str, Answer]) -> dict[str, str]:
    return {name: one.verdict for name, one in answers.items()}


@pytest.fixture
def nothing_happens(intent: Intent, outsider: Outsider, proxy: Proxy, namespace: str) -> Iterator[Callable[[], None]]:
    """Call it where all stands; at the end of the test neither the cluster nor any history has moved on since."""

    def stands(one: dict[str, Any]) -> Any:
        """Without what controllers write to objects of their own accord."""
        metadata = one["metadata"]
        theirs = one["kind"] in ("Deployment", "StatefulSet", "PersistentVolumeClaim")
        spec = {key: value for key, value in one.get("spec", {}).items() if key != "volumeName"}
        return (metadata.get("generation"), metadata["labels"], spec) if theirs else metadata["resourceVersion"]

    def standing() -> Any:
        objects = {
            (kind.name, one["metadata"]["name"]): stands({"kind": kind.name, **one})
            for kind in APPLIED
            for one in outsider.list(kind.name, namespace)
            if one["metadata"]["name"] != "kube-root-ca.crt"
        }
        tables = ("deployments", "deployment_events", "deployment_revisions", "deployment_resources", "reconcile_slots")
        return objects, {
            table: intent.rows(f"SELECT t::text FROM orchestrator.{table} t ORDER BY 1") for table in tables
        }

    before: list[Any] = []
    yield lambda: before.append((standing(), len(proxy.writes())))
    assert before, "the test has not said from when on nothing shall happen"
    was, writes = before[0]
    assert standing() == was
    assert [passed for passed in proxy.writes()[writes:] if not passed.is_about("dryRun=All")] == []


async def test_what_would_be_taken_is_told_object_by_object(
    intent: Intent, steps: Steps, nothing_happens: Callable[[], None]
) -> None:
    intent.put_template("full", [config_map(), secret(), claim(), service(), workload("Deployment", replicas=REPLICAS)])
    lobby = intent.deploy("lobby", "full")
    await steps.once(lobby)
    nothing_happens()
    ask(intent, lobby, greeting="hello", image="example/web:2")
    answers = await answered(intent, steps)
    assert verdicts(answers) == {
        "Deployment/lobby": "ok",
        "ConfigMap/lobby-env": "unchanged",
        "Secret/lobby-rcon": "unchanged",
        "PersistentVolumeClaim/lobby-data": "unchanged",
        "Service/lobby": "unchanged",
    }
    assert answers["Deployment/lobby"].altered == [], "defaults and quantities are no alterations"


async def test_what_is_not_made_yet_is_asked_about_with_all_it_has(
    intent: Intent, steps: Steps, nothing_happens: Callable[[], None], namespace: str
) -> None:
    intent.put_template(
        "full", [config_map(), secret(), claim(), service(), workload("StatefulSet", claim_name="${name}-data")]
    )
    nothing_happens()
    intent.operator.execute("SELECT orchestrator.request_new_dry_run('hub', 'full', namespace => %s)", (namespace,))
    answers = await answered(intent, steps)
    assert verdicts(answers) == dict.fromkeys(
        (
            "ConfigMap/hub-root",
            "ConfigMap/hub-env",
            "Secret/hub-rcon",
            "PersistentVolumeClaim/hub-data",
            "Service/hub",
            "StatefulSet/hub",
        ),
        "ok",
    )
    assert all(not one.altered for one in answers.values()), answers


async def test_a_used_up_quota_is_told_before_it_is_met(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, nothing_happens: Callable[[], None]
) -> None:
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"services": "0"}}}
    outsider.call("POST", path, body)
    await eventually(
        lambda: outsider.call("GET", f"{path}/q")[1].get("status", {}).get("hard"), describe="the quota to count"
    )
    lobby = intent.deploy("lobby")
    nothing_happens()
    ask(intent, lobby)
    answers = await answered(intent, steps)
    assert (answers["Service/lobby"].verdict, answers["Service/lobby"].category) == ("refused", "quota")
    assert "exceeded quota: q" in answers["Service/lobby"].message
    assert answers["ConfigMap/lobby-env"].verdict == "ok", "the others are asked about all the same"


async def test_a_limit_of_the_namespace_is_told_before_it_is_met(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, nothing_happens: Callable[[], None]
) -> None:
    limits = {"type": "PersistentVolumeClaim", "max": {"storage": "100Mi"}}
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limits]}}
    status, made = outsider.call("POST", f"/api/v1/namespaces/{namespace}/limitranges", body)
    assert status == 201, made
    intent.put_template("data", [claim()])
    lobby = intent.deploy("lobby", "data")
    nothing_happens()

    async def refused() -> bool:
        """The API server reads limits from a cache of its own."""
        ask(intent, lobby)
        found = (await answered(intent, steps))["PersistentVolumeClaim/lobby-data"]
        return (found.verdict, found.category) == ("refused", "denied") and "maximum storage" in found.message

    await eventually(refused, describe="the limit to hold")


@pytest.fixture
def policy(outsider: Outsider, namespace: str) -> Iterator[Callable[..., None]]:
    """Makes an admission policy of this namespace, built into the API server: no webhook answers for it."""
    made: list[str] = []

    def make(kind: str, version: str, spec: dict[str, Any], binding: dict[str, Any]) -> None:
        name = f"{namespace}-{uuid4().hex[:6]}"
        rules = [
            {
                "apiGroups": ["apps"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["deployments"],
            }
        ]
        where = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": rules,
        }
        group = f"/apis/admissionregistration.k8s.io/{version}"
        plural = {
            "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
            "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
        }[kind]
        head = {"apiVersion": f"admissionregistration.k8s.io/{version}"}
        for path, body in (
            (
                f"{group}/{plural}",
                {**head, "kind": kind, "metadata": {"name": name}, "spec": {**spec, "matchConstraints": where}},
            ),
            (
                f"{group}/{plural.replace('policies', 'policybindings')}",
                {**head, "kind": f"{kind}Binding", "metadata": {"name": name}, "spec": {"policyName": name, **binding}},
            ),
        ):
            status, answer = outsider.call("POST", path, body)
            assert status == 201, answer
            made.append(f"{path}/{name}")

    yield make
    for path in made:
        outsider.call("DELETE", path)


async def test_a_policy_that_refuses_or_warns_is_told_before_it_is_met(
    intent: Intent, steps: Steps, policy: Callable[..., None], nothing_happens: Callable[[], None]
) -> None:
    lobby = intent.deploy("lobby", "web")
    await steps.once(lobby)
    rule = {"expression": "object.spec.replicas <= 2", "message": "at most two, says the house"}
    spec = {"validations": [rule], "failurePolicy": "Fail"}
    policy("ValidatingAdmissionPolicy", "v1", spec, {"validationActions": ["Deny"]})
    wary = {"validations": [{**rule, "expression": "false", "message": "mind the step"}], "failurePolicy": "Fail"}
    policy("ValidatingAdmissionPolicy", "v1", wary, {"validationActions": ["Warn"]})
    nothing_happens()

    async def refused() -> bool:
        """A policy is compiled a moment after it was written."""
        ask(intent, lobby, replicas=3)
        found = (await answered(intent, steps))["Deployment/lobby"]
        return found.verdict == "refused" and "at most two, says the house" in found.message

    await eventually(refused, describe="the policy that denies to hold")

    async def warned() -> bool:
        ask(intent, lobby, replicas=2)
        found = (await answered(intent, steps))["Deployment/lobby"]
        assert found.verdict == "ok"
        return [True for warning in found.warnings if "mind the step" in warning] == [True]

    await eventually(warned, describe="the policy that warns to hold, told once")


async def test_what_admission_would_change_is_told_path_by_path(
    intent: Intent, steps: Steps, policy: Callable[..., None], nothing_happens: Callable[[], None]
) -> None:
    lobby = intent.deploy("lobby", "web")
    await steps.once(lobby)
    change = {
        "patchType": "ApplyConfiguration",
        "applyConfiguration": {"expression": "Object{spec: Object.spec{replicas: 1}}"},
    }
    spec = {"mutations": [change], "failurePolicy": "Fail", "reinvocationPolicy": "Never"}
    policy("MutatingAdmissionPolicy", "v1", spec, {})
    nothing_happens()

    async def altered() -> bool:
        ask(intent, lobby, replicas=3)
        found = (await answered(intent, steps))["Deployment/lobby"]
        assert found.verdict == "ok"
        return [(one.path, one.sent, one.becomes) for one in found.altered] == [("spec.replicas", 3, 1)]

    await eventually(altered, describe="the policy to hold")


async def test_what_an_apply_would_leave_for_the_first_time_is_not_told_as_dropped(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, nothing_happens: Callable[[], None]
) -> None:
    """An apply gives up what it leaves before it leaves it, so it stays; a dry run cannot, and would drop it."""
    intent.put_template("full", [config_map(), secret(), service(), workload("Deployment", replicas=REPLICAS)])
    lobby = intent.deploy("lobby", "full", replicas=2)
    await steps.once(lobby)
    container = "spec.template.spec.containers[name=web]"
    rules = [{"path": f"{container}.image"}, {"kind": "Service", "path": "spec.ports[port=80].port"}, {"path": "data"}]
    intent.operator.execute(
        "UPDATE orchestrator.deployments SET drift_rules = %s WHERE id = %s",
        (json.dumps([{**rule, "policy": "Ignore"} for rule in rules]), lobby),
    )
    nothing_happens()
    ask(intent, lobby, greeting="hi", note="new")
    answers = await answered(intent, steps)
    assert {(one.kind, one.verdict, one.message) for one in answers.values()} == {
        (kind, "ok", "") for kind in ("ConfigMap", "Secret", "Service", "Deployment")
    }
    assert [one.altered for one in answers.values() if one.altered] == []


def with_bad_port() -> dict[str, Any]:
    port = {**service()["spec"]["ports"][0], "port": 70000}
    return {**service(), "spec": {**service()["spec"], "ports": [port]}}


def with_unknown_field() -> dict[str, Any]:
    return {**service(), "spec": {**service()["spec"], "nonsense": True}}


@pytest.mark.parametrize(
    ("broken", "told"), [(with_bad_port(), "ports[0].port"), (with_unknown_field(), "nonsense")], ids=["value", "field"]
)
async def test_what_is_invalid_is_told_before_it_is_met(
    intent: Intent, steps: Steps, nothing_happens: Callable[[], None], broken: dict[str, Any], told: str
) -> None:
    intent.put_template("broken", [config_map(), broken])
    lobby = intent.deploy("lobby", "broken")
    nothing_happens()
    ask(intent, lobby)
    found = (await answered(intent, steps))["Service/lobby"]
    assert (found.verdict, found.category) == ("refused", "invalid")
    assert told in found.message


async def test_a_missing_namespace_is_told_of_every_object(
    intent: Intent, steps: Steps, nothing_happens: Callable[[], None]
) -> None:
    nothing_happens()
    intent.put_template("small", TEMPLATES["small"])
    absent = f"absent-{uuid4().hex[:6]}"
    intent.operator.execute("SELECT orchestrator.request_new_dry_run('hub', 'small', namespace => %s)", (absent,))
    answers = await answered(intent, steps)
    assert {(one.verdict, one.category) for one in answers.values()} == {("refused", "namespace_missing")}
    assert all(absent in one.message for one in answers.values())


async def test_a_foreign_object_in_the_way_is_told_and_left_alone(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, nothing_happens: Callable[[], None]
) -> None:
    outsider.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lobby-env"}, "data": {"A": "1"}}, namespace
    )
    lobby = intent.deploy("lobby")
    nothing_happens()
    ask(intent, lobby)
    found = (await answered(intent, steps))["ConfigMap/lobby-env"]
    assert (found.verdict, found.category) == ("refused", "foreign")
    assert "was not made by server-orchestrator" in found.message


async def test_an_object_that_moved_on_since_it_was_seen_is_looked_at_again(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, nothing_happens: Callable[[], None]
) -> None:
    lobby = intent.deploy("lobby", "web")
    await steps.once(lobby)
    outsider.merge("Deployment", namespace, "lobby", {"metadata": {"labels": {"theirs": "yes"}}})
    outsider.delete("Service", namespace, "lobby")
    await eventually(lambda: outsider.find("Service", namespace, "lobby") is None, describe="the Service to go")
    intent.superuser.execute(
        "UPDATE orchestrator.deployment_resources SET rendered_hash = 'old' WHERE kind IN ('Service', 'Deployment')"
    )
    nothing_happens()
    ask(intent, lobby)
    answers = await answered(intent, steps)
    assert (answers["Deployment/lobby"].verdict, answers["Service/lobby"].verdict) == ("ok", "ok")


def spelled(fields: dict[str, Any], steps: tuple[str, ...] = ()) -> Iterator[str]:
    """Every field of a fieldset, as drift spells it."""
    for step, below in fields.items():
        if step != ".":
            yield spell((*steps, step))
            yield from spelled(below, (*steps, step))


async def test_a_plan_names_fields_as_the_api_server_tells_them_apart(intent: Intent, steps: Steps) -> None:
    """So that what is asked for and what others changed meet under one name."""
    every = [config_map(), secret(), claim(), service(), network_policy(), disruption_budget(), cron_job(), ingress()]
    mounted = workload("StatefulSet", claim_name="${name}-data", replicas=REPLICAS)
    container = mounted["spec"]["template"]["spec"]["containers"][0]
    container["ports"] = [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP", "name": "dns"}]
    mounted["spec"]["template"]["spec"]["hostAliases"] = [{"ip": "10.0.0.1", "hostnames": ["a"]}]
    mounted["spec"]["template"]["spec"]["tolerations"] = [{"key": "k", "operator": "Exists"}]
    mounted["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"a": "b"}},
        }
    ]
    intent.put_template("every", [*every, mounted])
    lobby = intent.deploy("lobby", "every")
    await steps.once(lobby)
    rows = intent.rows(
        "SELECT r.kind, r.applied_fields, array_agg(p.path) AS paths FROM orchestrator.deployment_resources r"
        " JOIN orchestrator.applied_manifests(%s, 1) m USING (kind, name)"
        " CROSS JOIN orchestrator.manifest_paths(m.manifest) p GROUP BY 1, r.name, 2",
        lobby,
    )
    assert len(rows) == len(every) + 2
    # What a worker adds to each object.
    ours = (
        "server-orchestrator.io/",
        "app.kubernetes.io/managed-by",
        "metadata.ownerReferences",
        "jobTemplate.spec.template.metadata",
    )
    unknown = {
        f"{row['kind']}:{path}"
        for row in rows
        for path in spelled(row["applied_fields"])
        if path not in row["paths"] and not any(part in path for part in ours)
    }
    assert unknown == set()


async def test_a_cluster_that_goes_away_hands_the_question_back(intent: Intent, steps: Steps, proxy: Proxy) -> None:
    which = ask(intent, intent.deploy("lobby"))
    proposal = await dry_runs.claim_dry_run(steps.session, "default", "steps", 60)
    assert proposal is not None
    await proxy.close()
    state, answers, message = await answer(proposal, steps.cluster)
    assert (state, answers) == ("queued", [])
    assert "cannot be reached" in message
    assert await dry_runs.settle_dry_run(steps.session, proposal, state, answers, message) == "settled"
    (row,) = intent.rows("SELECT state, message FROM orchestrator.dry_runs WHERE id = %s", which)
    assert (row["state"], row["message"]) == ("queued", message)
    again = await dry_runs.claim_dry_run(steps.session, "default", "steps", 60)
    assert again is not None
    assert again.token == proposal.token + 1


async def ended(intent: Intent, which: int) -> dict[str, Any]:
    """The row, as soon as it is done or failed."""

    def row() -> dict[str, Any]:
        return intent.rows("SELECT * FROM orchestrator.dry_runs WHERE id = %s", which)[0]

    await eventually(lambda: row()["finished_at"] is not None, 30, lambda: str(row()))
    return row()


async def test_a_worker_answers_beside_its_work_and_under_the_rights_it_has(
    intent: Intent, start_worker: StartWorker
) -> None:
    worker = start_worker()
    lobby = intent.deploy("lobby", "web")
    found = await ended(intent, ask(intent, lobby, replicas=2))
    assert (found["state"], found["refused"]) == ("done", False), worker.tail
    assert {one["verdict"] for one in found["answers"]} <= {"ok", "unchanged"}


async def test_after_a_kill_in_the_middle_another_worker_answers(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    lobby = intent.deploy("lobby")
    intent.set(lobby, "Paused")
    held = proxy.hold("PATCH", "dryRun=All")
    which = ask(intent, lobby)
    first = start_worker(kubeconfig=proxy.kubeconfig(), ORCHESTRATOR_WORKER="first")
    await asyncio.wait_for(held.arrived.wait(), 30)
    first.kill()
    held.release()
    intent.superuser.execute("UPDATE orchestrator.dry_runs SET leased_until = now()")
    start_worker(ORCHESTRATOR_WORKER="second")
    found = await ended(intent, which)
    assert (found["state"], found["worker"], found["attempts"]) == ("done", "second", 2)


async def test_a_worker_that_is_stopped_hands_its_question_to_another(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    lobby = intent.deploy("lobby")
    intent.set(lobby, "Paused")
    held = proxy.hold("PATCH", "dryRun=All")
    which = ask(intent, lobby)
    first = start_worker(kubeconfig=proxy.kubeconfig(), ORCHESTRATOR_WORKER="first")
    await asyncio.wait_for(held.arrived.wait(), 30)
    first.signal(signal.SIGTERM)
    first.wait()
    (row,) = intent.rows("SELECT * FROM orchestrator.dry_runs WHERE id = %s", which)
    assert (row["state"], row["message"]) == ("queued", "its worker stopped")
    held.release()
    start_worker(ORCHESTRATOR_WORKER="second")
    assert (await ended(intent, which))["worker"] == "second"


async def test_while_the_cluster_is_away_a_question_waits_and_says_why(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    kubeconfig = proxy.kubeconfig()
    await proxy.close()
    worker = start_worker(kubeconfig=kubeconfig)
    await asyncio.to_thread(worker.says, "cluster unreachable")
    await eventually(
        lambda: intent.value("SELECT unreachable_since FROM orchestrator.clusters") is not None, describe="the outage"
    )
    which = ask(intent, intent.deploy("lobby"))
    (row,) = intent.rows("SELECT * FROM orchestrator.dry_runs WHERE id = %s", which)
    assert row["state"] == "queued"
    assert "cluster default does not answer" in row["message"]
    await proxy.open()
    assert (await ended(intent, which))["state"] == "done"
