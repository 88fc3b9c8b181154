"""Requests that must not be carried out twice: the answer is kept under the sender's key, in the same transaction."""

from __future__ import annotations

import msgspec

from db.connection import Session, json_text


class Answer(msgspec.Struct, frozen=True):
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    body: str


async def begin_request(session: Session, key: str, request_hash: str) -> Answer | None:
    """None if it is to be carried out now; else what it was answered before.

    Of two at once the second waits for the first. Raises Refused (400 for what is no key, 422 for another request
    under the same key), Contended after waiting too long.
    """
    cursor = await session.execute("SELECT * FROM orchestrator.begin_request(%s, %s)", (key, request_hash))
    row = await cursor.fetchone()
    return None if row is None else Answer(*row)


async def end_request(session: Session, key: str, answer: Answer) -> None:
    """Keep the answer, if the transaction commits."""
    await session.execute(
        "SELECT orchestrator.end_request(%s, %s, %s, %s)",
        (key, answer.status, json_text(answer.headers), answer.body),
    )
