"""Lines that are JSON-RPC, nearly, or not at all; and what an independent reading says is owed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

from hypothesis import strategies as st

from .conversation import Claim, Owed
from .values import ANY, DEEP, LEAVES, TEXTS, Pairs, Raw, expand, mixed, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hypothesis.strategies import SearchStrategy

#: Nested more deeply than this, or with longer numbers, JSON may be refused as no JSON.
DEPTH: Final = 200
DIGITS: Final = 4_300

_LONG_NUMBER: Final = re.compile(rb"[0-9]{%d}" % DIGITS)

_NULL: Final = "null"
_ANY_ID: Final = frozenset[str]()

_METHODS: Final = (
    *("ping", "initialize", "tools/list", "tools/call", "resources/list", "resources/read"),
    *("resources/templates/list", "resources/subscribe", "prompts/list", "prompts/get"),
    *("completion/complete", "logging/setLevel", "sampling/createMessage", "roots/list"),
    *("server/discover", "tasks/list", "notifications/initialized", "notifications/cancelled"),
    *("notifications/progress", "coffee/make", "", "rpc.discover", "\0", "tools/call\n"),
)
_URIS: Final = (
    *(
        "tasks://list",
        "task://x/status",
        "task://%00/status",
        "task:///status",
        "",
        "\0",
        "file:///",
    ),
    *("task://..%2f..%2fx/progress-timeline", "task://%ff/status", "task://@5000 x@/status"),
)
_VERSIONS: Final = (
    *("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1.0", "", "@999 x@"),
)

IDS: Final[SearchStrategy[object]] = st.one_of(
    st.integers(-1, 3),
    st.just(Raw("@400 9@")),
    st.sampled_from(["1", "01", " 1", "1_0", "", "x", "\0", "\u2028", "\ud83d", "٣", "@2000 x@"]),
    st.sampled_from([2**53, 2**63, -(2**64), 10**30]),
    st.text(max_size=5),
)
_EMPTY: Final[SearchStrategy[object]] = st.builds(dict[str, object])
_WRONG_IDS: Final[SearchStrategy[object]] = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.builds(list[object]),
    _EMPTY,
    st.just(Raw("1e2")),
    DEEP,
)
#: What the params of some methods are, nearly.
_USUAL: Final[Mapping[str, SearchStrategy[object]]] = {
    "initialize": st.fixed_dictionaries(
        {
            "protocolVersion": st.sampled_from(_VERSIONS) | LEAVES,
            "capabilities": _EMPTY | ANY,
            "clientInfo": st.just({"name": "f", "version": "0"}) | ANY,
        }
    ),
    "tools/call": st.fixed_dictionaries({"name": TEXTS}, optional={"arguments": ANY}),
    "resources/read": st.fixed_dictionaries({"uri": st.sampled_from(_URIS) | TEXTS}),
    "logging/setLevel": st.fixed_dictionaries({"level": LEAVES}),
    "notifications/cancelled": st.fixed_dictionaries(
        {"requestId": IDS | _WRONG_IDS}, optional={"reason": LEAVES}
    ),
    "notifications/progress": st.fixed_dictionaries({"progressToken": IDS, "progress": LEAVES}),
}
_UNUSUAL: Final[SearchStrategy[object]] = st.one_of(
    _EMPTY,
    st.none(),
    st.dictionaries(st.text(max_size=8), ANY, max_size=3),
    st.fixed_dictionaries({"cursor": LEAVES}),
    st.fixed_dictionaries({"_meta": ANY}),
)

#: Faults of a request: what is put in the place of a member. None leaves it out.
_FAULTS: Final[tuple[tuple[str, SearchStrategy[object] | None], ...]] = (
    ("id", _WRONG_IDS),
    ("id", _WRONG_IDS),
    ("id", None),
    ("jsonrpc", st.sampled_from(["1.0", "2.00", 2.0, None, ""])),
    ("jsonrpc", None),
    ("method", TEXTS),
    ("method", LEAVES),
    ("method", None),
    ("params", ANY),
    ("params", None),
    ("result", _EMPTY | ANY),
    ("error", st.just({"code": 1, "message": "m"}) | ANY),
    ("extra", ANY),
)


@st.composite
def _objects(draw: st.DrawFn) -> str:
    """Write a request, a notification or a response, some with faults."""
    method = draw(st.sampled_from(_METHODS))
    params = draw(mixed((3, _USUAL.get(method, _EMPTY)), (1, _UNUSUAL)))
    members: dict[str, object] = {"jsonrpc": "2.0", "id": draw(IDS), "method": method}
    members["params"] = params
    if method.startswith("notifications/") and draw(st.sampled_from([True, True, False])):
        del members["id"]

    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 1, 2]))):
        name, value = draw(st.sampled_from(_FAULTS))
        if value is None:
            members.pop(name, None)
        else:
            members[name] = draw(value)

    items = draw(st.permutations(list(members.items())))
    how = draw(st.sampled_from(["plain"] * 8 + ["twice", "escaped"]))
    if how == "twice":
        items = [*items, (draw(st.sampled_from(items))[0], draw(LEAVES))]

    text = to_json(Pairs(tuple(items)))
    return text.replace('"id"', '"\\u0069d"', 1) if how == "escaped" else text


@st.composite
def _cut_off(draw: st.DrawFn) -> bytes:
    text = draw(_objects()).encode()
    return text[: draw(st.integers(0, len(text)))]


def _garbled(text: str, place: int, byte: bytes) -> bytes:
    data = text.encode()
    at = place % (len(data) + 1)
    return data[:at] + byte + data[at:]


_BYTES: Final[SearchStrategy[bytes]] = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\r", b"   ", b"\x0b", b"\xef\xbb\xbf{}", b"\xff\xfe", b"\0" * 9]),
    st.sampled_from([b"@300000 x@", b"@100000 bracket@", b'"@9000 nul@', b'"@1000000 x@"']),
    st.sampled_from([b"GET / HTTP/1.1\r", b"Content-Length: 5\r", b"--\r", b"<xml/>"]),
    _cut_off(),
    st.builds(_garbled, _objects(), st.integers(0, 999), st.binary(min_size=1, max_size=2)),
)

LINES: Final[SearchStrategy[bytes]] = mixed(
    (10, _objects().map(str.encode)),
    (3, _BYTES),
    (1, ANY.map(to_json).map(str.encode)),
    (1, st.lists(_objects(), max_size=3).map(lambda some: f"[{','.join(some)}]".encode())),
).map(lambda line: line.replace(b"\n", b" "))

#: How many bytes are written at once; None for all of them.
PIECES: Final = st.sampled_from([None, None, None, 1, 7, 4_096])


def written_out(line: bytes) -> bytes:
    """Write out what is large in a line."""
    return expand(line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def cut(data: bytes, size: int | None) -> Iterable[bytes]:
    """Cut what is sent into pieces; what is long, into no more than some hundred."""
    step = max(size or len(data), len(data) // 400, 1)
    return [data[at : at + step] for at in range(0, len(data), step)]


def owed_for(lines: Iterable[bytes]) -> Owed:
    """Say which answers are owed for these lines."""
    claims: list[Claim] = []
    cancelled: list[str] = []
    for line in lines:
        ids, must = _owed_for(line, cancelled)
        if ids or must:
            claims.append(Claim(ids, must))

    return Owed(_in_doubt(claim) if _is_cancelled(claim, cancelled) else claim for claim in claims)


def _is_cancelled(claim: Claim, cancelled: list[str]) -> bool:
    ids: list[object] = [json.loads(one) for one in claim.ids]
    return any(_is_id(one) and _as_number(one) in cancelled for one in ids)


def _in_doubt(claim: Claim) -> Claim:
    """A request that is cancelled gets its answer if that was under way, and only then."""
    return Claim(claim.ids, must=False, late=True)


def _owed_for(line: bytes, cancelled: list[str]) -> tuple[frozenset[str], bool]:
    """Say who must, or may, be answered for a line; nobody without ids and need."""
    if not line.strip():
        return frozenset(), False

    try:
        message: Any = json.loads(line.decode())
    except RecursionError:
        return _ANY_ID, True
    except ValueError:
        return (_ANY_ID if _may_be_beyond(line) else frozenset({_NULL})), True

    if _is_beyond(message):
        return _ANY_ID, True

    if not isinstance(message, dict):
        return frozenset({_NULL}), True

    return _owed_for_object(cast("dict[str, Any]", message), cancelled)


def _owed_for_object(message: dict[str, Any], cancelled: list[str]) -> tuple[frozenset[str], bool]:
    known = _is_id(message.get("id"))
    own = frozenset({_key(message["id"]) if known else _NULL})
    if "result" in message or "error" in message:
        # A response, or something between it and a request: nothing has to follow.
        return own | {_NULL}, False

    fine = (
        message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params", {}), dict | None)
    )
    if fine and "id" not in message:
        params = message.get("params")
        if message["method"] == "notifications/cancelled" and params:
            cancelled.append(_as_number(params.get("requestId")))

        return frozenset(), False

    return own, True


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _key(request_id: object) -> str:
    if isinstance(request_id, str):
        request_id = request_id.encode("utf-8", "replace").decode()

    return json.dumps(request_id)


def _as_number(value: object) -> str:
    """Return what is common to the ids that count as one: 1, "1" and "01"."""
    try:
        return str(int(value)) if isinstance(value, str | int) else repr(value)
    except ValueError:
        return repr(value)


def _may_be_beyond(line: bytes) -> bool:
    """Whether the server may have given up before the place at which this is no JSON."""
    return line.count(b"[") + line.count(b"{") > DEPTH or _LONG_NUMBER.search(line) is not None


def _is_beyond(value: object, depth: int = 0) -> bool:
    match value:
        case dict():
            return depth >= DEPTH or any(
                _is_beyond(one, depth + 1) for one in cast("dict[str, object]", value).values()
            )
        case list():
            return depth >= DEPTH or any(
                _is_beyond(one, depth + 1) for one in cast("list[object]", value)
            )
        case int():
            return abs(value) >= 10 ** (DIGITS - 50)
        case _:
            return False
