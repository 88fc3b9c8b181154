"""How people come in: by a password, or the first time by a one-time link.

    begin_sign_in (throttled, counted) ──→ argon2 here, in a thread ──→ finish_sign_in ──→ the cookie of a session

Postgres holds the hashes, counts the attempts and makes the sessions; a password never gets there. Who is unknown is
answered as late as who mistypes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from litestar.datastructures import Cookie

from app.gate import session_name
from db import access
from db.access import Credential
from db.database import Database
from db.errors import Refused

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes.
MEMORY_KIB = 19 * 1024
PASSES = 2
AT_ONCE = 2
SHORTEST, LONGEST = 10, 200
COOKIE_SECONDS = 7 * 24 * 3600
_UNAUTHENTICATED, _UNFIT = 401, 422
Result = TypeVar("Result")


class Visitor(msgspec.Struct, frozen=True):
    """Where somebody signs in from: the address counts failures, the browser tells sessions apart."""

    address: str
    browser: str


class SignIn:
    """The doors of this process. Raises Refused, Unavailable, Contended."""

    def __init__(self, database: Database) -> None:
        self._database = database.anonymous
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._nobodys = self._hasher.hash(secrets.token_hex())
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def with_password(self, name: str, password: str, visitor: Visitor) -> Credential:
        """A new session. 401 for a wrong name or password, 429 with the seconds to wait in the hint."""
        name = name.strip().lower()
        known = await self._check(name, password, visitor)
        if known is None:
            raise Refused(
                _UNAUTHENTICATED, "name or password is wrong", "password", "Try again, or ask an admin for a new link."
            )
        async with self._database.transaction() as session:
            return await access.finish_sign_in(session, name, known, visitor.address, visitor.browser)

    async def whose_link(self, secret: str) -> str:
        """Whose one-time link this is. 404 for one that is good no longer."""
        async with self._database.transaction() as session:
            return await access.read_password_link(session, secret)

    async def with_link(self, secret: str, password: str, visitor: Visitor) -> Credential:
        """Set the password of whose link this is; a new session. 404 as above, 422 for an unfit password."""
        await self.whose_link(secret)
        hashed = await self._hash(password)
        async with self._database.transaction() as session:
            return await access.use_password_link(session, secret, hashed, visitor.address, visitor.browser)

    async def change_password(self, name: str, current: str, password: str, visitor: Visitor) -> Credential:
        """Set another password of `name`, who is signed in: a new session, all others end. 422 for a wrong one, 429."""
        known = await self._check(name, current, visitor)
        if known is None:
            raise Refused(_UNFIT, "this is not your password", "current", "Type the password you signed in with.")
        hashed = await self._hash(password)
        async with self._database.transaction() as session:
            return await access.change_password(session, name, known, hashed, visitor.address, visitor.browser)

    async def _check(self, name: str, password: str, visitor: Visitor) -> str | None:
        """The hash that the password fits, None if it does not."""
        async with self._database.transaction() as session:
            known = await access.begin_sign_in(session, name, visitor.address)
        # Who is unknown or has no password costs as much as who has one.
        fits = await self._in_thread(self._fits, known or self._nobodys, password[: LONGEST + 1])
        return known if fits else None

    async def _hash(self, password: str) -> str:
        if not SHORTEST <= len(password) <= LONGEST:
            raise Refused(
                _UNFIT,
                f"a password has {SHORTEST} to {LONGEST} characters",
                "password",
                "A few words in a row are easy to remember and hard to guess.",
            )
        return await self._in_thread(self._hasher.hash, password)

    def _fits(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., Result], *arguments: str) -> Result:
        # Each takes its memory; more than a few at once are kept waiting.
        async with self._at_once:
            return await asyncio.to_thread(work, *arguments)


def cookie_of(credential: Credential, scheme: str) -> Cookie:
    """What keeps a browser signed in."""
    return Cookie(
        key=session_name(scheme),
        value=credential.secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def no_cookie(scheme: str) -> Cookie:
    """What signs a browser out."""
    return Cookie(key=session_name(scheme), value="", max_age=0, path="/", secure=True, httponly=True, samesite="lax")
