"""Asks the API server what it would say to a change, by dry run. Between a claimed proposal and its answers.

What would be sent is decided as for a reconciliation; every object is asked about, whatever the others are told.
Where the server cannot be spoken to, the proposal is handed back: it waits for another attempt until its time is over.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import structlog

from db.dry_runs import Alteration, Answer, Proposal, State
from db.queue import Wish
from kube.admission import altered
from kube.cluster import Cluster
from kube.errors import KubeError
from workers.objects import Foreign, try_object
from workers.plan import Step, plan, root_step, root_uid
from workers.reconcile import is_away

log = structlog.get_logger()

# How long one may take, and how long another worker waits before it takes over.
LONGEST_SECONDS = 45.0
LEASE_SECONDS = 60


async def answer(proposal: Proposal, cluster: Cluster) -> tuple[State, list[Answer], str]:
    """How it ended, what was answered object by object, and why it has to wait or failed. Raises nothing."""
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return "done", await ask(proposal, cluster), ""
    except TimeoutError:
        return "failed", [], f"the API server did not answer within {LONGEST_SECONDS:.0f} s"
    except KubeError as error:
        return "queued", [], error.message
    except Exception as error:
        log.exception("dry run broke", deployment_id=proposal.deployment_id, generation=proposal.generation)
        return "failed", [], f"internal error: {error!r}"


async def ask(proposal: Proposal, cluster: Cluster) -> list[Answer]:
    """One answer an object, in the order of apply. Raises KubeError where the server is away."""
    wish = as_wish(proposal)
    root = root_step(wish)
    answers = [await ask_about(cluster, root, proposal)] if root is not None else []
    # What does not exist yet has no uid to be owned by; any will do to be judged.
    todo = plan(wish, root_uid(wish) or str(uuid4()))
    answers += [await ask_about(cluster, step, proposal) for step in todo.apply]
    asked = {(one.kind, one.name) for one in answers}
    rest = ((manifest["kind"], manifest["metadata"]["name"]) for manifest in wish.manifests)
    return answers + [
        Answer(kind=kind, name=name, verdict="unchanged") for kind, name in rest if (kind, name) not in asked
    ]


async def ask_about(cluster: Cluster, step: Step, proposal: Proposal) -> Answer:
    """What the server says to one object. Raises KubeError where it is away."""
    kind, name = step.manifest["kind"], step.manifest["metadata"]["name"]
    warnings: list[str] = []
    try:
        sent, applied = await try_object(cluster, step, deployment_id=proposal.deployment_id, warnings=warnings)
    except Foreign as error:
        return Answer(kind=kind, name=name, verdict="refused", category="foreign", message=str(error))
    except KubeError as error:
        if await is_away(cluster, error):
            raise
        return Answer(
            kind=kind, name=name, verdict="refused", category=error.category, message=error.message, warnings=warnings
        )
    changes = [Alteration(one.path, one.sent, one.becomes) for one in altered(sent, applied.live)]
    return Answer(kind=kind, name=name, verdict="ok", warnings=list(dict.fromkeys(warnings)), altered=changes)


def as_wish(proposal: Proposal) -> Wish:
    """The proposal as what a reconciliation is planned from; there is no message in any queue behind it."""
    return Wish(
        deployment_id=proposal.deployment_id,
        queue="",
        msg_id=0,
        token=proposal.token,
        seen=0,
        name=proposal.name,
        namespace=proposal.namespace,
        generation=proposal.generation,
        last_applied_generation=0,
        desired_state=proposal.desired_state,
        keep_data=True,
        template_version=proposal.template_version,
        failures=0,
        manifests=proposal.manifests,
        inventory=proposal.inventory,
    )
