"""What a watcher makes of a cluster: inventory, health, drift, and nothing at all where nothing happens."""

from datetime import UTC, datetime

from tests.intent import Intent
from tests.outsider import Outsider
from tests.waiting import eventually
from tests.watchers.conftest import Watching, synced
from tests.workers.steps import Steps


async def test_a_deployment_is_seen_with_all_its_objects_and_becomes_healthy(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", "game")
    async with watching():
        await steps.once(lobby)
        await eventually(lambda: intent.status(lobby) == "Healthy", 30, intent.story)
        inventory = intent.inventory(lobby)
    expected = {
        "ConfigMap/lobby-root",
        "ConfigMap/lobby-env",
        "Secret/lobby-rcon",
        "PersistentVolumeClaim/lobby-data",
        "Service/lobby",
        "StatefulSet/lobby",
        "Pod/lobby-0",
    }
    assert inventory.keys() == expected
    assert {row["health"] for row in inventory.values()} == {"Healthy"}
    for key, row in inventory.items():
        kind, name = key.split("/")
        assert row["uid"] == outsider.get(kind, namespace, name)["metadata"]["uid"]
        assert row["managed"] == (kind != "Pod")
    observed = intent.value(
        "SELECT observed_json FROM orchestrator.deployment_observed WHERE deployment_id = %s", lobby
    )
    assert observed["StatefulSet/lobby"]["readyReplicas"] == 1
    assert observed["Pod/lobby-0"]["phase"] == "Running"
    made = {key: outsider.get(key.split("/")[0], namespace, key.split("/")[1])["metadata"] for key in inventory}
    assert {key: observed[key]["createdAt"] for key in inventory} == {
        key: metadata["creationTimestamp"] for key, metadata in made.items()
    }, "how old each object is, of Secrets too"


async def test_an_idle_deployment_adds_no_event_however_many_resyncs_pass(
    intent: Intent, steps: Steps, watching: Watching
) -> None:
    lobby = intent.deploy("lobby", "game")
    async with watching(resync_seconds=0.2):
        await steps.once(lobby)
        await eventually(lambda: intent.status(lobby) == "Healthy", 30, intent.story)
        before = intent.event_types(lobby)
        writes = intent.value("SELECT max(resource_version) FROM orchestrator.deployment_resources")
        for _ in range(3):
            # Seen again is only written once it is worth a write, so make it long ago.
            intent.superuser.execute(
                "UPDATE orchestrator.deployment_resources SET last_seen_at = now() - interval '1 h'"
            )
            await eventually(
                lambda: intent.value(
                    "SELECT min(last_seen_at) > now() - interval '1 min' FROM orchestrator.deployment_resources"
                ),
                20,
                "every object seen again",
            )
    assert intent.event_types(lobby) == before
    assert intent.value("SELECT max(resource_version) FROM orchestrator.deployment_resources") == writes


async def test_an_edit_is_drift_with_path_values_and_author(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", greeting="hello")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "hacked", "THEIRS": "kept"}})
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
    (change,) = event["data_json"]["changes"]
    assert (change["path"], change["wanted"], change["live"]) == ("data.GREETING", "hello", "hacked")
    assert change["manager"] == event["actor"] == "outsider"
    assert intent.inventory(lobby)["ConfigMap/lobby-env"]["drift"] == [change]
    assert not intent.is_applied(lobby), "it is queued to be put back"


async def test_what_was_put_back_is_drift_no_longer(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", greeting="hello")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "hacked"}})
        await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
        await steps.once(lobby)
        assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "hello"}
        await eventually(lambda: intent.inventory(lobby)["ConfigMap/lobby-env"]["drift"] is None, 20, intent.story)


async def test_foreign_additions_are_no_drift(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        changed = outsider.merge("Service", namespace, "lobby", {"metadata": {"labels": {"theirs": "yes"}}})
        version = int(changed["metadata"]["resourceVersion"])
        await eventually(
            lambda: intent.inventory(lobby)["Service/lobby"]["resource_version"] >= version, 20, intent.story
        )
    assert intent.is_applied(lobby)
    assert not intent.events(lobby, "ResourceModifiedExternally")


async def test_an_edited_secret_is_told_without_any_value(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", "game")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        outsider.merge("Secret", namespace, "lobby-rcon", {"stringData": {"password": "hunter2"}})
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
    (change,) = event["data_json"]["changes"]
    assert (change["path"], change["wanted"], change["live"]) == ("data.password", "(hidden)", "(hidden)")


async def test_a_deleted_object_is_told_and_queued(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        outsider.delete("Service", namespace, "lobby")
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceDeletedExternally"), 20, intent.story)
    assert (event["data_json"]["kind"], event["data_json"]["name"]) == ("Service", "lobby")
    assert intent.inventory(lobby)["Service/lobby"]["missing_since"] is not None
    assert not intent.is_applied(lobby)


async def test_an_object_that_lost_our_label_is_modified_and_not_deleted(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        labels = {"app.kubernetes.io/managed-by": None, "server-orchestrator.io/deployment-id": None}
        outsider.merge("Service", namespace, "lobby", {"metadata": {"labels": labels}})
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
    paths = {change["path"] for change in event["data_json"]["changes"]}
    assert paths == {f"metadata.labels[{label}]" for label in labels}
    assert not intent.events(lobby, "ResourceDeletedExternally")


async def test_an_object_that_was_replaced_is_recreated_and_not_merely_modified(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
    before = outsider.get("ConfigMap", namespace, "lobby-env")
    outsider.delete("ConfigMap", namespace, "lobby-env")
    kept = {"name": "lobby-env", "labels": before["metadata"]["labels"]}
    twin = outsider.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": kept, "data": {}}, namespace)
    async with watching():
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceRecreated"), 20, intent.story)
    assert event["data_json"]["from_uid"] == before["metadata"]["uid"]
    assert event["data_json"]["to_uid"] == twin["metadata"]["uid"]


async def test_the_reason_of_failing_pods_reaches_the_status(intent: Intent, steps: Steps, watching: Watching) -> None:
    web = intent.deploy("web", "simulated", simulate="image-pull-failure")
    async with watching():
        await steps.once(web)
        await eventually(lambda: "cannot be pulled" in intent.message(web), 30, intent.story)
    assert intent.status(web) == "Degraded"


async def test_a_warning_of_kubernetes_is_kept_for_whom_it_concerns(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    status, _ = outsider.call("POST", f"/api/v1/namespaces/{namespace}/resourcequotas", quota)
    assert status == 201
    lobby = intent.deploy("lobby", "game")
    async with watching():
        await steps.once(lobby)
        kept = await eventually(
            lambda: intent.value(
                "SELECT observed_json -> 'warnings' -> 'StatefulSet/lobby' FROM orchestrator.deployment_observed"
                " WHERE deployment_id = %s",
                lobby,
            ),
            30,
            intent.story,
        )
    assert "exceeded quota" in kept["message"]


async def test_what_kubernetes_tells_of_our_pods_is_kept_and_of_others_not(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", "game")

    def told() -> set[tuple[str, str, str, int]]:
        lists = intent.value("SELECT events_json FROM orchestrator.deployment_observed WHERE deployment_id = %s", lobby)
        return {
            (about, one["type"], one["reason"], one["count"])
            for about, events in (lists or {}).items()
            for one in events
        }

    def tell(kind: str, name: str) -> None:
        involved = {"apiVersion": "v1", "kind": kind, "namespace": namespace, "name": name}
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = {"type": "Normal", "reason": "Greeted", "message": "hello", "count": 4, "lastTimestamp": at}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "greeting-"}, **said}
        event["involvedObject"] = involved
        outsider.create(event, namespace)

    async with watching():
        await steps.once(lobby)
        await eventually(lambda: ("Pod/lobby-0", "Normal", "Scheduled", 1) in told(), 60, intent.story)
        for kind, name in (("Pod", "stranger-0"), ("Service", "lobby"), ("Pod", "lobby-0")):
            tell(kind, name)
        await eventually(lambda: ("Pod/lobby-0", "Normal", "Greeted", 4) in told(), 30, intent.story)
    assert {about for about, _, reason, _ in told() if reason == "Greeted"} == {"Pod/lobby-0"}
