"""`login` and `tokens`: who may ask the API, and where this machine keeps it.

A token is printed once, when it is made, unless it goes straight into a profile; otherwise never.
"""

import argparse
import getpass
import os
import sys

from deploy.client.errors import ClientError, Misused
from deploy.client.http import Api, Json
from deploy.client.profile import Target, chosen_profile, place, write
from deploy.client.running import warn_if_exposed
from deploy.client.tables import age, clock, show_json, show_table

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
    who: Json = Api(target).get("whoami")
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


# ---------------------------------------------------------------- tokens


def tokens(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator tokens`: one's own, or all that one may see."""
    found = api.get("tokens", {"everybodys": "true" if wanted.all else None})
    if wanted.output == "json":
        show_json(found)
        return
    rows = [
        (
            one["id"],
            one["user"],
            one["name"],
            one["role"],
            "all" if one["namespaces"] is None else ", ".join(one["namespaces"]),
            f"{age(one['created_at'])} ago",
            f"{age(one['last_used_at'])} ago" if one["last_used_at"] else "never",
            validity(one),
        )
        for one in found["items"]
    ]
    headings = ("ID", "USER", "NAME", "ROLE", "NAMESPACES", "MADE", "USED", "VALID")
    show_table(headings, rows, gives_way="NAMESPACES")


def validity(token: Json) -> str:
    """Until when it is good."""
    if token["revoked_at"]:
        return f"revoked {age(token['revoked_at'])} ago"
    return f"until {clock(token['expires_at'])}" if token["expires_at"] else "for ever"


def make_token(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator tokens make`."""
    body: Json = {"name": wanted.token_name, "role": wanted.role, "namespaces": wanted.namespace, "user": wanted.user}
    body["expires_in_days"] = wanted.days
    api.attempts = 1  # one whose answer was lost would be made again, and stay unknown
    made = api.call("POST", "tokens", body=body).body
    if wanted.save_as:
        write(place(os.environ), wanted.save_as, Target(api.url, made["token"]))
        print(f"made token {made['id']}; profile {wanted.save_as} in {place(os.environ)} holds it")
    elif wanted.output == "json":
        show_json(made)
    else:
        print(made["token"])


def revoke_token(api: Api, wanted: argparse.Namespace) -> None:
    """`orchestrator tokens revoke`."""
    api.call("DELETE", f"tokens/{wanted.id}")
    print(f"token {wanted.id} is revoked")
