"""Makes the cluster match one deployment's intent, and says how that ended. Between a claim and its settlement.

The claim only says *which* deployment; what to do is read from the intent, so a stale or merged message can never
undo a newer wish. Safe to repeat, in any order, from any half-done state.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Any

import msgspec

from db.queue import (
    AppliedResource,
    EventRow,
    InventoryItem,
    Outcome,
    PrunedResource,
    PutBack,
    RestartedPod,
    Settlement,
    Wish,
)
from kube.cluster import Cluster
from kube.errors import (
    CredentialsError,
    Denied,
    KubeError,
    NamespaceMissing,
    NamespaceTerminating,
    QuotaExceeded,
    Unauthorized,
    Unavailable,
)
from kube.generated import needs_seed
from kube.kinds import kind_named
from kube.live import Live
from kube.naming import DEPLOYMENT_LABEL, root_name
from kube.ownership import Fields, lost, newest_other, rows
from workers.objects import Foreign, GiveWay, LetBe, ReadFields, Written, apply_object, delete_object
from workers.plan import NEVER_PRUNED, Step, plan, removal_order, root_step, root_uid
from workers.restarts import replaced_pods

# What a person has to change first is tried again slowly, on top of the back-off.
SLOW_RETRY_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 3.0
_WORKLOAD_RANK = kind_named("StatefulSet").rank
# The seed that generated secrets derive from.
ReadSeed = Callable[[], Awaitable[bytes]]
# There is no speaking to the server at all, whatever it is about.
_AWAY = (CredentialsError, Unauthorized)
_AWAY_REASONS = frozenset({"unreachable", "tls"})
_SLOW = (QuotaExceeded, NamespaceTerminating, NamespaceMissing)


class Run:
    """One reconciliation under way: what it may do, and what it has done so far."""

    def __init__(
        self,
        wish: Wish,
        cluster: Cluster,
        read_seed: ReadSeed,
        read_fields: ReadFields,
        give_way: GiveWay,
        may_write: Callable[[], None],
    ) -> None:
        """`may_write` raises when the lease, or Postgres, is no longer there to answer for a write."""
        self.wish = wish
        self.cluster = cluster
        self.read_seed = read_seed
        self._read_fields = read_fields
        self._give_way = give_way
        self.may_write = may_write
        self.started = time.monotonic()
        self.resources: list[AppliedResource] = []
        self.pruned: list[PrunedResource] = []
        self.restarted: list[RestartedPod] = []
        self.events: list[EventRow] = []
        self._fields: dict[str, Fields | None] = {}
        self._left: dict[str, tuple[object, InventoryItem]] = {}

    def note(self, event_type: str, live: Live | None = None, **data: Any) -> None:
        """Add an event to the settlement, about an object where one is given."""
        if live is not None:
            data |= {"kind": live.kind, "namespace": live.namespace, "name": live.name, "uid": live.uid}
        self.events.append(EventRow(event_type, data))

    async def read_fields(self, item: InventoryItem) -> Fields | None:
        """The fieldset of our last apply to an object, asked for once: between a look and a write moments count."""
        key = f"{item.kind}/{item.name}"
        if key not in self._fields:
            self._fields[key] = await self._read_fields(item)
        return self._fields[key]

    async def give_way(self, item: InventoryItem, found: list[dict[str, Any]]) -> InventoryItem:
        """What to leave to others of an object, by what they changed; asked for again only where that is news."""
        key = f"{item.kind}/{item.name}"
        news = [(row["path"], row["live"], row["manager"]) for row in found]
        if key not in self._left or self._left[key][0] != news:
            self._left[key] = (news, await self._give_way(item, found))
        return self._left[key][1]

    async def apply(self, step: Step) -> str:
        """Apply one object; answers its uid."""
        began = time.monotonic()
        seed = await self.read_seed() if needs_seed(step.whole) else None
        try:
            written = await apply_object(
                self.cluster,
                step,
                deployment_id=self.wish.deployment_id,
                seed=seed,
                read_fields=self.read_fields,
                give_way=self.give_way,
                may_write=self.may_write,
            )
        except LetBe:
            return (step.item and step.item.uid) or ""
        put_back = await self.put_back(written)
        self.resources.append(msgspec.structs.replace(written.resource, put_back=put_back))
        live = written.applied.live
        self.note(
            "ResourceApplied",
            kind=live.kind,
            namespace=live.namespace,
            name=live.name,
            uid=live.uid,
            reason=step.reason,
            milliseconds=round((time.monotonic() - began) * 1000),
        )
        return live.uid

    async def put_back(self, written: Written) -> list[PutBack]:
        """What this apply put back. Tells of drift that nobody had seen: found because the object had moved on."""
        step = written.step
        match step.reason:
            case "drifted":
                return (step.item and step.item.lost) or []
            case "missing":
                return [PutBack("")]
            case "recreated":
                return [PutBack("", written.overwritten and newest_other(written.overwritten))]
            case "created" | "changed":
                pass
        if written.overwritten is None or step.item is None:
            return []
        fields = await self.read_fields(step.item)
        wish, live = self.wish, written.overwritten
        found = lost(fields, live, step.whole, deployment_id=wish.deployment_id) if fields else []
        known = step.item.lost
        carried = [drift for drift in found if known is None or drift.path in {one.path for one in known}]
        if told := [*carried, *(drift for drift in found if drift.path in step.item.undecided)]:
            self.note("ResourceModifiedExternally", live, changes=rows(told))
        return [PutBack(drift.path, drift.manager) for drift in carried]

    async def prune(self, item: InventoryItem) -> bool:
        """Remove one object; answers whether it is gone already."""
        self.may_write()
        gone = await delete_object(self.cluster, item)
        if gone:
            self.pruned.append(PrunedResource(item.kind, item.namespace, item.name))
            self.note("ResourcePruned", kind=item.kind, namespace=item.namespace, name=item.name, uid=item.uid)
        return gone

    async def restart(self) -> None:
        """Replace the pods that are older than the restart that was asked for, if one was."""
        async for pod, asked_at in replaced_pods(self.cluster, self.wish, self.may_write):
            self.restarted.append(RestartedPod(pod.namespace, pod.name, pod.uid))
            self.note("PodRestarted", pod, reason="a restart was asked for", asked_at=asked_at)

    def settlement(self, outcome: Outcome, **more: Any) -> Settlement:
        """How this run ended, with all it did."""
        wish = self.wish
        return Settlement(
            deployment_id=wish.deployment_id,
            queue=wish.queue,
            msg_id=wish.msg_id,
            token=wish.token,
            seen=wish.seen,
            generation=wish.generation,
            outcome=outcome,
            resources=self.resources,
            pruned=self.pruned,
            restarted=self.restarted,
            events=self.events,
            **more,
        )

    def milliseconds(self) -> int:
        """How long it has run."""
        return round((time.monotonic() - self.started) * 1000)


async def reconcile(run: Run) -> Settlement:
    """Carry the wish out as far as possible. Raises only what `may_write` raises; faults are part of the settlement."""
    try:
        match run.wish.desired_state:
            case "Active" | "Stopped":
                return await converge(run)
            case "Paused":
                run.note("ReconcileHeld", reason="Paused")
                return run.settlement("held")
            case "Deleted":
                return await remove(run)
    except Foreign as error:
        run.note("ResourceConflict", error.live)
        return failed(run, str(error), "foreign", permanent=True)
    except KubeError as error:
        if await is_away(run.cluster, error):
            return run.settlement("deferred", error=error.message)
        retry_seconds = SLOW_RETRY_SECONDS if isinstance(error, _SLOW) else error.retry_after_seconds
        return failed(run, error.message, error.category, permanent=error.permanent, retry_seconds=retry_seconds)


async def converge(run: Run) -> Settlement:
    """Apply what changed in order, prune what is no longer asked for, then restart what is to be restarted."""
    step = root_step(run.wish)
    uid = await run.apply(step) if step is not None else root_uid(run.wish)
    if uid is None:
        raise AssertionError("a root that needs no apply has a uid")
    todo = plan(run.wish, uid)
    for step in todo.apply:
        await run.apply(step)
    lingering = [item for item in todo.prune if not await run.prune(item)]
    # A generation that was applied whole has been restarted too: a pod without the annotation is then not our doing.
    if run.wish.desired_state == "Active" and run.wish.generation > run.wish.last_applied_generation:
        await run.restart()
    run.note("ReconcileSucceeded", milliseconds=run.milliseconds(), applied=len(run.resources), pruned=len(run.pruned))
    return run.settlement("succeeded", look_again_seconds=LOOK_AGAIN_SECONDS if lingering else None)


async def remove(run: Run) -> Settlement:
    """Take the objects away in order: routing, workloads and their pods, then what those used, the root last.

    Each stage is gone before the next begins, so a server is never without its settings while it saves its world.
    """
    wait = {"look_again_seconds": LOOK_AGAIN_SECONDS}
    pods_are_gone = False
    for stage in _removal_stages(run.wish):
        if not pods_are_gone and kind_named(stage[0].kind).rank < _WORKLOAD_RANK:
            if await _has_pods(run):
                return run.settlement("succeeded", **wait)
            pods_are_gone = True
        if not all([await run.prune(item) for item in stage]):
            return run.settlement("succeeded", **wait)
    run.note("ReconcileSucceeded", milliseconds=run.milliseconds(), applied=0, pruned=len(run.pruned))
    return run.settlement("finalised")


def failed(run: Run, error: str, category: str, *, permanent: bool, retry_seconds: float | None = None) -> Settlement:
    """A settlement that keeps what was done and says what went wrong."""
    run.note("ReconcileFailed", error=error, category=category, permanent=permanent, milliseconds=run.milliseconds())
    return run.settlement("failed", error=error, permanent=permanent, retry_seconds=retry_seconds)


async def is_away(cluster: Cluster, error: KubeError) -> bool:
    """Whether the server itself is out of reach, or not itself yet; if not, the error is about this deployment alone.

    An answer of 5xx, one that never came and a connection that broke may be either: a load balancer without a server
    behind it, or one admission webhook. So the server is asked, by the same question that ends an outage. A denial is
    final, so it counts only from one that is ready: a server that starts denies everything until it has read who may
    do what, for 0.1 s, while it is not ready for 1 s (1.37).
    """
    if isinstance(error, _AWAY) or (isinstance(error, Unavailable) and error.reason in _AWAY_REASONS):
        return True
    return (isinstance(error, Unavailable) or type(error) is Denied) and not await cluster.ready()


def _removal_stages(wish: Wish) -> list[list[InventoryItem]]:
    """What there is to remove, by rank from the last applied to the first; the root is a stage of its own."""
    root = ("ConfigMap", root_name(wish.name))
    kept = NEVER_PRUNED if wish.keep_data else frozenset[str]()
    ours = [item for item in removal_order(wish.inventory) if item.managed and item.kind not in kept]
    others = [item for item in ours if (item.kind, item.name) != root]
    stages = [list(stage) for _, stage in groupby(others, key=lambda item: kind_named(item.kind).rank)]
    last = [item for item in ours if (item.kind, item.name) == root]
    return [*stages, last] if last else stages


async def _has_pods(run: Run) -> bool:
    selector = f"{DEPLOYMENT_LABEL}={run.wish.deployment_id}"
    found = await run.cluster.list("Pod", selector=selector, namespace=run.wish.namespace, metadata_only=True)
    return bool(found.items)
