"""What a benchmark answers: figures with their baselines and targets, as a table, as JSON and as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

Bound = Literal["at least", "at most"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    `ours` and `baseline` hold one value a run, in `unit`. What is judged is the ratio of the medians where there is a
    baseline, otherwise our median. `bound` and `target` say what it should be; without them the line only informs.
    """

    group: str
    name: str
    unit: str
    ours: list[float]
    baseline: list[float] = []
    baseline_name: str = ""
    inverse: bool = False
    bound: Bound | None = None
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Our median to the baseline's; `inverse` where ours are seconds and the target speaks of speed."""
        if not self.baseline:
            return None
        mine, theirs = statistics.median(self.ours), statistics.median(self.baseline)
        if self.inverse:
            mine, theirs = theirs, mine
        return mine / theirs if theirs else None

    @property
    def judged(self) -> float:
        """The number that the target speaks of."""
        ratio = self.ratio
        return statistics.median(self.ours) if ratio is None else ratio

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.judged >= self.target if self.bound == "at least" else self.judged <= self.target


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one invocation, and where they were measured."""

    started: str
    machine: dict[str, str]
    settings: dict[str, str]
    runs: int
    size: int
    commit: str
    figures: list[Figure]


def describe_machine() -> dict[str, str]:
    """What the figures depend on."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().splitlines()[0].split()[1]
    return {
        "cores": str(os.cpu_count()),
        "cpu": model[0].split(":", 1)[1].strip() if model else platform.machine(),
        "memory": f"{int(memory) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def table(figures: Sequence[Figure]) -> str:
    """For a terminal."""
    rows = [("", "figure", "ours", "baseline", "ratio", "target", "")]
    rows += [_row(figure) for figure in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def markdown(report: Report) -> str:
    """The table for docs/performance.md."""
    lines = [
        f"Commit {report.commit}, {report.started}; medians of {report.runs} runs, {report.size} deployments.",
        "",
        "; ".join(f"{key}: {value}" for key, value in report.machine.items()) + ".",
        "",
        "| | figure | ours | baseline | ratio | target | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_row(figure)) + " |" for figure in report.figures]
    notes = [f"- ({figure.group}) {figure.name}: {figure.note}" for figure in report.figures if figure.note]
    return "\n".join([*lines, "", *notes]) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    sign = {"at least": "≥", "at most": "≤", None: ""}[figure.bound]
    baseline = _spread(figure.baseline, figure.unit) if figure.baseline else ""
    return (
        f"({figure.group})",
        figure.name,
        _spread(figure.ours, figure.unit),
        f"{baseline} {figure.baseline_name}".strip(),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "" if figure.target is None else f"{sign} {figure.target:g}",
        {True: "met", False: "MISSED", None: ""}[figure.met],
    )


def _spread(values: Sequence[float], unit: str) -> str:
    """The median, and the extremes where there are several."""
    median = _number(statistics.median(values))
    if len(values) < 2 or min(values) == max(values):
        return f"{median} {unit}"
    return f"{median} {unit} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
