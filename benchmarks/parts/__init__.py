"""What is measured; one file for each part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .idle import Idle
from .launch import Launch
from .soak import Soak
from .stop import Stop
from .sudden import Sudden

if TYPE_CHECKING:
    from .base import Part

#: In the order in which they run.
PARTS: Final[tuple[Part, ...]] = (Launch(), Stop(), Sudden(), Idle(), Soak())

__all__ = ["PARTS"]
