"""What a planned restart waits for, in words."""

from datetime import datetime

from deploy.client.http import Json


def waiting(planned: Json) -> str:
    """What a planned restart waits for."""
    condition = "" if not planned["only_if_required"] else ", if it is required then"
    latest = f"in the window {planned['in_window']}" if planned["in_window"] else "at its time"
    if planned["opens"] is None:
        return f"is restarted when nobody plays{condition}"
    sooner = "when nobody plays, at the latest " if planned["when_empty"] else ""
    return f"is restarted {sooner}{latest}, {moment(planned['opens'])}{condition}"


def moment(text: str) -> str:
    """A time of the API by the clocks here."""
    return datetime.fromisoformat(text).astimezone().strftime("%a %Y-%m-%d %H:%M %Z").strip()
