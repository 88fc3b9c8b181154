"""`orchestrator login`: a profile with an address and a token that was tried, so that later commands need neither."""

import argparse
import getpass
import os
import sys

from deploy.client.errors import ClientError, Misused
from deploy.client.http import Api
from deploy.client.profile import Target, chosen_profile, place, write
from deploy.client.running import warn_if_exposed

LONGEST_TOKEN = 4096


def login(wanted: argparse.Namespace) -> None:
    """Raises NotAllowed if the API does not take the token: then nothing is written."""
    name = wanted.profile or os.environ.get("ORCHESTRATOR_PROFILE") or "default"
    url = wanted.url or os.environ.get("ORCHESTRATOR_URL") or known_url(name)
    if not url:
        raise Misused("where is the API?", hint="orchestrator login https://host")
    api = Api(Target(url, ""))  # refuses what is no URL before it asks for a token
    warn_if_exposed(api)
    target = Target(url.rstrip("/"), token_for(api))
    who = Api(target).get("whoami")
    write(place(os.environ), name, target)
    print(f"signed in to {api.told} as {who['user']} ({who['role']}); profile {name} in {place(os.environ)}")


def known_url(name: str) -> str:
    """The URL of a profile that is there already: its token is to be replaced."""
    try:
        return chosen_profile(name, {**os.environ, "ORCHESTRATOR_PROFILE": ""})[1].get("url", "")
    except ClientError:
        return ""


def token_for(api: Api) -> str:
    """From the environment, from a person, or from standard input. Raises Misused."""
    token = os.environ.get("ORCHESTRATOR_TOKEN", "")
    if not token:
        asked = f"API token for {api.told} (the page makes one under Account): "
        token = getpass.getpass(asked) if sys.stdin.isatty() else sys.stdin.readline(LONGEST_TOKEN)
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Misused("that is no token", hint="Give it at the prompt, on standard input, or as ORCHESTRATOR_TOKEN.")
    return token
