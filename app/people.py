"""Who am I, tokens and users over HTTP. Who may do which of it Postgres decides: see db/routines/access."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.bodies import StrictBody
from app.cursors import pack, unpack
from app.events import After, Limit
from app.problems import CHANGE_PROBLEMS, PROBLEMS
from db import access
from db.access import Identity, Token, User
from db.connection import Session
from db.database import Database
from db.errors import Refused

LARGEST_ID = 2**63 - 1
LONGEST_DAYS = 36_500
_MISSING = 404

Namespaces = Annotated[list[str], msgspec.Meta(max_length=1000)]


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token is for. Left out: one's own role, all one's namespaces, 90 days (null is for ever), oneself."""

    name: str
    role: str | None = None
    namespaces: Namespaces | None = None
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS)] | None = 90
    user: str | None = None


class MadeToken(Token, frozen=True, kw_only=True):
    """A token with its `token`, the text to send, which is told this once."""

    token: str


class TokenStop(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of tokens stopped."""

    id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]


class UserStop(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of users stopped."""

    name: str


class Tokens(msgspec.Struct, frozen=True):
    """A page of one's own, or of all that one may see; newest first. `next` is null on the last one."""

    items: list[Token]
    next: str | None


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to let in: viewer, operator or admin, of all namespaces (null) or only some."""

    name: str
    role: str
    namespaces: Namespaces | None = None


class ChangedUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to change; what is left out stays. `disabled` takes everything from a user at once, and gives it back."""

    role: str | msgspec.UnsetType = msgspec.UNSET
    namespaces: Namespaces | msgspec.UnsetType | None = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET


class Users(msgspec.Struct, frozen=True):
    """A page of all for an admin of every namespace, oneself for everybody else; by name. `next` as elsewhere."""

    items: list[User]
    next: str | None


class Link(msgspec.Struct, frozen=True):
    """Where the user chooses a password, once: to be opened at this API's own address."""

    path: str


@get("/api/whoami", responses=PROBLEMS, summary="Who am I, and what may I")
async def show_identity(database: NamedDependency[Database]) -> Identity:
    """The user that the token acts for, with the role and namespaces that it has now."""
    async with database.transaction() as session:
        return await access.whoami(session)


@get("/api/tokens", responses=PROBLEMS, summary="API tokens")
async def list_tokens(
    database: NamedDependency[Database],
    after: After = None,
    limit: Limit = 100,
    *,
    everybodys: Annotated[bool, QueryParameter(description="Not only one's own.")] = False,
) -> Tokens:
    """Without their secrets. Those that expired or were revoked too."""
    before = None if after is None else unpack(after, TokenStop).id
    async with database.transaction() as session:
        found = await access.list_tokens(session, everybodys=everybodys, before=before, limit=limit + 1)
    return Tokens(found[:limit], pack(TokenStop(found[limit - 1].id)) if len(found) > limit else None)


@post(
    "/api/tokens",
    responses=CHANGE_PROBLEMS,
    summary="Make an API token",
    status_code=201,
    dto=StrictBody[NewToken],
    return_dto=None,
)
async def make_token(data: JSONBody[NewToken], database: NamedDependency[Database]) -> Response[MadeToken]:
    """Never more than one may oneself. Made with a token it ends with it at the latest, and is revoked with it."""
    async with database.transaction() as session:
        text = await access.make_token(session, **msgspec.structs.asdict(data))
        made = int(text.split("_")[1])
        listed = await access.list_tokens(session, everybodys=True)
    token = next(token for token in listed if token.id == made)
    place = f"/api/tokens/{made}"
    return Response(
        MadeToken(**msgspec.structs.asdict(token), token=text), status_code=201, headers={"Location": place}
    )


@delete("/api/tokens/{token_id:int}", responses=CHANGE_PROBLEMS, summary="Revoke an API token", status_code=204)
async def revoke_token(token_id: FromPath[int], database: NamedDependency[Database]) -> None:
    """At once and for good, with those that were made with it. Doing it twice is no error.

    A token revokes itself, those made with it, and those that allow no more than it does.
    """
    async with database.transaction() as session:
        await access.revoke_token(session, min(max(token_id, 0), LARGEST_ID))


@get("/api/users", responses=PROBLEMS, summary="Users")
async def list_users(database: NamedDependency[Database], after: After = None, limit: Limit = 100) -> Users:
    """Those whom one may see."""
    last = "" if after is None else unpack(after, UserStop).name
    async with database.transaction() as session:
        found = await access.list_users(session, after=last, limit=limit + 1)
    return Users(found[:limit], pack(UserStop(found[limit - 1].name)) if len(found) > limit else None)


@post(
    "/api/users",
    responses=CHANGE_PROBLEMS,
    summary="Make a user",
    status_code=201,
    dto=StrictBody[NewUser],
    return_dto=None,
)
async def create_user(data: JSONBody[NewUser], database: NamedDependency[Database]) -> Response[User]:
    """Who can do nothing yet: a link to choose a password, or a token, is the next step."""
    async with database.transaction() as session:
        await access.create_user(session, data.name, data.role, data.namespaces)
        made = await _user(session, data.name)
    return Response(made, status_code=201, headers={"Location": f"/api/users/{made.name}"})


@patch(
    "/api/users/{name:str}",
    responses=CHANGE_PROBLEMS,
    summary="Change a user",
    dto=StrictBody[ChangedUser],
    return_dto=None,
)
async def change_user(name: FromPath[str], data: JSONBody[ChangedUser], database: NamedDependency[Database]) -> User:
    """It holds at once, for open sessions and tokens too."""
    async with database.transaction() as session:
        user = await _user(session, name)
        if data.role is not msgspec.UNSET or data.namespaces is not msgspec.UNSET:
            # What is left out stays as it is now, not as it was read before somebody else changed it.
            await access.hold_user(session, name)
            user = await _user(session, name)
            role = user.role if data.role is msgspec.UNSET else data.role
            namespaces = user.namespaces if data.namespaces is msgspec.UNSET else data.namespaces
            await access.change_user(session, name, role, namespaces)
        if data.disabled is True:
            await access.disable_user(session, name)
        if data.disabled is False:
            await access.enable_user(session, name)
        return await _user(session, name)


async def _user(session: Session, name: str) -> User:
    user = await access.read_user(session, name)
    if user is None:
        raise Refused(_MISSING, f'there is no user "{name}"', "name", "GET /api/users lists those you may see.")
    return user


@post("/api/users/{name:str}/link", responses=CHANGE_PROBLEMS, summary="Make a one-time link", status_code=201)
async def make_link(name: FromPath[str], database: NamedDependency[Database]) -> Link:
    """Good once, for seven days; one made before is void."""
    async with database.transaction() as session:
        return Link(f"/welcome/{await access.make_password_link(session, name)}")


router = Router(
    "/",
    route_handlers=[
        show_identity,
        list_tokens,
        make_token,
        revoke_token,
        list_users,
        create_user,
        change_user,
        make_link,
    ],
    tags=["people"],
)
