"""Comparing answers with the recorded shapes: which keys, and of which types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORDS: Final = Path(__file__).resolve().parents[3] / "shared" / "contract"

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "null": (type(None),),
}


def record(name: str) -> Any:
    """Read one of the recorded files; None where they are not beside this checkout."""
    path = RECORDS / name
    return json.loads(path.read_text()) if path.exists() else None


def mismatches(value: object, shape: object, where: str = "result") -> list[str]:
    """Say what of a value is not as a recorded shape asks for; keys more than that are fine."""
    match shape:
        case "any":
            return []
        case str():
            return _of_type(value, shape, where)
        case {"anyOf": [*choices]}:
            found = [mismatches(value, choice, where) for choice in choices]
            return min(found, key=len)
        case [inner]:
            if not isinstance(value, list):
                return [f"{where}: a list is asked for, not {value!r}"]

            items = enumerate(cast("list[object]", value))
            return [line for n, one in items for line in mismatches(one, inner, f"{where}[{n}]")]
        case dict():
            return _of_object(value, cast("dict[str, object]", shape), where)
        case _:
            raise AssertionError(f"no such shape: {shape!r}")


def _of_type(value: object, names: str, where: str) -> list[str]:
    for name in names.split("|"):
        if name not in _TYPES:
            return [] if value in names.split("|") else [f"{where}: {names}, not {value!r}"]

        if isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)):
            return []

    return [f"{where}: {names}, not {value!r}"]


def _of_object(value: object, shape: Mapping[str, object], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: an object is asked for, not {value!r}"]

    found = cast("dict[str, object]", value)
    lines: list[str] = []
    for key, inner in shape.items():
        name = key.removesuffix("?")
        if key == "<key>":
            for each, one in found.items():
                lines += mismatches(one, inner, f"{where}.{each}")
        elif name in found:
            lines += mismatches(found[name], inner, f"{where}.{name}")
        elif not key.endswith("?") and key != "...":
            lines.append(f"{where}.{name}: missing")

    return lines


def shape_of(value: object) -> object:
    """Return the shape of a recorded value; lists are taken for lists of anything."""
    match value:
        case dict():
            pairs = cast("dict[str, object]", value).items()
            return {key: shape_of(inner) for key, inner in pairs}
        case [first, *_]:
            return [shape_of(first)] if isinstance(first, dict) else ["any"]
        case list():
            return ["any"]
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case None:
            return "any"
        case _:
            return "string"


#: Ids and moments, in the form that clients know.
TASK_ID: Final = re.compile(r"TASK-\d{8}-\d{6}-[0-9a-f]{8}")
AGENT_ID: Final = re.compile(r"(?P<type>[A-Za-z0-9_-]+)-\d{6}-[0-9a-f]{6}")
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")
