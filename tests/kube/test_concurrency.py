"""How many requests a process sends at once: where it starts, and what makes it more or fewer."""

import asyncio
import math

import pytest

from kube.cluster import Cluster
from kube.concurrency import LEAST, SLOW_SECONDS, START, Gate
from kube.errors import Unavailable
from kube.settings import ClusterSettings
from tests.kube.conftest import config_map
from tests.proxy import APPLY, Proxy
from tests.waiting import eventually


async def test_a_process_starts_with_sixteen_requests_at_once_and_asks_for_readiness_beside_them(proxy: Proxy) -> None:
    held = proxy.hold("/configmaps/")
    async with await Cluster.connect(ClusterSettings(kubeconfig=proxy.kubeconfig())) as cluster:
        asked = [asyncio.create_task(cluster.get("ConfigMap", "default", f"of-{n}")) for n in range(START + 4)]
        await eventually(lambda: held.count == START, 20, lambda: held.count)
        assert cluster.gate.running == START == 16
        assert await cluster.ready(), "whether the server is there is not asked behind what waits for it"
        assert len(proxy.seen) == START + 1
        for task in asked:
            task.cancel()
        await asyncio.wait(asked)


async def test_requests_that_time_out_lower_it(proxy: Proxy, namespace: str) -> None:
    proxy.hold(*APPLY)
    async with Cluster(proxy.credentials, request_timeout_seconds=0.3) as cluster:
        with pytest.raises(Unavailable):
            await cluster.apply(config_map(namespace), force=False)
        assert cluster.gate.limit == START * 0.75
        await asyncio.gather(*(timed_out(cluster, namespace, number) for number in range(3)))
        assert cluster.gate.limit >= START * 0.75**2, "a burst is one piece of news"


async def timed_out(cluster: Cluster, namespace: str, number: int) -> None:
    with pytest.raises(Unavailable):
        await cluster.apply(config_map(namespace, f"slow-{number}"), force=False)


@pytest.mark.parametrize(
    ("seconds", "throttled", "left"),
    [(SLOW_SECONDS + 0.1, False, 0.75), (math.inf, False, 0.75), (0.01, True, 0.5), (SLOW_SECONDS, False, 1.0)],
)
def test_a_slow_answer_takes_a_quarter_and_a_refusal_half_once_a_second(
    seconds: float, throttled: bool, left: float
) -> None:
    gate = Gate()
    for _ in range(5):
        gate.answered(seconds, throttled=throttled)
    assert gate.limit == START * left


async def test_quick_answers_raise_it_where_somebody_waited_and_not_otherwise() -> None:
    gate = Gate(2, most=4)
    gate.answered(0.01)
    assert gate.limit == 2, "there was room"

    async def ask() -> None:
        async with gate:
            await asyncio.sleep(0)
            gate.answered(0.01)

    await asyncio.gather(*(ask() for _ in range(400)))
    assert gate.limit > 2
    await asyncio.gather(*(ask() for _ in range(4000)))
    assert gate.limit == 4, "never beyond its most"


def test_however_bad_it_is_two_go_on() -> None:
    gate = Gate(LEAST)
    gate.answered(math.inf)
    assert gate.limit == LEAST == 2
