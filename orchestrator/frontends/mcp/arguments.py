"""The arguments of tools: strict, but for what clients of the original are used to send."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final, NoReturn, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from orchestrator.config import read_size
from orchestrator.model import Limits

#: What a signed 64-bit number holds, and so a row of the registry.
INTEGER_MAX: Final = 2**63 - 1

_DIGITS = re.compile(r"[+-]?[0-9]{1,19}")


class Arguments(BaseModel):
    """The base of every tool's arguments: nothing unknown, nothing converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def schema_of(arguments: type[Arguments]) -> dict[str, Any]:
    """Make the JSON schema of a tool's arguments, as `tools/list` shows it.

    Titles are left out: they say nothing that the names do not.
    """
    schema = arguments.model_json_schema()
    properties: dict[str, dict[str, Any]] = {
        name: {key: value for key, value in described.items() if key != "title"}
        for name, described in schema["properties"].items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _from_digits(value: object) -> object:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)

    return value


def _within_64_bits(value: int) -> int:
    if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
        raise ValueError("must fit into 64 bits")

    return value


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value

    try:
        return json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("is a text, but not the JSON text of what is asked for") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _sizes_in_words(value: object) -> object:
    """Read sizes like ``"2G"`` in limits; what is none stays for the model to refuse."""
    value = _from_json(value)
    if not isinstance(value, dict):
        return value

    limits = cast("dict[str, object]", value)
    return {name: _size(given) if name in _SIZES else given for name, given in limits.items()}


def _size(given: object) -> object:
    return read_size(given) if isinstance(given, str) else given


_SIZES: Final = frozenset({"memory", "output"})

_OR_TEXT: Final = {"type": "string", "description": "The same, as JSON text."}
_OR_NULL: Final = {"type": "null"}

Integer = Annotated[int, BeforeValidator(_from_digits), AfterValidator(_within_64_bits)]

#: In the schema a plain string, as in the original; its default is null all the same.
StringOrLeftOut = Annotated[str | None, WithJsonSchema({"type": "string"})]

Strings = Annotated[
    list[str] | None,
    BeforeValidator(_from_json),
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"type": "string"}}, _OR_TEXT, _OR_NULL]},
    ),
]

Messages = Annotated[
    list[dict[str, Any]] | None,
    BeforeValidator(_from_json),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "role": {"type": "string"},
                            "content": {"type": "string"},
                            "timestamp": {"type": "string"},
                        },
                        "required": ["role", "content"],
                    },
                },
                _OR_TEXT,
                _OR_NULL,
            ],
        },
    ),
]

_SIZE_SCHEMA: Final = {"anyOf": [{"type": "integer"}, {"type": "string"}]}

LimitsGiven = Annotated[
    Limits | None,
    BeforeValidator(_sizes_in_words),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "wall_clock": {"type": "number"},
                        "idle": {"type": "number"},
                        "memory": _SIZE_SCHEMA,
                        "output": _SIZE_SCHEMA,
                        "cost": {"type": "number"},
                        "max_agents": {"type": "integer"},
                        "max_concurrent": {"type": "integer"},
                    },
                },
                _OR_TEXT,
                _OR_NULL,
            ],
        },
    ),
]

Facts = Annotated[
    dict[str, Any] | None,
    BeforeValidator(_from_json),
    WithJsonSchema({"anyOf": [{"type": "object", "additionalProperties": True}, _OR_TEXT]}),
]
