"""Times as people write them on the command line."""

from datetime import UTC, datetime, timedelta

from deploy.client.errors import Misused

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def time_of(text: str, option: str) -> datetime:
    """A time as people write it: 90s, 15m, 2h, 7d ago, or a date and time. Raises Misused."""
    text = text.removesuffix(" ago")
    number, unit = text[:-1], text[-1:]
    if unit in UNITS and number.isdecimal():
        try:
            return datetime.now(UTC) - timedelta(**{UNITS[unit]: int(number)})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise Misused(f"{text!r} is no time", path=option, hint="Such as 15m, 2h, or 2026-11-24T08:00.") from None
