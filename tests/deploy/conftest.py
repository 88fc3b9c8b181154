"""One stack for the tests of this folder that only use or hurt it; those that need another kind start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.stack_process import Up


@pytest.fixture(scope="package")
def stack(scratch: Path) -> Iterator[Up]:
    """An `orchestrator up` that tests use in turn; none of them may leave it stopped."""
    up = Up(scratch / "stack")
    try:
        up.says("the API answers")
        up.says("the cluster answers")
        yield up
    finally:
        up.discard()
