"""People for tests: users with API tokens, made as a superuser at psql."""

import psycopg

# Have the form, and nobody's hash.
UNKNOWN_TOKEN = "so_999_" + "0" * 64
UNKNOWN_SESSION = "999_" + "0" * 64


def token_of(dsn: str, role: str = "admin", namespaces: list[str] | None = None, *, user: str | None = None) -> str:
    """An API token of a user with this role and these namespaces (None: all), who is made if need be.

    The user is called by the role, `operator` or `operator-games-lobby`, if no name is given.
    """
    name = user or "-".join([role, *(namespaces or [])])
    with psycopg.connect(dsn, autocommit=True) as superuser:
        make_user(superuser, name, role, namespaces)
        row = superuser.execute("""SELECT orchestrator.make_token('test', "user" => %s)""", (name,)).fetchone()
    assert row is not None
    return row[0]


def session_of(dsn: str, role: str = "admin", namespaces: list[str] | None = None, *, user: str | None = None) -> str:
    """The cookie of a session of the same user, as a sign-in makes it."""
    name = user or "-".join([role, *(namespaces or [])])
    with psycopg.connect(dsn, autocommit=True) as superuser, superuser.transaction():
        make_user(superuser, name, role, namespaces)
        row = superuser.execute(
            "INSERT INTO orchestrator.sessions (user_id, address, user_agent, expires_at)"
            " SELECT id, '127.0.0.1', 'test', now() + interval '1 day' FROM orchestrator.users WHERE name = %s"
            " RETURNING id || '_' || orchestrator.random_secret()",
            (name,),
        ).fetchone()
        assert row is not None
        superuser.execute(
            "INSERT INTO orchestrator.session_secrets SELECT split_part(%(cookie)s, '_', 1)::bigint,"
            " sha256(convert_to(%(cookie)s, 'UTF8'))",
            {"cookie": row[0]},
        )
    return row[0]


def make_user(superuser: psycopg.Connection, name: str, role: str, namespaces: list[str] | None) -> None:
    if superuser.execute("SELECT FROM orchestrator.users WHERE name = %s", (name,)).rowcount == 0:
        superuser.execute("SELECT orchestrator.create_user(%s, %s, %s::text[])", (name, role, namespaces))
