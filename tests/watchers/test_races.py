"""Others act between an apply and its settlement, when Postgres does not know yet what was applied."""

from tests.intent import Intent
from tests.outsider import Outsider
from tests.waiting import eventually
from tests.watchers.conftest import Watching, synced
from tests.workers.steps import Steps


async def test_an_edit_seen_before_the_apply_is_settled_is_drift_all_the_same(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", greeting="hello")
    async with watching(resync_seconds=0.5):
        await synced(intent)
        settlement = await steps.reconcile(await steps.claim(lobby))
        edited = outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "hacked"}})
        version = int(edited["metadata"]["resourceVersion"])
        await eventually(
            lambda: intent.inventory(lobby).get("ConfigMap/lobby-env", {}).get("resource_version") == version,
            20,
            intent.story,
        )
        assert await steps.settle(settlement) == "settled"
        (event,) = await eventually(lambda: intent.events(lobby, "ResourceModifiedExternally"), 20, intent.story)
    assert event["data_json"]["changes"][0]["live"] == "hacked"


async def test_a_second_edit_of_the_same_field_is_told_as_it_is_now(
    intent: Intent, steps: Steps, watching: Watching, namespace: str, outsider: Outsider
) -> None:
    lobby = intent.deploy("lobby", greeting="hello")
    async with watching():
        await steps.once(lobby)
        await synced(intent)
        for greeting in ("first", "second"):
            outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": greeting}})

            def told(greeting: str = greeting) -> bool:
                drift = intent.inventory(lobby)["ConfigMap/lobby-env"]["drift"]
                return bool(drift) and drift[0]["live"] == greeting

            await eventually(told, 10, intent.story)
