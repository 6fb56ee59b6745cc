"""``orchestrator doctor``: what there is, how it is, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from orchestrator.errors import InvalidInputError
from orchestrator.frontends.cli import words
from orchestrator.frontends.cli.table import STYLES, Column, Table, at_a_terminal, print_table
from orchestrator.process import tree

from .claude import claude
from .leftovers import TO_END, find_leftovers, leftovers
from .machine import limits, machine
from .workspace import workspace

if TYPE_CHECKING:
    from orchestrator.config import Settings

    from .check import Check

_MARKS: Final = {"ok": "✓", "note": "·", "warning": "!", "broken": "✗"}

#: Columns of a check's name.
_NAME: Final = 24


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Look at everything, and return the exit status: 1 when something is broken."""
    sections = {
        "This machine": list(machine()),
        "Limits": list(limits()),
        "Agent CLIs": list(claude(settings)),
        "Workspace": list(workspace(settings)),
        "Left over": list(leftovers(settings)),
    }
    checks = [check for section in sections.values() for check in section]
    broken = [check for check in checks if check.verdict == "broken"]
    if as_json:
        said = {
            "ok": not broken,
            "workspace": str(settings.workspace),
            "checks": [
                {"section": title, **asdict(check)}
                for title, section in sections.items()
                for check in section
            ],
        }
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
    else:
        _print(sections)

    return 1 if broken else 0


def orphans(settings: Settings, *, as_json: bool) -> int:
    """List who is left over, and return the exit status: 1 when an agent's process is.

    Raises:
        InvalidInputError: This system does not show who is there.
    """
    if not tree.HAS_PROC:
        raise InvalidInputError("there is no /proc here, so nobody can be looked for")

    found = find_leftovers(settings)
    if as_json:
        sys.stdout.write(json.dumps([one.model_dump() for one in found], indent=2) + "\n")
    elif not found:
        sys.stdout.write("Nobody is left over.\n")
    else:
        columns = (
            Column(title="PID"),
            Column(title="PROGRAM"),
            Column(title="AGE", right=True, spare=1),
            Column(title="KIND", least=16),
            Column(title="OF", least=12),
            Column(title="WHAT TO DO", least=20, spare=2),
        )
        rows = tuple(
            (
                str(one.pid),
                one.program,
                words.duration(one.seconds),
                one.kind,
                one.owner,
                one.advice,
            )
            for one in found
        )
        print_table(Table(columns, rows))

    return 1 if any(one.kind in TO_END for one in found) else 0


def _print(sections: dict[str, list[Check]]) -> None:
    if not at_a_terminal():
        for title, section in sections.items():
            sys.stdout.write(f"{title}\n" + "".join(map(_as_text, section)))

        return

    from rich.console import Console  # noqa: PLC0415  60 ms, and only for a terminal
    from rich.text import Text  # noqa: PLC0415  the same

    console = Console(highlight=False)
    for title, section in sections.items():
        console.print(Text(title, style="bold"))
        for check in section:
            style = STYLES[check.verdict]
            line = Text.assemble(
                ("  " + _MARKS[check.verdict], style), f" {check.name:{_NAME}}  {check.found}"
            )
            console.print(line)
            if check.advice is not None:
                console.print(Text(f"    {'':{_NAME}}  {check.advice}", style="italic"))


def _as_text(check: Check) -> str:
    text = f"  {check.verdict:8} {check.name:{_NAME}}  {check.found}\n"
    return text if check.advice is None else f"{text}  {'':8} {'':{_NAME}}  {check.advice}\n"
