"""What can go wrong at the door to Postgres.

DatabaseError
├── Refused          our own SQLSTATE class SO: what was asked for is not allowed
├── Moved            a change was made for a generation that is no longer the current one
├── Unavailable      the server cannot be reached, or is starting or stopping
├── Contended        a deadlock, serialisation failure or lock timeout: try again
└── Fault            anything else: a statement of ours that Postgres could not carry out
"""

from __future__ import annotations

import psycopg
from psycopg import errors as pg


class DatabaseError(Exception):
    """Any error at the door to Postgres that a caller can act on."""


class Refused(DatabaseError):
    """Postgres refused what was asked for; `status` is the HTTP status it stands for."""

    def __init__(self, status: int, message: str, path: str, hint: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.path = path
        self.hint = hint


class Moved(DatabaseError):
    """A change was asked for on the condition of another generation; `generation` is the one there is."""

    def __init__(self, generation: int) -> None:
        super().__init__(f"the generation is {generation}")
        self.generation = generation


class Unavailable(DatabaseError):
    """Postgres cannot be reached now."""


class Contended(DatabaseError):
    """Postgres asks to try the same transaction again."""


class Fault(DatabaseError):
    """Postgres could not carry out what we sent; the psycopg error is the cause."""


_CONTENDED = (pg.DeadlockDetected, pg.SerializationFailure, pg.LockNotAvailable)
_DENIED = 403
_CONFLICT = 409
_UNUSABLE = 422
# Two sessions that write one name at once do not see each other; then not our check but the index refuses one.
_TAKEN = {
    "deployments_name_is_unique": (
        "name",
        "a deployment of this name exists",
        "Choose another name, or change the one there is.",
    ),
    "deployments_pkey": ("id", "a deployment with this id exists", "Leave the id out: one is made."),
}
_HTTP_CLASS = "SO"


def translate(error: psycopg.Error) -> DatabaseError:
    """The error of ours that a psycopg error stands for."""
    refused = _refusal(error)
    if refused is not None:
        return refused
    if isinstance(error, _CONTENDED):
        return Contended(str(error))
    if isinstance(error, psycopg.OperationalError | pg.AdminShutdown | psycopg.InterfaceError):
        return Unavailable(str(error).strip())
    return Fault(str(error).strip())


def _refusal(error: psycopg.Error) -> Refused | None:
    state, said = error.sqlstate or "", error.diag.message_primary or str(error)
    if state.startswith(_HTTP_CLASS):
        return Refused(int(state[2:]), said, error.diag.message_detail or "", error.diag.message_hint or "")
    if isinstance(error, pg.InsufficientPrivilege):
        return Refused(_DENIED, said, "", "Ask an admin for a role that may do this.")
    if isinstance(error, pg.UniqueViolation) and error.diag.constraint_name in _TAKEN:
        path, message, hint = _TAKEN[error.diag.constraint_name]
        return Refused(_CONFLICT, message, path, hint)
    if isinstance(error, psycopg.DataError):
        # NUL characters, integers beyond their column: they fit JSON and no column.
        return Refused(_UNUSABLE, said, "", "Postgres cannot hold this value; send another.")
    return None
