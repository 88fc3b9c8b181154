"""The first person of a new installation, for whoever runs it: sessions at psql's level, not the API's."""

from __future__ import annotations

import psycopg

from db.connection import translated
from db.errors import Refused

_NOBODY = 401
TOKEN_NAME = "the local stack"  # noqa: S105 - what it is called


def first_admin(admin_url: str, api_url: str, name: str, token: str) -> tuple[str, str | None]:
    """Make the admin `name` if need be; answers a token of theirs, the given one if it is good, and a one-time link.

    The link's secret is None once they have a password. Raises Refused, Unavailable.
    """
    with translated(), psycopg.connect(admin_url) as connection:
        known = connection.execute(
            "SELECT u.password_set_at IS NOT NULL OR u.disabled_at IS NOT NULL"
            " FROM orchestrator.users u WHERE u.name = %s",
            (name,),
        ).fetchone()
        if known is None:
            connection.execute("SELECT orchestrator.create_user(%s, 'admin')", (name,))
        link = None if known == (True,) else make_password_link(connection, name)
        if not is_good(api_url, token):
            made = 'SELECT orchestrator.make_token(%s, expires_in => NULL, "user" => %s)'
            row = connection.execute(made, (TOKEN_NAME, name)).fetchone()
            token = "" if row is None else str(row[0])
    return token, link


def is_good(api_url: str, token: str) -> bool:
    """Whether a token lets somebody in now."""
    try:
        with translated(), psycopg.connect(api_url) as connection:
            connection.execute("SELECT orchestrator.authenticate('token', %s)", (token,))
    except Refused as refused:
        if refused.status != _NOBODY:
            raise
        return False
    return True


def make_password_link(connection: psycopg.Connection, name: str) -> str:
    """The secret of a new one-time link. Raises psycopg's errors."""
    row = connection.execute("SELECT orchestrator.make_password_link(%s)", (name,)).fetchone()
    return "" if row is None else str(row[0])
