"""Look closer at objects whose owned fields changed: which paths, what they were to be, what they are, who did it."""

from db.observations import DriftReport, Suspect
from kube.live import Live
from kube.naming import Manifest, dress, root_manifest, root_name
from kube.ownership import Drift, lost, rewritten, rows


def report(suspect: Suspect, live: Live | None) -> DriftReport:
    """What drifted of one suspect; nothing if it is gone, replaced, or wanted no longer.

    Of what is ours and reads otherwise Postgres forgets what a newer generation has changed and nobody applied yet.
    """
    found: list[Drift] = []
    wanted = _wanted(suspect)
    if live is not None and wanted is not None and suspect.applied_fields is not None:
        found = lost(suspect.applied_fields, live, wanted, deployment_id=suspect.deployment_id)
        found += rewritten(live, wanted, at_once=False)
    return DriftReport(suspect.deployment_id, suspect.kind, suspect.namespace, suspect.name, rows(found))


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
