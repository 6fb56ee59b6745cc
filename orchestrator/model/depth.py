"""How deeply JSON may be nested that is taken in, to be given out again inside of answers."""

from __future__ import annotations

from typing import Final

from pydantic_core import from_json

#: Levels that an answer, and what passes it on, may put around it.
ROOM: Final = 16

#: With no more openings than that, it is flat enough without a closer look.
_FEW: Final = 64


def is_flat(text: str) -> bool:
    """Whether JSON can still be read with `ROOM` levels around it, by what reads it here.

    Clients are no more patient: pydantic, and the SDKs that use it, read 200 levels.

    Args:
        text: JSON.
    """
    if text.count("{") + text.count("[") <= _FEW:
        return True

    try:
        from_json(b"[" * ROOM + text.encode("utf-8", "replace") + b"]" * ROOM)
    except ValueError:
        return False

    return True
