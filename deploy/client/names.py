"""From what a person types to one deployment: its name, `namespace/name`, or its id."""

import re
from collections.abc import Sequence
from itertools import takewhile
from urllib.parse import quote

from deploy.client.errors import Conflicting, NotFound
from deploy.client.http import Api, Json

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LIST = "`orchestrator get` lists them."


def find_all(api: Api, typed: Sequence[str]) -> list[Json]:
    """One deployment for each name, without repeats. Raises NotFound, Conflicting (ambiguous)."""
    found = {one["id"]: one for one in (find(api, name) for name in typed)}
    return list(found.values())


def find(api: Api, typed: str) -> Json:
    """The one deployment that is meant, as lists show it. Raises NotFound, Conflicting (ambiguous)."""
    if _ID.fullmatch(typed):
        return api.get(f"deployments/{typed.lower()}")
    candidates = candidates_of(api, typed)
    if not candidates:
        raise NotFound(f"there is no deployment {typed}", path="name", hint=_LIST)
    if len(candidates) > 1:
        told = "; ".join(f"{full_name(one)} on {one['cluster']} ({one['id']})" for one in candidates)
        raise Conflicting(f"{typed} names {len(candidates)} deployments", path="name", hint=f"Name one: {told}")
    return candidates[0]


def candidates_of(api: Api, typed: str, *, deleted: bool = False) -> list[Json]:
    """All that bear exactly this name; those that are gone, if they are asked for."""
    namespace, _, name = typed.rpartition("/")
    query: dict[str, str | int | list[str] | None] = {"name": name, "namespace": namespace or None}
    if deleted:
        query["deleted"] = "true"
    # The API takes `name` for the beginning of one, and lists by name: the shortest first.
    found = api.items("deployments", query)
    if deleted:
        return [one for one in found if one["name"] == name]
    return list(takewhile(lambda one: one["name"] == name, found))


def full_name(deployment: Json) -> str:
    """What names it in messages and with `-o name`: good for typing, too."""
    return f"{deployment['namespace']}/{deployment['name']}"


def path_of(deployment: Json, *parts: str) -> str:
    """The path of a deployment below /api, and what hangs on it."""
    return "/".join(["deployments", quote(deployment["id"]), *parts])
