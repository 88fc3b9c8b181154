"""Lists and details at 20,000 deployments: each finds its rows by an index, for whoever asks, and reads no table whole.

Asked as the API asks, through its own pool: what Postgres plans depends on the session. Counted by Postgres itself.
"""

# ruff: noqa: E501 - SQL is easier to read whole

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest

from db import (
    access,
    changes,
    clusters,
    contests,
    deployments,
    drift,
    feed,
    listing,
    overview,
    plans,
    revisions,
    rollouts,
)
from db.access import Credential
from db.changes import Change
from db.connection import Session
from db.database import Database as Entered
from db.database import open_sessions
from db.listing import Filter, Sort, Stop
from tests.conftest import Database
from tests.db.conftest import copied
from tests.db.stage import Stage
from tests.db.test_plans import BIG, FILL
from tests.people import token_of

DEPLOYMENTS = 20_000
ONE = UUID("a87ff679-a2f3-e71d-9181-a67b7542122c")  # md5('4')
Call = Callable[[Session], Awaitable[Any]]

LIVELY = [
    "UPDATE deployments SET namespace = 'games' WHERE id IN (SELECT md5(n::text)::uuid FROM generate_series(1, 2000) n)",
    """UPDATE deployments SET status_summary = (ARRAY['Error', 'Degraded', 'Progressing', 'Stopped'])[1 + n % 4],
              desired_state = CASE n % 4 WHEN 3 THEN 'Stopped' ELSE desired_state END, updated_at = now() - n * interval '1 second'
         FROM generate_series(1, 1000) n WHERE id = md5(n::text)::uuid""",
    """UPDATE deployments SET finalised_at = now() - n * interval '1 second', status_summary = 'Deleted'
         FROM generate_series(1001, 1500) n WHERE id = md5(n::text)::uuid""",
    """UPDATE deployment_resources SET drift = '[{"path": "spec.x", "wanted": 1, "live": 2}]', drifted_at = now()
        WHERE kind = 'Service' AND deployment_id IN (SELECT md5(n::text)::uuid FROM generate_series(3000, 3200) n)""",
    "UPDATE deployments SET drift_policy = 'Ignore' WHERE id IN (SELECT md5(n::text)::uuid FROM generate_series(3151, 3200) n)",
    # A crowd of people, with tokens; fifty rollouts of hundreds; and many fields that were put back, of which few are contested.
    "INSERT INTO users (name, role, created_by) SELECT 'u' || n, 'viewer', 'x' FROM generate_series(1, 3000) n",
    """INSERT INTO api_tokens (user_id, name, role, created_by)
       SELECT u.id, 't' || n, 'viewer', 'x' FROM users u, generate_series(1, 3) n WHERE u.name LIKE 'u%'""",
    """INSERT INTO rollouts (template_id, to_version, batch_size, max_unavailable, pause_on_failure, restart, force, patience_seconds,
              state, under_way, run_by, created_by)
       SELECT t.id, 1, 5, 1, true, true, false, 300, 'done', false, 'x', 'x' FROM templates t, generate_series(1, 50) n WHERE t.name = 'web'""",
    """INSERT INTO rollout_members (rollout_id, deployment_id, position, batch, state, from_generation)
       SELECT r.id, md5((r.id * 300 + n)::text)::uuid, n, n / 5, 'done', 1 FROM rollouts r, generate_series(1, 300) n""",
    "INSERT INTO rollout_events (rollout_id, type, actor) SELECT r.id, 'Batch', 'x' FROM rollouts r, generate_series(1, 60) n",
    """INSERT INTO put_backs (deployment_id, cluster_id, kind, name, path, put_backs, recent, last_at, contested_since, next_at)
       SELECT d.id, 1, 'Service', d.name, 'spec.x', 3, ARRAY[now()], now(), CASE n % 20 WHEN 0 THEN now() END, now()
         FROM generate_series(1, 10000) n JOIN deployments d ON d.id = md5(n::text)::uuid""",
    "VACUUM ANALYZE",
]
GROWING = (*BIG, "put_backs", "rollout_members", "rollout_events", "users", "api_tokens")


@pytest.fixture(scope="module")
def crowd(shipped_postgres: Database) -> Iterator[Database]:
    for database in copied(shipped_postgres):
        stage = Stage(database)
        filler = stage.session()
        for statement in [*FILL, *LIVELY]:
            filler.execute(statement, {"count": DEPLOYMENTS} if "%(count)s" in statement else None)
        filler.close()
        stage.reachable()
        stage.close()
        yield database


@pytest.fixture
async def entered(crowd: Database, request: pytest.FixtureRequest) -> AsyncIterator[Entered]:
    """The API's way in, as an admin of everything or an operator of one namespace."""
    role, namespaces = request.param
    async with open_sessions(crowd.dsn_as("api"), 1) as pool:
        yield Entered(pool, Credential("token", token_of(crowd.dsn, role, namespaces)))


def lists() -> dict[str, Call]:
    calls: dict[str, Call] = {}
    filters = {
        "all": Filter(),
        "q": Filter(q="999"),
        "name": Filter(name="d1"),
        "two statuses": Filter(status=["Error", "Degraded"]),
        "namespace": Filter(namespace="games"),
        "drifted": Filter(drifted=True),
        "not drifted": Filter(drifted=False),
        "template and state": Filter(template="web", desired_state="Stopped"),
        "nothing": Filter(q="no such thing", cluster="default"),
        "gone": Filter(deleted=True),
    }
    for name, wanted in filters.items():
        calls[f"count {name}"] = lambda session, wanted=wanted: listing.count_deployments(session, wanted)
        for sort in get_args(Sort):
            calls[f"{name} by {sort}"] = lambda session, wanted=wanted, sort=sort: two_pages(session, wanted, sort)
    return calls


async def two_pages(session: Session, wanted: Filter, sort: Sort) -> None:
    after: Stop | None = None
    for limit in (50, 500):
        page = await listing.list_deployments(session, wanted, sort=sort, after=after, limit=limit)
        after = page.next


async def drift_pages(session: Session) -> None:
    page = await drift.list_all_drift(session, None, 100)
    assert len(page.items) in {100, 0}
    await drift.list_all_drift(session, page.next, 500)


CALLS: dict[str, Call] = {
    **lists(),
    "drift": drift_pages,
    "clusters": clusters.describe_clusters,
    "clusters without who works": clusters.list_clusters,
    "contested": contests.list_contested,
    "contested of one": lambda session: contests.list_contested(session, ONE),
    "plan": lambda session: plans.read_plan(session, ONE),
    "standing": lambda session: overview.read_standing(session, ONE),
    "as of": lambda session: revisions.list_as_of(session, datetime.now(UTC), ONE, 100),
    "rollouts": lambda session: rollouts.list_rollouts(session, None, 100),
    "rollouts, a later page": lambda session: rollouts.list_rollouts(session, 40, 10),
    "rollout": lambda session: rollouts.read_rollout(session, 3),
    "rollout of one": lambda session: rollouts.find_rollout(session, ONE),
    "tokens": access.list_tokens,
    "everybody's tokens": lambda session: access.list_tokens(session, everybodys=True, before=5000, limit=100),
    "sessions": access.list_sessions,
    "users": lambda session: access.list_users(session, after="u1", limit=100),
    "user": lambda session: access.read_user(session, "u7"),
    "newest event": feed.find_newest,
    "one": lambda session: deployments.read_deployment(session, ONE),
    "resources": lambda session: deployments.list_resources(session, ONE),
    "drift of one": lambda session: drift.list_drift(session, ONE),
    "revisions": lambda session: revisions.list_revisions(session, ONE, None, 100),
    "revision": lambda session: revisions.compare_revisions(session, ONE, 1),
    "events": lambda session: feed.read_events(session, feed.Place(), 100),
    "events of one": lambda session: feed.read_events(session, feed.Place(), 100, ONE),
    "reconcile": lambda session: changes.reconcile_now(session, ONE, [1]),
    "change": lambda session: changes.change_deployment(session, ONE, Change(desired_state="Stopped"), [1]),
}


@pytest.mark.parametrize(
    "entered", [("admin", None), ("operator", ["games"])], indirect=True, ids=["of everything", "of one namespace"]
)
async def test_every_list_and_detail_reads_no_big_table_whole(entered: Entered) -> None:
    """Six times each on one session: from the sixth on Postgres may keep a plan that fits any value."""
    wrong: list[str] = []
    for name, call in CALLS.items():
        for _ in range(6):
            async with entered.transaction(rollback=True) as session:
                await call(session)
                cursor = await session.execute(
                    "SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0 AND relname = ANY (%s)",
                    (list(GROWING),),
                )
                wrong += [f"{name}: {row[0]}" for row in await cursor.fetchall()]
    assert not wrong, sorted(set(wrong))


FETCHED = "SELECT coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'deployment_resources'"


@pytest.mark.parametrize("entered", [("admin", None)], indirect=True)
async def test_a_page_judges_the_drift_of_its_own_deployments_only(entered: Entered) -> None:
    """Few of the page differ, and 50 others do in what is ignored, of which each would be looked at in turn."""
    for _ in range(6):
        async with entered.transaction() as session:
            page = await listing.list_deployments(session, Filter(), limit=500)
            differing = sum(item.drifted for item in page.items)
            cursor = await session.execute(FETCHED)
            row = await cursor.fetchone()
        assert row is not None
        assert row[0] <= 10 * differing, "each is looked up in a few tables"
