"""Turn a live object into the observation that Postgres keeps: whose it is, how it is, and a hash of what we own.

Pure. The last place that sees whole objects: past here there is a sentence, a digest, and no value of a Secret.
"""

from db.observations import Observation
from kube.health import assess, digest
from kube.live import Live
from kube.naming import DEPLOYMENT_LABEL, GENERATION_LABEL
from kube.ownership import owned_hash

_UUID_CHARACTERS = 36
_BIGINT_DIGITS = 18


def seen(live: Live) -> Observation:
    """The object exists, in this state."""
    content = live.object
    # The items of a list, and partial metadata, do not tell their kind.
    content["kind"] = live.kind
    health = assess(content)
    fields_hash = owned_hash(live, content)
    return Observation(
        change="seen",
        api_version=live.api_version,
        kind=live.kind,
        namespace=live.namespace,
        name=live.name,
        uid=live.uid,
        resource_version=live.resource_version,
        deployment_id=_deployment_id(live),
        generation=generation(live),
        ours=fields_hash is not None,
        fields_hash=fields_hash,
        deleting=live.deletion_timestamp is not None,
        health=health.state,
        reason=health.reason,
        message=health.message,
        digest=digest(content),
    )


def gone(live: Live) -> Observation:
    """The object exists no longer; `live` is its last state, with the version of its deletion."""
    identity = (live.api_version, live.kind, live.namespace, live.name, live.uid)
    return vanished(*identity, live.resource_version, _deployment_id(live), generation(live))


def vanished(
    api_version: str,
    kind: str,
    namespace: str,
    name: str,
    uid: str,
    resource_version: int,
    deployment_id: str | None = None,
    generation: int | None = None,
) -> Observation:
    """An object that was looked for and is not there."""
    return Observation(
        change="gone",
        api_version=api_version,
        kind=kind,
        namespace=namespace,
        name=name,
        uid=uid,
        resource_version=resource_version,
        deployment_id=deployment_id,
        generation=generation,
    )


def generation(live: Live) -> int | None:
    """The label, if it can be one at all: that of the generation which last changed the object."""
    label = live.labels.get(GENERATION_LABEL, "")
    return int(label) if label.isdecimal() and len(label) <= _BIGINT_DIGITS else None


def _deployment_id(live: Live) -> str | None:
    """The label, if it can be an id at all: anybody may write anything there."""
    label = live.labels.get(DEPLOYMENT_LABEL, "")
    plain = label.replace("-", "")
    return label if len(label) == _UUID_CHARACTERS and len(plain) == 32 and _is_hexadecimal(plain) else None  # noqa: PLR2004


def _is_hexadecimal(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)
