"""Previews: the statement that would be sent, tried with every check, and nothing left behind."""

import json
from typing import Any

import psycopg
import pytest

from db.changes import Change
from db.connection import connect, translated
from db.errors import Refused
from db.preview import preview_change, preview_new
from tests.db.stage import Stage, denied, refused

# Everything that a write of intent may touch, sequences left out: they count what was tried as well.
TRACES = (
    "deployments",
    "deployment_events",
    "deployment_revisions",
    "deployment_observed",
    "deployment_resources",
    "reconcile_slots",
)


def traces(stage: Stage) -> dict[str, Any]:
    """All rows of those tables and of the queues, down to the transaction that wrote them."""
    found = {name: stage.rows(f"SELECT xmin, xmax, * FROM {name} ORDER BY 3, 4") for name in TRACES[2:]}
    # xmax apart: a tried UPDATE marks the row it would replace, and Postgres forgets the mark.
    found |= {name: stage.rows(f"SELECT xmin, * FROM {name} ORDER BY 2, 3") for name in TRACES[:2]}
    return {**found, "messages": stage.messages()}


def preview(stage: Stage, name: str, **arguments: Any) -> dict[str, Any]:
    row = stage.operator.execute(
        "SELECT orchestrator.preview(%s, template => %s, parameters => %s) AS found",
        (name, arguments.pop("template", "web"), json.dumps(arguments)),
    ).fetchone()
    assert row is not None
    return row["found"]


def test_a_preview_names_each_object_and_what_it_is_for(stage: Stage) -> None:
    found = preview(stage, "lobby", template="paper", memory="4Gi", storage="20Gi")
    assert [(o["kind"], o["name"], o["purpose"], o["change"]) for o in found["objects"]] == [
        ("ConfigMap", "lobby-env", "Settings: 15 values", "created"),
        ("Secret", "lobby-rcon", "Secrets, known to the cluster only: password", "created"),
        ("PersistentVolumeClaim", "lobby-data", "Data: 20Gi of disk", "created"),
        ("Service", "lobby", "Network address: 25565 TCP", "created"),
        (
            "StatefulSet",
            "lobby",
            "The server itself: 1 replica of itzg/minecraft-server:java21, 4Gi of memory",
            "created",
        ),
    ]
    assert found["generation"] == 1
    assert (found["parameters"]["memory"], found["parameters"]["max_players"]) == ("4Gi", 20), "defaults are told too"


def test_what_is_previewed_is_what_is_made(stage: Stage) -> None:
    told = preview(stage, "lobby", template="paper", motd="Hello")
    stage.deploy("lobby", "paper", {"motd": "Hello"})
    assert [o["manifest"] for o in told["objects"]] == stage.deployment("lobby")["desired_spec_json"]


def test_previews_leave_no_trace(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    listener = stage.session()
    for channel in ("orchestrator_c1", "orchestrator_events"):
        listener.execute(f"LISTEN {channel}")
    before = traces(stage)
    preview(stage, "other")
    stage.operator.execute("SELECT preview_change(%s, '{\"replicas\": 3}', 'Stopped')", (own,))
    with refused("SO422"):
        preview(stage, "Bad Name")
    with stage.operator.transaction():
        preview(stage, "other")
    assert traces(stage) == before
    assert [n.channel for n in listener.notifies(timeout=0.3)] == []
    stage.deploy("other")
    assert "orchestrator_c1" in {n.channel for n in listener.notifies(timeout=5, stop_after=1)}, (
        "the listener does hear"
    )


def test_a_preview_does_not_leave_the_session_previewing(stage: Stage) -> None:
    preview(stage, "lobby")
    stage.deploy("lobby")
    assert stage.deployment("lobby")["generation"] == 1


def test_a_preview_keeps_nobody_else_from_being_told(stage: Stage) -> None:
    """The lock that gates the nudge is for those who commit: held by a preview, it would swallow their notification."""
    previewing = stage.session("operator")
    with previewing.transaction():
        previewing.execute("SELECT preview('lobby', template => 'web')")
        held = stage.rows("SELECT FROM pg_locks WHERE locktype = 'advisory'")
    assert held == []


def test_whoever_sets_the_session_to_preview_can_write_nothing(stage: Stage) -> None:
    stage.operator.execute("SET orchestrator.preview = 'on'")
    with refused("SO200", hint="RESET orchestrator.preview"):
        stage.deploy("lobby")
    assert stage.rows("SELECT FROM deployments") == []


@pytest.mark.parametrize(
    ("name", "parameters", "code", "path"),
    [
        ("Lobby", {}, "SO422", "name"),
        ("lobby", {"replicas": 99}, "SO422", "parameters.replicas"),
        ("lobby", {"colour": "red"}, "SO422", "parameters.colour"),
        ("taken", {}, "SO409", "name"),
        ("lobby", {"template": "nothing"}, "SO404", "template"),
    ],
)
def test_a_preview_is_refused_as_the_deployment_would_be(
    stage: Stage, name: str, parameters: dict[str, Any], code: str, path: str
) -> None:
    stage.deploy("taken")
    with refused(code, path):
        preview(stage, name, **parameters)


def test_viewers_cannot_preview_what_they_could_not_do(stage: Stage) -> None:
    with denied():
        stage.viewer.execute("SELECT preview('lobby', template => 'web')")


def test_a_previewed_change_tells_objects_that_come_go_and_wait_for_a_restart(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    found = stage.operator.execute(
        'SELECT preview_change(%s, \'{"motd": "Hello", "difficulty": null}\') AS found', (own,)
    ).fetchone()
    assert found is not None
    assert found["found"]["generation"] == 2
    assert {o["kind"]: (o["change"], o["restart"]) for o in found["found"]["objects"]} == {
        "ConfigMap": ("changed", False),
        "Secret": ("unchanged", False),
        "PersistentVolumeClaim": ("unchanged", False),
        "Service": ("unchanged", False),
        "StatefulSet": ("changed", True),
    }


def test_a_previewed_move_tells_what_would_be_removed(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.admin.execute(
        "SELECT put_template(name, base_spec_json - 1, allowed_mutations_json) FROM templates WHERE name = 'web'"
    )
    row = stage.operator.execute("SELECT preview_change(%s, p_template_version => 2) AS found", (own,)).fetchone()
    assert row is not None
    gone = [o for o in row["found"]["objects"] if o["change"] == "removed"]
    assert [o["kind"] for o in gone] == [stage.deployment("lobby")["desired_spec_json"][1]["kind"]]


def test_a_change_that_is_refused_is_refused_in_its_preview(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"storage": "10Gi"})
    with refused("SO409", "PersistentVolumeClaim/lobby-data", hint="Keep at least 10Gi"):
        stage.operator.execute('SELECT preview_change(%s, \'{"storage": "1Gi"}\')', (own,))
    with refused("SO404", "id"):
        stage.operator.execute("SELECT preview_change(gen_random_uuid())")


async def test_the_python_doors_answer_the_same(stage: Stage) -> None:
    own = stage.deploy("lobby")
    async with await connect(stage.database.dsn_as("operator"), name="test") as session:
        new = await preview_new(session, name="other", template="web", parameters={"replicas": 2})
        assert [o.change for o in new.objects] == ["created"] * len(new.objects)
        assert new.parameters["replicas"] == 2
        change = await preview_change(session, own, Change(parameters={"replicas": 3}, desired_state="Stopped"))
        workload = next(o for o in change.objects if o.kind == "Deployment")
        assert (workload.change, workload.manifest["spec"]["replicas"]) == ("changed", 0)
        assert change.generation == 2
    async with await connect(stage.database.dsn_as("operator"), name="test") as session:
        with pytest.raises(Refused) as caught, translated():
            await preview_new(session, name="other", template="web", parameters={"replicas": "many"})
        assert (caught.value.status, caught.value.path) == (422, "parameters.replicas")


def test_an_error_of_another_kind_is_not_mistaken_for_a_preview(stage: Stage) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        stage.operator.execute("SELECT preview('lobby', template => 'web', parameters => '{')")
