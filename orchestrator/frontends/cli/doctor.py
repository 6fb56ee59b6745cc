"""``orchestrator doctor``: what there is, how it is, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from .check_claude import claude
from .check_machine import limits, machine
from .check_workspace import leftovers, workspace
from .table import STYLES, at_a_terminal

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
