"""The plan: what the next reconciliation would do, told by reading alone."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from typing import Any, get_args

import pytest

from db.connection import connect
from db.plans import Action, read_plan
from kube.kinds import APPLIED
from tests.db.stage import Row, Stage, applied, denied, manifests, next_version, refused
from tests.db.test_previews import traces

SET = "spec.template.spec.containers[name=minecraft]"
RESTARTED = "spec.template.metadata.annotations[server-orchestrator.io/restarted-at]"


def plan(stage: Stage, own: Any, session: Any = None) -> list[Row]:
    return (session or stage.viewer).execute("SELECT * FROM plan(%s)", (own,)).fetchall()


def changes(rows: list[Row]) -> dict[str, tuple[Any, Any]]:
    """What would be written: by object and path, from what to what."""
    return {
        f"{row['kind']}/{row['name']}:{row['path']}": (row["live"], row["wanted"])
        for row in rows
        if row["action"] != "none"
    }


def tried(stage: Stage, own: Any, **columns: Any) -> list[Row]:
    """The plan within a transaction that changes these and is taken back."""
    with stage.operator.transaction(force_rollback=True):
        stage.change(own, **columns)
        return plan(stage, own, stage.operator)


def acts(rows: list[Row]) -> dict[str, str]:
    return {f"{row['kind']}/{row['name']}": row["action"] for row in rows}


def drift(path: str, wanted: Any, live: Any, manager: str = "kubectl-edit") -> Row:
    return {
        "path": path,
        "wanted": wanted,
        "live": live,
        "absent": live is None,
        "reason": "changed",
        "manager": manager,
    }


def drifted(stage: Stage, own: Any, kind: str, name: str, *found: Row) -> None:
    report = {"deployment_id": str(own), "kind": kind, "namespace": "default", "name": name, "drift": list(found)}
    stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps([report]),))


def test_what_is_not_there_yet_is_created_in_the_order_of_apply(stage: Stage) -> None:
    own = stage.deploy("lobby", "paper")
    rows = plan(stage, own)
    assert [(row["step"], row["kind"], row["name"], row["action"]) for row in rows] == [
        (1, "ConfigMap", "lobby-root", "create"),
        (2, "ConfigMap", "lobby-env", "create"),
        (3, "Secret", "lobby-rcon", "create"),
        (4, "PersistentVolumeClaim", "lobby-data", "create"),
        (5, "Service", "lobby", "create"),
        (6, "StatefulSet", "lobby", "create"),
    ]
    assert {(row["live"], row["wanted"], row["reason"]) for row in rows} == {("missing", "present", "is not there yet")}


def test_the_order_is_that_of_the_workers(stage: Stage) -> None:
    ranks = {kind.name: stage.one("SELECT orchestrator.kind_rank(%s)", kind.name) for kind in APPLIED}
    assert ranks == {kind.name: kind.rank for kind in APPLIED}


def test_where_all_stands_as_asked_for_nothing_would_be_done(stage: Stage) -> None:
    rows = plan(stage, stage.run_healthy("lobby", "paper"))
    assert acts(rows) == dict.fromkeys(acts(rows), "none")
    assert len(rows) == 6, "one row an object"


def test_an_update_in_a_transaction_is_told_path_by_path(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    rows = tried(stage, own, parameters={"memory": "4Gi", "motd": "Hi"})
    told = changes(rows)
    settings = f"StatefulSet/lobby:{RESTARTED.replace('restarted-at', 'settings')}"
    assert told.pop(settings)[0] is not None, "the pods are told of new settings"
    assert told == {
        "ConfigMap/lobby-env:data.MOTD": ("A Minecraft server", "Hi"),
        f"StatefulSet/lobby:{SET}.resources.limits.memory": ("2Gi", "4Gi"),
        f"StatefulSet/lobby:{SET}.resources.requests.memory": ("2Gi", "4Gi"),
    }
    assert {row["restart"] for row in rows if row["kind"] == "StatefulSet"} == {"needed"}
    assert {row["restart"] for row in rows if row["kind"] != "StatefulSet"} == {None}
    assert acts(plan(stage, own))["StatefulSet/lobby"] == "none", "taken back"


def test_the_lists_of_a_change_are_named_by_their_keys(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "web")
    told = changes(tried(stage, own, parameters={"replicas": 3}))
    assert told == {"Deployment/lobby:spec.replicas": (1, 3)}
    found = stage.rows(
        "SELECT path, before, after FROM orchestrator.manifest_changes(%s, %s) ORDER BY path",
        json.dumps(
            {
                "spec": {
                    "ports": [{"port": 25565}],
                    "args": ["a", "b"],
                    "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "1"}]}],
                },
                "metadata": {"labels": {"a/b": "1"}},
            }
        ),
        json.dumps(
            {
                "spec": {
                    "ports": [{"port": 25565, "nodePort": 30000}],
                    "args": ["b"],
                    "containers": [
                        {"name": "sidecar", "image": "i"},
                        {
                            "name": "a",
                            "env": [{"name": "Y", "value": "2"}],
                            "ports": [{"containerPort": 1, "protocol": "UDP"}],
                        },
                    ],
                },
                "metadata": {"labels": {"a/b": "2", "c": "1"}, "annotations": {}},
            }
        ),
    )
    assert [(row["path"], row["before"], row["after"]) for row in found] == [
        ("metadata.annotations", None, {}),
        ("metadata.labels.c", None, "1"),
        ("metadata.labels[a/b]", "1", "2"),
        ("spec.args", ["a", "b"], ["b"]),
        ("spec.containers[name=a].env[name=X]", {"name": "X", "value": "1"}, None),
        ("spec.containers[name=a].env[name=Y].value", "1", "2"),
        ("spec.containers[name=a].ports", None, [{"containerPort": 1, "protocol": "UDP"}]),
        ("spec.containers[name=sidecar]", None, {"name": "sidecar", "image": "i"}),
        ("spec.ports[port=25565,protocol=TCP].nodePort", None, 30000),
    ]


@pytest.mark.parametrize(
    ("field", "item", "path"),
    [
        ("volumeMounts", {"mountPath": "/data", "name": "d"}, "[mountPath=/data]"),
        ("volumeDevices", {"devicePath": "/dev/x", "name": "d"}, "[devicePath=/dev/x]"),
        ("hostAliases", {"ip": "10.0.0.1"}, "[ip=10.0.0.1]"),
        ("initContainers", {"name": "a"}, "[name=a]"),
        ("volumes", {"name": "v"}, "[name=v]"),
        ("imagePullSecrets", {"name": "s"}, "[name=s]"),
        (
            "topologySpreadConstraints",
            {"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"},
            "[topologyKey=z,whenUnsatisfiable=DoNotSchedule]",
        ),
        ("tolerations", {"key": "k"}, ""),
        ("envFrom", {"prefix": "p"}, ""),
    ],
)
def test_lists_have_the_keys_that_the_api_server_tells_their_items_apart_by(
    stage: Stage, field: str, item: Row, path: str
) -> None:
    found = stage.rows("SELECT path FROM orchestrator.manifest_paths(%s) WHERE path <> ''", json.dumps({field: [item]}))
    paths = {row["path"] for row in found}
    assert paths == ({field, f"{field}{path}"} | {f"{field}{path}.{key}" for key in item} if path else {field})


def test_what_an_object_was_applied_with_counts_not_what_was_asked_for_since(stage: Stage) -> None:
    """A worker that fails half-way leaves some objects at the new generation and some at the old one."""
    own = stage.run_healthy("lobby", "paper")
    stage.change(own, parameters={"memory": "4Gi", "motd": "Hi"})
    claimed = stage.claim_one()
    done = [applied(m, "default") for m in manifests(claimed) if m["kind"] == "ConfigMap"]
    stage.settle(claimed, "failed", resources=done, error="no", permanent=False)
    assert {key.partition(":")[0] for key in changes(plan(stage, own))} == {"StatefulSet/lobby"}
    back = changes(tried(stage, own, parameters={}))
    assert back == {"ConfigMap/lobby-env:data.MOTD": ("Hi", "A Minecraft server")}, "only that was carried out"


def test_drift_is_put_back_from_what_stands_there_to_what_is_wanted_now(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    memory, motd = f"{SET}.resources.limits.memory", "data.MOTD"
    drifted(stage, own, "StatefulSet", "lobby", drift(memory, "2Gi", "9Gi"), drift("metadata.labels[a/b]", "x", None))
    drifted(stage, own, "ConfigMap", "lobby-env", drift(motd, "A Minecraft server", "Mine"))
    rows = plan(stage, own)
    assert changes(rows) == {
        f"ConfigMap/lobby-env:{motd}": ("Mine", "A Minecraft server"),
        "StatefulSet/lobby:metadata.labels[a/b]": (None, "x"),
        f"StatefulSet/lobby:{memory}": ("9Gi", "2Gi"),
    }
    assert {row["reason"] for row in rows if row["action"] == "change"} == {
        "was changed by kubectl-edit, and is put back"
    }
    asked = tried(stage, own, parameters={"memory": "4Gi"})
    assert changes(asked)[f"StatefulSet/lobby:{memory}"] == ("9Gi", "4Gi")
    assert "asked for, and was changed by kubectl-edit" in {row["reason"] for row in asked}


def test_what_is_gone_or_replaced_is_told_as_a_whole(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.observe(
        stage.later(own, "Service", "lobby", change="gone"),
        stage.later(own, "ConfigMap", "lobby-env", uid="another", ours=False),
    )
    rows = {row["kind"] + "/" + row["name"]: row for row in plan(stage, own)}
    told = {name: (row["action"], row["live"], row["wanted"]) for name, row in rows.items() if row["action"] != "none"}
    assert told == {
        "Service/lobby": ("create", "missing", "present"),
        "ConfigMap/lobby-env": ("replace", "replaced", "present"),
    }
    assert rows["Service/lobby"]["reason"] == "was deleted from outside"


def test_a_root_that_is_gone_takes_those_it_owns_along(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.observe(stage.later(own, "ConfigMap", "lobby-root", change="gone"))
    told = acts(plan(stage, own))
    assert told.pop("ConfigMap/lobby-root") == "create"
    assert told.pop("PersistentVolumeClaim/lobby-data") == "none", "data has no owner"
    assert set(told.values()) == {"change"}


def test_a_stop_takes_the_replicas_and_nothing_else(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    rows = tried(stage, own, desired_state="Stopped", parameters={"memory": "4Gi"})
    assert changes(rows)["StatefulSet/lobby:spec.replicas"] == (1, 0)
    assert {row["restart"] for row in rows} == {None}, "pods that are going need no restart"


def test_a_pause_holds_all_and_still_tells_what_waits(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    rows = tried(stage, own, desired_state="Paused", parameters={"motd": "Hi"})
    assert changes(rows) == {}
    waiting = next(row for row in rows if row["path"] == "data.MOTD")
    assert (waiting["live"], waiting["wanted"]) == ("A Minecraft server", "Hi")
    assert waiting["reason"] == "held by request (Paused): asked for"


@pytest.mark.parametrize(
    ("keep", "action", "reason"), [(True, "none", "its data is kept"), (False, "prune", "ITS DATA IS DELETED")]
)
def test_a_delete_tells_the_order_and_what_becomes_of_the_data(
    stage: Stage, keep: bool, action: str, reason: str
) -> None:
    own = stage.run_healthy("lobby", "paper")
    rows = tried(stage, own, desired_state="Deleted", keep_data=keep)
    assert [f"{row['kind']}/{row['name']}" for row in rows] == [
        "StatefulSet/lobby",
        "Service/lobby",
        "PersistentVolumeClaim/lobby-data",
        "Secret/lobby-rcon",
        "ConfigMap/lobby-env",
        "ConfigMap/lobby-root",
    ]
    told = acts(rows)
    assert told.pop("PersistentVolumeClaim/lobby-data") == action
    assert set(told.values()) == {"prune"}
    assert reason in next(row["reason"] for row in rows if row["kind"] == "PersistentVolumeClaim")


def test_a_move_to_a_version_without_some_objects_prunes_them(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.admin.execute(
        """SELECT put_template('paper', (SELECT jsonb_agg(m) FROM jsonb_array_elements(base_spec_json) m
               WHERE m ->> 'kind' <> 'Service'), allowed_mutations_json) FROM templates WHERE name = 'paper'"""
    )
    rows = tried(stage, own, template_version=2)
    told = acts(rows)
    assert (told["Service/lobby"], told["PersistentVolumeClaim/lobby-data"]) == ("prune", "change")
    assert changes(rows)["ConfigMap/lobby-root:metadata.labels[server-orchestrator.io/template-version]"] == ("1", "2")
    assert rows[-1]["reason"] == "no longer asked for", "last"


def test_a_restart_is_told_as_such_whoever_carries_it_out(stage: Stage) -> None:
    own, web = stage.run_healthy("lobby", "paper"), stage.run_healthy("site", "web")
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("SELECT restart(id) FROM deployments")
        (waits,) = [row for row in plan(stage, own, stage.operator) if row["action"] != "none"]
        (rolls,) = [row for row in plan(stage, web, stage.operator) if row["action"] != "none"]
    assert (waits["path"], waits["restart"], waits["reason"]) == (RESTARTED, "now", "a restart is asked for")
    assert (rolls["path"], rolls["restart"]) == ("spec.template.metadata.annotations", "rolling")


def test_pods_that_still_wait_for_a_restart_are_told_of(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.observe(
        stage.later(own, "StatefulSet", "lobby", digest={"revision": "lobby-2"}),
        stage.seen(own, "Pod", "lobby-0", digest={"revision": "lobby-1"}),
    )
    stage.root.execute("UPDATE deployment_resources SET revision = 'lobby-2' WHERE kind = 'StatefulSet'")
    stage.root.execute("UPDATE deployment_resources SET revision = 'lobby-1' WHERE kind = 'Pod'")
    row = next(row for row in plan(stage, own) if row["kind"] == "StatefulSet")
    assert (row["action"], row["restart"]) == ("none", "needed")


def test_values_of_secrets_are_never_told(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    drifted(stage, own, "Secret", "lobby-rcon", drift("data.password", "(hidden)", "(hidden)"))
    assert changes(plan(stage, own)) == {"Secret/lobby-rcon:data.password": ("(hidden)", "(hidden)")}


def test_a_plan_reads_only_and_leaves_no_trace(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    listener = stage.session()
    for channel in ("orchestrator_c1", "orchestrator_events"):
        listener.execute(f"LISTEN {channel}")
    before = traces(stage), sequences(stage)
    with stage.viewer.transaction():
        stage.viewer.execute("SET TRANSACTION READ ONLY")
        assert plan(stage, own)
    assert (traces(stage), sequences(stage)) == before
    tried(stage, own, parameters={"memory": "4Gi"})
    assert written(traces(stage)) == written(before[0])
    assert list(listener.notifies(timeout=0.3)) == []


def written(found: dict[str, Any]) -> dict[str, Any]:
    """Without xmax, which tells who locked a row last, and keeps it when that is taken back."""
    return {name: [{k: v for k, v in row.items() if k != "xmax"} for row in rows] for name, rows in found.items()}


def sequences(stage: Stage) -> list[Row]:
    return stage.rows("SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2")


def test_a_plan_takes_no_lock_that_others_would_wait_for_or_be_gated_by(stage: Stage) -> None:
    """Held open after an UPDATE it holds what the UPDATE does, and no more: no nudge of others is swallowed for longer."""
    own = stage.run_healthy("lobby", "paper")
    session = stage.session("operator")
    locks = "SELECT locktype, relation::regclass::text, mode FROM pg_locks WHERE pid = %s AND (locktype = 'advisory' OR mode NOT IN ('AccessShareLock', 'ExclusiveLock')) ORDER BY 1, 2, 3"
    with session.transaction():
        plan(stage, own, session)
        assert stage.rows(locks, session.info.backend_pid) == []
    with session.transaction(force_rollback=True):
        session.execute("UPDATE deployments SET keep_data = false WHERE id = %s", (own,))
        before = stage.rows(locks, session.info.backend_pid)
        plan(stage, own, session)
        assert stage.rows(locks, session.info.backend_pid) == before


def test_a_plan_is_of_ones_own_namespaces_and_of_what_there_is(stage: Stage) -> None:
    with refused("SO404", "id"):
        stage.viewer.execute("SELECT * FROM plan(gen_random_uuid())")
    with denied():
        stage.worker.execute("SELECT * FROM plan(gen_random_uuid())")
    with denied():
        stage.viewer.execute("SELECT * FROM orchestrator.applied_manifests(gen_random_uuid(), 1)")


def test_what_is_gone_for_good_has_only_its_data_left(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.change(own, desired_state="Deleted")
    claimed = stage.claim_one()
    pruned = [
        {"kind": m["kind"], "namespace": "default", "name": m["metadata"]["name"]}
        for m in manifests(claimed)
        if m["kind"] != "PersistentVolumeClaim"
    ]
    stage.settle(claimed, "finalised", pruned=pruned, resources=[])
    assert acts(plan(stage, own)) == {"PersistentVolumeClaim/lobby-data": "none"}
    revived = acts(tried(stage, own, desired_state="Active"))
    assert revived.pop("PersistentVolumeClaim/lobby-data") == "none"
    assert set(revived.values()) == {"create"}


async def test_the_python_door_answers_the_same(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    drifted(stage, own, "ConfigMap", "lobby-env", drift("data.MOTD", "A Minecraft server", "Mine"))
    async with await connect(stage.database.dsn_as("viewer"), name="test") as session:
        rows = await read_plan(session, own)
    assert [(row.kind, row.name, row.path, row.action) for row in rows] == [
        (row["kind"], row["name"], row["path"], row["action"]) for row in plan(stage, own)
    ]
    assert {row.action for row in rows} <= set(get_args(Action))


def test_many_changes_are_planned_in_one_statement(stage: Stage) -> None:
    for name in ("a", "b", "c"):
        stage.run_healthy(name)
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("UPDATE deployments SET parameters = parameters || '{\"replicas\": 2}'")
        found = stage.operator.execute(
            "SELECT d.name, p.path, p.wanted FROM deployments d, plan(d.id) p WHERE p.action <> 'none' ORDER BY 1"
        ).fetchall()
    assert [(row["name"], row["path"], row["wanted"]) for row in found] == [(n, "spec.replicas", 2) for n in "abc"]
    assert next_version()


REPLICAS = "spec.replicas"


def by_path(rows: list[Row]) -> dict[str, tuple[str, Any, Any, str]]:
    return {row["path"]: (row["action"], row["live"], row["wanted"], row["reason"]) for row in rows if row["path"]}


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("Ignore", "was changed by hpa, and is left alone: it is ignored"),
        ("Adopt", "was changed by hpa, and is left alone until it is adopted or put back"),
    ],
)
def test_what_is_not_enforced_is_left_alone_and_said_so(stage: Stage, policy: str, reason: str) -> None:
    own = stage.run_healthy("site", "web")
    stage.change(own, drift_policy=policy)
    stage.run_all()
    drifted(stage, own, "Deployment", "site", drift(REPLICAS, 1, 5, "hpa"))
    assert by_path(plan(stage, own)) == {REPLICAS: ("none", 5, 1, reason)}
    asked = by_path(tried(stage, own, parameters={"replicas": 3}))[REPLICAS]
    assert asked[:3] == ("none", 5, 3)
    assert asked[3].startswith("asked for, but was changed by hpa and is left alone")
    enforced = by_path(tried(stage, own, drift_policy="Enforce"))
    assert enforced[REPLICAS] == ("change", 5, 1, "was changed by hpa, and is put back"), "rules hold at once"


def test_a_rule_keeps_what_is_asked_for_from_being_written(stage: Stage) -> None:
    own = stage.run_healthy("site", "web")
    stage.change(own, drift_rules=[{"kind": "Deployment", "path": REPLICAS, "policy": "Ignore"}])
    rows = tried(stage, own, parameters={"replicas": 3})
    assert by_path(rows)[REPLICAS] == ("none", 1, 3, "asked for, and left alone: a rule ignores it")
    assert changes(rows) == {}
    others = tried(
        stage,
        own,
        drift_rules=[{"kind": "StatefulSet", "path": REPLICAS, "policy": "Ignore"}],
        parameters={"replicas": 3},
    )
    assert changes(others) == {f"Deployment/site:{REPLICAS}": (1, 3)}


def test_what_is_gone_and_ignored_is_left_gone(stage: Stage) -> None:
    own = stage.run_healthy("site", "web")
    stage.change(own, drift_rules=[{"kind": "Service", "policy": "Ignore"}])
    stage.run_all()
    stage.observe(stage.later(own, "Service", "site", change="gone"))
    told = {row["kind"]: (row["action"], row["reason"]) for row in plan(stage, own)}
    assert told["Service"] == ("none", "was deleted from outside, and is left alone: it is ignored")


def test_what_is_put_back_once_is_told_as_such(stage: Stage) -> None:
    own = stage.run_healthy("site", "web")
    stage.change(own, drift_policy="Adopt")
    stage.run_all()
    drifted(stage, own, "Deployment", "site", drift(REPLICAS, 1, 5, "hpa"))
    with stage.operator.transaction(force_rollback=True):
        stage.operator.execute("SELECT put_back(%s, ARRAY['spec.replicas'])", (own,))
        told = by_path(plan(stage, own, stage.operator))
    assert told == {REPLICAS: ("change", 5, 1, "was changed by hpa, and is put back")}
    adopted = by_path(tried(stage, own, parameters={"replicas": 5}))
    assert adopted[REPLICAS][:3] == ("change", 5, 5), "it is asked for as it stands: ours again"
