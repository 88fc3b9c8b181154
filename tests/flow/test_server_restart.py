"""Restarts as journeys: a change that waits for one says so, a restart brings it, and no status claims too much."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.conftest import Stage
from tests.intent import workload

# Every status and every need for a restart that a deployment ever showed, however briefly.
KEEP_WHAT_IS_SHOWN = """
    CREATE TABLE public.shown (id bigint GENERATED ALWAYS AS IDENTITY, deployment_id uuid, status text, restart_required boolean);
    CREATE FUNCTION public.keep_what_is_shown() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO public.shown (deployment_id, status, restart_required) VALUES (NEW.id, NEW.status_summary, NEW.restart_required);
        RETURN NULL;
    END $$;
    CREATE TRIGGER keep_what_is_shown AFTER UPDATE ON orchestrator.deployments
        FOR EACH ROW EXECUTE FUNCTION public.keep_what_is_shown();
"""  # noqa: E501 - SQL is easier to read whole


@pytest.fixture
def server(stage: Stage) -> Iterator[str]:
    """A running server whose pod is replaced only on request."""
    by_hand = workload("StatefulSet", replicas=1)
    by_hand["spec"]["updateStrategy"] = {"type": "OnDelete"}
    stage.intent.put_template("by-hand", [by_hand])
    made = stage.deploy(f"lobby-{uuid.uuid4().hex[:6]}", "by-hand")
    stage.intent.superuser.execute(KEEP_WHAT_IS_SHOWN)
    yield made
    stage.intent.superuser.execute("DROP TABLE public.shown; DROP FUNCTION public.keep_what_is_shown CASCADE")


def shown(stage: Stage, deployment: str, column: str) -> list[Any]:
    """What it showed one after the other, without repetitions."""
    rows = stage.intent.rows("SELECT * FROM public.shown WHERE deployment_id = %s ORDER BY id", deployment)
    values = [row[column] for row in rows]
    return [value for at, value in enumerate(values) if at == 0 or values[at - 1] != value]


def pod_of(stage: Stage, deployment: str) -> str:
    return f"{stage.intent.deployment(deployment)['name']}-0"


def pod_uid(stage: Stage, deployment: str) -> str | None:
    pod = stage.find("Pod", pod_of(stage, deployment))
    return None if pod is None or "deletionTimestamp" in pod["metadata"] else pod["metadata"]["uid"]


def test_a_change_waits_for_a_restart_and_says_so_and_a_restart_brings_it(stage: Stage, server: str) -> None:
    before = pod_uid(stage, server)
    stage.intent.change(server, greeting="newer")
    stage.until(lambda: stage.intent.deployment(server)["restart_required"], what="the need for a restart seen")
    stage.until(lambda: stage.is_at_rest(server), what="the change applied")
    assert "A restart is needed for the changes of generation 2." in stage.intent.message(server)
    assert pod_uid(stage, server) == before
    assert shown(stage, server, "restart_required") == [False, True]
    stage.intent.superuser.execute("TRUNCATE public.shown")

    stage.intent.operator.execute("SELECT orchestrator.restart(%s)", (server,))
    stage.until(lambda: pod_uid(stage, server) not in (None, before), what="another pod")
    stage.until(lambda: stage.is_at_rest(server), what="all well again")
    assert stage.get("Pod", pod_of(stage, server))["spec"]["containers"][0]["env"][0]["value"] == "newer"
    assert shown(stage, server, "restart_required") == [False], "on its way, and then done"
    assert shown(stage, server, "status") == ["Progressing", "Healthy"], "not well before the new pod is"
    assert stage.intent.message(server) == "Everything asked for is running."
    [told] = stage.intent.events(server, "PodRestarted")
    assert told["data_json"]["uid"] == before


def test_a_change_that_is_taken_back_needs_no_restart_any_more(stage: Stage, server: str) -> None:
    stage.intent.change(server, greeting="newer")
    stage.until(lambda: stage.intent.deployment(server)["restart_required"], what="the need for a restart seen")
    stage.intent.change(server, greeting="hello")
    stage.until(lambda: stage.is_at_rest(server), what="taken back")
    stage.until(lambda: not stage.intent.deployment(server)["restart_required"], what="no need any more")


def test_a_pod_deleted_by_hand_is_a_restart_too(stage: Stage, server: str) -> None:
    before = pod_uid(stage, server)
    stage.intent.change(server, greeting="newer")
    stage.until(lambda: stage.intent.deployment(server)["restart_required"], what="the need for a restart seen")
    stage.kubectl("delete", "pod", pod_of(stage, server), "--wait=false")
    stage.until(lambda: pod_uid(stage, server) not in (None, before), what="another pod")
    stage.until(lambda: stage.is_at_rest(server), what="all well again")
    assert not stage.intent.deployment(server)["restart_required"]
    # Changed and changed back: the set began with what it wants now, and its pod is of neither.
    stage.intent.change(server, greeting="hello")
    stage.until(lambda: stage.intent.deployment(server)["restart_required"], what="the need for a restart seen")
