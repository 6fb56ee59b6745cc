"""Comparing answers with the recorded shapes: which keys, and of which types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

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

_PLAIN: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "any",
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
        case dict():
            return _of_object(value, cast("dict[str, object]", shape), where)
        case list():
            (inner,) = cast("list[object]", shape)
            if not is_list(value):
                return [f"{where}: a list is asked for, not {value!r}"]

            items = enumerate(value)
            return [line for n, one in items for line in mismatches(one, inner, f"{where}[{n}]")]
        case _:
            raise AssertionError(f"no such shape: {shape!r}")


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list of whatever."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def _of_type(value: object, names: str, where: str) -> list[str]:
    for name in names.split("|"):
        if name not in _TYPES:
            return [] if value in names.split("|") else [f"{where}: {names}, not {value!r}"]

        if isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)):
            return []

    return [f"{where}: {names}, not {value!r}"]


def _of_object(value: object, shape: Mapping[str, object], where: str) -> list[str]:
    if "anyOf" in shape:
        choices = cast("list[object]", shape["anyOf"])
        return min((mismatches(value, choice, where) for choice in choices), key=len)

    if not is_object(value):
        return [f"{where}: an object is asked for, not {value!r}"]

    lines: list[str] = []
    for key, inner in shape.items():
        name = key.removesuffix("?")
        if key == "<key>":
            for each, one in value.items():
                lines += mismatches(one, inner, f"{where}.{each}")
        elif name in value:
            lines += mismatches(value[name], inner, f"{where}.{name}")
        elif not key.endswith("?") and key != "...":
            lines.append(f"{where}.{name}: missing")

    return lines


def shape_of(value: object) -> object:
    """Return the shape of a recorded value; lists are taken for lists of anything."""
    match value:
        case dict():
            pairs = cast("dict[str, object]", value).items()
            return {key: shape_of(inner) for key, inner in pairs}
        case list():
            first = next(iter(cast("list[object]", value)), None)
            return [shape_of(first)] if is_object(first) else ["any"]
        case _:
            return _PLAIN[type(value)]


#: Ids and moments, in the form that clients know.
TASK_ID: Final = re.compile(r"TASK-\d{8}-\d{6}-[0-9a-f]{8}")
AGENT_ID: Final = re.compile(r"(?P<type>[A-Za-z0-9_-]+)-\d{6}-[0-9a-f]{6}")
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")
