"""How a client command can fail, and the exit code of each. Scripts rely on them: a number never changes its meaning.

ClientError     1   refused, or failed
├── Misused     2   the command line does not say what to do (argparse ends with 2 too)
├── NotFound    3   there is no such deployment, template, …
├── Conflicting 4   not as things are: the name is taken, or it was changed meanwhile
├── TimedOut    5   what was waited for did not come in time
├── Unreachable 6   the API, or its database, does not answer or is too busy; trying again later may help
└── NotAllowed  7   not signed in, or not allowed
"""

from deploy.errors import DeployError


class ClientError(DeployError):
    """Refused, or failed. `path` names the offending field; `hint` says what to do next."""

    code = 1

    def __init__(self, detail: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.path = path
        self.hint = hint


class Misused(ClientError):
    """The command line does not say what to do."""

    code = 2


class NotFound(ClientError):
    """There is no such thing."""

    code = 3


class Conflicting(ClientError):
    """Not possible as things are. `unsure`: an earlier attempt of the same request may have done it."""

    code = 4
    unsure = False


class TimedOut(ClientError):
    """What was waited for did not come in time."""

    code = 5


class Unreachable(ClientError):
    """The API, or its database, does not answer."""

    code = 6


class NotAllowed(ClientError):
    """Not signed in, or not allowed."""

    code = 7


BY_STATUS: dict[int, type[ClientError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflicting,
    412: Conflicting,
    429: Unreachable,
    502: Unreachable,
    503: Unreachable,
    504: Unreachable,
}
