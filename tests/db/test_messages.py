"""The queues as partitions of one table: pgmq goes on working on them, old ones join with what they hold, plans stay good."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

from tests.db.stage import Stage, leases

MANY = 20_000
OURS = "c1_now"


def test_pgmqs_own_functions_go_on_working(stage: Stage) -> None:
    first = stage.one("SELECT pgmq.send(%s, '{}')", OURS)
    more = stage.one("SELECT array_agg(s) FROM pgmq.send_batch(%s, ARRAY['{}', '{}', '{}']::jsonb[]) s", OURS)
    assert more == [first + 1, first + 2, first + 3]
    assert stage.one("SELECT msg_id FROM pgmq.read(%s, 30, 1)", OURS) == first
    assert stage.one("SELECT pgmq.archive(%s, %s::bigint)", OURS, first) is True
    assert stage.one("SELECT msg_id FROM pgmq.pop(%s)", OURS) == first + 1
    assert stage.one("SELECT total_messages FROM pgmq.metrics(%s)", OURS) >= 4
    assert stage.one("SELECT pgmq.purge_queue(%s)", OURS) == 2
    assert stage.one("SELECT pgmq.drop_queue(%s)", OURS) is True


def test_a_queue_from_before_joins_with_what_it_holds(stage: Stage) -> None:
    stage.root.execute("SELECT pgmq.create('c77_now')")
    stage.root.execute("ALTER TABLE pgmq.q_c77_now OWNER TO orchestrator_owner")
    stage.root.execute("ALTER TABLE pgmq.a_c77_now OWNER TO orchestrator_owner")
    before = stage.one("SELECT pgmq.send('c77_now', '{\"id\": \"before\"}')")
    stage.root.execute("SET ROLE orchestrator_owner")
    stage.root.execute("SELECT orchestrator.attach_queue('c77_now')")
    stage.root.execute("RESET ROLE")
    assert (
        stage.one("SELECT message ->> 'id' FROM messages WHERE queue = 'c77_now' AND msg_id = %s", before) == "before"
    )
    after = stage.one("SELECT send_messages('c77_now', ARRAY[gen_random_uuid()])")
    assert after == [before + 1]
    assert stage.one("SELECT pgmq.send('c77_now', '{}')") == before + 2


def test_plans_made_on_empty_queues_do_not_read_full_ones_whole(stage: Stage) -> None:
    """A worker's session is older than the work: what it planned while there was none must serve when there is much."""
    stage.worker.execute("SET plan_cache_mode = force_generic_plan")
    stage.root.execute("VACUUM ANALYZE")  # now Postgres knows that they are empty
    assert stage.claim() == []
    deployment_id = stage.deploy("lobby")
    stage.converge(stage.claim_one())
    stage.root.execute(
        "INSERT INTO messages (queue, msg_id, vt, message) SELECT 'c1_now', nextval('pgmq.q_c1_now_msg_id_seq'), now() + interval '1 hour', '{}'"
        " FROM generate_series(1, %s)",
        [MANY],
    )
    stage.operator.execute("SELECT reconcile_now(%s)", [deployment_id])
    with stage.worker.transaction():
        stage.worker.execute("SELECT heartbeat('[]', 30)")
        claimed = stage.claim_one()
        stage.worker.execute("SELECT heartbeat(%s, 30)", [leases(claimed)])
        stage.converge(claimed)
        read = stage.worker.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(i.inhrelid)) AS rows FROM pg_inherits i WHERE i.inhparent = 'messages'::regclass"
        ).fetchone()
    assert read is not None
    assert int(read["rows"]) < 100, "rows that sequential scans of the queues read"
