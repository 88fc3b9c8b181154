"""docs/cli.md: every command in it works as it says, one after another, as somebody would follow the page."""

import asyncio
import re
from typing import Any

from deploy.client import errors
from deploy.client.command_line import EXIT_CODES
from tests.client.conftest import ORCHESTRATOR, Command
from tests.conftest import REPOSITORY
from tests.db.stage import Stage, manifests
from tests.waiting import POLL_SECONDS

PAGE = (REPOSITORY / "docs/cli.md").read_text()


def steps() -> list[tuple[str, str]]:
    """Each command of the page with what it is said to print."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    found = [step.partition("\n") for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output.strip()) for command, _, output in found]


async def carry_out(stage: Stage) -> None:
    """Play worker and watcher as long as the test runs: whatever is asked for is so a moment later."""
    while True:
        for claimed in stage.claim():
            if claimed["desired_state"] == "Deleted":
                stage.settle(claimed, "finalised")
                continue
            stage.converge(claimed)
            own = claimed["deployment_id"]
            seen: list[Any] = [stage.seen(own, one["kind"], one["metadata"]["name"]) for one in manifests(claimed)]
            stage.observe(*[{**one, "namespace": claimed["namespace"]} for one in seen])
        await asyncio.sleep(POLL_SECONDS)


async def test_every_command_of_the_page_does_what_it_says(command: Command, stage: Stage) -> None:
    worker = asyncio.create_task(carry_out(stage))
    environment = command.environment()
    environment["PATH"] = f"{ORCHESTRATOR.parent}:{environment['PATH']}"
    assert len(steps()) > 30
    for line, output in steps():
        shell = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            line,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = (text.decode() for text in await asyncio.wait_for(shell.communicate(), 60))
        assert shell.returncode == 0, f"{line}\n{out}{err}"
        assert output in out + err, line
        if worker.done():
            worker.result()
    worker.cancel()


def test_help_and_page_tell_the_exit_codes_that_there_are() -> None:
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    assert {int(code) for code in re.findall(r"^  (\d)  ", EXIT_CODES, re.MULTILINE)} == codes | {0, 2}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == codes | {0, 2, 130}
