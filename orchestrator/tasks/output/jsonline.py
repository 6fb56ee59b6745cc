"""Read and write one line of JSON that may hold anything."""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn, TypeGuard, cast

from orchestrator.model.depth import is_flat

# Each escape is taken as a whole, so that the backslash of a pair is not read as a beginning.
_ESCAPES = re.compile(
    r"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def parse(text: str) -> object:
    r"""Parse JSON that can be written out again as UTF-8.

    Half a surrogate pair (``\ud800``) becomes the replacement character.

    Raises:
        ValueError: It is not JSON; NaN, and numbers too large for a float, are not
            either.
    """
    if "\\u" in text:
        text = _ESCAPES.sub(_whole, text)

    try:
        value = cast("object", json.loads(text, parse_constant=_refuse, parse_float=_finite))
    except RecursionError:
        raise ValueError("Nested too deeply") from None

    if not is_flat(text):
        raise ValueError("Nested too deeply")

    return value


def parse_object(text: str) -> dict[str, object] | None:
    """Parse a JSON object; None for anything else."""
    if not text.lstrip().startswith("{"):
        return None

    try:
        value = parse(text)
    except ValueError:
        return None

    return value if is_object(value) else None


def dump(value: object) -> str:
    """Write JSON on one line.

    Raises:
        ValueError: It is nested too deeply.
    """
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("Nested too deeply") from None


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Say whether parsed JSON is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Say whether parsed JSON is an array."""
    return isinstance(value, list)


def mapping(value: object) -> dict[str, object]:
    """Give an object as it is, and anything else as an empty one."""
    return value if is_object(value) else {}


def items(value: object) -> list[object]:
    """Give an array as it is, and anything else as an empty one."""
    return value if is_array(value) else []


def string(value: object) -> str:
    """Give a string as it is, and anything else as an empty one."""
    return value if isinstance(value, str) else ""


def _whole(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape[2] else escape[0]


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        _refuse(text)

    return number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
