"""What happens next on the page, path by path, and what the cluster says to it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.page.forms import PREFIX
from db.templates import SHIPPED, load_templates
from tests.conftest import Database
from tests.db.stage import Stage
from tests.page.conftest import Person, text


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    load_templates(database.dsn_as("admin"), SHIPPED)
    stage = Stage(database)
    stage.reachable()
    yield stage
    stage.close()


def settle(stage: Stage, state: str, *answers: Any, message: str = "") -> None:
    """As a worker does."""
    taken = stage.worker.execute("SELECT * FROM claim_dry_run('default', 'w', 60)").fetchone()
    assert taken is not None
    stage.worker.execute(
        "SELECT settle_dry_run(%s, %s, %s, %s, %s)",
        (taken["dry_run_id"], taken["token"], state, json.dumps(answers), message),
    )


async def test_the_plan_tells_path_by_path_what_is_put_back(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    assert f"/servers/{own}/plan" in await person.look(f"/servers/{own}")
    assert "Nothing at the cluster." in text(await person.look(f"/servers/{own}/plan"))
    drift = [{"path": "data.MOTD", "wanted": "A Minecraft server", "live": "<b>Mine</b>", "manager": "kubectl-edit"}]
    report = {"deployment_id": str(own), "kind": "ConfigMap", "namespace": "default", "name": "lobby-env"}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([{**report, "drift": drift}]),))
    told = text(await person.look(f"/servers/{own}/plan"))
    assert "data.MOTD is <b>Mine</b> → becomes A Minecraft server was changed by kubectl-edit, and is put back" in told


async def test_an_edit_shows_its_paths_and_asks_the_cluster(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    edit = f"/servers/{own}/edit"
    fields: dict[str, Any] = {"generation": 1, "template_version": 1, "keep_data": "on", f"{PREFIX}motd": "Hi"}
    checked = text((await person.send(edit, edit, **fields, check=1)).text)
    assert "data.MOTD is A Minecraft server → becomes Hi" in checked
    assert "Takes effect at the next restart" in checked
    asked = await person.send(edit, edit, **fields, ask=1)
    place = asked.headers["location"]
    waiting = await person.look(place)
    assert "The cluster is being asked" in text(waiting)
    assert f'data-live="/live/dry-run?id={place.rpartition("/")[2]}"' in waiting
    settle(
        stage,
        "done",
        {"kind": "StatefulSet", "name": "lobby", "verdict": "refused", "category": "denied", "message": "too <big>"},
        {
            "kind": "Service",
            "name": "lobby",
            "verdict": "ok",
            "warnings": ["mind the step"],
            "altered": [{"path": "spec.type", "sent": "NodePort", "becomes": "ClusterIP"}],
        },
    )
    told = text(await person.look(place))
    assert "The cluster would refuse it." in told
    assert "StatefulSet lobby would be refused too <big>" in told
    assert "mind the step" in told
    assert "spec.type was NodePort → becomes ClusterIP" in told
    assert stage.deployment("lobby")["generation"] == 1


async def test_a_new_server_is_asked_about_and_not_made(person: Person, stage: Stage) -> None:
    asked = await person.send("/new/web", "/new/web", name="hub", namespace="default", template_version=1, ask=1)
    assert "What the cluster says to hub" in text(await person.look(asked.headers["location"]))
    settle(stage, "failed", message="the API server did not answer within 45 s")
    assert "was not asked: the API server did not answer within 45 s." in text(
        await person.look(asked.headers["location"])
    )
    assert stage.rows("SELECT FROM deployments") == []
    nameless = await person.send("/new/web", "/new/web", namespace="default", template_version=1, ask=1)
    assert nameless.status_code == 422


async def test_a_server_as_it_stands_is_asked_about(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    asked = await person.send(f"/servers/{own}/dry-run", f"/servers/{own}/plan")
    settle(stage, "done", {"kind": "Service", "name": "lobby", "verdict": "unchanged"})
    told = text(await person.look(asked.headers["location"]))
    assert "The cluster would take it." in told
    assert "Service lobby stays as it is" in told
    stage.change(own, desired_state="Deleted")
    assert "Ask the cluster" not in text(await person.look(f"/servers/{own}/plan"))
    await person.look("/dry-runs/99", 404)
