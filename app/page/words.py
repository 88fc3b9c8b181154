"""How the page says things: ages, amounts, states. One place, so that it says them the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

MINUTE, HOUR, DAY = 60, 3600, 86400
# Up to here hours say more than days.
MANY_HOURS = 48 * HOUR


class Look(msgspec.Struct, frozen=True):
    """How a state is shown: `tone` is a class of page.css, `icon` a name of icons.html."""

    tone: str
    icon: str


LOOKS = {
    "Healthy": Look("good", "check"),
    "Progressing": Look("busy", "turning"),
    "Degraded": Look("warn", "warning"),
    "Error": Look("bad", "cross"),
    "Stopped": Look("still", "stop"),
    "Paused": Look("still", "pause"),
    "Deleting": Look("busy", "turning"),
    "Deleted": Look("still", "bin"),
}
UNKNOWN = Look("still", "question")


def look(status: str | None) -> Look:
    """Of a status_summary or an object's health."""
    return LOOKS.get(status or "", UNKNOWN)


def aged(moment: datetime) -> str:
    """How long ago or ahead, as page.js counts it on: 12 s, 5 min, 47 h, 3 days."""
    seconds = abs(int((datetime.now(UTC) - moment).total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < MANY_HOURS:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} days"


def ago(moment: datetime) -> str:
    """The same as part of a sentence: 5 min ago, in 3 days."""
    return f"in {aged(moment)}" if moment > datetime.now(UTC) else f"{aged(moment)} ago"


def counted(number: int, noun: str) -> str:
    """1 server, 2 servers, 10,000 servers."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
