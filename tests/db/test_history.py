"""deployment_events and deployment_revisions: nobody rewrites them, and a reader with a cursor misses nothing."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import random
import threading
from typing import Any

import psycopg
import pytest

from tests.db.stage import Session, Stage, denied, refused

TABLES = ("deployment_events", "deployment_revisions")
ROLES = ("admin", "operator", "viewer", "api", "worker", "watcher")


@pytest.mark.parametrize("table", TABLES)
def test_no_role_rewrites_history(stage: Stage, table: str) -> None:
    stage.deploy("lobby")
    before = stage.rows(f"SELECT * FROM {table}")
    for role in ROLES:
        for statement in (f"UPDATE {table} SET actor = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with denied():
                stage.session(role).execute(statement)
    assert stage.rows(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("table", TABLES)
def test_not_even_a_superuser_does(stage: Stage, table: str) -> None:
    stage.deploy("lobby")
    for statement in (f"UPDATE {table} SET actor = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with refused("SO403", table, "drop_old_events"):
            stage.root.execute(statement)
    assert stage.one(f"SELECT count(*) FROM {table}") > 0


@pytest.mark.parametrize("table", TABLES)
def test_the_owner_neither_changes_nor_empties_it(stage: Stage, table: str) -> None:
    stage.deploy("lobby")
    for statement in (f"UPDATE {table} SET actor = 'x'", f"TRUNCATE {table}"):
        with refused("SO403", table):
            stage.owner.execute(statement)


def test_nobody_adds_to_it_by_hand(stage: Stage) -> None:
    own = stage.deploy("lobby")
    for role in ROLES:
        with denied():
            stage.session(role).execute(
                "INSERT INTO deployment_events (deployment_id, source, type, actor) VALUES (%s, 'user', 'X', 'x')",
                (own,),
            )


def test_retention_drops_what_is_older_and_keeps_revisions(stage: Stage) -> None:
    stage.deploy("lobby")
    stage.root.execute("ALTER TABLE deployment_events DISABLE TRIGGER USER")
    stage.root.execute(
        "UPDATE deployment_events SET created_at = now() - interval '40 days' WHERE type = 'DeploymentCreated'"
    )
    stage.root.execute("ALTER TABLE deployment_events ENABLE TRIGGER USER")
    assert stage.admin.execute("SELECT drop_old_events('30 days') AS n").fetchone() == {"n": 1}
    assert [r["type"] for r in stage.rows("SELECT type FROM deployment_events")] == ["DeploymentQueued"]
    assert stage.one("SELECT count(*) FROM deployment_revisions") == 1
    with refused("SO422", "older_than", "a day"):
        stage.admin.execute("SELECT drop_old_events('23 hours')")
    with denied():
        stage.operator.execute("SELECT drop_old_events('30 days')")


def test_who_reads_on_from_before_what_was_dropped_is_told(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        stage.deploy(name)
    events = stage.rows("SELECT xid::text AS xid, id FROM deployment_events ORDER BY xid, id")
    with stage.root.transaction():
        stage.root.execute("SET LOCAL session_replication_role = replica")
        stage.root.execute("UPDATE deployment_events SET created_at = created_at - interval '40 days'")
    read = "SELECT id FROM events_after(%s::text::xid8, %s, 100, %s)"
    own = stage.one("SELECT id FROM deployments WHERE name = 'three'")
    for dropped in (2, 4):
        stage.admin.execute("SELECT drop_old_events('30 days', 2)")
        for place in events[: dropped - 1]:
            for deployment in (None, own):
                with refused("SO410", "after", "present state"):
                    stage.viewer.execute(read, (place["xid"], place["id"], deployment))
        last = events[dropped - 1]
        left = [event["id"] for event in events[dropped:]]
        for beginning in (last, {"xid": "0", "id": 0}):
            found = stage.viewer.execute(read, (beginning["xid"], beginning["id"], None)).fetchall()
            assert [row["id"] for row in found] == left
    stage.admin.execute("SELECT drop_old_events('30 days', 100)")
    assert stage.viewer.execute(read, (events[-1]["xid"], events[-1]["id"], None)).fetchall() == []


def test_retention_takes_so_many_at_a_time_the_oldest_first(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        stage.deploy(name)
    with stage.root.transaction():
        stage.root.execute("SET LOCAL session_replication_role = replica")
        stage.root.execute("UPDATE deployment_events SET created_at = created_at - interval '40 days'")
    oldest = [row["id"] for row in stage.rows("SELECT id FROM deployment_events ORDER BY xid, id")]
    dropped = []
    while True:
        row = stage.admin.execute("SELECT drop_old_events('30 days', 4) AS n").fetchone()
        assert row is not None
        dropped.append(row["n"])
        left = [row["id"] for row in stage.rows("SELECT id FROM deployment_events ORDER BY xid, id")]
        assert left == oldest[sum(dropped) :]
        if not row["n"]:
            break
    assert dropped == [4, 2, 0]


# ---------------------------------------------------------------- events_after


class Reader:
    """Somebody who follows events with a cursor, as server-sent events do."""

    def __init__(self, session: Session, limit: int = 100) -> None:
        self.session, self.limit = session, limit
        self.cursor: tuple[Any, int] = ("0", 0)
        self.read: list[int] = []

    def follow(self) -> list[int]:
        rows = self.session.execute(
            "SELECT xid::text AS xid, id FROM events_after(%s::xid8, %s, %s)", (*self.cursor, self.limit)
        ).fetchall()
        if rows:
            self.cursor = (rows[-1]["xid"], rows[-1]["id"])
        self.read += [row["id"] for row in rows]
        return [row["id"] for row in rows]


def test_events_of_a_transaction_that_commits_late_are_not_skipped(stage: Stage) -> None:
    """The later writer commits first: its events wait for those with a smaller cursor."""
    own = [stage.deploy("one"), stage.deploy("two")]
    reader = Reader(stage.viewer)
    reader.follow()
    early, late = stage.session("operator"), stage.session("operator")
    early.execute("BEGIN")
    early.execute("UPDATE deployments SET desired_state = 'Stopped' WHERE id = %s", (own[0],))
    late.execute("UPDATE deployments SET desired_state = 'Stopped' WHERE id = %s", (own[1],))
    assert reader.follow() == []
    early.execute("COMMIT")
    reader.follow()
    everything = [row["id"] for row in stage.rows("SELECT id FROM deployment_events ORDER BY id")]
    assert sorted(reader.read) == everything
    assert len(set(reader.read)) == len(reader.read)


def test_a_page_ends_within_a_transaction_and_goes_on_there(stage: Stage) -> None:
    stage.operator.execute(
        "INSERT INTO deployments (name, template_id) SELECT 'web-' || n, t.id FROM templates t, generate_series(1, 7) n WHERE t.name = 'web'"
    )
    reader = Reader(stage.viewer, limit=3)
    while reader.follow():
        pass
    assert len(reader.read) == 14
    assert len(set(reader.read)) == 14


def test_the_events_of_one_deployment_can_be_followed_alone(stage: Stage) -> None:
    own, _ = stage.deploy("one"), stage.deploy("two")
    rows = stage.viewer.execute("SELECT deployment_id FROM events_after(p_deployment_id => %s)", (own,)).fetchall()
    assert [row["deployment_id"] for row in rows] == [own, own]


def test_a_reader_beside_many_writers_reads_every_event_once(stage: Stage) -> None:
    """Four writers with transactions of random length, one reader that polls all the while."""
    ids = [stage.deploy(f"web-{n}") for n in range(8)]
    reader = Reader(stage.viewer, limit=7)

    def write(number: int, session: Session) -> None:
        dice = random.Random(number)
        for turn in range(25):
            with session.transaction(force_rollback=dice.random() < 0.2):
                for own in sorted(dice.sample(ids[number * 2 : number * 2 + 2], dice.choice([1, 2]))):
                    state = "Stopped" if turn % 2 else "Paused"
                    session.execute("UPDATE deployments SET desired_state = %s WHERE id = %s", (state, own))

    writers = [threading.Thread(target=write, args=(n, stage.session("operator"))) for n in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        reader.follow()
    while reader.follow():
        pass
    everything = {row["id"] for row in stage.rows("SELECT id FROM deployment_events")}
    assert len(everything) > 100
    assert len(reader.read) == len(set(reader.read))
    assert set(reader.read) == everything


def test_the_cursor_reads_an_index(stage: Stage) -> None:
    stage.root.execute(
        "INSERT INTO deployment_events (deployment_id, source, type, actor, xid) SELECT gen_random_uuid(), 'system', 'X', 'x', (n / 3)::text::xid8"
        " FROM generate_series(1, 20000) n"
    )
    stage.root.execute("ANALYZE deployment_events")
    with stage.root.transaction():
        stage.root.execute("SELECT * FROM events_after('5000', 0)")
        # At least once: the planner itself looks at an index's end when a cursor is past its histogram.
        used = stage.rows(
            "SELECT seq_scan, idx_scan > 0 AS by_index FROM pg_stat_xact_user_tables WHERE relname = 'deployment_events'"
        )
    assert used == [{"seq_scan": 0, "by_index": True}]


def test_events_tell_of_no_secret(stage: Stage) -> None:
    """All that a run may write goes through; a secret has no way in, since none is ever in Postgres."""
    stage.run_healthy("lobby", "paper")
    told = "".join(row["t"] for row in stage.rows("SELECT data_json::text AS t FROM deployment_events"))
    assert "password" not in told
    with pytest.raises(psycopg.errors.CheckViolation):
        stage.root.execute(
            "INSERT INTO deployment_events (deployment_id, source, type, actor) VALUES (gen_random_uuid(), 'me', 'X', 'x')"
        )
