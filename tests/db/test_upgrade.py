"""Templates move: a new version does nothing by itself, and a deployment moves to it with its parameters, or is refused."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any

import pytest

from tests.db.stage import Row, Stage, denied, refused


def put_version(stage: Stage, template: str, *changes: tuple[str, Any]) -> int:
    """Another version of a template, its schema changed at these paths."""
    schema = "allowed_mutations_json"
    values: list[Any] = []
    for path, value in changes:
        schema = f"jsonb_set({schema}, %s, %s)" if value is not None else f"{schema} #- %s"
        values += [path] if value is None else [path, json.dumps(value)]
    row = stage.admin.execute(
        f"SELECT put_template(name, base_spec_json, {schema}) AS version FROM (SELECT * FROM templates WHERE name = %s ORDER BY version DESC LIMIT 1) t",  # type: ignore[arg-type]
        (*values, template),
    ).fetchone()
    assert row is not None
    return row["version"]


def next_web(stage: Stage) -> int:
    return put_version(stage, "web", ("{properties,greeting,default}", "good day"))


def upgrade(stage: Stage, own: Any, version: int | None = None, parameters: Row | None = None, **more: Any) -> int:
    given = {"id": own, "version": version, "parameters": json.dumps(parameters or {}), **more}
    call = ", ".join(f"{name} => %({name})s" for name in given)
    row = stage.operator.execute(f"SELECT upgrade({call}) AS generation", given).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row["generation"]


# ---------------------------------------------------------------- moving


def test_a_new_version_does_nothing_by_itself(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    assert next_web(stage) == 2
    now = stage.deployment("lobby")
    assert (now["template_version"], now["generation"]) == (1, 1)
    assert stage.messages(deployment_id=own) == []


def test_it_moves_with_its_parameters_in_one_generation(stage: Stage) -> None:
    own = stage.run_healthy("lobby", parameters={"replicas": 2})
    next_web(stage)
    assert upgrade(stage, own) == 2
    now = stage.deployment("lobby")
    assert (now["template_version"], now["parameters"]) == (2, {"replicas": 2})
    assert "good day" in json.dumps(now["desired_spec_json"])
    assert stage.last_event(own, "DeploymentChanged")["data_json"] == {"template_version": {"from": 1, "to": 2}}
    assert stage.claim_one()["generation"] == 2
    assert upgrade(stage, own) == 2, "there already"


def test_parameters_go_along_and_null_drops_one(stage: Stage) -> None:
    own = stage.deploy("lobby", parameters={"replicas": 2, "greeting": "hi"})
    next_web(stage)
    assert upgrade(stage, own, 2, {"replicas": 3, "greeting": None}) == 2
    assert stage.deployment("lobby")["parameters"] == {"replicas": 3}


def test_many_move_by_one_statement_all_or_none(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        stage.deploy(name, parameters={"greeting": "hello there"} if name == "two" else {})
    put_version(stage, "web", ("{properties,greeting,maxLength}", 5))
    move = "UPDATE deployments SET template_version = 2 WHERE template_version = 1 AND name <> %s"
    with refused("SO422", "parameters.greeting", hint="at most 5 characters"):
        stage.operator.execute(move, ("",))
    assert {row["template_version"] for row in stage.rows("SELECT template_version FROM deployments")} == {1}
    assert stage.operator.execute(move, ("two",)).rowcount == 2


def test_what_moves_back_is_a_move_like_any_other(stage: Stage) -> None:
    own = stage.deploy("lobby")
    next_web(stage)
    upgrade(stage, own)
    assert upgrade(stage, own, 1) == 3
    assert stage.deployment("lobby")["template_version"] == 1


# ---------------------------------------------------------------- refusals


def test_all_that_a_version_does_not_take_is_named_at_once(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"motd": "x" * 40, "max_players": 90, "difficulty": "hard"})
    put_version(
        stage,
        "paper",
        ("{properties,max_players,maximum}", 50),
        ("{properties,motd,maxLength}", 30),
        ("{required}", ["eula", "seed_note"]),
        ("{properties,seed_note}", {"type": "string"}),
    )
    with refused("SO422", "parameters", hint="at most 50") as caught:
        upgrade(stage, own)
    told = caught.value.diag.message_primary or ""
    assert [
        word in told
        for word in (
            "max_players must be at most 50",
            "motd must have at most 30",
            "seed_note is required",
            "eula is required",
        )
    ] == [True] * 4
    assert "null drops one" in (caught.value.diag.message_hint or "")
    assert stage.deployment("lobby")["generation"] == 1
    assert upgrade(stage, own, parameters={"max_players": 50, "motd": None, "seed_note": "n", "eula": "TRUE"}) == 2


def test_a_parameter_that_the_version_no_longer_knows_is_named(stage: Stage) -> None:
    own = stage.deploy("lobby", parameters={"greeting": "hi"})
    stage.admin.execute(
        "SELECT put_template(name, replace(base_spec_json::text, '${greeting}', 'hello')::jsonb, allowed_mutations_json #- '{properties,greeting}' #- '{order}') FROM templates WHERE name = 'web'"
    )
    with refused("SO422", "parameters.greeting", hint="Allowed: "):
        upgrade(stage, own)
    assert upgrade(stage, own, parameters={"greeting": None}) == 2


@pytest.mark.parametrize("force", [False, None])
def test_a_version_whose_default_is_lower_is_moved_to_only_by_force(stage: Stage, force: bool | None) -> None:
    put_version(stage, "paper", ("{properties,version,default}", "1.21"))
    own = stage.deploy("lobby", "paper", {"eula": "TRUE"})
    put_version(stage, "paper", ("{properties,version,default}", "1.20"))
    with refused("SO409", "parameters.version", hint="force => true") as caught:
        upgrade(stage, own, force=force)
    assert caught.value.diag.message_primary == "version would go back from 1.21 to 1.20"
    assert upgrade(stage, own, parameters={"version": "1.21"}) == 2, "kept where it is"
    assert upgrade(stage, own, parameters={"version": None}, force=True) == 3


def test_every_check_of_a_change_holds_for_a_move(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", {"storage": "20Gi"})
    put_version(stage, "paper", ("{properties,storage,default}", "5Gi"))
    with refused("SO409", "PersistentVolumeClaim/lobby-data", hint="at least 20Gi"):
        upgrade(stage, own, parameters={"storage": None}, force=True)
    stage.change(own, desired_state="Deleted")
    with refused("SO409", "desired_state", hint="Active"):
        upgrade(stage, own)


def test_what_is_not_there_is_named(stage: Stage) -> None:
    own = stage.deploy("lobby")
    with refused("SO404", "template_version", hint="There are: 1."):
        upgrade(stage, own, 9)
    with refused("SO404", "id"):
        stage.operator.execute("SELECT upgrade(gen_random_uuid())")
    with refused("SO422", "parameters"):
        stage.operator.execute("SELECT upgrade(%s, parameters => '[]')", (own,))
    with denied():
        stage.viewer.execute("SELECT upgrade(%s)", (own,))


# ---------------------------------------------------------------- restarts and previews


def test_a_restart_goes_along_in_the_same_generation_where_pods_would_keep_the_old(stage: Stage) -> None:
    """paper restarts only when told; web rolls by itself, and needs none."""
    game, web = stage.deploy("lobby", "paper"), stage.deploy("hub")
    put_version(stage, "paper", ("{properties,motd,default}", "another"))
    next_web(stage)
    assert upgrade(stage, web, restart=True) == 2
    assert stage.deployment("hub")["restarted_at"] is None
    assert upgrade(stage, game, restart=True) == 2
    restarted = stage.deployment("lobby")["restarted_at"]
    assert restarted is not None
    assert set(stage.last_event(game, "DeploymentChanged")["data_json"]) == {"template_version", "restarted_at"}
    assert upgrade(stage, game, 2, restart=True) == 2, "nothing differs, nothing restarts"
    stage.operator.execute("SELECT rollback(%s, 1, restart => true)", (game,))
    assert stage.deployment("lobby")["restarted_at"] > restarted


def test_what_does_not_run_moves_without_a_restart(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper", desired_state="Stopped")
    put_version(stage, "paper", ("{properties,motd,default}", "another"))
    assert upgrade(stage, own, restart=True) == 2
    assert stage.deployment("lobby")["restarted_at"] is None


def test_a_preview_tells_or_refuses_the_same_and_writes_nothing(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper", {"max_players": 90})
    put_version(stage, "paper", ("{properties,motd,default}", "another"))
    before = (stage.deployment("lobby"), stage.events(own), stage.messages())
    (row,) = stage.operator.execute("SELECT preview_upgrade(%s) AS found", (own,)).fetchall()
    assert (row["found"]["generation"], row["found"]["parameters"]["motd"]) == (2, "another")
    assert any(one["restart"] for one in row["found"]["objects"])
    put_version(stage, "paper", ("{properties,max_players,maximum}", 50))
    with refused("SO422", "parameters.max_players"):
        stage.operator.execute("SELECT preview_upgrade(%s)", (own,))
    assert (stage.deployment("lobby"), stage.events(own), stage.messages()) == before


def test_a_set_is_judged_before_it_moves_by_counts_and_the_plan_of_its_first(stage: Stage) -> None:
    for name, parameters in (("a", {"replicas": 40}), ("b", {}), ("c", {})):
        stage.deploy(name, parameters=parameters)
    stage.deploy("lobby", "paper", {"eula": "TRUE"})
    put_version(stage, "web", ("{properties,replicas,maximum}", 30), ("{properties,greeting,default}", "good day"))
    put_version(stage, "paper", ("{properties,motd,default}", "Welcome"))
    found = stage.one("SELECT preview_rollout('web')")
    counts = {key: found[key] for key in ("members", "tried", "changes", "restarts", "refused")}
    assert counts == {"members": 3, "tried": 3, "changes": 2, "restarts": 0, "refused": 1}
    assert [(one["name"], one["path"]) for one in found["refusals"]] == [("a", "parameters.replicas")]
    assert found["first"]["name"] == "b"
    assert {row["kind"] for row in found["first"]["plan"]} >= {"ConfigMap", "Deployment"}
    found = stage.one("SELECT preview_rollout('paper')")
    assert (found["members"], found["changes"], found["restarts"]) == (1, 1, 1), (
        "its pod keeps what it read at its start"
    )
    first = stage.one("SELECT name FROM try_upgrades('web', most => 1)")
    assert first == "a"
    none = stage.one("SELECT preview_rollout('web', 1)")
    assert (none["members"], none["tried"], none["first"]) == (0, 0, None)
    assert stage.rows("SELECT FROM rollouts") == []
