"""Rule 1: a first apply only creates. What somebody else made is never touched, and the refusal says what to do."""

import pytest

from tests.intent import Intent
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.workers.steps import Steps

FOREIGN_CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "lobby-env", "labels": {"theirs": "yes"}},
    "data": {"GREETING": "theirs"},
}


async def test_a_first_apply_creates_every_object_with_our_labels_below_one_root(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    settlement = await steps.once(lobby)
    assert settlement.outcome == "succeeded"
    root = outsider.get("ConfigMap", namespace, "lobby-root")
    for kind, name in [
        ("ConfigMap", "lobby-env"),
        ("Secret", "lobby-rcon"),
        ("PersistentVolumeClaim", "lobby-data"),
        ("Service", "lobby"),
        ("StatefulSet", "lobby"),
    ]:
        metadata = outsider.get(kind, namespace, name)["metadata"]
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "server-orchestrator"
        assert metadata["labels"]["server-orchestrator.io/deployment-id"] == lobby
        assert metadata["labels"]["server-orchestrator.io/generation"] == "1"
        assert metadata["labels"]["server-orchestrator.io/template-version"] == "1"
        owners = [owner["uid"] for owner in metadata.get("ownerReferences", [])]
        assert owners == ([] if kind == "PersistentVolumeClaim" else [root["metadata"]["uid"]]), kind
    applied = [event["data_json"]["kind"] for event in intent.events(lobby, "ResourceApplied")]
    assert applied == ["ConfigMap", "ConfigMap", "Secret", "PersistentVolumeClaim", "Service", "StatefulSet"]
    assert {event["data_json"]["reason"] for event in intent.events(lobby, "ResourceApplied")} == {"created"}
    told = intent.events(lobby, "ReconcileSucceeded")[0]["data_json"]["milliseconds"]
    each = [event["data_json"]["milliseconds"] for event in intent.events(lobby, "ResourceApplied")]
    assert 0 < sum(each) <= told + len(each), "what each object took, within what the whole took"
    assert intent.deployment(lobby)["last_applied_generation"] == 1


@pytest.mark.parametrize("labels", [{"theirs": "yes"}, {"server-orchestrator.io/deployment-id": "somebody-else"}])
@pytest.mark.parametrize("data", [{"GREETING": "theirs"}, {"OTHER": "no key that we would write"}])
async def test_a_foreign_object_of_the_name_is_left_byte_for_byte_and_the_deployment_says_so(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str, labels: dict[str, str], data: dict[str, str]
) -> None:
    theirs = {**FOREIGN_CONFIG_MAP, "metadata": {"name": "lobby-env", "labels": labels}, "data": data}
    before = outsider.create(theirs, namespace)
    lobby = intent.deploy("lobby")
    settlement = await steps.once(lobby)
    assert (settlement.outcome, settlement.permanent) == ("failed", True)
    assert outsider.get("ConfigMap", namespace, "lobby-env") == before
    assert outsider.find("Service", namespace, "lobby") is None
    [conflict] = intent.events(lobby, "ResourceConflict")
    assert conflict["data_json"]["kind"] == "ConfigMap"
    assert conflict["data_json"]["name"] == "lobby-env"
    assert conflict["data_json"]["uid"] == before["metadata"]["uid"]
    assert intent.status(lobby) == "Error"
    assert "lobby-env" in intent.message(lobby)
    assert "reconcile_now" in intent.message(lobby)
    slot = intent.slot(lobby)
    assert slot["msg_id"] is None
    assert slot["due_at"] is None, "a permanent failure is not tried again"


async def test_reconcile_now_succeeds_once_the_foreign_object_is_gone(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    outsider.create(FOREIGN_CONFIG_MAP, namespace)
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    outsider.delete("ConfigMap", namespace, "lobby-env")
    intent.reconcile_now(lobby)
    assert (await steps.once(lobby)).outcome == "succeeded"
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "hello"}
    assert intent.status(lobby) != "Error"


async def test_a_foreign_object_does_not_stop_the_others_of_another_deployment(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    outsider.create(FOREIGN_CONFIG_MAP, namespace)
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    arena = intent.deploy("arena")
    assert (await steps.once(arena)).outcome == "succeeded"


async def test_two_deployments_that_race_for_one_name_never_share_the_object(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    """`a` with a suffix spells the name of `a-b`: the second to come is refused."""
    intent.put_template("suffixed", [{**FOREIGN_CONFIG_MAP, "metadata": {"name": "${name}-b-env"}}])
    first = intent.deploy("a", "suffixed")
    await steps.once(first)
    before = outsider.get("ConfigMap", namespace, "a-b-env")
    second = intent.deploy("a-b", "small")
    settlement = await steps.once(second)
    assert settlement.permanent
    assert first in (settlement.error or "")
    assert outsider.get("ConfigMap", namespace, "a-b-env") == before


async def test_every_first_apply_is_unforced_and_every_later_one_names_the_state_it_was_decided_on(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "web")
    await steps.once(lobby)
    first = proxy.writes("fieldManager=server-orchestrator")
    assert len(first) == 4
    assert all(write.is_about("PATCH", "force=false") for write in first)
    proxy.seen.clear()
    live = outsider.get("ConfigMap", namespace, "lobby-env")["metadata"]
    intent.change(lobby, greeting="later")
    await steps.once(lobby)
    later = proxy.writes("configmaps/lobby-env")
    assert len(later) == 1
    assert later[0].is_about("force=true")
    assert f'"uid":"{live["uid"]}"'.encode() in later[0].body
    assert f'"resourceVersion":"{live["resourceVersion"]}"'.encode() in later[0].body
