"""No credential may take all there is: it is told when to come again, and nobody else notices."""

import asyncio

import pytest

from app.rates import MOST_BUCKETS, Buckets, Good, Rate
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


async def test_who_was_found_good_is_not_held_back_by_guesses_from_the_same_address(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), rate=SLOW) as api:
        fresh = {"Authorization": f"Bearer {token_of(database.dsn, 'viewer')}"}
        assert (await api.client.get("/api/whoami")).status_code == 200
        guess = {"Authorization": f"Bearer {UNKNOWN_TOKEN}"}
        while (answer := await api.stranger.get("/api/whoami", headers=guess)).status_code == 401:
            pass
        problem(answer, 429)
        assert (await api.client.get("/api/whoami")).status_code == 200
        problem(await api.stranger.get("/api/whoami", headers=fresh), 429)


async def test_a_token_that_is_revoked_counts_as_a_guess_at_once(database: Database) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), rate=SLOW) as api:
        assert (await api.client.delete(f"/api/tokens/{api.token.split('_')[1]}")).status_code == 204
        problem(await api.client.get("/api/whoami"), 401)
        guess = {"Authorization": f"Bearer {UNKNOWN_TOKEN}"}
        while (answer := await api.stranger.get("/api/whoami", headers=guess)).status_code == 401:
            pass
        problem(answer, 429)
        problem(await api.client.get("/api/whoami"), 429)


@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json", "/sign-in", "/welcome/x", "/readyz"])
async def test_what_is_open_is_limited_by_address(database: Database, path: str) -> None:
    async with serving(database.dsn_as("api"), token_of(database.dsn), rate=Rate(1, 20)) as api:
        answers = [await api.stranger.get(path) for _ in range(30)]
        told = [answer for answer in answers if answer.status_code == 429]
        assert {answer.status_code for answer in answers[:20]} <= {200, 404}
        assert told
        assert int(problem(told[0], 429) and told[0].headers["retry-after"]) == 1
        assert (await api.client.get("/api/whoami")).status_code == 200
        for probe in {"/healthz", "/readyz"} - {path}:
            assert (await api.stranger.get(probe)).status_code == 200
        if path == "/sign-in":
            problem(await api.stranger.post("/sign-in", data={"name": "a", "password": "b"}), 429)


def test_what_is_remembered_of_good_credentials_is_bounded() -> None:
    good = Good()
    for number in range(MOST_BUCKETS + 10):
        good.note(number.to_bytes(4), good=True)
    assert len(good) == MOST_BUCKETS
    assert (9).to_bytes(4) not in good
    last = MOST_BUCKETS.to_bytes(4)
    assert last in good
    good.note(last, good=False)
    assert last not in good


def test_buckets_are_bounded_and_the_longest_unused_goes_first() -> None:
    buckets = Buckets(SLOW)
    for number in range(MOST_BUCKETS + 10):
        buckets.wait_seconds(str(number))
    assert len(buckets) == MOST_BUCKETS
    assert all(buckets.wait_seconds(str(MOST_BUCKETS)) == 0 for _ in range(4))
    assert 0 < buckets.wait_seconds(str(MOST_BUCKETS)) <= 1
