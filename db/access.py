"""Who may do what, as the API asks for it. The rules are Postgres's: see db/routines/access.

Every function takes a session inside a transaction of db.database. Secrets (tokens, cookies, links) are told once, by
the function that makes them, and stored as hashes only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, LiteralString

import msgspec
from psycopg.rows import class_row

from db.connection import Session

LARGEST_PAGE = 1000


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


# ---------------------------------------------------------------- coming in, for sessions that have not entered


async def read_form_secret(session: Session) -> str:
    """What the page's forms are signed with, in nobody's name."""
    return await _value(session, "SELECT orchestrator.form_secret()")


async def begin_sign_in(session: Session, name: str, address: str) -> str | None:
    """The argon2 hash to hold a password against, None where nobody could sign in. Raises Refused (429)."""
    return await _value(session, "SELECT orchestrator.begin_sign_in(%s, %s)", name, address)


async def finish_sign_in(session: Session, name: str, hashed: str, address: str, browser: str) -> Credential:
    """A session of whose password was found to fit this hash. Raises Refused (401) if it is theirs no longer."""
    query = "SELECT orchestrator.finish_sign_in(%s, %s, %s, %s)"
    return Credential("session", await _value(session, query, name, hashed, address, browser))


async def sign_in_as(session: Session, name: str, address: str, browser: str) -> Credential:
    """A session for whom a provider vouches for. Raises Refused (403) where nobody is called so."""
    return Credential(
        "session", await _value(session, "SELECT orchestrator.sign_in_as(%s, %s, %s)", name, address, browser)
    )


async def read_password_link(session: Session, secret: str) -> str:
    """Whose one-time link this is. Raises Refused (404)."""
    return await _value(session, "SELECT orchestrator.read_password_link(%s)", secret)


async def use_password_link(session: Session, secret: str, hashed: str, address: str, browser: str) -> Credential:
    """Set a password by a one-time link, once; a session. Raises Refused (404)."""
    query = "SELECT orchestrator.use_password_link(%s, %s, %s, %s)"
    return Credential("session", await _value(session, query, secret, hashed, address, browser))


async def change_password(
    session: Session, name: str, old_hash: str, new_hash: str, address: str, browser: str
) -> Credential:
    """Set another password for whose old one was found to fit; a session, all others end. Raises Refused (401)."""
    query = "SELECT orchestrator.change_password(%s, %s, %s, %s, %s)"
    return Credential("session", await _value(session, query, name, old_hash, new_hash, address, browser))


# ---------------------------------------------------------------- people, their tokens and sessions


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may come in. `namespaces` None: all. `link_expires_at`: a one-time link is out until then."""

    name: str
    role: str
    namespaces: list[str] | None
    password_set_at: datetime | None
    link_expires_at: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    created_by: str


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token, without its secret. What it allows is never more than its user may.

    `parent_id`: the token that made it, and with which it ends; None where a person did.
    """

    id: int
    user: str
    name: str
    role: str
    namespaces: list[str] | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    created_by: str
    parent_id: int | None


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session on the page."""

    id: int
    user: str
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


_USERS = (
    "SELECT u.name, u.role, u.namespaces, u.password_set_at, u.link_expires_at, u.disabled_at, u.created_at,"
    " u.created_by FROM orchestrator.users u WHERE "
)


async def list_users(session: Session, *, after: str = "", limit: int = LARGEST_PAGE) -> list[User]:
    """By name, beyond one: all for an admin of every namespace, oneself for everybody else."""
    async with session.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute(_USERS + "u.name > %s ORDER BY u.name LIMIT %s", (after, limit))
        return await cursor.fetchall()


async def read_user(session: Session, name: str) -> User | None:
    """One of those."""
    async with session.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute(_USERS + "u.name = %s", (name,))
        return await cursor.fetchone()


async def create_user(session: Session, name: str, role: str, namespaces: list[str] | None) -> None:
    """Raises Refused."""
    await session.execute("SELECT orchestrator.create_user(%s, %s, %s::text[])", (name, role, namespaces))


async def hold_user(session: Session, name: str) -> None:
    """Have a user stay as they are until the transaction ends; read them after it. Raises Refused."""
    await session.execute("SELECT orchestrator.hold_user(%s)", (name,))


async def change_user(session: Session, name: str, role: str, namespaces: list[str] | None) -> None:
    """Set both anew. Raises Refused."""
    await session.execute("SELECT orchestrator.change_user(%s, %s, %s::text[])", (name, role, namespaces))


async def disable_user(session: Session, name: str) -> None:
    """Take everything from a user at once. Raises Refused."""
    await session.execute("SELECT orchestrator.disable_user(%s)", (name,))


async def enable_user(session: Session, name: str) -> None:
    """Let a disabled user in again. Raises Refused."""
    await session.execute("SELECT orchestrator.enable_user(%s)", (name,))


async def make_password_link(session: Session, name: str) -> str:
    """The secret of a one-time link, `/welcome/<secret>`. Raises Refused."""
    return await _value(session, "SELECT orchestrator.make_password_link(%s)", name)


async def list_tokens(
    session: Session, *, everybodys: bool = False, before: int | None = None, limit: int = LARGEST_PAGE
) -> list[Token]:
    """One's own, or all that one may see; newest first, those made before one with that id, revoked ones too."""
    async with session.cursor(row_factory=class_row(Token)) as cursor:
        await cursor.execute(
            'SELECT t.id, u.name AS "user", t.name, t.role, t.namespaces, t.expires_at, t.last_used_at, t.revoked_at,'
            " t.created_at, t.created_by, t.parent_id"
            " FROM orchestrator.api_tokens t JOIN orchestrator.users u ON u.id = t.user_id"
            " WHERE (%s OR u.name = (SELECT orchestrator.current_actor())) AND (%s::bigint IS NULL OR t.id < %s)"
            " ORDER BY t.id DESC LIMIT %s",
            (everybodys, before, before, limit),
        )
        return await cursor.fetchall()


async def make_token(
    session: Session,
    name: str,
    *,
    role: str | None = None,
    namespaces: list[str] | None = None,
    expires_in_days: int | None = None,
    user: str | None = None,
) -> str:
    """An API token, told this once. None: one's own role, all one's namespaces, for ever, oneself. Raises Refused.

    Made with a token it ends with that one at the latest.
    """
    query = 'SELECT orchestrator.make_token(%s, %s, %s::text[], make_interval(days => %s::integer), "user" => %s)'
    return await _value(session, query, name, role, namespaces, expires_in_days, user)


async def revoke_token(session: Session, token_id: int) -> None:
    """End a token for good, and those made with it. Raises Refused (404; 403 by a token for one that allows more)."""
    await session.execute("SELECT orchestrator.revoke_token(%s)", (token_id,))


async def list_sessions(session: Session, *, everybodys: bool = False) -> list[OpenSession]:
    """One's own, or all that one may see; the most recently seen first."""
    async with session.cursor(row_factory=class_row(OpenSession)) as cursor:
        await cursor.execute(
            'SELECT s.id, u.name AS "user", s.address, s.user_agent, s.created_at, s.last_seen_at, s.expires_at'
            " FROM orchestrator.sessions s JOIN orchestrator.users u ON u.id = s.user_id"
            " WHERE s.expires_at > now() AND (%s OR u.name = (SELECT orchestrator.current_actor()))"
            " ORDER BY s.last_seen_at DESC, s.id DESC",
            (everybodys,),
        )
        return await cursor.fetchall()


async def end_session(session: Session, session_id: int) -> None:
    """Sign a session out. Raises Refused (403 by a token that allows less)."""
    await session.execute("SELECT orchestrator.end_session(%s)", (session_id,))


async def sign_out(session: Session, credential: Credential) -> None:
    """End the session that this credential is of."""
    await end_session(session, int(credential.secret.partition("_")[0]))


async def _value(session: Session, query: LiteralString, *values: Any) -> Any:
    cursor = await session.execute(query, values)
    row = await cursor.fetchone()
    return None if row is None else row[0]
