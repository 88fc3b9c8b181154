"""What can go wrong between us and a Kubernetes API server, sorted by what to do next.

    KubeError
    ├── CredentialsError        no usable way in: a broken kubeconfig, a failing plugin
    ├── NotFound                404: the object is not there
    │   └── NamespaceMissing    404 on create: its namespace is not there
    ├── Conflict                409: somebody was faster; observe again, never retry blindly
    │   ├── AlreadyExists       409: a create met an object of that name
    │   └── UidMismatch         422/409: the name belongs to another object now, or to none
    ├── NotObserved             a controller has not looked at our change in time: try again
    ├── Expired                 410: the history we asked to resume from is gone; list again
    ├── Invalid                 400/413/422, and 500 where the schema refused: wait for a new intent
    ├── Denied                  403 by policy or RBAC: permanent until a person acts
    │   ├── QuotaExceeded       403: retry slowly
    │   └── NamespaceTerminating 403: retry slowly
    ├── Unauthorized            401 after the credentials were read anew
    ├── Throttled               429: back off as told
    └── Unavailable             5xx, a timeout, a refused or broken connection
        ├── VersionTooLarge     504: this replica has not caught up with the version asked for
        └── Silent              a watch said nothing for too long: the connection may be half open

`refusal` turns an HTTP answer into one of these; the classification was checked against a 1.37 API server.
"""

from collections.abc import Mapping
from typing import ClassVar

import msgspec


class KubeError(Exception):
    """The door to Kubernetes failed."""

    category: ClassVar[str] = "other"
    permanent: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after_seconds: float | None = None,
        causes: tuple[str, ...] = (),
    ) -> None:
        """`status` is 0 where no HTTP answer was had; `causes` are the fields or reasons the server named."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        self.causes = causes


class CredentialsError(KubeError):
    """There is no usable way into the cluster."""

    category = "credentials"


class NotFound(KubeError):
    """The object does not exist."""

    category = "not_found"


class NamespaceMissing(NotFound):
    """The namespace of the object does not exist."""

    category = "namespace_missing"


class Conflict(KubeError):
    """The object changed since it was observed, or another manager owns a field."""

    category = "conflict"


class AlreadyExists(Conflict):
    """An object of that name exists already."""

    category = "already_exists"


class UidMismatch(Conflict):
    """The name belongs to another object than the one observed, or to none."""

    category = "uid_mismatch"


class NotObserved(KubeError):
    """A controller has not looked at the latest change of an object yet."""

    category = "not_observed"


class Expired(KubeError):
    """The resource version asked for is no longer in the server's history."""

    category = "expired"


class Invalid(KubeError):
    """The object is refused as it is written."""

    category = "invalid"
    permanent = True


class Denied(KubeError):
    """Policy or RBAC refuses the request."""

    category = "denied"
    permanent = True


class QuotaExceeded(Denied):
    """A quota of the namespace is used up."""

    category = "quota"
    permanent = False


class NamespaceTerminating(Denied):
    """The namespace is being deleted."""

    category = "namespace_terminating"
    permanent = False


class Unauthorized(KubeError):
    """The credentials are not accepted, even when read anew."""

    category = "unauthorized"


class Throttled(KubeError):
    """The server asks us to slow down."""

    category = "throttled"


class Unavailable(KubeError):
    """The server cannot be reached or cannot answer now."""

    category = "unavailable"


class VersionTooLarge(Unavailable):
    """This replica has not yet seen the resource version asked for."""

    category = "version_too_large"


class Silent(Unavailable):
    """A watch has said nothing, not even a bookmark, for longer than it should."""

    category = "silent"


class _Cause(msgspec.Struct, frozen=True):
    reason: str = ""
    field: str = ""


class _Details(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""
    causes: tuple[_Cause, ...] = ()
    retry_after_seconds: int = 0


class _Status(msgspec.Struct, frozen=True):
    message: str = ""
    reason: str = ""
    details: _Details | None = None


_status_decoder = msgspec.json.Decoder(_Status)
# Bodies that are no Status (a proxy's HTML page) are quoted up to here.
_QUOTED_CHARACTERS = 300
# Server-side apply answers 500 for a patch that does not fit the schema (seen on 1.37): it will never fit.
_SCHEMA_MARK = "failed to create typed patch object"


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """The error for an HTTP answer of 400 or above. `body` is a Status object, or anything at all."""
    try:
        answer = _status_decoder.decode(body)
    except msgspec.MsgspecError:
        answer = _Status(message=body[:_QUOTED_CHARACTERS].decode("utf-8", "replace"))
    details = answer.details or _Details()
    kind = _classify(status, answer, details)
    message = answer.message or f"the API server answered {status}"
    return kind(
        f"{message}; make it with: kubectl create namespace {details.name}" if kind is NamespaceMissing else message,
        status=status,
        reason=answer.reason,
        retry_after_seconds=_retry_after_seconds(headers, details),
        causes=tuple(cause.field or cause.reason for cause in details.causes),
    )


def status_refusal(body: bytes) -> KubeError:
    """The error that a watch sends in its stream as an ERROR event (a Status object with its code inside)."""
    code = msgspec.json.decode(body, type=dict[str, object]).get("code")
    return refusal(code if isinstance(code, int) else 500, {}, body)


_BY_STATUS: dict[int, type[KubeError]] = {
    401: Unauthorized,
    408: Unavailable,
    410: Expired,
    429: Throttled,
}
_LEAST_SERVER_FAULT = 500


def _classify(status: int, answer: _Status, details: _Details) -> type[KubeError]:
    match status:
        case 403:
            return _classify_forbidden(answer, details)
        case 404:
            return NamespaceMissing if details.kind == "namespaces" else NotFound
        case 409:
            return _classify_conflict(answer)
        case 422 if [cause.field for cause in details.causes] == ["metadata.uid"]:
            return UidMismatch
        case _ if status >= _LEAST_SERVER_FAULT:
            return _classify_fault(answer, details)
        case _:
            return _BY_STATUS.get(status, Invalid)


def _classify_fault(answer: _Status, details: _Details) -> type[KubeError]:
    if _SCHEMA_MARK in answer.message:
        return Invalid
    if any(cause.reason == "ResourceVersionTooLarge" for cause in details.causes):
        return VersionTooLarge
    return Unavailable


def _classify_forbidden(answer: _Status, details: _Details) -> type[KubeError]:
    if any(cause.reason == "NamespaceTerminating" for cause in details.causes):
        return NamespaceTerminating
    return QuotaExceeded if "exceeded quota" in answer.message else Denied


def _classify_conflict(answer: _Status) -> type[KubeError]:
    if answer.reason == "AlreadyExists":
        return AlreadyExists
    if "uid mismatch" in answer.message or "the UID in the precondition" in answer.message:
        return UidMismatch
    return Conflict


def _retry_after_seconds(headers: Mapping[str, str], details: _Details) -> float | None:
    header = headers.get("Retry-After", "")
    if header.isdigit():
        return float(header)
    return float(details.retry_after_seconds) or None
