"""A leashed program ends with the process that started it, by the kernel's means and by ours."""

import subprocess
import sys

import psutil
import pytest

from tests.deploy.stack_process import command_line, still_running
from tests.waiting import eventually_blocking

HOLDER = """
import signal, subprocess
from deploy.leash import leashed
subprocess.Popen(leashed(["sleep", "600"], death_signal=signal.SIGTERM, stay={stay}))
signal.pause()
"""


@pytest.mark.parametrize("stay", [False, True])
def test_the_program_ends_when_its_starter_is_killed(stay: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER.format(stay=stay)]) as holder:

        def leashed_family() -> list[psutil.Process]:
            family = psutil.Process(holder.pid).children(recursive=True)
            return family if [process for process in family if command_line(process) == ["sleep", "600"]] else []

        family = eventually_blocking(leashed_family, 10, "the sleeping program")
        holder.kill()
    eventually_blocking(lambda: not still_running(family), 5, lambda: still_running(family))


@pytest.mark.parametrize("stay", [False, True])
def test_its_exit_code_is_the_programs(stay: bool) -> None:
    script = (
        f"import subprocess, sys; from deploy.leash import leashed; c = leashed(['sh', '-c', 'exit 7'], stay={stay})"
    )
    code = subprocess.run([sys.executable, "-c", f"{script}; sys.exit(subprocess.run(c).returncode)"], check=False)
    assert code.returncode == 7
