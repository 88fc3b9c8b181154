"""What people see: tables that fit the terminal, words with a colour where there is one, and times as ages.

Colour is only ever an addition to a word. What came from elsewhere loses its control characters, so that no name or
message can move the cursor.
"""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

GAP = "  "
NARROWEST = 12
_COLOURS = {
    "Healthy": "32",
    "Progressing": "36",
    "Degraded": "33",
    "Error": "31",
    "Stopped": "90",
    "Paused": "35",
    "Deleting": "90",
    "Deleted": "90",
}
_CONTROL = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233, *range(8234, 8239)), " ")


class Terminal(NamedTuple):
    """Where standard output goes: `width` is None where lines may be of any length."""

    width: int | None
    colours: bool


def terminal() -> Terminal:
    """What standard output is. NO_COLOR and COLUMNS are honoured."""
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if not sys.stdout.isatty():
        return Terminal(None, colours)
    columns = os.environ.get("COLUMNS", "")
    try:
        width = int(columns) if columns.isdecimal() else os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        width = 80
    return Terminal(width or 80, colours)


def plain(value: object) -> str:
    """A value as one line of text without control characters."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.translate(_CONTROL)


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, gives_way: str) -> None:
    """Print rows under headings. Where the terminal is too narrow, the column `gives_way` is cut, then left out."""
    seen = terminal()
    cells = [[plain(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    if seen.width is not None:
        fit(widths, seen.width, headings.index(gives_way))
    for number, row in enumerate([list(headings), *cells]):
        parts = [cut(text, width).ljust(width) for text, width in zip(row, widths, strict=True) if width]
        if seen.colours and number:
            parts = [paint(part) for part in parts]
        print(GAP.join(parts).rstrip())


def fit(widths: list[int], room: int, first: int) -> None:
    """Narrow columns in place until a line fits: the one numbered `first`, down to nothing, then the widest others."""
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - room
    if excess > 0:
        whole = widths[first]
        widths[first] = whole - excess if whole - excess >= NARROWEST else 0
        excess -= whole - widths[first] + (0 if widths[first] else len(GAP))
    for number in sorted(range(len(widths)), key=lambda number: -widths[number]):
        if excess > 0 and number != first:
            narrowed = max(min(widths[number], NARROWEST), widths[number] - excess)
            excess -= widths[number] - narrowed
            widths[number] = narrowed


def cut(text: str, width: int) -> str:
    """The text, shortened with an ellipsis where it is longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def paint(cell: str) -> str:
    """A cell that holds a status, in its colour."""
    colour = _COLOURS.get(cell.split(" ", 1)[0])
    return f"\x1b[{colour}m{cell}\x1b[0m" if colour else cell


def show_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; what is empty is left out."""
    colours = terminal().colours
    width = max(len(name) for name, _ in fields) + 1
    for name, value in fields:
        text = plain(value)
        if text:
            print(f"{name + ':':<{width}} {paint(text) if colours and name == 'Status' else text}")


def show_json(document: Any) -> None:
    """Print one document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


# ---------------------------------------------------------------- times


def age(text: str | None) -> str:
    """How long ago a time of the API was: 45s, 12m, 3h5m, 2d4h, 412d."""
    if not text:
        return ""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days >= 10:  # noqa: PLR2004 - from here on hours say nothing
        return f"{days}d"
    if days:
        return f"{days}d{hours % 24}h"
    if hours:
        return f"{hours}h{minutes % 60}m"
    return f"{minutes}m" if minutes >= 2 else f"{seconds}s"  # noqa: PLR2004 - 90s tells more than 1m


def clock(text: str) -> str:
    """A time of the API in the time zone of this machine, to the second."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
