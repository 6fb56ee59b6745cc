"""What is measured; one file for each part, or a folder for one that has several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .idle import Idle
from .launch import Launch
from .leaks import Leaks
from .output import Output
from .registry import Registry
from .scale import Scale
from .soak import Soak
from .start import Start
from .stop import Stop
from .sudden import Sudden

if TYPE_CHECKING:
    from .base import Part

#: In the order in which they run.
PARTS: Final[tuple[Part, ...]] = (
    Leaks(),
    Launch(),
    Stop(),
    Sudden(),
    Idle(),
    Output(),
    Registry(),
    Start(),
    Scale(),
    Soak(),
)

__all__ = ["PARTS"]
