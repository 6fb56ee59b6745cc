"""The colours of a picture, told apart by those who see no red or no green too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """Colours for one kind of page, each as ``#rrggbb``.

    Attributes:
        page: Behind everything.
        ink: Words that are read first.
        faint: Words that are read later.
        grid: Lines that help the eye.
        ours: This project's, the first one for what there is only one of.
        others: Everybody else's; the first one likewise.
        goal: What is wanted.
        clean: A cell of a heat map that holds a zero.
        heat: From the smallest figure that is more than zero to the largest one.
    """

    page: str
    ink: str
    faint: str
    grid: str
    ours: tuple[str, ...]
    others: tuple[str, ...]
    goal: str
    clean: str
    heat: tuple[str, ...]


LIGHT: Final = Colours(
    page="#ffffff",
    ink="#1f2328",
    faint="#59636e",
    grid="#d8dee4",
    ours=("#0969da", "#54a3f5", "#0a3069"),
    others=("#aab4bf", "#00795c", "#b0478f", "#8a6500", "#59636e"),
    goal="#bc4c00",
    clean="#dbeafe",
    heat=("#ffe2c2", "#fdb878", "#f08a3c", "#b84a08", "#8f3200", "#5a1c00"),
)

DARK: Final = Colours(
    page="#0d1117",
    ink="#f0f6fc",
    faint="#9aa4af",
    grid="#2b3138",
    ours=("#4f9dfb", "#a5d6ff", "#1f6feb"),
    others=("#6b7480", "#3fb998", "#dd86bb", "#d0a22a", "#9aa4af"),
    goal="#f0883e",
    clean="#12294a",
    heat=("#4a2409", "#7d3a0b", "#b4550f", "#e07a24", "#ffab66", "#ffd9b3"),
)
