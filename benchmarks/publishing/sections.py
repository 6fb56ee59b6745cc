"""The pieces of the page: headline, targets, parts, machines, noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.words import NOTHING, short, with_unit

from .markdown import grid, picture, plain, table, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.charts import Chart, Heat
    from benchmarks.model import PartResult, Verdict

    from .sources import Measured, Source

#: The part that the page begins with.
LEAKS: Final = "leaks"

_PROSE: Final = Path(__file__).with_name("parts")
_MARKS: Final = {True: "met", False: "**missed**", None: "not measured"}
_BOUNDS: Final = {"at most": "≤", "at least": "≥"}


def headline(measured: Sequence[Measured], folder: str) -> str:
    """Show who leaves processes: the map, and one number for each launcher.

    Args:
        measured: All parts.
        folder: Where the pictures are, seen from the page.
    """
    leaks = next((one for one in measured if one.part.name == LEAKS), None)
    heats = [] if leaks is None else [one for one in leaks.part.charts if one.kind == "heat"]
    if not heats:
        return "Who leaves processes behind was not measured: `python -m benchmarks leaks` does."

    first = heats[0]
    more = f"What each launcher, habit and ending is stands under [{LEAKS}](#{LEAKS})."
    return f"{picture(first, folder)}\n\n{_one_number(first)}\n\n{more}"


def _one_number(heat: Heat) -> str:
    rows: list[list[str]] = []
    for name, cells in zip(heat.rows, heat.cells, strict=True):
        known = [one for one in cells if one is not None]
        clean = sum(one == 0 for one in known)
        shown = f"**{words(name)}**" if name in heat.ours else words(name)
        total = f"**{short(sum(known))}**" if known else NOTHING
        rows.append([shown, total, f"{clean} of {len(known)}"])

    return grid(["launcher", words(heat.unit), "columns of the map without one"], rows)


def targets(measured: Sequence[Measured]) -> str:
    """List every target: what was measured, what is wanted, whether it is met."""
    verdicts = [(one.part.name, verdict) for one in measured for verdict in one.part.verdicts]
    met = sum(verdict.met is True for _, verdict in verdicts)
    unknown = sum(verdict.met is None for _, verdict in verdicts)
    missed = len(verdicts) - met - unknown
    rows = [[f"[{name}](#{name})", *_judged(verdict)] for name, verdict in verdicts]
    heads = ["part", "target", "measured", "wanted", "", "how certain"]
    summary = f"{met} of {len(verdicts)} are met, {missed} missed"
    summary += f", {unknown} not measured." if unknown else "."
    return f"{summary}\n\n{grid(heads, rows, left=2)}"


def _judged(verdict: Verdict) -> list[str]:
    target = verdict.target
    unit = "" if target.unit == "times" else target.unit
    times = " ×" if target.unit == "times" else ""  # noqa: RUF001 - it is a multiple
    found = NOTHING if verdict.figure is None else with_unit(short(verdict.figure), unit) + times
    limit = f"{_BOUNDS[target.bound]} {with_unit(f'{target.limit:g}', unit)}{times}"
    return [
        words(target.name),
        words(found),
        words(limit),
        _MARKS[verdict.met],
        words(verdict.detail),
    ]


def parts(measured: Sequence[Measured], folder: str) -> str:
    """Show every part: what it is about, its plots, its tables, and who is missing."""
    sources = _numbered(measured)
    return "\n\n".join(_part(one, sources, folder) for one in measured)


def _part(one: Measured, sources: Sequence[Source], folder: str) -> str:
    part = one.part
    prose = _PROSE / f"{part.name}.md"
    pieces = [f"## {part.name}"]
    if prose.exists():
        pieces.append(prose.read_text(encoding="utf-8").strip())

    pieces += [picture(chart, folder) for chart in _own_charts(part)]
    pieces += [table(shown) for shown in part.tables]
    if part.skipped:
        pieces.append("\n".join(_skipped(part)))

    if part.failure is not None:
        pieces.append(f"**Broken:** {words(part.failure)}")

    pieces.append(
        f"<sub>Run {sources.index(one.source) + 1}; in the second before, the cores were "
        f"{part.busy_before:.0f} % busy with other work.</sub>"
    )
    return "\n\n".join(pieces)


def _own_charts(part: PartResult) -> list[Chart]:
    """All but the one that stands in the headline."""
    charts = list(part.charts)
    if part.name == LEAKS:
        first = next((chart for chart in charts if chart.kind == "heat"), None)
        charts = [chart for chart in charts if chart is not first]

    return charts


def _skipped(part: PartResult) -> list[str]:
    return [f"- Not measured: {words(one.name)}: {words(one.reason)}" for one in part.skipped]


def machines(measured: Sequence[Measured]) -> str:
    """Say of each run what it was, how long it took, and on what."""
    shown: list[str] = []
    for number, source in enumerate(_numbered(measured), 1):
        rows = [["command", f"`{plain(source.command)}`"]]
        rows += [[words(name), words(value)] for name, value in source.machine.items()]
        rows.append(["took", f"{short(source.seconds)} s"])
        left = ", ".join(map(words, source.left)) or "no process"
        rows.append(["left by the benchmark itself", left])
        shown.append(grid([f"run {number}", ""], rows, left=2))

    return "\n\n".join(shown)


def noise(measured: Sequence[Measured]) -> str:
    """Say how busy the machine was before each part, and how steady it was at the start."""
    sources = _numbered(measured)
    lines = [
        f"- Run {number}, at its start: {words(source.machine['noise'])}."
        for number, source in enumerate(sources, 1)
        if "noise" in source.machine
    ]
    busiest = max(measured, key=lambda one: one.part.busy_before, default=None)
    if busiest is not None:
        lines.append(
            f"- Other work in the second before a part: at most {busiest.part.busy_before:.0f} % "
            f"of the cores, before {words(busiest.part.name)}."
        )

    return "\n".join(lines)


def _numbered(measured: Sequence[Measured]) -> list[Source]:
    """Every source once, in the order of the parts."""
    sources: list[Source] = []
    for one in measured:
        if one.source not in sources:
            sources.append(one.source)

    return sources
