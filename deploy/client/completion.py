"""Shell completion: the shells ask `orchestrator complete WORDS`, which knows the parser and asks the API for names.

So there is one logic for all shells, and an option that is added to the parser is completed without more.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from deploy.client.errors import ClientError
from deploy.client.http import Api, Json
from deploy.client.names import full_name
from deploy.client.profile import find_target, place, read

MOST = 200
FILES = "@files"  # the shell completes paths by itself
SCRIPTS = {
    "bash": """_orchestrator() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [[ ${COMPREPLY[0]} == @files ]]; then
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
    fi
}
complete -F _orchestrator orchestrator
""",
    "zsh": """#compdef orchestrator
_orchestrator() {
    local -a found
    found=("${(@f)$("${words[1]}" complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ $found[1] == @files ]]; then
        _files
    elif [[ -n $found[1] ]]; then
        compadd -a found
    fi
}
if [[ $funcstack[1] == _orchestrator ]]; then _orchestrator "$@"; else compdef _orchestrator orchestrator; fi
""",
    "fish": """function __orchestrator_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] complete $words[2..-1] 2>/dev/null)
    if test "$found[1]" = @files
        __fish_complete_path $words[-1]
    else
        printf '%s\\n' $found
    end
end
complete -c orchestrator -f -a '(__orchestrator_complete)'
""",
}


def script(wanted: argparse.Namespace) -> None:
    """`orchestrator completion SHELL`."""
    print(SCRIPTS[wanted.shell], end="")


def complete(wanted: argparse.Namespace) -> None:
    """`orchestrator complete WORDS`: what the last word may become, one a line. Silent about what goes wrong."""
    from deploy.command import parser  # noqa: PLC0415 - which is what was loaded first

    *before, last = wanted.rest or [""]
    for candidate in candidates(parser(), before, last):
        if candidate == FILES or candidate.startswith(last):
            print(candidate)


def candidates(parser: argparse.ArgumentParser, before: Sequence[str], last: str) -> Iterable[str]:
    """What may stand where `last` stands, after these words."""
    words = list(before)
    while words and (commands := commands_of(parser)):
        if words[0] not in commands:
            return []
        parser = commands[words.pop(0)]
    if found := commands_of(parser):
        return found
    options = {text: action for action in actions_of(parser) for text in action.option_strings}
    if words and (option := options.get(words[-1])) and option.nargs != 0:
        return values_of(option, words, last)
    if last.startswith("-"):
        return sorted(options)
    positionals = [action for action in actions_of(parser) if not action.option_strings]
    given = sum(1 for at, word in enumerate(words) if not is_of_option(words, at, word, options))
    for action in positionals:
        if action.nargs in ("*", "+") or given == 0:
            return values_of(action, words, last)
        given -= 1
    return []


def is_of_option(words: Sequence[str], at: int, word: str, options: dict[str, argparse.Action]) -> bool:
    """Whether a word is an option or the value of one."""
    if word.startswith("-"):
        return True
    owner = options.get(words[at - 1]) if at else None
    return owner is not None and owner.nargs != 0


def actions_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments of a parser."""
    return parser._actions  # pyright: ignore[reportPrivateUsage] - argparse has no public list


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser that only chooses among them, but for the one that completes."""
    for action in actions_of(parser):
        if isinstance(action.choices, dict):
            found = cast("dict[str, argparse.ArgumentParser]", action.choices)
            return {name: made for name, made in found.items() if name != "complete"}
    return {}


# ---------------------------------------------------------------- values


def values_of(action: argparse.Action, words: Sequence[str], last: str) -> Iterable[str]:
    """What an argument may be: by its choices, else by what it is called."""
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    if action.dest == "profile":
        return read(place(os.environ)).named
    if action.dest in ("file", "directory", "kubeconfig", "state"):
        return [FILES]
    source = SOURCES.get(action.dest)
    if source is None:
        return []
    named = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--profile"]
    try:
        api = Api(find_target(named[0] if named else None, os.environ), attempts=1)
        return source(api, last)
    except ClientError:
        return []


def deployments(api: Api, last: str) -> Iterable[str]:
    """Names that begin so, with their namespace where one was typed."""
    namespace, slash, name = last.rpartition("/")
    found: list[Json] = api.get("deployments", {"namespace": namespace or None, "name": name, "limit": MOST})["items"]
    return dict.fromkeys(full_name(one) if slash else one["name"] for one in found)


def templates(api: Api, _last: str) -> Iterable[str]:
    """Every template."""
    return [one["name"] for one in api.get("templates")["items"]]


def clusters(api: Api, _last: str) -> Iterable[str]:
    """Every cluster."""
    return [one["name"] for one in api.get("clusters")["items"]]


def windows(api: Api, _last: str) -> Iterable[str]:
    """Every window that one may use."""
    return dict.fromkeys(one["name"] for one in api.get("windows")["items"])


SOURCES: dict[str, Callable[[Api, str], Iterable[str]]] = {
    "name": deployments,
    "names": deployments,
    "template": templates,
    "cluster": clusters,
    "window": windows,
    "in_window": windows,
}
