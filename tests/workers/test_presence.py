"""Real workers are seen at their cluster: what each is doing, and that it is gone when it stops."""

import asyncio
import signal

from tests.intent import Intent
from tests.proxy import Proxy
from tests.waiting import eventually
from tests.workers.test_crashes import StartWorker, applied, start_worker

__all__ = ["start_worker"]


async def test_workers_are_seen_with_what_each_is_doing_until_they_stop(
    intent: Intent, start_worker: StartWorker, proxy: Proxy
) -> None:
    def seen() -> dict[str, list[str]]:
        rows = intent.rows("SELECT worker, busy FROM orchestrator.workers")
        return {row["worker"]: [work["name"] for work in row["busy"]] for row in rows}

    held = proxy.hold("PATCH", "lobby-env")
    slow = start_worker(kubeconfig=proxy.kubeconfig(), ORCHESTRATOR_WORKER="slow")
    await eventually(lambda: seen() == {"slow": []}, 20, lambda: slow.tail)
    lobby = intent.deploy("lobby")
    await asyncio.wait_for(held.arrived.wait(), 30)
    start_worker(ORCHESTRATOR_WORKER="idle")
    await eventually(lambda: seen() == {"slow": ["lobby"], "idle": []}, 20, seen)
    held.release()
    await applied(intent, lobby)
    assert seen() == {"slow": [], "idle": []}
    slow.signal(signal.SIGTERM)
    slow.wait()
    assert seen() == {"idle": []}
