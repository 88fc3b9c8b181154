"""Completion in real shells: commands, options, choices, and names that the API knows."""

import asyncio
import shutil

import pytest

from tests.app.conftest import nothing_listens
from tests.client.conftest import ORCHESTRATOR, Command
from tests.db.stage import Stage

# How each shell is asked, without a terminal, what it would offer for the line in $LINE.
ASKING = {
    "bash": """
        source <(orchestrator completion bash)
        compopt() { :; }
        read -ra COMP_WORDS <<< "$LINE"
        if [[ $LINE == *" " ]]; then COMP_WORDS+=(""); fi
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _orchestrator
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """
        autoload -U compinit && compinit -u -D
        source <(orchestrator completion zsh)
        compadd() { print -l -- $found }
        _files() { print -l -- parameters* }
        words=("${(@s: :)LINE}")
        CURRENT=$#words
        _orchestrator
    """,
    "fish": "orchestrator completion fish | source; complete -C $LINE",
}
SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} here"))
    for shell in ASKING
]


async def offered(command: Command, shell: str, line: str) -> list[str]:
    flags = {"zsh": ["-f"], "bash": ["--norc"], "fish": ["--no-config"]}[shell]
    process = await asyncio.create_subprocess_exec(
        shell,
        *flags,
        "-c",
        ASKING[shell],
        env={**command.environment(), "LINE": line, "PATH": f"{ORCHESTRATOR.parent}:{command.environment()['PATH']}"},
        cwd=command.home.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert err == b"", err.decode()
    return [line.split("\t")[0] for line in out.decode().splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_shell_offers_what_may_come_next(command: Command, stage: Stage, shell: str) -> None:
    for name, namespace in (("lobby", "default"), ("lounge", "games"), ("hub", "default"), ("hub", "games")):
        stage.deploy(name, namespace=namespace)
    (command.home.parent / "parameters.yaml").touch()
    for line, wanted in (
        ("orchestrator re", {"restart", "resume", "reconcile", "reset"}),
        ("orchestrator get --stat", {"--status", "--state"}),
        ("orchestrator get --status Deg", {"Degraded"}),
        ("orchestrator stop lo", {"lobby", "lounge"}),
        ("orchestrator stop lobby hu", {"hub"}),
        ("orchestrator stop games/", {"games/lounge", "games/hub"}),
        ("orchestrator deploy new --template pa", {"paper"}),
        ("orchestrator deploy new -f para", {"parameters.yaml"}),
        ("orchestrator describe lobby ", set()),
        ("orchestrator nonsense ", set()),
    ):
        assert wanted <= set(await offered(command, shell, line)), line
        if not wanted or "stop" in line:
            assert set(await offered(command, shell, line)) == wanted, line


async def test_completing_says_nothing_of_what_goes_wrong(command: Command) -> None:
    nowhere = command.given(ORCHESTRATOR_URL=f"http://127.0.0.1:{nothing_listens()}")
    for someone in (nowhere, Command(command.home, {})):
        done = await someone("complete", "stop", "lo")
        assert (done.code, done.out) == (0, "")
        assert (await someone("complete", "de")).fine().out.split() == ["describe", "deploy", "delete"]
