"""What a watcher saw, written: order, drift, deletion, re-creation, what belongs to nobody, and how little a repetition leaves."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.db.stage import Row, Stage, applied, manifests, next_version


def drift_report(
    own: Any, *paths: str, kind: str = "Service", name: str = "lobby", manager: str = "kubectl-edit"
) -> str:
    """As record_drift takes it."""
    drift = [
        {"path": path, "wanted": 1, "live": 2, "manager": manager, "since": "2026-01-01T00:00:00Z"} for path in paths
    ]
    return json.dumps(
        [
            {
                "deployment_id": str(own),
                "kind": kind,
                "namespace": "default",
                "name": name,
                "resource_version": 0,
                "drift": drift,
            }
        ]
    )


def make_drift(stage: Stage, own: Any, fields_hash: str = "h-drift", *paths: str) -> list[Row]:
    """An edit from outside: observed, found suspect, judged."""
    seen = stage.later(own, "Service", "lobby", fields_hash=fields_hash)
    with stage.watcher.transaction():
        verdicts = stage.observe(seen)
        if verdicts:
            stage.watcher.execute(
                "SELECT record_drift('default', %s)", (drift_report(own, *(paths or ("spec.type",))),)
            )
    if verdicts:
        assert stage.catch_up(seen) == []
    return verdicts


def resource(stage: Stage, own: Any, kind: str = "Service", name: str = "lobby") -> Row:
    found = stage.resource(own, kind, name)
    assert found is not None
    return found


# ---------------------------------------------------------------- order


def test_a_newer_observation_is_written_with_health_and_time(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    version = next_version()
    stage.observe(
        stage.seen(
            own,
            "Deployment",
            "lobby",
            resource_version=version,
            health="Degraded",
            reason="ImagePullBackOff",
            message="cannot pull",
        )
    )
    row = resource(stage, own, "Deployment")
    assert (row["resource_version"], row["health"], row["reason"], row["message"]) == (
        version,
        "Degraded",
        "ImagePullBackOff",
        "cannot pull",
    )
    assert stage.deployment("lobby")["status_message"] == "Deployment lobby: cannot pull"


def test_an_older_observation_never_overwrites_a_newer_one(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "Service", "lobby", message="new"))
    before = resource(stage, own)
    assert (
        stage.observe(
            stage.seen(
                own,
                "Service",
                "lobby",
                resource_version=3,
                health="Degraded",
                message="old",
                fields_hash="other",
                uid="other",
            )
        )
        == []
    )
    assert stage.observe(stage.gone(own, "Service", "lobby", resource_version=3)) == []
    assert resource(stage, own) == before


def test_an_observation_of_the_same_version_brings_what_the_apply_could_not_know(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.converge(stage.claim_one())
    assert resource(stage, own)["health"] is None
    assert stage.deployment("lobby")["status_summary"] == "Progressing"
    stage.observe(stage.seen(own, "Service", "lobby", health="Healthy"))
    assert resource(stage, own)["health"] == "Healthy"


def test_the_observation_of_our_own_newer_apply_is_no_drift(stage: Stage) -> None:
    """Seen before the worker settled it: the fields are new, but nothing of ours was lost."""
    own = stage.run_healthy("lobby")
    stage.change(own, parameters={"replicas": 2})
    claimed = stage.claim_one()
    ours = [applied(m, "default", fields_hash="h2") for m in manifests(claimed)]
    workload = next(r for r in ours if r["kind"] == "Deployment")
    verdicts = stage.observe(
        stage.seen(own, "Deployment", "lobby", resource_version=workload["resource_version"], fields_hash="h2")
    )
    stage.watcher.execute(
        "SELECT record_drift('default', %s)", (drift_report(own, kind="Deployment"),)
    )  # looked closer: nothing lost
    assert [v["verdict"] for v in verdicts] == ["suspect"]
    stage.settle(claimed, resources=ours)
    row = resource(stage, own, "Deployment")
    assert (row["applied_fields_hash"], row["fields_hash"], row["drift"]) == ("h2", "h2", None)
    assert stage.events(own, "ResourceModifiedExternally") == []
    assert stage.claim() == []


def test_an_apply_settled_after_a_newer_observation_keeps_that_observations_place(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.operator.execute("SELECT reconcile_now(%s)", (own,))
    claimed = stage.claim_one()
    ours = [applied(m, "default") for m in manifests(claimed)]
    version = next_version()
    stage.observe(stage.seen(own, "Service", "lobby", resource_version=version))
    stage.settle(claimed, resources=ours)
    assert resource(stage, own)["resource_version"] == version


# ---------------------------------------------------------------- deletion


def test_an_object_deleted_from_outside_is_told_once_and_asked_for(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    for _ in range(5):
        stage.observe(stage.gone(own, "Service", "lobby"))
    event = stage.last_event(own, "ResourceDeletedExternally")
    assert event["data_json"] == {
        "kind": "Service",
        "namespace": "default",
        "name": "lobby",
        "uid": "uid-Service-lobby",
    }
    assert (event["source"], event["actor"]) == ("k8s_watch", "kubernetes")
    assert stage.events(own, "ResourceDeletedExternally") == ["ResourceDeletedExternally"]
    assert "Service lobby was deleted from outside and is being put back" in stage.deployment("lobby")["status_message"]
    claimed = stage.claim_one()
    assert [i["missing"] for i in claimed["inventory"] if i["kind"] == "Service"] == [True]
    stage.converge(claimed)
    assert resource(stage, own)["missing_since"] is None
    assert stage.claim() == []


def test_an_object_that_is_no_longer_wanted_leaves_the_inventory_quietly(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, parameters={"ingress": False})
    stage.observe(stage.gone(own, "Ingress", "lobby"))
    assert stage.resource(own, "Ingress", "lobby") is None
    assert stage.events(own, "ResourceDeletedExternally") == []


def test_the_root_that_owns_the_others_is_wanted_too(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.gone(own, "ConfigMap", "lobby-root"))
    assert stage.events(own, "ResourceDeletedExternally") == ["ResourceDeletedExternally"]


def test_a_pod_that_goes_needs_no_worker_and_no_event(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "Pod", "lobby-abc", uid="p1"))
    events = stage.events(own)
    stage.observe(stage.gone(own, "Pod", "lobby-abc", uid="p1"))
    assert stage.resource(own, "Pod", "lobby-abc") is None
    assert stage.events(own) == events
    assert stage.claim() == []


def test_what_goes_while_a_deployment_is_deleted_asks_for_the_next_step(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, desired_state="Deleted")
    stage.settle(stage.claim_one(), "held")
    stage.observe(stage.gone(own, "Service", "lobby"))
    assert stage.resource(own, "Service", "lobby") is None
    assert stage.events(own, "ResourceDeletedExternally") == []
    assert stage.claim_one()["desired_state"] == "Deleted"


# ---------------------------------------------------------------- re-creation


def test_an_object_recreated_by_another_is_told_and_applied_anew(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "Service", "lobby", uid="theirs", ours=False, fields_hash=None))
    event = stage.last_event(own, "ResourceRecreated")
    assert event["data_json"] == {
        "kind": "Service",
        "namespace": "default",
        "name": "lobby",
        "from_uid": "uid-Service-lobby",
        "to_uid": "theirs",
    }
    (item,) = [i for i in stage.claim_one()["inventory"] if i["kind"] == "Service"]
    assert (item["uid"], item["rendered_hash"]) == ("theirs", None)
    stage.observe(stage.later(own, "Service", "lobby", uid="theirs", ours=False, fields_hash=None))
    assert stage.events(own, "ResourceRecreated") == ["ResourceRecreated"]


def test_our_own_recreation_is_no_news(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.gone(own, "Service", "lobby"))
    claimed = stage.claim_one()
    ours = [applied(m, "default", uid=f"new-{m['kind']}") for m in manifests(claimed)]
    service = next(r for r in ours if r["kind"] == "Service")
    stage.observe(
        stage.seen(
            own, "Service", "lobby", uid=service["uid"], resource_version=service["resource_version"], fields_hash="h1"
        )
    )
    stage.settle(claimed, resources=ours)
    assert stage.events(own, "ResourceRecreated") == []
    assert resource(stage, own)["uid"] == "new-Service"
    assert stage.claim() == []


# ---------------------------------------------------------------- drift


def test_fields_of_ours_that_changed_are_suspect_with_all_that_is_needed_to_judge(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    (verdict,) = stage.observe(stage.later(own, "Service", "lobby", fields_hash="h-drift"))
    assert (verdict["verdict"], verdict["deployment_id"], verdict["kind"], verdict["name"]) == (
        "suspect",
        own,
        "Service",
        "lobby",
    )
    assert (verdict["deployment_name"], verdict["generation"], verdict["template_version"]) == ("lobby", 1, 1)
    assert verdict["root_uid"] == "uid-ConfigMap-lobby-root"
    assert verdict["applied_fields"] == {"f:spec": {}}
    assert verdict["wanted"]["spec"]["ports"][0]["port"] == 80


def test_fields_that_differ_are_judged_at_each_observation_above_our_apply_and_at_none_below(stage: Stage) -> None:
    """The same fields may be lost with other values, so the same hash is looked at again."""
    below = next_version()
    own = stage.run_healthy("lobby")
    assert stage.observe(stage.seen(own, "Service", "lobby", resource_version=below, fields_hash="a")) == []
    for fields_hash, suspects in [("a", 1), ("a", 1), ("b", 1), ("h1", 0), ("a", 1)]:
        assert len(stage.observe(stage.later(own, "Service", "lobby", fields_hash=fields_hash))) == suspects


def test_our_own_apply_is_no_suspect_before_it_is_settled_unless_a_field_was_taken(stage: Stage) -> None:
    """Only the values differ then, and the label tells of a newer generation than the one that was settled."""
    fields, values = "a" * 16, "1" * 16
    own = stage.deploy("lobby", "web")
    stage.converge(stage.claim_one(), fields_hash=fields + values)
    for generation, fields_hash, suspects in [
        (2, fields + "2" * 16, 0),
        (1, fields + "2" * 16, 1),
        (None, fields + "2" * 16, 1),
        (2, "b" * 16 + values, 1),
    ]:
        seen = stage.later(own, "Service", "lobby", generation=generation, fields_hash=fields_hash)
        assert len(stage.observe(seen)) == suspects, (generation, fields_hash)


def test_a_judgement_that_was_rolled_back_is_asked_for_again(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    seen = stage.later(own, "Service", "lobby", fields_hash="a")
    with stage.watcher.transaction(force_rollback=True):
        assert len(stage.observe(seen)) == 1
    assert len(stage.observe(seen)) == 1


def test_drift_is_recorded_shown_and_put_back(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    make_drift(stage, own, "h-drift", "spec.type", "spec.ports[port=80].targetPort")
    event = stage.last_event(own, "ResourceModifiedExternally")
    assert [c["path"] for c in event["data_json"]["changes"]] == ["spec.type", "spec.ports[port=80].targetPort"]
    assert (event["source"], event["actor"]) == ("k8s_watch", "kubectl-edit")
    rows = stage.viewer.execute(
        "SELECT deployment, kind, object, path, wanted, live, manager FROM drift ORDER BY path"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [
        ("lobby", "Service", "lobby", "spec.ports[port=80].targetPort", 1, 2, "kubectl-edit"),
        ("lobby", "Service", "lobby", "spec.type", 1, 2, "kubectl-edit"),
    ]
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["status_message"]) == (
        "Progressing",
        "Service lobby was changed by kubectl-edit and is being put back.",
    )
    claimed = stage.claim_one()
    assert [i["drifted"] for i in claimed["inventory"] if i["kind"] == "Service"] == [True]
    stage.converge(claimed)
    assert stage.rows("SELECT * FROM drift") == []
    assert stage.deployment("lobby")["status_summary"] == "Healthy"


def test_a_missing_object_is_shown_as_drift_too(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.gone(own, "Service", "lobby"))
    (row,) = stage.rows("SELECT * FROM drift")
    assert (row["deployment_id"], row["path"], row["wanted"], row["live"]) == (own, "", "present", "missing")


def test_drift_that_somebody_takes_back_is_cleared_without_us(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    make_drift(stage, own)
    stage.observe(stage.later(own, "Service", "lobby", fields_hash="h1"))
    assert resource(stage, own)["drift"] is None
    assert stage.deployment("lobby")["status_summary"] == "Healthy"


def test_a_closer_look_that_finds_nothing_clears_and_is_no_event(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    make_drift(stage, own)
    stage.watcher.execute("SELECT record_drift('default', %s)", (drift_report(own),))
    assert resource(stage, own)["drift"] is None
    assert resource(stage, own)["drifted_at"] is None
    assert stage.events(own, "ResourceModifiedExternally") == ["ResourceModifiedExternally"]


def test_the_same_drift_is_told_once_and_other_drift_again(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    make_drift(stage, own)
    since = resource(stage, own)["drifted_at"]
    for _ in range(3):
        stage.watcher.execute("SELECT record_drift('default', %s)", (drift_report(own, "spec.type"),))
    assert stage.events(own, "ResourceModifiedExternally") == ["ResourceModifiedExternally"]
    stage.watcher.execute("SELECT record_drift('default', %s)", (drift_report(own, "spec.type", "spec.clusterIP"),))
    assert len(stage.events(own, "ResourceModifiedExternally")) == 2
    assert resource(stage, own)["drifted_at"] == since


def test_drift_of_a_deleted_deployment_is_of_no_interest(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, desired_state="Deleted")
    assert stage.observe(stage.later(own, "Service", "lobby", fields_hash="x")) == []


def test_a_pod_never_drifts(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    for fields_hash in ("a", "b", "c"):
        assert stage.observe(stage.later(own, "Pod", "lobby-abc", uid="p1", fields_hash=fields_hash)) == []
    assert resource(stage, own, "Pod", "lobby-abc")["managed"] is False


@pytest.mark.parametrize("what", ["drift", "deletion", "recreation"])
def test_what_happens_behind_a_paused_deployment_is_recorded_and_not_put_back(stage: Stage, what: str) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, desired_state="Paused")
    stage.settle(stage.claim_one(), "held")
    match what:
        case "drift":
            make_drift(stage, own)
        case "deletion":
            stage.observe(stage.gone(own, "Service", "lobby"))
        case "recreation":
            stage.observe(stage.later(own, "Service", "lobby", uid="theirs", ours=False))
    assert len(stage.events(own, "ResourceModifiedExternally", "ResourceDeletedExternally", "ResourceRecreated")) == 1
    assert stage.messages() == []
    row = stage.deployment("lobby")
    assert row["status_summary"] == "Paused"
    if what != "recreation":
        assert "Behind it: Service lobby was" in row["status_message"]
    stage.change(own, desired_state="Active")
    assert stage.claim_one()["desired_state"] == "Active"


# ---------------------------------------------------------------- whose it is


def test_the_inventory_knows_best_whose_an_object_is(stage: Stage) -> None:
    """A label can be edited, taken off, or point at another deployment."""
    own, other = stage.run_healthy("lobby"), stage.run_healthy("other")
    stage.observe(stage.later(own, "Service", "lobby", deployment_id=None, message="no label"))
    assert resource(stage, own)["message"] == "no label"
    stage.observe(stage.later(own, "Service", "lobby", deployment_id=str(other), message="wrong label"))
    assert resource(stage, own)["message"] == "wrong label"
    stage.observe(
        stage.later(own, "Service", "lobby", deployment_id=str(other), health="Degraded", message="wrong label")
    )
    assert (stage.deployment("lobby")["status_summary"], stage.deployment("other")["status_summary"]) == (
        "Degraded",
        "Healthy",
    )
    assert stage.rows("SELECT * FROM deployment_resources WHERE deployment_id = %s AND name = 'lobby'", other) == []


def test_a_foreign_copy_that_carries_our_label_is_only_observed(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "ConfigMap", "copy", ours=False, health="Degraded"))
    assert resource(stage, own, "ConfigMap", "copy")["managed"] is False
    assert stage.deployment("lobby")["status_summary"] == "Healthy"
    events = stage.events(own)
    stage.observe(stage.gone(own, "ConfigMap", "copy"))
    assert stage.events(own) == events


def test_our_own_apply_seen_before_it_settled_is_managed(stage: Stage) -> None:
    own = stage.deploy("lobby")
    stage.claim_one()
    stage.observe(stage.later(own, "Service", "lobby", ours=True))
    assert resource(stage, own)["managed"] is True


def test_what_belongs_to_nobody_is_left_out(stage: Stage) -> None:
    stage.run_healthy("lobby")
    count = stage.one("SELECT count(*) FROM deployment_resources")
    stranger = "00000000-0000-0000-0000-000000000000"
    assert (
        stage.observe(
            stage.later(stranger, "Service", "else"), stage.later(stranger, "Service", "none", deployment_id=None)
        )
        == []
    )
    assert stage.one("SELECT count(*) FROM deployment_resources") == count


def test_a_label_of_another_clusters_deployment_is_not_believed(stage: Stage) -> None:
    stage.admin.execute("INSERT INTO clusters (name) VALUES ('second')")
    own = stage.deploy("lobby", cluster="second")
    stage.observe(stage.later(own, "Service", "lobby"))
    assert stage.rows("SELECT * FROM deployment_resources") == []


# ---------------------------------------------------------------- busy


def test_a_deployment_that_somebody_holds_is_answered_busy_and_nothing_waits(stage: Stage) -> None:
    held, free = stage.run_healthy("held"), stage.run_healthy("free")
    stage.watcher.execute("SET lock_timeout = '2s'")
    seen = [stage.later(held, "Service", "held", message="m"), stage.later(free, "Service", "free", message="m")]
    with stage.operator.transaction():
        stage.operator.execute("UPDATE deployments SET keep_data = false WHERE id = %s", (held,))
        (verdict,) = stage.observe(*seen)
        assert (verdict["verdict"], verdict["deployment_id"], verdict["kind"], verdict["name"]) == (
            "busy",
            held,
            "Service",
            "held",
        )
        assert resource(stage, free, name="free")["message"] == "m"
        assert resource(stage, held, name="held")["message"] == ""
    assert stage.observe(*seen) == []
    assert resource(stage, held, name="held")["message"] == "m"


# ---------------------------------------------------------------- repetition


def test_a_hundred_repetitions_leave_no_event_no_generation_and_no_message(stage: Stage) -> None:
    own = stage.run_healthy("lobby", "paper")
    stage.observe(stage.later(own, "Pod", "lobby-0", uid="p1", digest={"phase": "Running"}))
    make_drift(stage, own, "h-drift", "spec.type")
    stage.converge(stage.claim_one())
    seen = [
        stage.seen(own, r["kind"], r["name"], uid=r["uid"]) for r in stage.rows("SELECT * FROM deployment_resources")
    ]
    stage.observe(*seen)
    row, events, slot = stage.deployment("lobby"), stage.events(own), stage.slot(own)
    present = json.dumps(
        [{"namespace": "default", "name": s["name"], "uid": s["uid"]} for s in seen if s["kind"] == "Service"]
    )
    for _ in range(100):
        assert stage.observe(*seen) == []
        assert (
            stage.watcher.execute(
                "SELECT * FROM record_relist('default', 'Service', %s, %s)", (next_version(), present)
            ).fetchall()
            == []
        )
    stage.worker.execute("SELECT mark_stale('default')")
    assert stage.deployment("lobby") == row
    assert stage.events(own) == events
    assert stage.slot(own) == slot
    assert stage.messages() == []


def test_a_deletion_repeated_a_hundred_times_is_one_event_and_one_message(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    gone = stage.gone(own, "Service", "lobby")
    for _ in range(100):
        stage.observe(gone)
    assert stage.events(own, "ResourceDeletedExternally") == ["ResourceDeletedExternally"]
    assert stage.slot(own)["requested"] == 2
    assert len(stage.messages()) == 1


# ---------------------------------------------------------------- the cache, relists, warnings, streams


def test_the_cache_holds_digests_of_what_exists(stage: Stage) -> None:
    own = stage.run_healthy("lobby")

    def cache() -> Row:
        return stage.one("SELECT observed_json FROM deployment_observed WHERE deployment_id = %s", own)

    stage.observe(
        stage.later(own, "Deployment", "lobby", digest={"replicas": 1}),
        stage.later(own, "Pod", "lobby-a", uid="p", digest={"phase": "Pending"}),
    )
    assert cache() == {"Deployment/lobby": {"replicas": 1}, "Pod/lobby-a": {"phase": "Pending"}}
    stage.observe(stage.later(own, "Pod", "lobby-a", uid="p", digest={"phase": "Running"}))
    assert cache()["Pod/lobby-a"] == {"phase": "Running"}
    stage.observe(stage.gone(own, "Pod", "lobby-a", uid="p"))
    assert cache() == {"Deployment/lobby": {"replicas": 1}}


def relist(stage: Stage, present: list[Row], version: int | None = None, kind: str = "Service") -> list[str]:
    rows = stage.watcher.execute(
        "SELECT name FROM record_relist('default', %s, %s, %s)", (kind, version or next_version(), json.dumps(present))
    ).fetchall()
    return [row["name"] for row in rows]


def test_a_relist_touches_what_it_lists_and_answers_what_it_lacks(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.run_healthy("other")
    stage.root.execute("UPDATE deployment_resources SET last_seen_at = now() - interval '10 minutes'")
    version = next_version()
    listed = [{"namespace": "default", "name": "lobby", "uid": "uid-Service-lobby"}]
    assert relist(stage, listed, version) == ["other"]
    assert stage.one(
        "SELECT now() - last_seen_at FROM deployment_resources WHERE kind = 'Service' AND name = 'lobby'"
    ) < timedelta(minutes=1)
    assert stage.one(
        "SELECT now() - last_seen_at FROM deployment_resources WHERE kind = 'Service' AND name = 'other'"
    ) > timedelta(minutes=9)
    assert (
        stage.one("SELECT count(*) FROM deployment_resources WHERE last_seen_at > now() - interval '1 minute'") == 1
    ), "of one kind only"
    assert stage.events(own, "ResourceDeletedExternally") == [], "it is for the watcher to make sure"
    assert stage.one("SELECT state FROM watch_streams WHERE kind = 'Service'") == "synced"


def test_a_relist_older_than_what_was_seen_since_says_nothing_of_it(stage: Stage) -> None:
    version = next_version()
    stage.run_healthy("lobby")
    assert relist(stage, [], version) == []
    assert relist(stage, []) == ["lobby"]


def test_a_missing_object_is_not_answered_again(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.gone(own, "Service", "lobby"))
    assert relist(stage, []) == []


def test_a_relist_does_not_touch_an_object_of_another_uid(stage: Stage) -> None:
    stage.run_healthy("lobby")
    stage.root.execute("UPDATE deployment_resources SET last_seen_at = now() - interval '10 minutes'")
    relist(stage, [{"namespace": "default", "name": "lobby", "uid": "theirs"}])
    assert stage.one("SELECT count(*) FROM deployment_resources WHERE last_seen_at > now() - interval '1 minute'") == 0


def warn(stage: Stage, kind: str, name: str, reason: str, message: str, age: str = "0 seconds") -> None:
    at = stage.one("SELECT (now() - %s::interval)::text", age)
    batch = [
        {
            "type": "Warning",
            "kind": kind,
            "namespace": "default",
            "name": name,
            "reason": reason,
            "message": message,
            "count": 3,
            "last_at": at,
        }
    ]
    stage.watcher.execute("SELECT record_kubernetes_events('default', %s)", (json.dumps(batch),))


def test_a_warning_tells_why_a_workload_has_no_pods(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "Deployment", "lobby", health="Progressing", message="0 of 1 ready"))
    warn(stage, "ReplicaSet", "lobby-6f9c", "FailedCreate", "exceeded quota: pods")
    row = stage.deployment("lobby")
    assert (row["status_summary"], row["status_message"]) == ("Degraded", "Deployment/lobby: exceeded quota: pods")
    stage.observe(stage.later(own, "Deployment", "lobby"))
    assert stage.deployment("lobby")["status_summary"] == "Healthy"


def test_warnings_about_others_are_passed_over_and_old_ones_go(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    warn(stage, "Service", "stranger", "X", "m")
    for n in range(3):
        stage.observe(stage.later(own, "Pod", f"lobby-{n}", uid=f"p{n}"))
        warn(stage, "Pod", f"lobby-{n}", "BackOff", "m", age="2 hours" if n < 2 else "0 seconds")
    cache = stage.one("SELECT observed_json -> 'warnings' FROM deployment_observed WHERE deployment_id = %s", own)
    assert set(cache) == {"Pod/lobby-2"}
    assert cache["Pod/lobby-2"]["count"] == 3


def told(name: str, reason: str, at: str, **changes: Any) -> Row:
    """An event of Kubernetes about a pod of it."""
    about = {"type": "Normal", "kind": "Pod", "namespace": "default", "name": name}
    return {**about, "reason": reason, "message": "m", "count": 1, "last_at": at, **changes}


def tell(stage: Stage, *events: Row) -> None:
    stage.watcher.execute("SELECT record_kubernetes_events('default', %s)", (json.dumps(events),))


def kept(stage: Stage, own: Any) -> dict[str, list[Row]]:
    return stage.one("SELECT events_json FROM deployment_observed WHERE deployment_id = %s", own)


def test_what_kubernetes_tells_of_a_pod_is_kept_and_of_the_rest_its_warnings(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "Pod", "lobby-a", uid="p"))
    now, earlier, long_ago = (stage.one("SELECT (now() - %s::interval)::text", age) for age in ("0 s", "5 min", "2 h"))
    before = stage.events(own)
    tell(
        stage,
        told("lobby-a", "Scheduled", earlier, message="to node-1"),
        told("lobby-a", "Pulled", now),
        told("lobby-a", "Killing", long_ago),
        told("stranger", "Scheduled", now),
        told("lobby", "Synced", now, kind="Service"),
        told("lobby", "SyncFailed", now, kind="Service", type="Warning"),
    )
    found = kept(stage, own)
    assert {key: [one["reason"] for one in events] for key, events in found.items()} == {
        "Pod/lobby-a": ["Pulled", "Scheduled"],
        "Service/lobby": ["SyncFailed"],
    }
    assert found["Pod/lobby-a"][1].items() >= {"type": "Normal", "message": "to node-1", "count": 1}.items()
    tell(stage, told("lobby-a", "Scheduled", now, message="to node-1", count=2))
    (again,) = [one for one in kept(stage, own)["Pod/lobby-a"] if one["reason"] == "Scheduled"]
    assert again["count"] == 2, "what repeats stands once"
    assert stage.events(own) == before, "it is no history"


def test_no_more_of_kubernetes_events_is_kept_than_is_read(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    pods = [f"lobby-{n}" for n in range(25)]
    stage.observe(*[stage.later(own, "Pod", name, uid=name) for name in pods])
    now = stage.one("SELECT now()::text")
    tell(stage, *[told("lobby-0", f"R{n}", now) for n in range(30)])
    assert len(kept(stage, own)["Pod/lobby-0"]) == 10
    tell(stage, *[told(name, f"R{n}", now) for name in pods for n in range(30)])
    assert sum(len(events) for events in kept(stage, own).values()) == 200


def test_what_kubernetes_told_before_writes_nothing(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.observe(stage.later(own, "Pod", "lobby-a", uid="p"))
    batch = [told("lobby-a", "Pulled", stage.one("SELECT now()::text"))]
    tell(stage, *batch)
    where = "SELECT ctid::text FROM deployment_observed WHERE deployment_id = %s"
    before = stage.one(where, own)
    tell(stage, *batch)
    assert stage.one(where, own) == before


def test_a_stream_says_how_it_is(stage: Stage) -> None:
    def tell(state: str, restarts: int, error: str | None = None) -> Row:
        stage.watcher.execute("SELECT record_stream('default', 'Pod', %s, %s, %s)", (state, restarts, error))
        return stage.rows("SELECT * FROM watch_streams")[0]

    first = tell("connected", 0)
    assert (first["state"], first["synced_at"]) == ("connected", None)
    synced = tell("synced", 0)
    assert synced["synced_at"] is not None
    lost = tell("lost", 1, "connection reset")
    assert (lost["state"], lost["restarts"], lost["error"], lost["synced_at"]) == (
        "lost",
        1,
        "connection reset",
        synced["synced_at"],
    )
    assert tell("lost", 1, "connection reset")["changed_at"] == lost["changed_at"]


def test_the_status_of_what_is_put_back_waits_until_its_drift_was_told_of(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    seen = stage.later(own, "Service", "lobby", fields_hash="theirs", health="Degraded", message="broken")
    with stage.watcher.transaction():
        (suspect,) = stage.observe(seen)
        assert suspect["unjudged"], "its health is another"
        stage.watcher.execute("SELECT record_drift('default', %s, %s)", (drift_report(own, "spec.type"), [own]))
    assert stage.deployment("lobby")["status_summary"] == "Healthy"
    assert stage.slot(own)["msg_id"] is not None, "a worker may be at it already"
    stage.catch_up(seen)
    assert stage.deployment("lobby")["status_summary"] == "Progressing"


def test_a_status_that_nobody_else_would_write_does_not_wait(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    stage.change(own, drift_policy="Ignore")
    stage.run_all()
    seen = stage.later(own, "Service", "lobby", fields_hash="theirs", health="Degraded", message="broken")
    with stage.watcher.transaction():
        stage.observe(seen)
        stage.watcher.execute("SELECT record_drift('default', %s, %s)", (drift_report(own, "spec.type"), [own]))
    assert stage.deployment("lobby")["status_message"] == "Service lobby: broken"
    assert stage.slot(own)["msg_id"] is None, "nothing is put back, so no settlement would write it"


def test_what_catches_up_never_goes_back_behind_a_newer_state(stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    seen = stage.later(own, "Service", "lobby", fields_hash="theirs", digest={"type": "old"})
    with stage.watcher.transaction():
        stage.observe(seen)
        stage.watcher.execute("SELECT record_drift('default', %s)", (drift_report(own, "spec.type"),))
    stage.converge(stage.claim_one())
    stage.catch_up(seen)
    observed = stage.one("SELECT observed_json FROM deployment_observed WHERE deployment_id = %s", own)
    assert observed.get("Service/lobby") != {"type": "old"}
