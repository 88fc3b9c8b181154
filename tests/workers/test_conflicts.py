"""Rule 2: an apply names the state it was decided on. If that is not the state any more, the worker looks again."""

import pytest

from tests.intent import Intent
from tests.outsider import Outsider
from tests.proxy import Proxy
from tests.workers.steps import Steps
from workers.leases import LeaseLost


async def test_an_edit_between_claim_and_apply_is_put_back_and_recorded_with_who_did_it(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    intent.change(lobby, note="newer")
    wish = await steps.claim(lobby)
    outsider.merge("ConfigMap", namespace, "lobby-env", {"data": {"GREETING": "theirs", "ADDED": "kept"}})
    settlement = await steps.reconcile(wish)
    assert settlement.outcome == "succeeded"
    await steps.settle(settlement)
    live = outsider.get("ConfigMap", namespace, "lobby-env")
    assert live["data"] == {"GREETING": "hello", "ADDED": "kept"}, "ours is put back, theirs stays"
    assert live["metadata"]["annotations"]["example.com/note"] == "newer"
    [event] = intent.events(lobby, "ResourceModifiedExternally")
    [change] = event["data_json"]["changes"]
    assert (change["path"], change["wanted"], change["live"], change["manager"]) == (
        "data.GREETING",
        "hello",
        "theirs",
        "outsider",
    )


async def test_a_foreign_addition_between_claim_and_apply_is_no_drift(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    intent.change(lobby, note="newer")
    wish = await steps.claim(lobby)
    outsider.merge("ConfigMap", namespace, "lobby-env", {"metadata": {"labels": {"theirs": "yes"}}})
    await steps.settle(await steps.reconcile(wish))
    live = outsider.get("ConfigMap", namespace, "lobby-env")["metadata"]
    assert live["labels"]["theirs"] == "yes"
    assert live["annotations"]["example.com/note"] == "newer"
    assert intent.events(lobby, "ResourceModifiedExternally") == []


async def test_an_object_that_is_gone_when_it_is_to_be_changed_is_created(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    before = intent.inventory(lobby)["ConfigMap/lobby-env"]["uid"]
    intent.change(lobby, greeting="newer")
    wish = await steps.claim(lobby)
    outsider.delete("ConfigMap", namespace, "lobby-env")
    await steps.settle(await steps.reconcile(wish))
    live = outsider.get("ConfigMap", namespace, "lobby-env")
    assert live["data"] == {"GREETING": "newer"}
    assert before != live["metadata"]["uid"] == intent.inventory(lobby)["ConfigMap/lobby-env"]["uid"]


async def test_an_object_replaced_by_a_foreign_one_between_claim_and_apply_is_not_taken_over(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    intent.change(lobby, greeting="newer")
    wish = await steps.claim(lobby)
    outsider.delete("ConfigMap", namespace, "lobby-env")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lobby-env"}, "data": {"A": "b"}}
    before = outsider.create(theirs, namespace)
    settlement = await steps.reconcile(wish)
    await steps.settle(settlement)
    assert settlement.permanent
    assert outsider.get("ConfigMap", namespace, "lobby-env") == before
    assert intent.status(lobby) == "Error"
    assert len(intent.events(lobby, "ResourceConflict")) == 1


async def test_an_object_that_keeps_changing_is_left_for_later_instead_of_being_fought_over(
    intent: Intent, steps: Steps, proxy: Proxy, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    intent.change(lobby, greeting="newer")
    proxy.answer("PATCH", "configmaps/lobby-env", status=409, times=50, message="it changed again")
    proxy.seen.clear()
    settlement = await steps.once(lobby)
    assert (settlement.outcome, settlement.permanent) == ("failed", False)
    assert len(proxy.writes("configmaps/lobby-env")) <= 5
    assert intent.slot(lobby)["due_at"] is not None
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "hello"}


async def test_a_late_worker_overwrites_nothing_that_another_has_applied_since(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    """Stopped between its last look at the lease and its request: the state that the request names holds it off."""
    lobby = intent.deploy("lobby")
    await steps.once(lobby)
    intent.change(lobby, greeting="first")
    late = await steps.claim(lobby)
    intent.superuser.execute("UPDATE pgmq.q_" + late.queue + " SET vt = clock_timestamp()")
    intent.change(lobby, greeting="second")
    prompt = await steps.claim(lobby)
    assert prompt.token > late.token
    assert await steps.settle(await steps.reconcile(prompt)) == "settled"
    before = outsider.get("Service", namespace, "lobby")
    looks = iter([True])

    def may_write() -> None:
        if not next(looks, False):
            raise LeaseLost

    with pytest.raises(LeaseLost):
        await steps.reconcile(late, may_write)
    assert await steps.settle(steps.run_of(late, may_write).settlement("succeeded")) == "lost"
    assert intent.deployment(lobby)["last_applied_generation"] == 3
    assert outsider.get("Service", namespace, "lobby") == before
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "second"}


async def test_a_change_during_the_work_is_done_in_exactly_one_further_run(
    intent: Intent, steps: Steps, outsider: Outsider, namespace: str
) -> None:
    lobby = intent.deploy("lobby")
    wish = await steps.claim(lobby)
    for greeting in ("one", "two", "three"):
        intent.change(lobby, greeting=greeting)
    await steps.settle(await steps.reconcile(wish))
    assert not intent.is_applied(lobby)
    await steps.once(lobby)
    assert intent.is_applied(lobby)
    assert outsider.get("ConfigMap", namespace, "lobby-env")["data"] == {"GREETING": "three"}
    assert len(intent.events(lobby, "ReconcileStarted")) == 2
