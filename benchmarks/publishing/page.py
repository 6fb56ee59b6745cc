"""The page: the template with what was measured in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.errors import BrokenError

from . import sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sources import Measured

#: What people have written.
TEMPLATE: Final = Path(__file__).with_name("page.md")
_PLACE: Final = re.compile(r"<!-- here: (\w+) -->")


def compose(measured: Sequence[Measured], folder: str, template: Path = TEMPLATE) -> str:
    """Write the page.

    Args:
        measured: All parts, in the order of the page.
        folder: Where the pictures are, seen from the page.
        template: The page without what was measured.

    Raises:
        BrokenError: The template has a place for something that there is not.
    """
    pieces = {
        "headline": sections.headline(measured, folder),
        "targets": sections.targets(measured),
        "parts": sections.parts(measured, folder),
        "machines": sections.machines(measured),
        "noise": sections.noise(measured),
    }

    def piece(place: re.Match[str]) -> str:
        if place[1] not in pieces:
            raise BrokenError(f"{template.name} has a place for {place[1]!r}; nothing fits there")

        return pieces[place[1]]

    return _PLACE.sub(piece, template.read_text(encoding="utf-8"))
