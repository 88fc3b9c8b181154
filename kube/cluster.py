"""One cluster, spoken to in objects: what the worker writes and the watcher reads, each as one request or stream.

This file knows paths, verbs and what an object looks like; `kube.transport` brings the bytes there and back.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any

import msgspec

from kube.concurrency import Gate
from kube.credentials import Credentials
from kube.errors import Conflict, Invalid, KubeError, NotFound, Unavailable, status_refusal
from kube.kinds import kind_named
from kube.live import Live, decode_live
from kube.naming import FIELD_MANAGER, Manifest
from kube.settings import ClusterSettings
from kube.transport import JSON, Observe, Transport, encode_query

# Takes what a server warns of; named here, because `list` is a method of Cluster.
Warnings = list[str]

_PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# The server reads this as YAML, of which JSON is a part.
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_READY_SECONDS = 5.0
_PAGE_ITEMS = 250
_CREATED = 201
_UNPROCESSABLE = 422


class Applied(msgspec.Struct, frozen=True):
    """The answer to an apply: whether the object is new, and how it stands now (metadata only unless asked for)."""

    created: bool
    live: Live


class Listing(msgspec.Struct, frozen=True):
    """All objects of a kind, as of one resource version."""

    items: list[Live]
    resource_version: int


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK, and the object as bytes."""

    type: str
    object: msgspec.Raw


class _Page(msgspec.Struct, frozen=True):
    class Metadata(msgspec.Struct, frozen=True, rename="camel"):
        resource_version: str = "0"
        continue_: str = msgspec.field(name="continue", default="")

    metadata: Metadata
    items: list[msgspec.Raw] | None = None


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_event = msgspec.json.Decoder(WatchEvent).decode
_encode = msgspec.json.Encoder().encode


class Cluster:
    """An API server, as an async context manager. Safe to share between tasks of one loop.

    Every method raises a KubeError and nothing else. None retries, but for what `Transport` sends again.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        observe: Observe | None = None,
        gate: Gate | None = None,
        request_timeout_seconds: float = 30.0,
    ) -> None:
        """Nothing is opened until the first request. `gate` bounds the requests at a time, watches excepted."""
        self._transport = Transport(
            credentials, observe=observe, gate=gate or Gate(), request_timeout_seconds=request_timeout_seconds
        )

    @classmethod
    async def connect(cls, settings: ClusterSettings, observe: Observe | None = None) -> "Cluster":
        """The cluster that the settings name. Raises CredentialsError; the server itself is not asked yet."""
        credentials = await asyncio.to_thread(settings.credentials)
        return cls(
            credentials,
            observe=observe,
            gate=Gate(settings.concurrency),
            request_timeout_seconds=settings.request_timeout_seconds,
        )

    async def __aenter__(self) -> "Cluster":
        """Enter; connections are opened as needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._transport.close()

    @property
    def server(self) -> str:
        """The address, fit for a log."""
        return self._transport.server

    @property
    def gate(self) -> Gate:
        """What bounds the requests at a time, watches excepted."""
        return self._transport.gate

    # -- writing -------------------------------------------------------------------------------------------------

    async def apply(
        self,
        manifest: Manifest,
        *,
        force: bool,
        uid: str | None = None,
        resource_version: int | str | None = None,
        dry_run: bool = False,
        metadata_only: bool | None = None,
        manager: str = FIELD_MANAGER,
        warnings: Warnings | None = None,
    ) -> Applied:
        """Server-side apply. With `uid` and `resource_version` only onto that very state.

        A resource version whose object is gone creates it anew; a uid that is not the object's raises UidMismatch.
        The answer to a Secret holds metadata only, unless `metadata_only` says otherwise. What the server warns of is
        added to `warnings`, refused or not.
        """
        kind = kind_named(manifest["kind"])
        metadata_only = kind.metadata_only if metadata_only is None else metadata_only
        metadata: Manifest = manifest["metadata"]
        if uid is not None or resource_version is not None:
            metadata = dict(metadata)
            if uid is not None:
                metadata["uid"] = uid
            if resource_version is not None:
                metadata["resourceVersion"] = str(resource_version)
            manifest = {**manifest, "metadata": metadata}
        # Validation of unknown and doubled fields is left out: apply itself refuses what is not in the schema, a
        # dict holds no key twice, and the server would parse the whole body a second time for it.
        query = f"fieldManager={manager}&force={'true' if force else 'false'}&fieldValidation=Ignore"
        status, body = await self._transport.request(
            "PATCH",
            kind,
            kind.path(metadata.get("namespace"), metadata["name"]),
            query=f"{query}&dryRun=All" if dry_run else query,
            body=_encode(manifest),
            content_type=_APPLY,
            accept=_partial(metadata_only),
            warnings=warnings,
        )
        return Applied(status == _CREATED, decode_live(body, kind.api_version, kind.name, partial=metadata_only))

    async def create(self, manifest: Manifest) -> Live:
        """Create an object that must not exist yet. Raises AlreadyExists."""
        kind = kind_named(manifest["kind"])
        path = kind.path(manifest["metadata"].get("namespace"))
        query = f"fieldManager={FIELD_MANAGER}"
        _, body = await self._transport.request(
            "POST", kind, path, query=query, body=_encode(manifest), content_type=JSON
        )
        return decode_live(body, kind.api_version, kind.name)

    async def json_patch(self, kind: str, namespace: str, name: str, operations: Sequence[dict[str, Any]]) -> Live:
        """Patch by RFC 6902 operations; put a `test` first. A failed test raises Conflict."""
        which = kind_named(kind)
        query = f"fieldManager={FIELD_MANAGER}"
        path, body = which.path(namespace, name), _encode(operations)
        try:
            _, answer = await self._transport.request(
                "PATCH", which, path, query=query, body=body, content_type=_JSON_PATCH
            )
        except Invalid as error:
            # A failed test is a bare 422 without a cause; an object that is really invalid names its fields.
            if error.status == _UNPROCESSABLE and not error.causes:
                raise Conflict("the object changed since it was observed", status=error.status) from error
            raise
        return decode_live(answer, which.api_version, which.name)

    async def delete(
        self, kind: str, namespace: str, name: str, *, uid: str, resource_version: int | str | None = None
    ) -> bool:
        """Delete that very object; what it owns follows in the background. False if it was not there.

        Raises UidMismatch if the name belongs to another object by now, Conflict if the resource version moved on.
        """
        which = kind_named(kind)
        preconditions = {"uid": uid}
        if resource_version is not None:
            preconditions["resourceVersion"] = str(resource_version)
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        }
        path, body = which.path(namespace, name), _encode(options)
        try:
            await self._transport.request("DELETE", which, path, body=body, content_type=JSON, accept=_PARTIAL)
        except NotFound:
            return False
        return True

    # -- reading -------------------------------------------------------------------------------------------------

    async def get(
        self, kind: str, namespace: str | None, name: str, *, metadata_only: bool | None = None
    ) -> Live | None:
        """One object as it is now, or None. Of a Secret the metadata only, unless `metadata_only` is false."""
        which = kind_named(kind)
        metadata_only = which.metadata_only if metadata_only is None else metadata_only
        try:
            _, body = await self._transport.request(
                "GET", which, which.path(namespace, name), accept=_partial(metadata_only)
            )
        except NotFound:
            return None
        return decode_live(body, which.api_version, which.name, partial=metadata_only)

    async def list(
        self, kind: str, *, selector: str = "", namespace: str | None = None, metadata_only: bool | None = None
    ) -> Listing:
        """All objects of a kind that match the label selector. For many of them, `pages` keeps less in memory."""
        items: list[Live] = []
        version = 0
        async for page in self.pages(kind, selector=selector, namespace=namespace, metadata_only=metadata_only):
            items.extend(page.items)
            version = page.resource_version
        return Listing(items, version)

    async def pages(
        self,
        kind: str,
        *,
        selector: str = "",
        field_selector: str = "",
        namespace: str | None = None,
        metadata_only: bool | None = None,
    ) -> AsyncGenerator[Listing]:
        """The same page by page, all as of one resource version. Raises Expired if that version ages away midway."""
        which = kind_named(kind)
        metadata_only = which.metadata_only if metadata_only is None else metadata_only
        query = {"labelSelector": selector, "fieldSelector": field_selector, "limit": str(_PAGE_ITEMS)}
        while True:
            _, body = await self._transport.request(
                "GET",
                which,
                which.path(namespace),
                query=encode_query(query),
                accept=_PARTIAL_LIST if metadata_only else JSON,
            )
            page = _decode_page(body)
            yield Listing(
                [
                    decode_live(bytes(item), which.api_version, which.name, partial=metadata_only)
                    for item in page.items or ()
                ],
                int(page.metadata.resource_version or 0),
            )
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_

    async def watch(
        self,
        kind: str,
        *,
        selector: str = "",
        field_selector: str = "",
        namespace: str | None = None,
        resource_version: int | None = None,
        metadata_only: bool | None = None,
        idle_seconds: float = 90.0,
        server_seconds: int = 300,
    ) -> AsyncGenerator[Sequence[WatchEvent]]:
        """The changes of a kind, in batches as they arrive; ends when the server ends it, after `server_seconds`.

        The first batch is empty and tells that the server accepted.
        Without a resource version the server is asked to send all objects first (a "WatchList"); one that cannot
        raises Invalid. Raises Silent after `idle_seconds` without a byte, Expired and others as the server says.
        """
        which = kind_named(kind)
        metadata_only = which.metadata_only if metadata_only is None else metadata_only
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "labelSelector": selector,
            "fieldSelector": field_selector,
            "timeoutSeconds": str(server_seconds),
        }
        if resource_version is None:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        else:
            query["resourceVersion"] = str(resource_version)
        batches = self._transport.stream(
            which,
            which.path(namespace),
            query=encode_query(query),
            accept=_partial(metadata_only),
            idle_seconds=idle_seconds,
        )
        async with aclosing(batches):
            async for lines in batches:
                yield _events(lines)

    async def request_token(self, namespace: str, account: str, seconds: int) -> str:
        """A token of a service account, good for about so long: a server has bounds of its own.

        Raises NotFound where there is no such account, and Denied to who may not create serviceaccounts/token.
        """
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        _, answer = await self._transport.request("POST", None, path, body=_encode(asked), content_type=JSON)
        return msgspec.json.decode(answer)["status"]["token"]

    async def version(self) -> dict[str, str]:
        """What the server says it is (`gitVersion` and so on)."""
        _, body = await self._transport.request("GET", None, "/version")
        return msgspec.json.decode(body, type=dict[str, str])

    async def require_ready(self) -> None:
        """Raise why there is no working with the server as a whole: it does not answer, or not call itself ready."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._transport.request("GET", None, "/readyz")
        except TimeoutError as error:
            raise Unavailable(
                f"{self.server} did not answer within {_READY_SECONDS:.0f} s", reason="timeout"
            ) from error
        except Unavailable as error:
            if not error.status:
                raise
            # What it says is a page of checks, or a load balancer's.
            raise Unavailable(
                f"{self.server} is not ready: it answers {error.status} to /readyz", status=error.status
            ) from error

    async def ready(self) -> bool:
        """Whether the server answers and calls itself ready."""
        try:
            await self.require_ready()
        except KubeError:
            return False
        return True


def _partial(metadata_only: bool) -> str:
    return _PARTIAL if metadata_only else JSON


def _events(lines: list[bytes]) -> list[WatchEvent]:
    """Decode the lines of a watch; an ERROR among them is raised, after which the server closes."""
    events = [_decode_event(line) for line in lines if line]
    for event in events:
        if event.type == "ERROR":
            raise status_refusal(bytes(event.object))
    return events
