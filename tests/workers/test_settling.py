"""Settling runs that end together: each gets its own answer, and none waits for what another has to wait for."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from db import queue
from db.connection import Pool, borrow, open_pool
from db.errors import Refused
from db.queue import AppliedResource, Settlement, Wish
from tests.conftest import Database
from tests.db.stage import Stage, load_shipped
from workers.settling import Settler

RUNS = 20


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    """A cluster that answers, and templates to deploy from."""
    load_shipped(database)
    opened = Stage(database)
    opened.reachable()
    yield opened
    opened.close()


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """A worker's sessions."""
    async with open_pool(database.dsn_as("worker"), name="settling", size=4) as opened:
        yield opened


async def claimed(stage: Stage, pool: Pool) -> list[Wish]:
    for number in range(RUNS):
        stage.deploy(f"server-{number}")
    async with borrow(pool) as session:
        wishes = await queue.claim(session, "default", "w", 2 * RUNS, 30)
    assert len(wishes) == RUNS
    return wishes


def ending(wish: Wish, resources: tuple[AppliedResource, ...] = ()) -> Settlement:
    return Settlement(
        deployment_id=wish.deployment_id,
        queue=wish.queue,
        msg_id=wish.msg_id,
        token=wish.token,
        seen=wish.seen,
        generation=wish.generation,
        outcome="succeeded",
        resources=resources,
    )


def transactions_that_settled(stage: Stage) -> int:
    return stage.one("SELECT count(DISTINCT xmin::text) FROM reconcile_slots WHERE settled = requested")


async def test_runs_that_end_together_are_settled_in_a_few_transactions(stage: Stage, pool: Pool) -> None:
    settler, wishes = Settler(pool), await claimed(stage, pool)
    assert await asyncio.gather(*(settler.settle(ending(wish)) for wish in wishes)) == ["settled"] * RUNS
    assert await asyncio.gather(*(settler.settle(ending(wish)) for wish in wishes)) == ["lost"] * RUNS
    assert stage.messages() == []
    assert transactions_that_settled(stage) <= 4


async def test_one_that_somebody_holds_is_waited_for_by_itself(stage: Stage, pool: Pool) -> None:
    settler, wishes = Settler(pool), await claimed(stage, pool)
    with stage.operator.transaction():
        for wish in wishes[:2]:
            stage.operator.execute("SELECT FROM deployments WHERE id = %s FOR UPDATE", (wish.deployment_id,))
        held = [asyncio.create_task(settler.settle(ending(wish))) for wish in wishes[:2]]
        others = await asyncio.gather(*(settler.settle(ending(wish)) for wish in wishes[2:]))
        assert others == ["settled"] * (RUNS - 2)
        assert not any(task.done() for task in held)
    assert await asyncio.gather(*held) == ["settled"] * 2


async def test_one_that_postgres_cannot_take_takes_no_other_with_it(stage: Stage, pool: Pool) -> None:
    settler, wishes = Settler(pool), await claimed(stage, pool)
    bad = AppliedResource("v1", "Service", "default", "a\x00b", "u", 5, None, None, "r")
    endings = [ending(wish, (bad,) if number == 5 else ()) for number, wish in enumerate(wishes)]
    answers = await asyncio.gather(*(settler.settle(one) for one in endings), return_exceptions=True)
    assert isinstance(answers.pop(5), Refused)
    assert answers == ["settled"] * (RUNS - 1)


async def test_one_that_is_given_up_leaves_the_others_their_answers(stage: Stage, pool: Pool) -> None:
    settler, wishes = Settler(pool), await claimed(stage, pool)
    tasks = [asyncio.create_task(settler.settle(ending(wish))) for wish in wishes]
    await asyncio.sleep(0)
    for task in tasks[1:4]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[1:4])
    assert [answers[0], *answers[4:]] == ["settled"] * (RUNS - 3)
