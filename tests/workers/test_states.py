"""Stopped, Paused and Deleted: what each leaves standing, in what order things go, and how they come back."""

import psycopg
import pytest

from tests.intent import Intent
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.waiting import eventually
from tests.workers.steps import Steps


async def test_stopped_asks_for_no_replicas_and_keeps_all_else(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    kept = {
        kind: outsider.get(kind, namespace, name)["metadata"]["resourceVersion"]
        for kind, name in [("ConfigMap", "lobby-env"), ("Secret", "lobby-rcon"), ("Service", "lobby")]
    }
    claim = outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"]
    proxy.seen.clear()
    intent.set(lobby, "Stopped")
    await steps.once(lobby)
    assert outsider.get("StatefulSet", namespace, "lobby")["spec"]["replicas"] == 0
    assert {write.path.rsplit("/", 2)[1] for write in proxy.writes()} == {"statefulsets"}
    for kind, name in [("ConfigMap", "lobby-env"), ("Secret", "lobby-rcon"), ("Service", "lobby")]:
        assert outsider.get(kind, namespace, name)["metadata"]["resourceVersion"] == kept[kind]
    assert outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"] == claim
    intent.set(lobby, "Active")
    await steps.once(lobby)
    assert outsider.get("StatefulSet", namespace, "lobby")["spec"]["replicas"] == 1


async def test_a_deployment_that_begins_stopped_has_its_objects_and_no_replicas(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "web", replicas=3)
    intent.set(lobby, "Stopped")
    await steps.once(lobby)
    assert outsider.get("Deployment", namespace, "lobby")["spec"]["replicas"] == 0
    assert outsider.get("Service", namespace, "lobby")


async def test_paused_writes_nothing_and_what_changed_meanwhile_is_done_afterwards(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    proxy.seen.clear()
    intent.set(lobby, "Paused")
    intent.change(lobby, greeting="newer")
    settlement = await steps.once(lobby)
    assert settlement.outcome == "held"
    assert proxy.seen == []
    assert intent.status(lobby) == "Paused"
    assert "Held" in intent.message(lobby)
    assert len(intent.events(lobby, "ReconcileHeld")) == 1
    assert intent.deployment(lobby)["last_applied_generation"] == 1
    intent.set(lobby, "Active")
    await steps.once(lobby)
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "newer"}
    assert intent.status(lobby) != "Paused"


async def test_a_deleted_deployment_goes_in_order_keeps_its_data_and_its_history(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    await eventually(lambda: outsider.list("Pod", namespace), describe="the pod to be made")
    proxy.seen.clear()
    intent.set(lobby, "Deleted")
    wish = await steps.claim(lobby)
    await steps.settle(await steps.reconcile(wish))
    assert intent.status(lobby) == "Deleting"
    assert [write.path.rsplit("/", 1)[1] for write in proxy.writes("DELETE")] == ["lobby"]
    assert outsider.get("Secret", namespace, "lobby-rcon"), "a pod that is saving its world still has its settings"
    await steps.until(lobby, intent, "Deleted")
    order = [tuple(write.path.rsplit("/", 2)[1:]) for write in proxy.writes("DELETE")]
    first_time = list(dict.fromkeys(order))
    assert first_time[0] == ("statefulsets", "lobby")
    assert first_time[1] == ("services", "lobby")
    assert set(first_time[2:4]) == {("configmaps", "lobby-env"), ("secrets", "lobby-rcon")}
    assert first_time[4:] == [("configmaps", "lobby-root")]
    assert outsider.list("Pod", namespace) == []
    claim = outsider.get("PersistentVolumeClaim", namespace, "lobby-data")
    assert "deletionTimestamp" not in claim["metadata"]
    assert "its data is kept" in intent.message(lobby)
    row = intent.deployment(lobby)
    assert row["finalised_at"] is not None
    assert row["last_applied_generation"] == row["generation"] == 2
    [event] = intent.events(lobby, "DeploymentDeleted")
    assert event["data_json"]["kept"] == ["PersistentVolumeClaim/lobby-data"]
    assert intent.event_types(lobby)[0] == "DeploymentCreated"


async def test_a_deployment_that_does_not_keep_its_data_leaves_nothing(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    intent.operator.execute(
        "UPDATE orchestrator.deployments SET desired_state = 'Deleted', keep_data = false WHERE id = %s", (lobby,)
    )
    await steps.until(lobby, intent, "Deleted")
    assert outsider.find("PersistentVolumeClaim", namespace, "lobby-data") is None
    assert intent.inventory(lobby) == {}
    assert intent.events(lobby, "DeploymentDeleted")[0]["data_json"]["kept"] == []


async def test_a_restored_deployment_has_its_old_claim(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    claim = outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"]
    password = outsider.get("Secret", namespace, "lobby-rcon")["data"]
    intent.set(lobby, "Deleted")
    await steps.until(lobby, intent, "Deleted")
    intent.set(lobby, "Active")
    assert (await steps.once(lobby)).outcome == "succeeded"
    assert outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"] == claim
    assert outsider.get("StatefulSet", namespace, "lobby")["spec"]["replicas"] == 1
    assert outsider.get("Secret", namespace, "lobby-rcon")["data"] == password
    assert intent.deployment(lobby)["finalised_at"] is None


async def test_a_name_is_free_again_once_its_deployment_is_deleted(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    first = intent.deploy("lobby")
    await steps.once(first)
    intent.set(first, "Deleted")
    await steps.until(first, intent, "Deleted")
    second = intent.deploy("lobby", greeting="second")
    assert (await steps.once(second)).outcome == "succeeded"
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "second"}
    assert set(intent.inventory(second)) == {"ConfigMap/lobby-root", "ConfigMap/lobby-env", "Service/lobby"}
    assert intent.inventory(first) == {}


async def test_a_reused_name_never_gets_the_kept_data_of_another(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    first = intent.deploy("lobby", "game")
    await steps.once(first)
    intent.set(first, "Deleted")
    await steps.until(first, intent, "Deleted")
    before = outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"]
    with pytest.raises(psycopg.Error, match="holds the data of the deleted deployment"):
        intent.deploy("lobby", "game")
    # Should Postgres not know of it any more, the worker finds it.
    intent.superuser.execute("DELETE FROM orchestrator.deployment_resources WHERE deployment_id = %s", (first,))
    second = intent.deploy("lobby", "game")
    assert (await steps.once(second)).permanent
    assert "lobby-data" in intent.message(second)
    assert first in intent.message(second)
    claim = outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]
    assert (claim["uid"], claim["labels"]["server-orchestrator.io/deployment-id"]) == (before, first)


async def test_kept_data_is_discarded_by_taking_back_that_it_is_kept_and_its_name_is_free(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    first = intent.deploy("lobby", "game")
    await steps.once(first)
    intent.set(first, "Deleted")
    await steps.until(first, intent, "Deleted")
    before = outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"]
    intent.operator.execute("UPDATE orchestrator.deployments SET keep_data = false WHERE id = %s", (first,))
    assert intent.status(first) == "Deleting"
    await steps.until(first, intent, "Deleted")
    assert outsider.find("PersistentVolumeClaim", namespace, "lobby-data") is None
    assert intent.message(first) == "Deleted."
    assert [event["data_json"]["kept"] for event in intent.events(first, "DeploymentDeleted")][1:] == [[]]
    second = intent.deploy("lobby", "game")
    assert (await steps.once(second)).outcome == "succeeded"
    assert outsider.get("PersistentVolumeClaim", namespace, "lobby-data")["metadata"]["uid"] != before


async def test_deleting_what_was_never_applied_ends_at_once(intent: Intent, steps: Steps, proxy: Proxy) -> None:
    lobby = intent.deploy("lobby")
    intent.set(lobby, "Deleted")
    await steps.once(lobby)
    assert intent.status(lobby) == "Deleted"
    assert proxy.writes() == []


async def test_a_deletion_passes_over_objects_that_others_have_put_in_their_place(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    outsider.delete("ConfigMap", namespace, "lobby-env")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lobby-env"}, "data": {"A": "b"}}
    before = outsider.create(theirs, namespace)
    intent.set(lobby, "Deleted")
    await steps.until(lobby, intent, "Deleted")
    assert outsider.get("ConfigMap", namespace, "lobby-env") == before
    assert outsider.find("Service", namespace, "lobby") is None


async def test_a_deletion_taken_back_before_it_ended_brings_everything_back(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby", "game")
    await steps.once(lobby)
    await eventually(lambda: outsider.list("Pod", namespace), describe="the pod to be made")
    intent.set(lobby, "Deleted")
    await steps.once(lobby)
    intent.set(lobby, "Active")

    async def is_back() -> bool:
        if not intent.is_applied(lobby):
            intent.superuser.execute("UPDATE orchestrator.reconcile_slots SET due_at = now() WHERE due_at IS NOT NULL")
            await steps.once(lobby)
        return intent.is_applied(lobby) and outsider.find("StatefulSet", namespace, "lobby") is not None

    await eventually(is_back, 30, intent.story)
    live = outsider.get("StatefulSet", namespace, "lobby")
    assert "deletionTimestamp" not in live["metadata"]
    assert live["spec"]["replicas"] == 1
