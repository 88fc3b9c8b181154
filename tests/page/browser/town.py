"""A town to look at: servers in every state, as people, workers and the watcher of one cluster would have left them."""

import json
from typing import Any

import psycopg

from tests.db.stage import Row, Stage, load_shipped
from tests.db.test_upgrade import next_web
from tests.people import make_user

LONG_NAME = "the-longest-name-that-a-server-can-have"
MINECRAFT = {"eula": "TRUE", "memory": "4Gi"}
# Why each kind is well, and what it then tells of itself.
LOOKS: dict[str, tuple[str, Row]] = {
    "StatefulSet": ("Ready", {"wantedReplicas": 1, "readyReplicas": 1}),
    "Deployment": ("Ready", {"wantedReplicas": 1, "readyReplicas": 1}),
    "Ingress": ("Present", {"hosts": ["map.example.com"]}),
    "PersistentVolumeClaim": ("Bound", {"phase": "Bound", "capacity": "10Gi"}),
    "Service": ("Present", {"clusterIP": "10.96.14.7", "ports": [{"port": 25565}]}),
    "Pod": ("Ready", {"phase": "Running", "node": "node-1"}),
}


def build(stage: Stage) -> dict[str, Any]:
    """Build it; its ids by the names of servers, and as `rollout`, `dry-run` and `link` of what else has a page."""
    load_shipped(stage.database)
    stage.reachable()
    for kind in ("StatefulSet", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim", "Pod"):
        stage.watcher.execute("SELECT record_stream('default', %s, 'synced', 0, NULL)", (kind,))
    stage.watcher.execute("SELECT record_stream('default', 'Event', 'connected', 0, NULL)")
    stage.root.execute("UPDATE watch_streams SET synced_at = now() - interval '59 min' WHERE kind = 'Pod'")
    stage.worker.execute("SELECT report_process('default', 'worker', 'worker-7f9c4d-x2x8k', 90000, true)")
    stage.watcher.execute("SELECT report_process('default', 'watcher', 'watcher-5d8b6f-q9m2t', 90000, true)")
    # Whoever says nothing for a minute is gone; these stay for as long as the town is looked at.
    stage.root.execute("UPDATE processes SET last_seen_at = now() + interval '1 hour'")
    made = {
        name: run(stage, name, {**MINECRAFT, **more})
        for name, more in (
            ("lobby", {"motd": "Welcome", "max_players": 100}),
            ("survival", {"difficulty": "hard"}),
            ("creative", {"mode": "creative"}),
            ("skyblock", {"memory": "8Gi"}),
            ("minigames", {}),
            ("archive", {}),
            ("event-summer", {}),
            (LONG_NAME, {}),
        )
    }
    stage.change(made["lobby"], parameters=json.dumps({**MINECRAFT, "motd": "Welcome back", "max_players": 120}))
    settle_all(stage)
    healthy(stage, made["lobby"])
    stage.observe(
        stage.later(
            made["survival"], "StatefulSet", "survival", health="Degraded", reason="CrashLoopBackOff",
            digest=digest_of("StatefulSet") | {"readyReplicas": 0},
            message="container minecraft: back-off 2m40s restarting failed container, exit code 137 (OOMKilled)",
        )
    )  # fmt: skip
    stage.change(made["creative"], desired_state="Stopped")
    stage.change(made["archive"], desired_state="Paused")
    settle_all(stage)
    stage.observe(stage.gone(made["creative"], "Pod", "creative-0"))
    stage.change(made["skyblock"], parameters=json.dumps({**MINECRAFT, "memory": "16Gi"}))
    message = "exceeded quota: memory, requested: limits.memory=16Gi, used: limits.memory=28Gi, limited: 32Gi"
    stage.settle(stage.claim_one(), "failed", error=message, permanent=True)
    rollout = roll_out(stage, made)
    asked = ask_the_cluster(stage, made["lobby"])
    drift(stage, made["minigames"], "minigames")
    stage.change(made["event-summer"], desired_state="Deleted")
    made["hub"] = stage.deploy("hub", "vanilla", MINECRAFT)
    for window in (
        ("nights", None, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], "04:00", "2 hours", "Europe/Berlin"),
        ("weekends", "default", ["Sat", "Sun"], "23:30", "90 minutes", "America/Argentina/Buenos_Aires"),
    ):
        stage.admin.execute(
            "INSERT INTO maintenance_windows (name, namespace, days, starts, lasts, zone)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            window,
        )
    stage.operator.execute("SELECT plan_restart(%s, 'nights', true)", (made["survival"],))
    for name, online in (("lobby", 87), ("survival", 1), (LONG_NAME, 0)):
        stage.operator.execute("SELECT record_players(%s, %s)", (made[name], online))
    for hours, name in enumerate(reversed(made), start=0):
        stage.root.execute(
            "UPDATE deployments SET created_at = created_at - make_interval(hours => %s) WHERE name = %s",
            (hours**3, name),
        )
    with psycopg.connect(stage.database.dsn, autocommit=True) as superuser:
        make_user(superuser, "alice", "operator", ["default"])
        make_user(superuser, "bob", "viewer", None)
    return {**made, "rollout": rollout, "dry-run": asked, "link": stage.one("SELECT make_password_link('bob')")}


def roll_out(stage: Stage, made: dict[str, Any]) -> int:
    """Web servers on their way to a newer version, and one more that stays behind: one is through, one waits."""
    for name in ("website", "map", "shop", "panel"):
        made[name] = run(stage, name, {}, "web")
    next_web(stage)
    members = [made[name] for name in ("website", "map", "shop")]
    row = stage.operator.execute("SELECT start_rollout('web', ids => %s, batch_size => 1) AS id", (members,)).fetchone()
    assert row is not None
    stage.worker.execute("SELECT advance_rollouts()")
    settle_all(stage)
    healthy(stage, made["map"])
    stage.worker.execute("SELECT advance_rollouts()")
    settle_all(stage)
    return row["id"]


def ask_the_cluster(stage: Stage, deployment: Any) -> int:
    """A dry run, answered: one object would be taken, one changed on the way, one refused."""
    row = stage.operator.execute(
        "SELECT request_dry_run(%s, %s) AS id", (deployment, json.dumps({"memory": "16Gi"}))
    ).fetchone()
    assert row is not None
    taken = stage.worker.execute("SELECT * FROM claim_dry_run('default', 'w', 60)").fetchone()
    assert taken is not None
    quota = "exceeded quota: memory, requested: limits.memory=16Gi, used: limits.memory=28Gi, limited: 32Gi"
    answers = [
        {"kind": "ConfigMap", "name": "lobby-env", "verdict": "unchanged"},
        {"kind": "Service", "name": "lobby", "verdict": "ok", "warnings": ["spec.externalIPs is ignored here"],
         "altered": [{"path": "spec.type", "sent": "NodePort", "becomes": "ClusterIP"}]},
        {"kind": "StatefulSet", "name": "lobby", "verdict": "refused", "category": "quota", "message": quota},
    ]  # fmt: skip
    stage.worker.execute(
        "SELECT settle_dry_run(%s, %s, 'done', %s, '')", (row["id"], taken["token"], json.dumps(answers))
    )
    return row["id"]


def run(stage: Stage, name: str, parameters: Row, template: str = "paper") -> Any:
    """A healthy server."""
    made = stage.deploy(name, template, parameters)
    settle_all(stage)
    healthy(stage, made)
    return made


def settle_all(stage: Stage) -> None:
    """As workers that applied everything they were asked to."""
    while claimed := stage.claim(100) or stage.claim(100):
        for one in claimed:
            stage.converge(one)


def healthy(stage: Stage, deployment: Any) -> None:
    """As a watcher that saw all of it well, and its pod."""
    resources = stage.rows(
        "SELECT kind, name FROM deployment_resources WHERE deployment_id = %s AND managed", deployment
    )
    name = stage.one("SELECT name FROM deployments WHERE id = %s", deployment)
    there = [(one["kind"], one["name"]) for one in resources] + [("Pod", f"{name}-0")]
    stage.observe(
        *(
            stage.seen(deployment, kind, called, reason=LOOKS.get(kind, ("Present", {}))[0], digest=digest_of(kind))
            for kind, called in there
        )
    )


def digest_of(kind: str) -> Row:
    """What a watcher keeps of an object's status."""
    return {"createdAt": "2026-11-20T08:00:00Z", **LOOKS.get(kind, ("", {}))[1]}


def drift(stage: Stage, deployment: Any, name: str) -> None:
    """Somebody scaled it with kubectl, and gave it another greeting."""
    since = {"manager": "kubectl-edit", "since": "2026-11-20T10:00:00Z"}
    found = {
        ("StatefulSet", name): {"path": "spec.replicas", "wanted": 1, "live": 2, **since},
        ("ConfigMap", f"{name}-env"): {
            "path": "data.MOTD", "wanted": "A Minecraft server", "live": "Made with kubectl", **since
        },
    }  # fmt: skip
    reports = [
        {"deployment_id": str(deployment), "kind": kind, "namespace": "default", "name": called,
         "resource_version": 0, "drift": [path]}
        for (kind, called), path in found.items()
    ]  # fmt: skip
    seen = [stage.later(deployment, kind, called, fields_hash="h2") for kind, called in found]
    with stage.watcher.transaction():
        stage.observe(*seen)
        stage.watcher.execute("SELECT record_drift('default', %s)", (json.dumps(reports),))
    stage.catch_up(*seen)
