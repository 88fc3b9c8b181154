"""Who may do what, as the API asks for it. The rules are Postgres's: see db/routines/access.

Every function takes a session inside a transaction of db.database. Secrets (tokens, cookies, links) are told once, by
the function that makes them, and stored as hashes only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from db.connection import Session


class Credential(msgspec.Struct, frozen=True):
    """What somebody shows: an API token, or the cookie of a session on the page. Whether it is good Postgres knows."""

    kind: Literal["token", "session"]
    secret: str

    def __repr__(self) -> str:
        """Without the secret: this may end up in a log."""
        return f"Credential({self.kind})"


class Identity(msgspec.Struct, frozen=True):
    """For whom a transaction acts: `role` viewer, operator or admin, `namespaces` None for all."""

    user: str
    role: str
    namespaces: list[str] | None


async def whoami(session: Session) -> Identity:
    """For whom this transaction acts."""
    cursor = await session.execute(
        "SELECT orchestrator.current_actor(), orchestrator.acting_role(), orchestrator.allowed_namespaces()"
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of three functions
    return Identity(row[0], row[1], row[2])


async def require_everything(session: Session, what: str) -> None:
    """Raises Refused (403) where this transaction acts for somebody limited to namespaces."""
    await session.execute("SELECT orchestrator.require_everything(%s)", (what,))
