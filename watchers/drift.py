"""Look closer at objects whose owned fields changed: which paths, what they were to be, what they are, who did it."""

from typing import Any

import msgspec

from db.observations import DriftReport, Suspect
from kube.live import Live
from kube.naming import Manifest, dress, root_manifest, root_name
from kube.ownership import Drift, lost

# A value longer than this is shown by its beginning: a drift is for reading, not for restoring from.
QUOTED_CHARACTERS = 500


def report(suspect: Suspect, live: Live | None) -> DriftReport:
    """The lost paths of one suspect; none if it is gone, replaced, or wanted no longer."""
    found: list[Drift] = []
    wanted = _wanted(suspect)
    if live is not None and wanted is not None and suspect.applied_fields is not None:
        found = lost(suspect.applied_fields, live, wanted, deployment_id=suspect.deployment_id)
    rows: list[dict[str, Any]] = [_row(drift) for drift in found]
    return DriftReport(suspect.deployment_id, suspect.kind, suspect.namespace, suspect.name, rows)


def _wanted(suspect: Suspect) -> Manifest | None:
    """The manifest as the worker applied it."""
    manifest = suspect.wanted
    if manifest is None:
        if suspect.kind != "ConfigMap" or suspect.name != root_name(suspect.deployment_name):
            return None
        manifest = root_manifest(suspect.deployment_id, suspect.deployment_name, suspect.namespace)
    is_root = suspect.wanted is None
    return dress(
        manifest,
        deployment_id=suspect.deployment_id,
        generation=suspect.generation or 0,
        template_version=suspect.template_version,
        root_uid=None if is_root else suspect.root_uid,
        root_name=root_name(suspect.deployment_name),
    )


def _row(drift: Drift) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(drift)
    live = _readable(drift.live)
    # Nobody may take for the value what is only its beginning.
    cut = {} if live == drift.live else {"cut": True}
    return row | {"wanted": _readable(drift.wanted), "live": live} | cut


def _readable(value: Any) -> Any:
    """A value that Postgres can keep and a person can read: no NUL, which jsonb refuses, and no pages of text."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\x00" not in text and "\\u0000" not in text and len(text) <= QUOTED_CHARACTERS:
        return value
    clean = text.replace("\x00", "�").replace("\\u0000", "�")
    return clean if len(clean) <= QUOTED_CHARACTERS else clean[:QUOTED_CHARACTERS] + "…"
