"""Secret values that are derived, never stored."""

import asyncio
import base64

import pytest

from kube.cluster import Cluster
from kube.errors import KubeError
from kube.generated import SEED_NAME, ensure_seed, fill, needs_seed
from tests.conftest import ControlPlane
from tests.kube.conftest import config_map, secret

SEED = b"0123456789abcdef0123456789abcdef"


async def test_the_seed_is_made_once_however_many_ask_for_it_at_once(cluster: Cluster, namespace: str) -> None:
    seeds = await asyncio.gather(*(ensure_seed(cluster, namespace) for _ in range(8)))
    assert len(set(seeds)) == 1
    assert len(seeds[0]) == 32


async def test_the_namespace_of_the_seed_is_made_if_it_is_missing(
    cluster: Cluster, control_plane: ControlPlane
) -> None:
    try:
        first = await ensure_seed(cluster, "seed-of-its-own")
        assert await ensure_seed(cluster, "seed-of-its-own") == first
    finally:
        control_plane.kubectl("delete", "namespace", "seed-of-its-own", "--wait=false")


async def test_a_broken_seed_is_never_used(cluster: Cluster, control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "secret", "generic", SEED_NAME, "-n", namespace, "--from-literal=seed=short")
    with pytest.raises(KubeError, match="holds no seed"):
        await ensure_seed(cluster, namespace)


def test_a_value_is_the_same_for_the_same_purpose_and_different_for_any_other() -> None:
    def value(deployment: str, name: str, seed: bytes = SEED) -> str:
        return fill(secret("any", name), deployment, seed)["data"]["password"]

    assert value("one", "rcon") == value("one", "rcon")
    assert len({value("one", "rcon"), value("two", "rcon"), value("one", "web"), value("one", "rcon", b"x" * 32)}) == 4


def test_text_becomes_data_and_what_was_data_stays() -> None:
    manifest = secret("any", user="admin") | {"data": {"kept": "eA=="}}
    filled = fill(manifest, "one", None)
    assert filled["data"] == {"kept": "eA==", "user": base64.b64encode(b"admin").decode()}
    assert "stringData" not in filled
    assert manifest["stringData"] == {"user": "admin"}
    assert not needs_seed(manifest)
    assert needs_seed(secret("any"))


def test_other_kinds_are_left_alone() -> None:
    manifest = config_map("any")
    assert fill(manifest, "one", None) is manifest


def test_an_unknown_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="known generator"):
        fill(secret("any", password={"$generate": "horoscope"}), "one", SEED)
