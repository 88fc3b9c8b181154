"""Who may log in on a server that is ours alone: one login for each process and for the person at psql.

The migration makes roles that cannot log in. A local stack adds logins to them here; on a server that someone else
keeps we make none: there each process connects as the given user and narrows itself to its role at connection time.
"""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import sql

SCHEMA = "orchestrator"
# Long enough to look before one leaps; what is forgotten longer holds rows, and keeps the queues from being cleaned.
IDLE_IN_TRANSACTION = "10min"


class Login(msgspec.Struct, frozen=True):
    """A user that can log in, and the one role of ours that it has."""

    name: str
    role: str
    password: str


def ensure_logins(dsn: str, logins: list[Login]) -> None:
    """Make the logins, or give those that exist the password and role wanted. `dsn` is a superuser's."""
    with psycopg.connect(dsn) as connection:
        for login in logins:
            name, role, password = sql.Identifier(login.name), sql.Identifier(login.role), sql.Literal(login.password)
            known = connection.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [login.name])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, password))
            connection.execute(sql.SQL("GRANT {} TO {}").format(role, name))
            connection.execute(
                sql.SQL("ALTER ROLE {} SET search_path = {}, public").format(name, sql.Identifier(SCHEMA))
            )
            connection.execute(
                sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = {}").format(
                    name, sql.Literal(IDLE_IN_TRANSACTION)
                )
            )


def allow_roles(dsn: str, roles: list[str]) -> None:
    """Let the given user narrow itself to the roles: making a role does not by itself allow to take it on."""
    with psycopg.connect(dsn) as connection:
        for role in roles:
            member = connection.execute("SELECT pg_catalog.pg_has_role(current_user, %s, 'SET')", [role]).fetchone()
            if member == (False,):
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def narrowed(url: str, role: str) -> str:
    """The URL with the role, and our schema first in the search path, taken on at connection time."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    options = f"{query.get('options', '')} -c role={role} -c search_path={SCHEMA},public".strip()
    return urlunsplit(parts._replace(query=urlencode(query | {"options": options}, quote_via=quote)))
