"""JSON that fits a schema, JSON that nearly does, and JSON that nobody would send."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import SearchStrategy

    Schema = Mapping[str, Any]

T = TypeVar("T")

#: What stands for an id that is known only once a server runs.
TASK: Final = "@task@"
AGENT: Final = "@agent@"
ENDED: Final = "@ended@"

#: Folders below which a task may make its workspace; any other text might name one of the
#: machine's own folders.
FOLDERS: Final = (
    *("", ".", "@project@", " @project@ ", "@project@/../project", "~", "$workspaceFolder"),
    *("@project@/not-there", "../../x", "/not/there", "~nobody-of-that-name", "a\0b", "@5000 x@"),
    *("${workspaceFolder}/x", "file://@project@", "half \ud83d", "\n", "C:\\Users"),
)
_FOLDER_NAMES: Final = ("cwd", "folder", "directory", "dir", "path", "project", "workspace")
_ID_NAMES: Final = ("agent_id", "agent", "parent")

#: Numbers that are waited for, were they taken, must be small.
_TIME_NAMES: Final = ("timeout", "wait", "seconds")

#: Numbers of bytes may be given in words.
_SIZE_NAMES: Final = ("memory", "output", "bytes", "size")
_BYTES: Final = ("2G", "1.5 MiB", "0", "-1", "@400 9@", "@400 9@T", "@5000 9@", "1e3", "٣K", "M")

_HOSTILE: Final = (
    *("", " ", "\0", "a\0b", "\n", "\r\n", "\x1b[2J\x07", "\u2028", "\ufeff", "\U0001f600", "ä"),
    *("half \ud83d", "\udc00", "\ud800\udc00", "\udcff\udcfe"),
    *(".", "..", "../../x", "/", "/etc/passwd", "~", "%2e%2e%2fx", "a/b", "C:\\x", "-rf", "$HOME"),
    *("x' OR '1'='1", "'; DROP TABLE agents; --", "{}", "[]", "null", "true", "[1", '{"a":', '"'),
    *(
        "NaN",
        "1e999",
        "-1",
        "0",
        "00",
        "1_000",
        "٣",
        "9" * 19,
        "9" * 400,
        "9" * 5_000,
        "2G",
        "1.5M",
    ),
    *("@400 9@T", "orchestrator", "completed", "parsed", "jsonl", "summary", "compact"),
    *("(a+)+$", "(", "[[:alpha:]]", "(?P<a>x)(?P=a)", "\\", "x{1000000}"),
    *("@task@/../@task@", "@task@\n", "@agent@ ", "@AGENT@"),
)
_DEPTHS: Final = (10, 150, 190, 250, 900, 100_000)
_SIZES: Final = (*(40, 41, 127, 128, 129, 255, 256, 4_096, 10_000, 10_001, 65_536), 1_000_000)

#: What is large is drawn by name, for `expand` to write out: hypothesis keeps all that is drawn.
_LARGE: Final = re.compile(r"@([0-9]+) ([a-z]+|9)@")
_PIECES: Final = {
    "x": "x",
    "nul": "\\u0000",
    "umlaut": "ä",
    "emoji": "\U0001f600",
    "half": "\\ud83d",
    "up": "../",
    "bracket": "[",
    "backslash": "\\\\",
    "quote": '\\"',
    "line": "\\n",
}
_NESTS: Final = {"list": ("[", "]"), "object": ('{"a":', "}")}
_INTEGERS: Final = (
    *(0, 1, -1, 5, 100, 101, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30),
)


class Raw(NamedTuple):
    """JSON that `json` would not write."""

    text: str


class Pairs(NamedTuple):
    """A JSON object that may have a key twice."""

    items: tuple[tuple[str, object], ...]


def to_json(value: object) -> str:
    """Write a value; half surrogate pairs and what is no number are written as well."""
    match value:
        case Raw(text):
            return text
        case Pairs(items):
            return "{" + ",".join(f"{json.dumps(key)}:{to_json(one)}" for key, one in items) + "}"
        case dict():
            return to_json(Pairs(tuple(cast("dict[str, object]", value).items())))
        case list():
            return "[" + ",".join(to_json(one) for one in cast("list[object]", value)) + "]"
        case _:
            return json.dumps(value)


def expand(text: str) -> str:
    """Write out what is large in JSON text."""
    return _LARGE.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    times, name = int(found[1]), found[2]
    if name in _NESTS:
        left, right = _NESTS[name]
        return left * times + "1" + right * times

    return _PIECES.get(name, name) * times


def mixed(*parts: tuple[int, SearchStrategy[T]]) -> SearchStrategy[T]:
    """Draw from each part as often as its weight says; `one_of` counts the parts of the parts."""
    which = [number for number, (weight, _) in enumerate(parts) for _ in range(weight)]
    return st.sampled_from(which).flatmap(lambda number: parts[number][1])


TEXTS: Final = st.one_of(
    st.sampled_from(_HOSTILE),
    st.text(max_size=30),
    st.text(st.characters(), max_size=10),
    st.sampled_from(_HOSTILE),
    st.builds("@{} {}@".format, st.sampled_from(_SIZES), st.sampled_from(list(_PIECES))),
)
DEEP: Final = st.builds(
    "@{} {}@".format, st.sampled_from(_DEPTHS), st.sampled_from(list(_NESTS))
).map(Raw)
INTEGERS: Final = st.sampled_from(_INTEGERS) | st.integers()
LEAVES: Final[SearchStrategy[object]] = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(),
    TEXTS,
    st.sampled_from([TASK, AGENT]),
    st.sampled_from(
        [Raw("1e999"), Raw("-0"), Raw("@400 9@"), Raw("1E400"), Raw("@5000 9@"), Raw("-Infinity")]
    ),
)
ANY: Final[SearchStrategy[object]] = st.one_of(
    LEAVES,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=8,
    ),
    DEEP,
)


def fitting(schema: Schema, name: str = "") -> SearchStrategy[object]:
    """Make values that fit a JSON schema, of the kinds of schema that tools have.

    Args:
        schema: The schema.
        name: Of the parameter: some stand for what only a running server knows.
    """
    if "enum" in schema or "const" in schema:
        return st.sampled_from(list(schema.get("enum") or [schema["const"]]))

    if "anyOf" in schema:
        return _any_of(schema, name)

    return _OF_TYPE[schema.get("type", "any")](schema, name)


def _any_of(schema: Schema, name: str) -> SearchStrategy[object]:
    described = {"description": schema.get("description", "")}
    choices: list[Schema] = [{**described, **choice} for choice in schema["anyOf"]]
    made = [fitting(choice, name) for choice in choices]
    nested = [fitting(one) for one in choices if one.get("type") in {"array", "object"}]
    if nested and any(choice.get("type") == "string" for choice in choices):
        made.append(st.one_of(*nested, ANY).map(_as_text))

    return st.one_of(*made)


def _as_text(value: object) -> str:
    """Write a value as it may stand inside a string: written out, it must bring no quotes."""
    return to_json(value).replace(" object@", " list@")


def _strings(schema: Schema, name: str) -> SearchStrategy[object]:
    if is_folder(name):
        return st.sampled_from(FOLDERS)

    if name.endswith("task_id"):
        return mixed((4, st.just(TASK)), (1, TEXTS))

    if name.endswith(_ID_NAMES):
        return mixed((6, st.just(AGENT)), (1, st.sampled_from([ENDED, "orchestrator"])), (1, TEXTS))

    if name in _SIZE_NAMES:
        return st.sampled_from(_BYTES) | TEXTS

    # What a parameter takes, its description names.
    words = re.findall(r"\w+", schema.get("description", ""))
    return mixed((1, st.sampled_from(words)), (2, TEXTS)) if words else TEXTS


def _integers(name: str) -> SearchStrategy[object]:
    if any(word in name for word in _TIME_NAMES):
        return st.integers(min_value=-1, max_value=1)

    return INTEGERS


def _numbers(name: str) -> SearchStrategy[object]:
    if any(word in name for word in _TIME_NAMES):
        return st.floats(min_value=-1, max_value=0.5)

    return st.floats()


def _objects(schema: Schema) -> SearchStrategy[object]:
    properties: dict[str, Schema] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    made = {name: fitting(inner, name) for name, inner in properties.items()}
    known = st.fixed_dictionaries(
        {name: one for name, one in made.items() if name in required},
        optional={name: one for name, one in made.items() if name not in required},
    )
    if schema.get("additionalProperties", True) is False:
        return known

    more = st.dictionaries(st.text(max_size=8), LEAVES, max_size=2)
    return st.tuples(more, known).map(lambda both: {**both[0], **both[1]})


def _arrays(schema: Schema) -> SearchStrategy[object]:
    return st.lists(fitting(schema.get("items", {})), max_size=4)


#: A type of schema that is not here is a new one, and needs values of its own.
_OF_TYPE: Final[Mapping[str, Callable[[Schema, str], SearchStrategy[object]]]] = {
    "string": _strings,
    "integer": lambda _, name: _integers(name),
    "number": lambda _, name: _integers(name) | _numbers(name),
    "boolean": lambda _schema, _name: st.booleans(),
    "null": lambda _schema, _name: st.none(),
    "array": lambda schema, _: _arrays(schema),
    "object": lambda schema, _: _objects(schema),
    "any": lambda _schema, _name: ANY,
}


def is_folder(name: str) -> bool:
    """Whether a parameter of that name might be a folder to work in."""
    return name.endswith(_FOLDER_NAMES)


@st.composite
def near(draw: st.DrawFn, schema: Schema) -> object:
    """Make arguments that fit but for one to three faults: a type, a key too few or too many."""
    fine = cast("dict[str, object]", draw(fitting(schema)))
    items: list[tuple[str, object]] = list(fine.items())
    names = st.sampled_from(list(schema["properties"]))
    others = st.text(max_size=20) | st.sampled_from(["self", "model_config", "half \ud800"])
    for _ in range(draw(st.integers(1, 3))):
        fault = draw(st.sampled_from(["wrong", "wrong", "missing", "unknown", "twice"]))
        if fault == "unknown":
            name = draw(others.filter(lambda one: not is_folder(one)))
            items.append((name, draw(LEAVES)))
        elif fault == "missing" and items:
            items.pop(draw(st.integers(0, len(items) - 1)))
        else:
            name = draw(names)
            if fault == "wrong":
                items = [item for item in items if item[0] != name]

            items.append((name, draw(_wrong(name))))

    return Pairs(tuple(items))


def _wrong(name: str) -> SearchStrategy[object]:
    if is_folder(name):
        return st.sampled_from(FOLDERS) | st.integers() | st.none() | st.lists(st.none())

    return ANY


def arguments(schema: Schema) -> SearchStrategy[str]:
    """Make the JSON text of a tool's arguments, or of what stands in their place."""
    whole = st.one_of(st.none(), st.lists(st.none(), max_size=2), st.just("{}"), INTEGERS, DEEP)
    return mixed((6, fitting(schema)), (3, near(schema)), (1, whole)).map(to_json)
