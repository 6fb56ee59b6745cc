"""How the output of the claude CLI (``--output-format stream-json`` or ``json``) is read."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from orchestrator.model import ProviderResult

from .json_lines import lines_from_end, open_output, parse_line

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes of the end that are searched for the result line: first the small number, which nearly
#: always holds it, then the large one.
TAIL_SIZES: Final = (1 << 20, 8 << 20)
#: Bytes of the beginning that are searched for the session when the end does not name it.
HEAD_SIZE: Final = 1 << 18
#: Characters of the CLI's last words that are kept.
TEXT_MAX: Final = 2_000
#: Reasons that are kept of a run that broke off.
ERRORS_MAX: Final = 20
#: More is no count of tokens or turns; also what a database column holds.
COUNT_MAX: Final = 2**63 - 1
#: Characters of a session id that are believed to be one; the CLI's are UUIDs.
SESSION_MAX: Final = 128


def read_claude_result(stdout: Path) -> ProviderResult | None:
    """Read what the CLI said about itself at the end of its output.

    To be called when the CLI has ended. Reads at most 8.25 MiB of the file at a time, and never
    raises for what it holds: lines that are no JSON, cut short or not UTF-8 are passed over.

    Returns:
        What the last result line says. When lines of a session are there but no result line, the
        CLI was cut off: then its session, with `is_error` true, so that an exit code of 0 does
        not make it look successful. None when the output is none of the CLI's, is missing, or
        cannot be read.
    """
    try:
        with open_output(stdout) as file:
            return _read(file)

    except OSError:
        return None


def _read(file: BinaryIO) -> ProviderResult | None:
    size = os.fstat(file.fileno()).st_size
    session: str | None = None
    for tail in TAIL_SIZES:
        start = max(0, size - tail)
        file.seek(start)
        data = file.read(tail)
        for line in lines_from_end(data, whole=start == 0):
            if session is not None and b'"result"' not in line:
                continue

            event = parse_line(line)
            if event.get("type") == "result":
                return _result(event, session)

            session = session or _session(event)

        if start == 0:
            break

    if session is None:
        file.seek(0)
        session = _first_session(file.read(HEAD_SIZE))

    return None if session is None else ProviderResult(session_id=session, is_error=True)


def _first_session(data: bytes) -> str | None:
    for line in data.split(b"\n"):
        session = _session(parse_line(line))
        if session is not None:
            return session

    return None


def _result(event: dict[str, Any], session: str | None) -> ProviderResult:
    usage = event.get("usage")
    tokens = cast("dict[str, Any]", usage) if isinstance(usage, dict) else {}
    return ProviderResult(
        session_id=_session(event) or session,
        # Every sign counts: a failed call of the model reads `success` with is_error true.
        is_error=bool(event.get("is_error")) or event.get("subtype", "success") != "success",
        text=_text(event),
        cost_usd=_cost(event.get("total_cost_usd")),
        input_tokens=_count(tokens.get("input_tokens")),
        output_tokens=_count(tokens.get("output_tokens")),
        turns=_count(event.get("num_turns")),
    )


def _session(event: dict[str, Any]) -> str | None:
    value = event.get("session_id")
    if "type" not in event or not isinstance(value, str) or not 0 < len(value) <= SESSION_MAX:
        return None

    return _storable(value)


def _text(event: dict[str, Any]) -> str | None:
    value = event.get("result")
    if isinstance(value, str):
        return _storable(value[:TEXT_MAX])

    # A run that broke off has no last words, but says why in a list of its own.
    errors = event.get("errors")
    if isinstance(errors, list) and errors:
        reasons = "\n".join(str(reason) for reason in cast("list[object]", errors)[:ERRORS_MAX])
        return _storable(reasons[:TEXT_MAX])

    return None


def _storable(text: str) -> str:
    """Replace what JSON can spell and UTF-8 cannot: half of a surrogate pair."""
    return text.encode(errors="replace").decode()


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COUNT_MAX:
        return None

    return value


def _cost(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None

    try:
        cost = float(value)
    except OverflowError:
        return None

    return cost if math.isfinite(cost) and cost >= 0 else None
