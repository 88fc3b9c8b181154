"""Runs k3s in Docker as the cluster, where that is asked for: another real Kubernetes, with real kubelets.

Needs a Docker engine that answers and the development dependencies (testcontainers).
"""

import asyncio
import contextlib
import importlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

from deploy.children import Tell
from deploy.errors import ClusterError
from deploy.kubeconfig import write_privately

IMAGE = "rancher/k3s:v1.37.2-k3s1"
ADVICE = "Leave --cluster k3s away to use the control plane built from source, or give --kubeconfig."


@contextlib.contextmanager
def running(state: Path) -> Generator[Path]:
    """A k3s for the block; yields its kubeconfig. Raises ClusterError saying what is missing."""
    state.mkdir(parents=True, exist_ok=True)
    refuse_without_docker()
    k3s: Any = importlib.import_module("testcontainers.k3s")
    with k3s.K3SContainer(IMAGE, enable_cgroup_mount=False) as container:
        kubeconfig = state / "kubeconfig"
        write_privately(kubeconfig, str(container.config_yaml()).encode())
        yield kubeconfig


async def run(state: Path, tell: Tell) -> None:
    """Run k3s until cancelled, with its kubeconfig in the state folder. Raises ClusterError."""
    tell(f"starting {IMAGE} in Docker: about a minute, more when the image has to be fetched")
    with contextlib.ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, running(state))
        tell("k3s answers")
        await asyncio.Event().wait()


def refuse_without_docker() -> None:
    """Ask the Docker engine for a sign of life, and say in one message what to do where none comes."""
    try:
        docker: Any = importlib.import_module("docker")
        errors: Any = importlib.import_module("docker.errors")
    except ImportError as error:
        raise ClusterError(f"k3s needs the development dependencies: run `uv sync --all-extras`. {ADVICE}") from error
    try:
        docker.from_env().ping()
    except errors.DockerException as error:
        raise ClusterError(f"k3s was asked for, but no Docker engine answers ({error}). {ADVICE}") from error
