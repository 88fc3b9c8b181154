"""No credential may take all there is: it is told when to come again, and nobody else notices."""

import asyncio

from app.rates import MOST_BUCKETS, Buckets, Rate
from tests.app.conftest import problem, serving
from tests.conftest import Database
from tests.people import UNKNOWN_TOKEN, token_of

SLOW = Rate(1, 5)


async def test_who_asks_too_often_is_told_to_wait_and_nobody_else_is(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), rate=SLOW) as api:
        answers = [await api.client.get("/api/whoami") for _ in range(12)]
        told = [answer for answer in answers if answer.status_code != 200]
        assert [answer.status_code for answer in answers[:5]] == [200] * 5
        assert told
        for answer in told:
            assert problem(answer, 429)["type"] == "/problems/too-many-requests"
            assert int(answer.headers["retry-after"]) == 1
        other = {"Authorization": f"Bearer {token_of(database.dsn, 'viewer')}"}
        assert (await api.stranger.get("/api/whoami", headers=other)).status_code == 200
        assert (await api.stranger.get("/healthz")).status_code == 200


async def test_who_waits_as_told_is_answered(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), rate=Rate(20, 3)) as api:
        answers = await asyncio.gather(*(api.client.get("/api/whoami") for _ in range(12)))
        assert {answer.status_code for answer in answers} == {200, 429}
        deadline = asyncio.get_running_loop().time() + 10
        while (await api.client.get("/api/whoami")).status_code == 429:
            assert asyncio.get_running_loop().time() < deadline


async def test_guessing_tokens_is_limited_by_address(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), rate=SLOW) as api:
        guesses = [{"Authorization": f"Bearer {UNKNOWN_TOKEN[:-4]}{number:04}"} for number in range(12)]
        answers = [(await api.stranger.get("/api/whoami", headers=guess)).status_code for guess in guesses]
        assert answers[:5] == [401] * 5
        assert 429 in answers


def test_buckets_are_bounded_and_the_longest_unused_goes_first() -> None:
    buckets = Buckets(SLOW)
    for number in range(MOST_BUCKETS + 10):
        buckets.wait_seconds(str(number))
    assert len(buckets) == MOST_BUCKETS
    assert all(buckets.wait_seconds(str(MOST_BUCKETS)) == 0 for _ in range(4))
    assert 0 < buckets.wait_seconds(str(MOST_BUCKETS)) <= 1
