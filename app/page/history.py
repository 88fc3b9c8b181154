"""Says in words what each step of a run was, and how long it took. Pure; what is shown where is the template's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from app.page.rendering import text_of
from app.page.words import look
from db.overview import Run, Step

SECOND, MINUTE, HOUR = 1, 60, 3600
TENTHS_BELOW_SECONDS = 10
MOST_CHANGES = 6
LONGEST_VALUE = 60
LONGEST_PATHS = 200


class Told(msgspec.Struct, frozen=True):
    """A step: `text` is the sentence, `detail` what follows it in smaller letters."""

    tone: str
    icon: str
    text: str
    detail: str = ""


OUTCOMES = {
    "waiting": Told("busy", "clock", "Queued"),
    "working": Told("busy", "turning", "Being applied"),
    "succeeded": Told("good", "check", "Applied"),
    "failed": Told("bad", "cross", "Failed"),
    "deferred": Told("warn", "clock", "Waits for the cluster"),
    "unfinished": Told("still", "clock", "Taken up again"),
}
REASONS = {
    "created": "because it was created",
    "changed": "because it was changed",
    "reconcile_now": "as {} asked",
    "drift": "because it was changed from outside",
    "contested": "to put back what is contested",
    "observed": "because something was deleted or replaced from outside",
}
APPLIED = {
    "created": "Made",
    "changed": "Changed",
    "drifted": "Put back",
    "missing": "Made again",
    "recreated": "Took in hand again",
}


CONTEST_ENDS = {
    "quiet": "it stood as wanted for a while",
    "gone": "it is wanted no longer",
    "adopted": "it was adopted",
    "ignored": "it is left to others from now on",
    "undecided": "it waits for somebody to adopt it",
}


def outcome(run: Run) -> Told:
    """How a run went, as far as it is known: one after which all was well says so."""
    if run.outcome == "succeeded" and run.healthy_seconds is not None:
        return Told("good", "check", "Done")
    return OUTCOMES[run.outcome]


def took(seconds: float | None) -> str:
    """A duration: 40 ms, 3.2 s, 45 s, 2 min 5 s, 3 h 10 min. Empty for None."""
    if seconds is None:
        return ""
    if seconds < SECOND:
        return f"{round(seconds * 1000)} ms"
    if seconds < TENTHS_BELOW_SECONDS:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def step_seconds(step: Step) -> float | None:
    """How long a step took: what the worker measured of its own, otherwise the time since the step before."""
    measured = step.data.get("milliseconds")
    return measured / 1000 if step.type == "ResourceApplied" and isinstance(measured, int) else step.seconds


def tell(step: Step) -> Told:
    """A step in words. One of a type that is not known here is told by its name."""
    rule = _RULES.get(step.type)
    return rule(step) if rule else Told("still", "info", step.type)


def _created(step: Step) -> Told:
    return Told("still", "plus", f"Created by {step.actor}", f"from {step.data.get('template', 'a template')}")


def _changed(step: Step) -> Told:
    what = {name: change for name, change in step.data.items() if name not in ("rollback", "adopted")}
    back = step.data.get("rollback")
    text = f"Taken back to generation {back['to']}" if back else "Adopted" if "adopted" in step.data else "Changed"
    return Told("still", "pencil", f"{text} by {step.actor}", changes(what))


def _queued(step: Step) -> Told:
    return Told("still", "clock", "Queued", REASONS.get(step.data.get("reason", ""), "").format(step.actor))


def _deleted(step: Step) -> Told:
    kept = ", ".join(step.data.get("kept") or [])
    return Told("still", "bin", "Deleted", f"kept: {kept}" if kept else "nothing is left")


def _status(step: Step) -> Told:
    reached = str(step.data.get("to", ""))
    shown = look(reached)
    return Told(shown.tone, shown.icon, reached, str(step.data.get("message", "")))


def _applied(step: Step) -> Told:
    return Told("good", "check", f"{APPLIED.get(step.data.get('reason', ''), 'Applied')}: {_thing(step)}")


def _modified(step: Step) -> Told:
    changed: list[dict[str, Any]] = step.data.get("changes") or []
    paths = ", ".join(str(change.get("path", "")) for change in changed)
    return Told("warn", "drift", f"{step.actor} changed {_thing(step)}", clipped(paths, LONGEST_PATHS))


def _not_adopted(step: Step) -> Told:
    return Told("warn", "drift", "Not adopted by itself, but left to a person", str(step.data.get("reason") or ""))


def _contested(step: Step) -> Told:
    data = step.data
    who = data.get("manager") or "somebody"
    detail = f"put back {data.get('put_back')} times; tried less and less often from now on"
    return Told("warn", "drift", f"{who} keeps {_fought(step)}", detail)


def _contest_ended(step: Step) -> Told:
    why = CONTEST_ENDS.get(step.data.get("why", ""), "")
    return Told("good", "check", f"No longer contested: {_thing(step)} {step.data.get('path', '')}".rstrip(), why)


def _started(step: Step) -> Told:
    return Told("busy", "play", "Taken up", f"by {step.data['worker']}" if step.data.get("worker") else "")


def _succeeded(step: Step) -> Told:
    applied, pruned = step.data.get("applied") or 0, step.data.get("pruned") or 0
    removed = f", {pruned} removed" if pruned else ""
    seconds = (step.data.get("milliseconds") or 0) / 1000
    return Told("good", "check", "Applied whole", f"{applied} written{removed} in {took(seconds)}")


def _failed(step: Step) -> Told:
    text = "Refused for good" if step.data.get("permanent") else "Failed, tried again later"
    return Told("bad", "cross", text, str(step.data.get("error", "")))


def _about(tone: str, icon: str, text: str, detail: str = "") -> Callable[[Step], Told]:
    """A rule for steps about an object, which stands for {} in the text."""
    return lambda step: Told(tone, icon, text.format(_thing(step)), detail)


def _planned(step: Step) -> Told:
    window, opens = step.data.get("window"), step.data.get("opens")
    when = f"in the window {window}" if window else f"at {str(opens)[:16]}" if opens else ""
    empty = "when nobody plays" if step.data.get("when_empty") else ""
    waits = ", at the latest ".join(part for part in (empty, when) if part)
    return Told("still", "clock", f"Restart planned by {step.actor}", waits)


def _restart_missed(step: Step) -> Told:
    following = " It waits for the next opening." if step.data.get("next") else ""
    return Told("warn", "clock", "The planned restart was missed", f"{step.data.get('why', '')}.{following}")


ROLLOUTS = {
    "RolloutStarted": ("still", "up", "is to move it"),
    "RolloutPaused": ("warn", "pause", "is paused"),
    "RolloutResumed": ("still", "play", "goes on"),
    "RolloutAborted": ("still", "stop", "was aborted"),
    "RolloutTurnedBack": ("still", "up", "puts it back"),
    "RolledBack": ("good", "check", "has put it back"),
}
ENDS = {
    "done": ("good", "check", "is through with it"),
    "failed": ("bad", "cross", "gave it up"),
    "refused": ("warn", "warning", "was refused"),
    "skipped": ("still", "stop", "leaves it alone"),
}


def _rollout(step: Step) -> Told:
    known = ENDS.get(step.data.get("state", "")) if step.type == "RolloutFinished" else ROLLOUTS[step.type]
    tone, icon, text = known or ("still", "info", "ended")
    by = "" if step.actor == "orchestrator" else f", by {step.actor}"
    return Told(tone, icon, f"Rollout {step.data.get('rollout')} {text}{by}", str(step.data.get("message", "")))


_RULES: dict[str, Callable[[Step], Told]] = {
    **dict.fromkeys([*ROLLOUTS, "RolloutFinished"], _rollout),
    "DeploymentCreated": _created,
    "DeploymentChanged": _changed,
    "DeploymentQueued": _queued,
    "DeploymentDeleted": _deleted,
    "DeploymentStale": _about("warn", "clock", "Not seen any more", "What is shown may be out of date."),
    "DeploymentSeenAgain": _about("good", "check", "Seen again"),
    "StatusChanged": _status,
    "ReconcileStarted": _started,
    "ReconcileSucceeded": _succeeded,
    "ReconcileFailed": _failed,
    "ReconcileHeld": _about("still", "pause", "Held", "It is paused: nothing is changed at the cluster."),
    "ReconcileDeferred": lambda step: Told(
        "warn", "clock", "Waits for the cluster", str(step.data.get("reason") or "")
    ),
    "ReconcileQuarantined": _about("bad", "cross", "Given up", "No worker survived it. “Reconcile now” tries again."),
    "ResourceApplied": _applied,
    "ResourcePruned": _about("still", "bin", "Removed: {}"),
    "ResourceModifiedExternally": _modified,
    "ResourceDeletedExternally": _about("warn", "drift", "{} was deleted from outside"),
    "ResourceRecreated": _about("warn", "drift", "{} was replaced from outside"),
    "AdoptionRefused": _not_adopted,
    "Contested": _contested,
    "ContestEnded": _contest_ended,
    "ResourceConflict": _about(
        "bad", "cross", "{} is in the way", "It exists and is not ours; nothing was overwritten."
    ),
    "RestartPlanned": _planned,
    "RestartCancelled": lambda step: Told(
        "still", "clock", f"Planned restart taken back by {step.actor}", str(step.data.get("why", ""))
    ),
    "RestartMissed": _restart_missed,
    "RestartNotNeeded": lambda step: Told("good", "check", "Planned restart not needed", str(step.data.get("why", ""))),
    "PodRestarted": _about("still", "turning", "Restarted: {}"),
}


def _fought(step: Step) -> str:
    path = step.data.get("path")
    return f"changing {_thing(step)} {path}" if path else f"deleting or replacing {_thing(step)}"


def _thing(step: Step) -> str:
    return f"{step.data.get('kind', 'Object')} {step.data.get('name', '')}".strip()


def changes(data: dict[str, Any]) -> str:
    """What a change changed, in one line: "max_players default → 40, …"."""
    told = [
        f"{field.removeprefix('parameters.')} {_value(change.get('from'))} → {_value(change.get('to'))}"
        for field, change in data.items()
    ]
    more = [f"and {len(told) - MOST_CHANGES} more"] if len(told) > MOST_CHANGES else []
    return ", ".join(told[:MOST_CHANGES] + more)


def clipped(text: str, longest: int) -> str:
    """No longer than that, with an ellipsis where something is missing."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _value(value: Any) -> str:
    return "default" if value is None else clipped(text_of(value), LONGEST_VALUE) or "(empty)"
